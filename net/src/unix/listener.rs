//! Accepting connections on a unix socket.
//!
//! The same as on TCP: the loop, its pauses and its look into the queue are those of
//! [`accept`](crate::accept). What is new is the file. It is made when the socket is bound, and stays
//! when the socket is closed; who starts a server again has to remove it, and nobody else can know
//! whether it is still somebody's. An abstract name has no file.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr, UnixListener as StdListener};
use std::panic::Location;
use std::path::Path;
use std::task::{Context, Poll};

use runtime::Handle;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::{UnixStream, address};
use crate::accept::{Incoming, Listener, Queue, sealed};
use crate::sys::Carries;

/// A unix socket that accepts connections.
///
/// # Examples
///
/// ```
/// use net::{UnixListener, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     // A name that begins with a zero byte is in no file system.
///     let name = format!("\0edgewake example {}", std::process::id());
///     let listener = UnixListener::bind(&name)?;
///     let client = UnixStream::connect(&name).await?;
///     let (server, _) = listener.accept().await?;
///     server.write_all(b"hello").await?;
///     client.read_exact(&mut [0; 5]).await?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixListener {
    io: AsyncFd<StdListener>,
    queue: Queue,
    runtime: Handle,
}

impl UnixListener {
    /// Binds a path and listens on it, or an abstract name, if it begins with a zero byte. The queue
    /// is as long as the kernel allows.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if the path is too long (107 bytes is the most); `AddrInUse` if there
    /// is such a file.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let address = address::from_path(path.as_ref())?;
        Self::bind_at(&address, "UnixListener::bind", Location::caller())
    }

    /// As [`bind`](Self::bind), for an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::bind_at(address, "UnixListener::bind_addr", Location::caller())
    }

    fn bind_at(address: &SocketAddr, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        let (io, runtime) = address::listen(Carries::Stream, address, call, caller)?;
        Ok(Self::over(io, runtime))
    }

    /// Takes a listener of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let io = AsyncFd::lazy(listener, FdKind::Other, "UnixListener::from_std")?;
        io.expose();
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        Ok(Self::over(io, runtime))
    }

    /// Gives the listener to std. It stays in non-blocking mode.
    pub fn into_std(self) -> StdListener {
        self.io.into_inner()
    }

    fn over(io: AsyncFd<StdListener>, runtime: Handle) -> Self {
        Self {
            io,
            queue: Queue::default(),
            runtime,
        }
    }

    /// Accepts the next connection.
    ///
    /// A server that is to survive everything uses [`incoming`](Self::incoming): many errors here
    /// concern one connection only, or pass.
    ///
    /// # Errors
    ///
    /// Whatever `accept(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no connection was accepted.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accept = |listener: &StdListener| self.queue.accept(listener);
        let (socket, peer) = self.io.async_io(Interest::READABLE, accept).await?;
        Ok((self.wrap(socket), peer.to_unix()))
    }

    /// One step of [`accept`](Self::accept), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.io
            .poll_io(context, Interest::READABLE, |listener| {
                self.queue.accept(listener)
            })
            .map_ok(|(socket, peer)| (self.wrap(socket), peer.to_unix()))
    }

    /// Accepts connections for ever, whatever happens to any of them.
    pub fn incoming(&self) -> Incoming<'_, Self> {
        Incoming::new(self)
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// An error that waits on the socket, taken from it (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }

    fn wrap(&self, socket: OwnedFd) -> UnixStream {
        UnixStream::over(self.io.lazy_like(socket.into(), FdKind::Other))
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;
    type Address = SocketAddr;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.poll_accept(context)
    }
}

impl sealed::Sealed for UnixListener {
    fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl AsFd for UnixListener {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}
