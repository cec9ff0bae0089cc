//! Reading and writing a stream of bytes.
//!
//! Everything takes `&self`: one task may read while another writes. Here stands *what* is called;
//! when, and when to wait, is decided by [`AsyncFd`](runtime::io::AsyncFd). Whether a short read
//! means that the socket is drained is said where the socket is made: it does on TCP, and not on a
//! unix socket, where the kernel ends a read at a descriptor that was sent along, whatever bytes
//! there are behind it, and tells of no new edge for them.

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::Arc;

use runtime::io::Interest;

use super::halves::{self, Ending, ReadHalf, WriteHalf};
use super::{Bytes, Socket};
use crate::error;
use crate::sys;
use crate::whole::{ToRead, ToWrite};

/// # Bytes
impl<S: Bytes> Socket<S> {
    /// Reads what has come, or waits until something has. 0 is the end of the stream.
    ///
    /// Descriptors that were sent along through a unix socket are closed: see
    /// [`recv_with_fds`](crate::UnixStream::recv_with_fds).
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    #[inline]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let wanted = buffer.len();
        self.io.read_portion_with(wanted, move |socket, portion| {
            sys::recv_portion(socket, buffer, portion)
        })
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before that; and whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut whole = ToRead::new(buffer);
        while let Some(rest) = whole.rest() {
            let count = self.read(rest).await?;
            whole.came(count)?;
        }
        Ok(())
    }

    /// Reads into several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `readv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        // What is asked of the kernel, which is less than was given if there are very many.
        let wanted = sys::vectored_length(buffers);
        self.io.read_portion_with(wanted, |socket, portion| {
            sys::recv_vectored_portion(socket.as_fd(), buffers, portion)
        })
    }

    /// Reads what has come, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has; and whatever `recv(2)` reports.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |socket| {
            sys::recv_portion(socket, buffer, self.io.portion())
        })
    }

    /// Reads into several buffers, one after the other, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has come; and whatever `readv(2)` reports.
    pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |socket| {
            sys::recv_vectored(socket.as_fd(), buffers)
        })
    }

    /// Reads into the capacity that a vector has left, which need not be initialised, and makes it
    /// longer by as much as came. If none is left, it gets some. 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// client.write_all(b"hello").await?;
    /// let mut bytes = Vec::with_capacity(1024);
    /// assert_eq!(server.read_buf(&mut bytes).await?, 5);
    /// assert_eq!(bytes, b"hello");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn read_buf(&self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>> {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(LEAST_SPARE);
        }
        let wanted = bytes.capacity() - bytes.len();
        self.io
            .read_with(wanted, move |socket| sys::recv_spare(socket.as_fd(), bytes))
    }

    /// Writes as much as there is room for, or waits until there is room.
    ///
    /// # Errors
    ///
    /// Whatever `send(2)` reports, but "would block" and "interrupted"; never a signal.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .write_portion_with(|socket, portion| sys::send_portion(socket, bytes, portion))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// Whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut whole = ToWrite::new(bytes);
        while let Some(rest) = whole.rest() {
            whole.went(self.write(rest).await?)?;
        }
        Ok(())
    }

    /// Writes from several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `sendmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.io.write_portion_with(|socket, portion| {
            sys::send_vectored_portion(socket.as_fd(), buffers, portion)
        })
    }

    /// Writes all of several buffers, one after the other. The slices are used up: what they point
    /// to afterwards is unspecified.
    ///
    /// # Errors
    ///
    /// Whatever `sendmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    /// # use net::UnixStream;
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let (one, other) = UnixStream::pair()?;
    /// let mut parts = [IoSlice::new(b"a header "), IoSlice::new(b"and its body")];
    /// one.write_all_vectored(&mut parts).await?;
    /// let mut together = [0; 21];
    /// other.read_exact(&mut together).await?;
    /// assert_eq!(&together, b"a header and its body");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn write_all_vectored(&self, mut buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Those that are empty would make a count of 0 look like a writer that takes no more.
        IoSlice::advance_slices(&mut buffers, 0);
        while !buffers.is_empty() {
            match self.write_vectored(buffers).await? {
                0 => return Err(error::takes_no_more()),
                count => IoSlice::advance_slices(&mut buffers, count),
            }
        }
        Ok(())
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `send(2)` reports.
    #[inline]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_portion_with(|socket, portion| sys::send_portion(socket, bytes, portion))
    }

    /// Writes from several buffers, one after the other, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `sendmsg(2)` reports.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| sys::send_vectored(socket.as_fd(), buffers))
    }

    /// Two halves that borrow the stream, to read and to write at once.
    pub fn split(&mut self) -> (ReadHalf<&Self>, WriteHalf<&Self>) {
        halves::split(self)
    }

    /// Two halves that own the stream, for two tasks. Dropping the write half ends the stream for
    /// the peer.
    pub fn into_split(self) -> (ReadHalf<Arc<Self>>, WriteHalf<Ending<S>>) {
        halves::into_split(self)
    }
}

/// Room for a vector that has none left.
const LEAST_SPARE: usize = 64;
