//! A UDP socket.
//!
//! What it does with the messages of a peer stands in [`socket`](crate::socket). Here is what UDP
//! adds: names, and sending to an address.
//!
//! The danger is in the errors. What a datagram of ours met on its way (nobody listens on that port,
//! say) is reported by a *later* call, in either direction, once; and then the socket is as good as
//! before. So an error proves nothing about what is left to read, and a server does not end at one.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::task::{Context, Poll};

use runtime::io::FdKind;

use super::Builder;
use crate::addr::{self, ToSocketAddrs};
use crate::socket::{Carrier, Kind, Messages, Socket, sealed};
use crate::sys::{self, Address};

/// A UDP socket, connected or not.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `send`, `recv_from`, `local_addr` and more.
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
pub type UdpSocket = Socket<StdSocket>;

/// What is remembered of a UDP socket.
#[derive(Debug)]
pub struct Version {
    /// Whether it is of version 4, and with it everything that it sends.
    pub(super) is_v4: bool,
}

/// # UDP
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
            Self::over_at(socket, FdKind::Other, CALL, caller)
        }
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
                sys::connect_now(self.io.get_ref().as_fd(), &Address::from(address))
            })
        }
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
        let to = addr::resolve_first(to, "UdpSocket::send_to", Location::caller());
        async move {
            let to = Address::from(to.await?);
            let send = |socket: &StdSocket| sys::send_to(socket.as_fd(), bytes, &to);
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
            .try_write_with(|socket| sys::send_to(socket.as_fd(), bytes, &to))
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
            .poll_write_with(context, |socket| sys::send_to(socket.as_fd(), bytes, &to))
    }
}

impl sealed::State for Version {
    fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let is_v4 = sys::local_address(socket)?.to_std()?.is_ipv4();
        Ok(Self { is_v4 })
    }
}

impl sealed::Kind for StdSocket {
    const NAME: &'static str = "UdpSocket";
    type State = Version;
}

impl Kind for StdSocket {
    type Address = SocketAddr;
}

impl Carrier for StdSocket {}

impl Messages for StdSocket {}
