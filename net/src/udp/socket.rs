//! A UDP socket.
//!
//! Everything takes `&self`, and any number of tasks may send and receive at once. A datagram is
//! taken whole by one call, so no future here holds half of one: each can be dropped at any time.
//!
//! The danger is in the errors. What a datagram of ours met on its way (nobody listens on that port,
//! say) is reported by a *later* call, in either direction, once; and then the socket is as good as
//! before. So an error proves nothing about what is left to read, and a server does not end at one.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::task::{Context, Poll};

use runtime::io::{AsyncFd, FdKind, Interest};

use super::Builder;
use crate::addr::{self, ToSocketAddrs};
use crate::sys::{self, Address};

/// A UDP socket, connected or not.
///
/// # Examples
///
/// ```
/// use net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.send_to(b"ping", server.local_addr()?).await?;
///     let mut buffer = [0; 1500];
///     let (count, source) = server.recv_from(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"ping");
///     assert_eq!(source, client.local_addr()?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    pub(super) io: AsyncFd<std::net::UdpSocket>,
    pub(super) is_v4: bool,
}

impl UdpSocket {
    /// Binds the first address that is to be had. [`Builder`] offers more choice.
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
        const CALL: &str = "UdpSocket::bind";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move {
            let options = Builder::new();
            let bind = |address| options.bind_to(address);
            let socket = addr::first_that_works(addresses.await?, bind)?;
            Self::over(socket, CALL, caller)
        }
    }

    /// Takes a socket of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let this = Self::over(socket, "UdpSocket::from_std", Location::caller())?;
        this.io.expose();
        Ok(this)
    }

    /// Gives the socket to std. It stays in non-blocking mode.
    pub fn into_std(self) -> std::net::UdpSocket {
        self.io.into_inner()
    }

    pub(super) fn over(
        socket: std::net::UdpSocket,
        call: &str,
        caller: &Location<'_>,
    ) -> io::Result<Self> {
        let is_v4 = socket.local_addr()?.is_ipv4();
        let io = AsyncFd::lazy_at(socket, FdKind::Other, call, caller)?;
        Ok(Self { io, is_v4 })
    }

    /// Chooses the peer: [`send`](Self::send) goes there, and only what comes from there is
    /// received. Nothing is sent, and nobody need be there.
    ///
    /// # Errors
    ///
    /// If there is no such name, or no way to any of its addresses.
    ///
    /// # Cancel safety
    ///
    /// It waits only for a name to be looked up; if the future is dropped then, nothing has changed.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(&self, address: A) -> impl Future<Output = io::Result<()>> {
        let addresses = addr::resolve(address, "UdpSocket::connect", Location::caller());
        async move {
            addr::first_that_works(addresses.await?, |address| {
                sys::connect_now(self.io.get_ref(), &Address::from(address))
            })
        }
    }

    /// Sends a datagram to the peer, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if an earlier one found nobody there; and whatever `send(2)` reports.
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

    /// Sends a datagram to the first of the addresses, or waits until there is room for it.
    ///
    /// A name is looked up each time: who sends more than once looks it up with
    /// [`lookup_host`](crate::lookup_host).
    ///
    /// # Errors
    ///
    /// If there is no such name; and whatever `sendto(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    #[track_caller]
    pub fn send_to<A: ToSocketAddrs>(
        &self,
        bytes: &[u8],
        to: A,
    ) -> impl Future<Output = io::Result<usize>> {
        let addresses = addr::resolve(to, "UdpSocket::send_to", Location::caller());
        async move {
            let addresses = addresses.await?;
            let first = addresses.first().ok_or_else(addr::no_address)?;
            let to = Address::from(*first);
            let send = |socket: &_| sys::send_to(socket, bytes, &to);
            self.io.write_with(send).await
        }
    }

    /// Sends a datagram if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send_to`](Self::send_to).
    pub fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let to = Address::from(to);
        self.io
            .try_write_with(|socket| sys::send_to(socket, bytes, &to))
    }

    /// One step of [`send_to`](Self::send_to), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let to = Address::from(to);
        self.io
            .poll_write_with(context, |socket| sys::send_to(socket, bytes, &to))
    }

    /// Receives a datagram of the peer's. What does not fit into the buffer is gone.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` if one that was sent found nobody there; and whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no datagram was taken.
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// Receives a datagram of the peer's if one is there, without waiting.
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

    /// Receives a datagram if one is there, without waiting.
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

    /// Looks at the next datagram of the peer's, and leaves it.
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

    /// Looks at the next datagram if one is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv`](Self::recv).
    pub fn try_peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_io(Interest::READABLE, |socket| sys::peek(socket, buffer))
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

    /// Looks at the next datagram if one is there, without waiting, and says whose it is.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv_from`](Self::recv_from).
    pub fn try_peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io
            .try_io(Interest::READABLE, |socket| peek_from(socket, buffer))
    }

    /// One step of [`peek_from`](Self::peek_from), for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_peek_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            peek_from(socket, buffer)
        })
    }

    /// Waits until there may be a datagram, or an error, to receive.
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

    /// Waits until there may be room to send.
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

    /// One step of waiting until there may be a datagram, for hand-written futures. The latest caller
    /// is woken.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is used up: what is known stays known.
        self.io.poll_io(context, Interest::READABLE, |_| Ok(()))
    }

    /// One step of waiting until there may be room, for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    pub fn poll_send_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_io(context, Interest::WRITABLE, |_| Ok(()))
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
    /// `NotConnected` if none was chosen.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }
}

impl AsFd for UdpSocket {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

fn recv_from(socket: &std::net::UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, source) = sys::recv_from(socket, buffer)?;
    Ok((count, source.to_std()?))
}

fn peek_from(socket: &std::net::UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (count, source) = sys::peek_from(socket, buffer)?;
    Ok((count, source.to_std()?))
}
