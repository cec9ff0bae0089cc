//! A TCP connection.
//!
//! Everything takes `&self`: one task may read while another writes. Which calls are made and when
//! they wait is [`AsyncFd`]'s business; here stands only *what* is called, and that a TCP socket's
//! short read means that it is drained.

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::task::{Context, Poll};

use runtime::io::{AsyncFd, FdKind, Interest};

use super::connect;
use super::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::addr::{self, ToSocketAddrs};
use crate::error;
use crate::sys;

/// A TCP connection, accepted or made.
///
/// Dropping it closes the connection: what was written is still sent. Reading and writing are
/// methods on `&self`; the traits of [`net::io`](crate::io) are implemented too.
///
/// # Examples
///
/// ```
/// use net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///
///     client.write_all(b"ping").await?;
///     let mut buffer = [0; 4];
///     server.read_exact(&mut buffer).await?;
///     assert_eq!(&buffer, b"ping");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStream {
    io: AsyncFd<std::net::TcpStream>,
}

impl TcpStream {
    /// Connects to the first address that answers. `TCP_NODELAY` is on.
    ///
    /// If there are several, each has a quarter of a second before the next is tried beside it; of a
    /// name's, the versions of IP take turns (RFC 8305).
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if there is no such name; and, when no address answers, what happened
    /// to each.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, all attempts are given up.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        const CALL: &str = "TcpStream::connect";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move { connect::connect_any(addresses.await?, CALL, caller).await }
    }

    /// Takes a connection of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // It may be anything that std takes for TCP, and have duplicates.
        let io = AsyncFd::lazy(stream, FdKind::Other, "TcpStream::from_std")?;
        io.expose();
        Ok(Self::over(io))
    }

    /// Gives the connection to std. It stays in non-blocking mode.
    pub fn into_std(self) -> std::net::TcpStream {
        self.io.into_inner()
    }

    pub(super) fn over(io: AsyncFd<std::net::TcpStream>) -> Self {
        Self { io }
    }

    /// The socket, for a call on it; not to be shown to others.
    pub(super) fn socket(&self) -> &std::net::TcpStream {
        self.io.get_ref()
    }

    pub(super) fn io(&self) -> &AsyncFd<std::net::TcpStream> {
        &self.io
    }

    pub(super) fn into_io(self) -> AsyncFd<std::net::TcpStream> {
        self.io
    }

    /// Reads what has come, or waits until something has. 0 is the end of the stream.
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
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(error::ends_early()),
                count => filled += count,
            }
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
            sys::recv_vectored_portion(socket, buffers, portion)
        })
    }

    /// Looks at what has come, and leaves it to be read.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::peek(socket, buffer))
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
            sys::recv_vectored(socket, buffers)
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
            .read_with(wanted, move |socket| sys::recv_spare(socket, bytes))
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
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(error::takes_no_more()),
                count => bytes = &bytes[count..],
            }
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
            sys::send_vectored_portion(socket, buffers, portion)
        })
    }

    /// Some other call of the write direction.
    pub(super) fn write_op<R>(
        &self,
        call: impl FnMut(&std::net::TcpStream) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.io.write_with(call)
    }

    /// Writes from several buffers, one after the other, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `sendmsg(2)` reports.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| sys::send_vectored(socket, buffers))
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

    /// Waits until there may be something to read: before taking a buffer for it, for example.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.readable()
    }

    /// Waits until there may be room to write.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.writable()
    }

    /// Waits until any direction of `interest` is ready.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.ready(interest)
    }

    /// Makes a system call of your own if there is readiness; see [`AsyncFd::try_io`].
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.try_io(interest, |_| call())
    }

    /// Ends one direction of the connection, or both. The peer of a stream that is shut down for
    /// writing reads to its end, and can still answer.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Shutdown;
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// client.shutdown(Shutdown::Write)?;
    /// assert_eq!(server.read(&mut [0; 16]).await?, 0);
    /// server.write_all(b"still here").await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Two halves that borrow the stream, to read and to write at once.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// Two halves that own the stream, for two tasks. Dropping the write half ends the stream for
    /// the peer.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// An error that waits on the socket, taken from it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    pub(super) fn poll_read_inner(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .poll_read_portion_with(context, wanted, |socket, portion| {
                sys::recv_portion(socket, buffer, portion)
            })
    }

    pub(super) fn poll_read_vectored_inner(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.is_empty() {
            return self.poll_splice_from(context);
        }
        let wanted = sys::vectored_length(buffers);
        self.io.poll_read_with(context, wanted, |socket| {
            sys::recv_vectored(socket, buffers)
        })
    }

    pub(super) fn poll_write_inner(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_write_portion_with(context, |socket, portion| {
            sys::send_portion(socket, bytes, portion)
        })
    }

    pub(super) fn poll_write_vectored_inner(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.is_empty() {
            return self.poll_splice_to(context);
        }
        self.io.poll_write_portion_with(context, |socket, portion| {
            sys::send_vectored_portion(socket, buffers, portion)
        })
    }

    /// The trait form of ending the write direction: a peer that has gone is no error.
    pub(super) fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

impl AsFd for TcpStream {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

/// Room for a vector that has none left.
const LEAST_SPARE: usize = 64;
