//! Few large reads for many small ones.
//!
//! What is read ahead stays in the buffer until something whole can be taken out of it: a line, so
//! many bytes. Nothing is taken before. So a future that waits for the rest can be dropped, and the
//! next one finds everything where it was.
//!
//! One read may bring thousands of lines. So what is taken from the buffer counts against the budget of
//! a poll as a read does, or a peer that sends empty lines would keep the worker for itself.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use runtime::task::consume_budget;

use super::Buffer;
use crate::error;

/// A reader with a buffer. If what it reads from can be written to, so can it, past the buffer.
///
/// # Examples
///
/// ```
/// use net::io::{AsyncWriteExt, BufReader};
/// # use net::{TcpListener, TcpStream};
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let client = TcpStream::connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// client.write_all(b"a line\nand another\n").await?;
/// let mut reader = BufReader::new(&server);
/// let mut line = String::new();
/// reader.read_line(&mut line).await?;
/// assert_eq!(line, "a line\n");
/// reader.write_all(b"thank you\n").await?;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct BufReader<R> {
    inner: R,
    buffer: Buffer,
    capacity: usize,
}

impl<R> BufReader<R> {
    /// A buffer of eight kilobytes, made at the first read.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(CAPACITY, inner)
    }

    /// A buffer of `capacity` bytes, one at least, made at the first read.
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        Self {
            inner,
            buffer: Buffer::default(),
            capacity: capacity.max(1),
        }
    }

    /// What it reads from.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// What it reads from. What is read there directly is missing here.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// What was read and not taken yet.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// Gives back what it reads from. What is in the [`buffer`](Self::buffer) is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncRead + Unpin> BufReader<R> {
    /// Waits until so many bytes are in the buffer, and shows all that is. It is fewer only if the
    /// stream has ended. What is smaller than that can then be read without a wait.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use net::io::{AsyncReadExt, BufReader};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// let mut reader = BufReader::new(&b"\x00\x00\x00\x2a"[..]);
    /// reader.fill_to(4).await?; // may be dropped, and called again
    /// assert_eq!(reader.read_u32().await?, 42);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn fill_to(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() < count {
            if self.fill().await? == 0 {
                break;
            }
        }
        consume_budget().await;
        Ok(&self.buffer)
    }

    /// Takes bytes out that [`fill_to`](Self::fill_to) has shown.
    ///
    /// # Panics
    ///
    /// If there are fewer in the [`buffer`](Self::buffer).
    ///
    /// # Examples
    ///
    /// ```
    /// use net::io::BufReader;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// let mut reader = BufReader::new(&b"key=value"[..]);
    /// let there = reader.fill_to(4).await?;
    /// assert_eq!(&there[..4], b"key=");
    /// reader.consume(4);
    /// assert_eq!(reader.buffer(), b"value");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn consume(&mut self, count: usize) {
        self.buffer.consume(count);
    }

    /// Fills a slice.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before that: then nothing is taken. And whatever the
    /// reader reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken. For that the buffer grows to
    /// the length of the slice.
    pub async fn read_exact(&mut self, slice: &mut [u8]) -> io::Result<()> {
        let wanted = slice.len();
        let there = self.fill_to(wanted).await?;
        slice.copy_from_slice(there.get(..wanted).ok_or_else(error::ends_early)?);
        self.buffer.consume(wanted);
        Ok(())
    }

    /// Reads a line, appends it with its line feed, and returns how many bytes it has. 0 is the end
    /// of the stream; the last line need not have a line feed.
    ///
    /// There is no limit to a line: peers that are not trusted are read with
    /// [`LinesCodec`](crate::codec::LinesCodec), which has one.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line is not UTF-8: then it is dropped, and `text` is as it was. And
    /// whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken. For that the buffer grows to
    /// the length of the line.
    pub async fn read_line(&mut self, text: &mut String) -> io::Result<usize> {
        let mut searched = 0;
        let length = loop {
            let rest = &self.buffer[searched..];
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                break searched + at + 1;
            }
            searched = self.buffer.len();
            if self.fill().await? == 0 {
                break searched;
            }
        };
        consume_budget().await;
        let line = std::str::from_utf8(&self.buffer[..length]).map(|line| text.push_str(line));
        self.buffer.consume(length);
        line.map(|()| length).map_err(|_| error::not_text())
    }

    /// Reads once, behind what is in the buffer.
    async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|context| self.poll_fill(context)).await
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let reader = Pin::new(&mut self.inner);
        self.buffer.poll_fill(context, reader, self.capacity)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for BufReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.buffer.is_empty() && slice.len() >= self.capacity {
            // To pass it through the buffer would only be a copy more.
            return Pin::new(&mut self.inner).poll_read(context, slice);
        }
        let there = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = there.len().min(slice.len());
        slice[..count].copy_from_slice(&there[..count]);
        self.consume(count);
        Poll::Ready(Ok(count))
    }
}

impl<R: AsyncRead + Unpin> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.buffer.is_empty() {
            ready!(this.poll_fill(context))?;
        } else {
            ready!(pin!(consume_budget()).poll(context));
        }
        Poll::Ready(Ok(&this.buffer))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.buffer.consume(count);
    }
}

/// Past the buffer, which is for reading.
impl<R: AsyncWrite + Unpin> AsyncWrite for BufReader<R> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context)
    }
}

/// As std's.
const CAPACITY: usize = 8 * 1024;
