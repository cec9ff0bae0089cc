//! Accepting connections.
//!
//! The listener is edge-triggered as everything here, which says "there are connections" once for
//! many. The kernel makes the new socket *before* it looks for a connection, so an `accept` that
//! finds none costs eighteen times a look. After each connection the queue is therefore looked at
//! before the next `accept`, and the one that would find nothing is never made.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use runtime::Handle;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::{Incoming, TcpStream};
use crate::addr::{self, ToSocketAddrs};
use crate::sys::{self, Address, option};

/// A TCP socket that accepts connections.
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
///     let (server, peer) = listener.accept().await?;
///     assert_eq!(client.local_addr()?, peer);
///     server.write_all(b"hello").await?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListener {
    io: AsyncFd<std::net::TcpListener>,
    /// A connection was accepted since the last look at the queue: look before the next `accept`.
    look_first: AtomicBool,
    runtime: Handle,
}

impl TcpListener {
    /// Binds an address and listens on it.
    ///
    /// `SO_REUSEADDR` is on, so that a server can be started again while old connections linger; the
    /// queue is as long as the kernel allows; accepted connections have `TCP_NODELAY` on.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if there is no such name; if no address can be bound (`AddrInUse` if
    /// the port is taken).
    ///
    /// # Cancel safety
    ///
    /// It waits only for a name to be looked up; if the future is dropped then, nothing is bound.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        const CALL: &str = "TcpListener::bind";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move {
            let listener = addr::first_that_works(addresses.await?, listen)?;
            Self::over(listener, CALL, caller)
        }
    }

    /// Takes a listener of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let this = Self::over(listener, "TcpListener::from_std", Location::caller())?;
        this.io.expose();
        Ok(this)
    }

    /// Gives the listener to std. It stays in non-blocking mode.
    pub fn into_std(self) -> std::net::TcpListener {
        self.io.into_inner()
    }

    pub(super) fn over(
        listener: std::net::TcpListener,
        call: &'static str,
        caller: &Location<'_>,
    ) -> io::Result<Self> {
        Ok(Self {
            io: AsyncFd::lazy_at(listener, FdKind::Other, call, caller)?,
            look_first: AtomicBool::new(false),
            runtime: Handle::try_current().map_err(io::Error::other)?,
        })
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
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
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + '_ {
        let accepted = self
            .io
            .async_io(Interest::READABLE, |listener| self.accept_now(listener));
        async move { Ok(self.wrap(accepted.await?)) }
    }

    /// One step of [`accept`](Self::accept), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.io
            .poll_io(context, Interest::READABLE, |listener| {
                self.accept_now(listener)
            })
            .map_ok(|accepted| self.wrap(accepted))
    }

    /// Accepts connections for ever, whatever happens to any of them.
    pub fn incoming(&self) -> Incoming<'_> {
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

    fn accept_now(
        &self,
        listener: &std::net::TcpListener,
    ) -> io::Result<(std::net::TcpStream, SocketAddr)> {
        // Relaxed: a hint. Whether it is right or not, nothing but a call is saved or lost.
        if self.look_first.swap(false, Ordering::Relaxed) && !sys::is_readable(listener)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (socket, peer) = sys::accept(listener)?;
        self.look_first.store(true, Ordering::Relaxed);
        Ok((socket.into(), peer))
    }

    fn wrap(&self, accepted: (std::net::TcpStream, SocketAddr)) -> (TcpStream, SocketAddr) {
        let (socket, peer) = accepted;
        let io = self.io.lazy_like(socket, FdKind::TcpStream);
        (TcpStream::over(io), peer)
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = sys::tcp_socket(address)?;
    option::set_flag(&socket, option::REUSE_ADDRESS, true)?;
    // Inherited by what is accepted: one call here instead of one a connection.
    option::set_flag(&socket, option::NO_DELAY, true)?;
    sys::bind(&socket, &Address::from(address))?;
    sys::listen(&socket, LONGEST_QUEUE)?;
    Ok(socket.into())
}

/// As long as the kernel allows.
const LONGEST_QUEUE: u32 = u32::MAX;
