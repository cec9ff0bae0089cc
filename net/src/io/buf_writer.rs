//! Few large writes for many small ones.
//!
//! The danger is what was taken and not written yet when the writer is dropped: a destructor cannot
//! wait, so it is lost. Flush, or close, at the end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};

use crate::error;

/// A writer with a buffer. If what it writes to can be read from, so can it.
///
/// **Flush it, or close it, before you drop it**: what it has kept back is lost otherwise.
///
/// # Examples
///
/// ```
/// use net::io::{AsyncWriteExt, BufWriter};
/// # use net::{TcpListener, TcpStream};
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let client = TcpStream::connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// let mut writer = BufWriter::new(&client);
/// for number in 0..1000_u32 {
///     writer.write_all(&number.to_be_bytes()).await?; // no system call
/// }
/// writer.flush().await?; // one
/// # server.read_exact(&mut [0; 4000]).await?;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct BufWriter<W> {
    inner: W,
    bytes: Vec<u8>,
    /// So many of them were written.
    written: usize,
    capacity: usize,
}

impl<W> BufWriter<W> {
    /// A buffer of eight kilobytes.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(CAPACITY, inner)
    }

    /// A buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, inner: W) -> Self {
        Self {
            inner,
            bytes: Vec::new(),
            written: 0,
            capacity,
        }
    }

    /// What it writes to.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// What it writes to. What is written there directly overtakes the buffer.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// What was taken and not written yet.
    pub fn buffer(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Gives back what it writes to. What is in the [`buffer`](Self::buffer) is lost.
    pub fn into_inner(self) -> W {
        self.inner
    }

    fn has_room_for(&self, more: usize) -> bool {
        self.buffer().len().saturating_add(more) <= self.capacity
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(self.capacity.max(bytes.len()));
        }
        if self.written > 0 && self.bytes.len() + bytes.len() > self.bytes.capacity() {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}

impl<W: AsyncWrite + Unpin> BufWriter<W> {
    /// Takes all of it, and writes what was there before if there is no room.
    ///
    /// What is longer than the buffer is taken too, and stays until the next write or flush.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports; then nothing of `bytes` was taken.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing of `bytes` was taken.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.has_room_for(bytes.len()) {
            poll_fn(|context| self.poll_drain(context)).await?;
        }
        self.append(bytes);
        Ok(())
    }

    /// Writes all that was taken. Where it stops, it goes on.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let rest = &self.bytes[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(error::takes_no_more())),
                count => self.written += count,
            }
        }
        self.written = 0;
        self.bytes.clear();
        // There may have been one that was longer than the buffer.
        self.bytes.shrink_to(self.capacity);
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.has_room_for(bytes.len()) {
            ready!(self.poll_drain(context))?;
        }
        if bytes.len() >= self.capacity {
            // To pass it through the buffer would only be a copy more.
            return Pin::new(&mut self.inner).poll_write(context, bytes);
        }
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.inner).poll_close(context)
    }
}

/// Past the buffer, which is for writing.
impl<W: AsyncRead + Unpin> AsyncRead for BufWriter<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(context, slice)
    }
}

impl<W: AsyncBufRead + Unpin> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().inner).poll_fill_buf(context)
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        Pin::new(&mut self.inner).consume(count);
    }
}

/// As std's.
const CAPACITY: usize = 8 * 1024;
