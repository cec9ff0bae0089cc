//! A TCP socket before it is a stream or a listener.
//!
//! Some options count only if they are set before the connection is made or the address is bound:
//! the buffers, from which the window is negotiated; the sharing of an address; the interface. Here
//! is the place to set them. All that can be set later too is also a method of
//! [`TcpStream`].

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::Location;
use std::time::Duration;

use runtime::io::FdKind;

use super::{Keepalive, TcpListener, TcpStream, connect, keepalive};
use crate::sys::{self, Address, option};

/// A TCP socket that neither listens nor is connected yet.
///
/// From the start `SO_REUSEADDR` and `TCP_NODELAY` are on, as with [`TcpListener::bind`] and
/// [`TcpStream::connect`].
///
/// # Examples
///
/// A listener that shares its port with others, and keeps quiet connections in the kernel until
/// they have said something:
///
/// ```
/// use std::time::Duration;
/// use net::TcpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let socket = TcpSocket::new_v4()?;
///     socket.set_reuseport(true)?;
///     socket.set_defer_accept(Duration::from_secs(5))?;
///     socket.bind("127.0.0.1:0".parse().unwrap())?;
///     let listener = socket.listen(1024)?;
/// #   let _ = listener;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    socket: OwnedFd,
}

impl TcpSocket {
    /// A socket for addresses of version 4.
    ///
    /// # Errors
    ///
    /// Whatever `socket(2)` reports.
    pub fn new_v4() -> io::Result<Self> {
        Self::new_for((Ipv4Addr::UNSPECIFIED, 0).into())
    }

    /// A socket for addresses of version 6, and of version 4 unless the system forbids it.
    ///
    /// # Errors
    ///
    /// Whatever `socket(2)` reports.
    pub fn new_v6() -> io::Result<Self> {
        Self::new_for((Ipv6Addr::UNSPECIFIED, 0).into())
    }

    /// A socket for addresses such as this one.
    ///
    /// # Errors
    ///
    /// Whatever `socket(2)` reports.
    pub fn new_for(address: SocketAddr) -> io::Result<Self> {
        let socket = sys::tcp_socket(address)?;
        option::set_flag(socket.as_fd(), option::REUSE_ADDRESS, true)?;
        // Inherited by what a listener accepts: one call here instead of one a connection.
        option::set_flag(socket.as_fd(), option::NO_DELAY, true)?;
        Ok(Self { socket })
    }

    /// Gives the socket its address. Not needed before [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the port is taken; and whatever else `bind(2)` reports.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        sys::bind(self.socket.as_fd(), &Address::from(address))
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_address(self.socket.as_fd())?.to_std()
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `connect(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect(self, address: SocketAddr) -> impl Future<Output = io::Result<TcpStream>> {
        let caller = Location::caller();
        async move { connect::connect_with(self.socket, address, "TcpSocket::connect", caller).await }
    }

    /// Listens, with room for `backlog` connections that were not accepted yet; the kernel has a
    /// limit for that, `/proc/sys/net/core/somaxconn`.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `listen(2)` reports.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        sys::listen(self.socket.as_fd(), backlog)?;
        let (call, caller) = ("TcpSocket::listen", Location::caller());
        TcpListener::over_at(self.socket.into(), FdKind::Other, call, caller)
    }

    /// Whether the address may be bound while old connections of it linger (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        option::flag(self.socket.as_fd(), option::REUSE_ADDRESS)
    }

    /// Lets the address be bound while old connections of it linger, or not. On from the start.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_reuseaddr(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.socket.as_fd(), option::REUSE_ADDRESS, on)
    }

    /// Whether other sockets of this user may have the same address (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn reuseport(&self) -> io::Result<bool> {
        option::flag(self.socket.as_fd(), option::REUSE_PORT)
    }

    /// Lets other sockets of this user have the same address: the kernel deals connections out
    /// among them. All have to say so before they bind.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_reuseport(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.socket.as_fd(), option::REUSE_PORT, on)
    }

    /// The interface that the socket is bound to (`SO_BINDTODEVICE`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        let name = option::device(self.socket.as_fd())?;
        Ok((!name.is_empty()).then_some(name))
    }

    /// Binds the socket to an interface by its name, such as `b"eth0"`, or to none.
    ///
    /// # Errors
    ///
    /// `NotFound` (`ENODEV`) if there is none of that name; and whatever else `setsockopt(2)` reports.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        option::bind_device(self.socket.as_fd(), interface.unwrap_or_default())
    }

    /// The size of the send buffer, as the kernel counts: twice what was asked for.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        option::number(self.socket.as_fd(), option::SEND_BUFFER)
    }

    /// Asks for a send buffer of so many bytes, and for the kernel to leave it so: without this it
    /// adapts the size to the connection, which is mostly better.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        option::set_number(self.socket.as_fd(), option::SEND_BUFFER, bytes)
    }

    /// The size of the receive buffer, as the kernel counts: twice what was asked for.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        option::number(self.socket.as_fd(), option::RECEIVE_BUFFER)
    }

    /// Asks for a receive buffer of so many bytes, and for the kernel to leave it so: without this
    /// it adapts the size to the connection, which is mostly better.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        option::set_number(self.socket.as_fd(), option::RECEIVE_BUFFER, bytes)
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`): they are, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn nodelay(&self) -> io::Result<bool> {
        option::flag(self.socket.as_fd(), option::NO_DELAY)
    }

    /// Sends small writes at once, or lets the kernel gather them. What a listener accepts
    /// inherits it.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.socket.as_fd(), option::NO_DELAY, on)
    }

    /// The type of service that packets are marked with (`IP_TOS`, `IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn tos(&self) -> io::Result<u32> {
        option::either(self.socket.as_fd(), option::TYPE_OF_SERVICE)
    }

    /// Marks packets with a type of service.
    ///
    /// # Errors
    ///
    /// `InvalidInput` beyond 255; and whatever `setsockopt(2)` reports.
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        option::set_service(self.socket.as_fd(), tos)
    }

    /// Asks a silent peer whether it is there. What a listener accepts inherits it.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::set_keepalive`].
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> io::Result<()> {
        keepalive::set(self.socket.as_fd(), keepalive)
    }

    /// How a silent peer is asked whether it is there, if it is.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn keepalive(&self) -> io::Result<Option<Keepalive>> {
        keepalive::get(self.socket.as_fd())
    }

    /// Sets how long sent bytes may stay unacknowledged; see [`TcpStream::set_user_timeout`]. It
    /// bounds the connecting too. What a listener accepts inherits it.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_user_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        keepalive::set_user_timeout(self.socket.as_fd(), limit)
    }

    /// Makes a listener show a connection only when its client has said something, or after the
    /// time has passed (`TCP_DEFER_ACCEPT`; whole seconds, rounded up; zero switches it off).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_defer_accept(&self, limit: Duration) -> io::Result<()> {
        let seconds = option::whole_seconds(limit);
        option::set_number(self.socket.as_fd(), option::DEFER_ACCEPT, seconds)
    }

    /// Lets clients of a listener send data with their first packet (`TCP_FASTOPEN`): so many at
    /// most that are not through the handshake. Such data may come twice: only for requests that
    /// can be repeated.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_fast_open(&self, most: u32) -> io::Result<()> {
        option::set_number(self.socket.as_fd(), option::FAST_OPEN, most)
    }

    /// Sends the first write with the first packet, once the server has let us
    /// (`TCP_FASTOPEN_CONNECT`). [`connect`](Self::connect) is then done at once, and what becomes
    /// of the connection is told by the first write or read; who reads first waits in vain.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_fast_open_connect(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.socket.as_fd(), option::FAST_OPEN_CONNECT, on)
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
