//! A connection between processes of one machine.
//!
//! It reads and writes as TCP does, with one difference that can hang a reader: a short read proves
//! nothing here. The kernel ends a read where a descriptor was sent along, whatever bytes there are
//! behind it, and tells of no new edge for them. So only "would block" counts.

use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::panic::Location;
use std::path::Path;

use runtime::io::{AsyncFd, FdKind, Interest};

use super::credentials::{self, UCred};
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, address, fds};
use crate::halves::{self, ByteStream};
use crate::sys::{self, Carries};

/// A connection through a unix socket, accepted or made.
///
/// # Examples
///
/// ```
/// use net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (one, other) = UnixStream::pair()?;
///     one.write_all(b"ping").await?;
///     let mut buffer = [0; 4];
///     other.read_exact(&mut buffer).await?;
///     assert_eq!(&buffer, b"ping");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixStream {
    io: AsyncFd<StdStream>,
}

impl UnixStream {
    /// Connects to the listener at a path, or at an abstract name, if it begins with a zero byte. If
    /// the listener's queue is full, it tries again until there is room.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `NotFound` if there is no such file; `ConnectionRefused` if nobody
    /// listens.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<Self>> {
        let caller = Location::caller();
        let address = address::from_path(path.as_ref());
        async move {
            let call = "UnixStream::connect";
            let io = address::connect(Carries::Stream, address, call, caller).await?;
            Ok(Self::over(io))
        }
    }

    /// As [`connect`](Self::connect), for an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> impl Future<Output = io::Result<Self>> + use<> {
        let caller = Location::caller();
        let address = Ok(address.clone());
        async move {
            let call = "UnixStream::connect_addr";
            let io = address::connect(Carries::Stream, address, call, caller).await?;
            Ok(Self::over(io))
        }
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = sys::unix_pair(Carries::Stream)?;
        let call = "UnixStream::pair";
        let one = AsyncFd::lazy(one.into(), FdKind::Other, call)?;
        let other = AsyncFd::lazy(other.into(), FdKind::Other, call)?;
        Ok((Self::over(one), Self::over(other)))
    }

    /// Takes a connection of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let io = AsyncFd::lazy(stream, FdKind::Other, "UnixStream::from_std")?;
        io.expose();
        Ok(Self::over(io))
    }

    /// Gives the connection to std. It stays in non-blocking mode.
    pub fn into_std(self) -> StdStream {
        self.io.into_inner()
    }

    pub(super) fn over(io: AsyncFd<StdStream>) -> Self {
        Self { io }
    }

    /// Reads what has come, or waits until something has. 0 is the end of the stream.
    ///
    /// Descriptors that were sent along are closed: see [`recv_with_fds`](Self::recv_with_fds).
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .read_with(wanted, move |socket| sys::recv(socket, buffer))
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
        halves::split(self).0.read_exact(buffer).await
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
        let wanted = sys::vectored_length(buffers);
        self.io
            .read_with(wanted, |socket| sys::recv_vectored(socket, buffers))
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
        self.io
            .try_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
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
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|socket| sys::send(socket, bytes))
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
        halves::split(self).1.write_all(bytes).await
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
            .write_with(|socket| sys::send_vectored(socket, buffers))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `send(2)` reports.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|socket| sys::send(socket, bytes))
    }

    /// Writes bytes, and sends duplicates of descriptors with the first of them. 253 is the most.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for too many, or for descriptors without a byte; and whatever `sendmsg(2)`
    /// reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written or sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::AsFd;
    /// # use net::UnixStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// let (one, other) = UnixStream::pair()?;
    /// let program = std::fs::File::open(std::env::current_exe()?)?;
    /// one.send_with_fds(b"x", &[program.as_fd()]).await?;
    ///
    /// let (_bytes, fds) = other.recv_with_fds(&mut [0; 1], 1).await?;
    /// let mut same = fds.into_iter().map(std::fs::File::from).next().unwrap();
    /// let mut magic = [0; 4];
    /// same.read_exact(&mut magic)?;
    /// assert_eq!(&magic, b"\x7fELF");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn send_with_fds<'a>(
        &'a self,
        bytes: &'a [u8],
        fds: &'a [BorrowedFd<'_>],
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        fds::send(&self.io, bytes, fds, true)
    }

    /// Reads what has come, and takes the descriptors that came with it, `limit` at most: how many
    /// bytes, and which descriptors. They are close-on-exec.
    ///
    /// # Errors
    ///
    /// `InvalidData` if more descriptors were sent than `limit`, or than this process may have: then
    /// none is left open, and the bytes are gone. And whatever `recvmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was taken.
    pub fn recv_with_fds(
        &self,
        buffer: &mut [u8],
        limit: usize,
    ) -> impl Future<Output = io::Result<(usize, Vec<OwnedFd>)>> {
        fds::recv(&self.io, buffer, limit)
    }

    /// Waits until there may be something to read.
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

    /// Makes a system call of your own as soon as it does not block; see [`AsyncFd::async_io`]. The
    /// call is made on the descriptor: the methods of this socket would find its readiness taken.
    ///
    /// # Errors
    ///
    /// What the call reports, but `WouldBlock`; and when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no call has had an effect.
    pub fn async_io<R>(
        &self,
        interest: Interest,
        mut call: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.io.async_io(interest, move |_| call())
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

    /// Ends one direction of the connection, or both.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// Two halves that borrow the stream, to read and to write at once.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        halves::split(self)
    }

    /// Two halves that own the stream, for two tasks. Dropping the write half ends the stream for
    /// the peer.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        halves::into_split(self)
    }

    /// The address of this end: that of an accepted stream is its listener's.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end: mostly it has no name.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Who made the other end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        credentials::of_peer(self.io.get_ref())
    }

    /// An error that waits on the socket, taken from it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }
}

impl ByteStream for UnixStream {
    type Address = SocketAddr;
    type Socket = StdStream;

    fn io(&self) -> &AsyncFd<StdStream> {
        &self.io
    }

    fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }

    fn local(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        self.peer_addr()
    }
}

impl AsFd for UnixStream {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}
