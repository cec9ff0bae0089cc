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

use super::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::addr::{self, ToSocketAddrs};
use crate::sys::{self, Address, errno};

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
    /// # Errors
    ///
    /// Outside of a runtime; and, when no address answers, what happened to the last.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        let caller = Location::caller();
        async move {
            let mut last = addr::no_address();
            for address in address.to_socket_addrs()? {
                match Self::connect_to(address, caller).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
    }

    async fn connect_to(address: SocketAddr, caller: &Location<'_>) -> io::Result<Self> {
        let address = Address::from(address);
        let socket = sys::tcp_socket(&address)?;
        sys::set_flag(&socket, sys::option::NO_DELAY, true)?;
        // Before the registration: an unconnected socket reports "hung up and writable".
        let is_connected = sys::connect(&socket, &address)?;
        let socket = std::net::TcpStream::from(socket);
        let io = AsyncFd::lazy_at(socket, FdKind::TcpStream, "TcpStream::connect", caller)?;
        if !is_connected {
            io.async_io(Interest::WRITABLE, has_connected).await?;
        }
        Ok(Self::over(io))
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
            sys::recv(socket, buffer, portion)
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
                0 => return Err(crate::io::ends_early()),
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
            sys::recv_vectored(socket, buffers, portion)
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
            sys::recv(socket, buffer, self.io.portion())
        })
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
            .write_portion_with(|socket, portion| sys::send(socket, bytes, portion))
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
                0 => return Err(io::ErrorKind::WriteZero.into()),
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
        self.io
            .write_portion_with(|socket, portion| sys::send_vectored(socket, buffers, portion))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `send(2)` reports.
    #[inline]
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_portion_with(|socket, portion| sys::send(socket, bytes, portion))
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

    /// Whether small writes are sent at once (`TCP_NODELAY`): they are, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sends small writes at once, or lets the kernel gather them.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(on)
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
                sys::recv(socket, buffer, portion)
            })
    }

    pub(super) fn poll_write_inner(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_portion_with(context, |socket, portion| sys::send(socket, bytes, portion))
    }

    pub(super) fn poll_write_vectored_inner(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_write_portion_with(context, |socket, portion| {
            sys::send_vectored(socket, buffers, portion)
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

/// Whether a connection that was started stands by now.
fn has_connected(socket: &std::net::TcpStream) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error() == Some(errno::ENOTCONN) => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        Err(error) => Err(error),
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
