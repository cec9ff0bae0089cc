//! Datagrams between processes of one machine.
//!
//! Unlike UDP's they are not lost: if the receiver's queue is full, the sender waits. There lies the
//! danger. A socket that is *connected* to the receiver is told when there is room again. One that
//! names the receiver with each datagram is told nothing of that queue; instead, each attempt that
//! fails makes the socket itself writable anew, as the room for the datagram is taken and given
//! back. Who waited for that edge would spin. So [`send_to`](UnixDatagram::send_to) tries again after
//! a while, and waits for an edge only if it is its own socket that has no room. There is no poll
//! function for it: a poll function has nowhere to keep a timer.

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::panic::Location;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::Handle;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::credentials::{self, UCred};
use super::{address, fds};
use crate::pause::Pauses;
use crate::sys::{self, Address, Carries};

/// A unix socket for datagrams, connected or not.
///
/// # Examples
///
/// ```
/// use net::UnixDatagram;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let name = format!("\0edgewake datagrams {}", std::process::id());
///     let server = UnixDatagram::bind(&name)?;
///     let client = UnixDatagram::unbound()?;
///     client.send_to(b"ping", &name).await?;
///     let mut buffer = [0; 64];
///     let (count, source) = server.recv_from(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"ping");
///     assert!(source.is_unnamed(), "nobody could answer");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixDatagram {
    io: AsyncFd<StdDatagram>,
    runtime: Handle,
}

impl UnixDatagram {
    /// Binds a path, or an abstract name, if it begins with a zero byte.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if the path is too long (107 bytes is the most); `AddrInUse` if there
    /// is such a file.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let address = address::from_path(path.as_ref())?;
        let this = Self::new("UnixDatagram::bind", Location::caller())?;
        address::bind(this.io.get_ref(), &address)?;
        Ok(this)
    }

    /// As [`bind`](Self::bind), for an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        let this = Self::new("UnixDatagram::bind_addr", Location::caller())?;
        address::bind(this.io.get_ref(), address)?;
        Ok(this)
    }

    /// A socket without a name: it can send, and nobody can answer.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        Self::new("UnixDatagram::unbound", Location::caller())
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = sys::unix_pair(Carries::Datagrams)?;
        let (call, caller) = ("UnixDatagram::pair", Location::caller());
        let one = Self::over(one.into(), call, caller)?;
        let other = Self::over(other.into(), call, caller)?;
        Ok((one, other))
    }

    /// Takes a socket of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(socket: StdDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let this = Self::over(socket, "UnixDatagram::from_std", Location::caller())?;
        this.io.expose();
        Ok(this)
    }

    /// Gives the socket to std. It stays in non-blocking mode.
    pub fn into_std(self) -> StdDatagram {
        self.io.into_inner()
    }

    fn new(call: &str, caller: &Location<'_>) -> io::Result<Self> {
        Self::over(sys::unix_socket(Carries::Datagrams)?.into(), call, caller)
    }

    fn over(socket: StdDatagram, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        Ok(Self {
            io: AsyncFd::lazy_at(socket, FdKind::Other, call, caller)?,
            runtime: Handle::try_current().map_err(io::Error::other)?,
        })
    }

    /// Chooses the peer: [`send`](Self::send) goes there, and only what comes from there is
    /// received.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it bound.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&address::from_path(path.as_ref())?)
    }

    /// As [`connect`](Self::connect), for an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        sys::connect_now(self.io.get_ref(), &Address::from(address))
    }

    /// Sends a datagram to the peer, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if the peer has gone; and whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|socket| sys::send(socket, bytes))
    }

    /// Sends a datagram to the peer if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send`](Self::send).
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|socket| sys::send(socket, bytes))
    }

    /// One step of [`send`](Self::send), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn poll_send(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(context, |socket| sys::send(socket, bytes))
    }

    /// Sends a datagram to a path or an abstract name, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it bound; and whatever
    /// `sendto(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub async fn send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let address = address::from_path(path.as_ref())?;
        self.send_to_addr(bytes, &address).await
    }

    /// As [`send_to`](Self::send_to), for an address: whose datagram was received, say.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub async fn send_to_addr(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        let to = Address::from(address);
        let mut pauses = Pauses::between(SHORTEST_PAUSE, LONGEST_PAUSE);
        loop {
            match sys::send_to(self.io.get_ref(), bytes, &to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
            if sys::is_writable(self.io.get_ref())? {
                pauses.wait(&self.runtime).await?;
            } else {
                self.io.async_io(Interest::WRITABLE, has_room).await?;
            }
        }
    }

    /// Sends a datagram to a path or an abstract name if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send_to`](Self::send_to).
    pub fn try_send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let to = Address::from(&address::from_path(path.as_ref())?);
        // Not by what is known of this socket: the room is another's.
        sys::send_to(self.io.get_ref(), bytes, &to)
    }

    /// Receives a datagram. What does not fit into the buffer is gone.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no datagram was taken.
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// Receives a datagram if one is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// One step of [`recv`](Self::recv), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            sys::recv(socket, buffer)
        })
    }

    /// Receives a datagram, and says whose it is. What does not fit into the buffer is gone.
    ///
    /// # Errors
    ///
    /// Whatever `recvfrom(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no datagram was taken.
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        self.io
            .async_io(Interest::READABLE, |socket| recv_from(socket, buffer))
    }

    /// Receives a datagram if one is there, without waiting, and says whose it is.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv_from`](Self::recv_from).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io
            .try_io(Interest::READABLE, |socket| recv_from(socket, buffer))
    }

    /// One step of [`recv_from`](Self::recv_from), for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            recv_from(socket, buffer)
        })
    }

    /// Looks at the next datagram, and leaves it.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::peek(socket, buffer))
    }

    /// Looks at the next datagram, says whose it is, and leaves it.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        self.io
            .async_io(Interest::READABLE, |socket| peek_from(socket, buffer))
    }

    /// Sends a datagram to the peer, and duplicates of descriptors with it. 253 is the most.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for too many; and whatever `sendmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send_with_fds<'a>(
        &'a self,
        bytes: &'a [u8],
        fds: &'a [BorrowedFd<'_>],
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        fds::send(&self.io, bytes, fds, false)
    }

    /// Receives a datagram and the descriptors that came with it, `limit` at most. They are
    /// close-on-exec.
    ///
    /// # Errors
    ///
    /// `InvalidData` if more descriptors were sent than `limit`, or than this process may have: then
    /// none is left open, and the datagram is gone. And whatever `recvmsg(2)` reports.
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

    /// Waits until there may be something to receive.
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

    /// Waits until there may be room to send to the peer.
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

    /// Ends one direction, or both: sending fails from then on. Who receives is not told, neither
    /// here nor at the peer: the kernel has no end of datagrams, and lets them wait.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no peer.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Who made the other socket of a [`pair`](Self::pair).
    ///
    /// # Errors
    ///
    /// `NotConnected` for any other: whose a datagram is only its address says.
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

impl AsFd for UnixDatagram {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

fn recv_from(socket: &StdDatagram, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, source) = sys::recv_from(socket, buffer)?;
    Ok((count, source.to_unix()))
}

fn peek_from(socket: &StdDatagram, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, source) = sys::peek_from(socket, buffer)?;
    Ok((count, source.to_unix()))
}

/// Whether the socket has room of its own.
fn has_room(socket: &StdDatagram) -> io::Result<()> {
    match sys::is_writable(socket)? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// A receiver that works has room again after about as long.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
/// A crowd of senders that all try this often does not keep a slow receiver from its work.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
