//! What must be decided before a socket is bound.
//!
//! The danger is sharing: with either of the two options that allow it, two sockets get one port,
//! and a datagram to one address goes to one of them, whichever the kernel chooses. So both are off
//! until somebody asks.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::Location;

use runtime::io::FdKind;

use super::UdpSocket;
use crate::addr::{self, ToSocketAddrs};
use crate::sys::{self, Address, option};

/// The options of a UDP socket that is not bound yet.
///
/// # Examples
///
/// Two receivers of one group on one machine share a port:
///
/// ```
/// use net::udp;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let one = udp::Builder::new().reuse_address(true).bind("127.0.0.1:0").await?;
///     let address = one.local_addr()?;
///     let other = udp::Builder::new().reuse_address(true).bind(address).await?;
///     assert_eq!(other.local_addr()?, address);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is made before `bind`"]
pub struct Builder {
    reuse_address: bool,
    reuse_port: bool,
    only_v6: Option<bool>,
    device: Option<String>,
    send_buffer: Option<u32>,
    receive_buffer: Option<u32>,
}

impl Builder {
    /// The kernel's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets several sockets have one address and port (`SO_REUSEADDR`): each gets what is sent to a
    /// group that it has joined, and the latest gets what is sent to the address.
    pub fn reuse_address(mut self, on: bool) -> Self {
        self.reuse_address = on;
        self
    }

    /// Lets several sockets of one user share a port (`SO_REUSEPORT`): the kernel deals out what
    /// comes among them, the same sender always to the same.
    pub fn reuse_port(mut self, on: bool) -> Self {
        self.reuse_port = on;
        self
    }

    /// Whether a socket of version 6 leaves version 4 alone. The system decides if nobody says.
    pub fn only_v6(mut self, on: bool) -> Self {
        self.only_v6 = Some(on);
        self
    }

    /// Sends and receives through one interface only (`SO_BINDTODEVICE`).
    pub fn bind_device(mut self, name: impl Into<String>) -> Self {
        self.device = Some(name.into());
        self
    }

    /// How many bytes may wait to be sent; see [`UdpSocket::set_send_buffer_size`].
    pub fn send_buffer_size(mut self, bytes: u32) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// How many bytes may wait to be received; see [`UdpSocket::set_recv_buffer_size`].
    pub fn recv_buffer_size(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Makes the socket and binds it to the first address that is to be had.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if there is no such name; if an option is refused; if no address can be
    /// bound (`AddrInUse` if the port is taken).
    ///
    /// # Cancel safety
    ///
    /// It waits only for a name to be looked up; if the future is dropped then, nothing is bound.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(self, address: A) -> impl Future<Output = io::Result<UdpSocket>> {
        const CALL: &str = "udp::Builder::bind";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move {
            let bind = |address| self.bind_to(address);
            let socket = addr::first_that_works(addresses.await?, bind)?;
            UdpSocket::over_at(socket, FdKind::Other, CALL, caller)
        }
    }

    pub(super) fn bind_to(&self, address: SocketAddr) -> io::Result<std::net::UdpSocket> {
        let socket = sys::udp_socket(address)?;
        if self.reuse_address {
            option::set_flag(socket.as_fd(), option::REUSE_ADDRESS, true)?;
        }
        if self.reuse_port {
            option::set_flag(socket.as_fd(), option::REUSE_PORT, true)?;
        }
        if let (SocketAddr::V6(_), Some(on)) = (address, self.only_v6) {
            option::set_flag(socket.as_fd(), option::ONLY_V6, on)?;
        }
        if let Some(name) = &self.device {
            option::bind_device(socket.as_fd(), name.as_bytes())?;
        }
        if let Some(bytes) = self.send_buffer {
            option::set_number(socket.as_fd(), option::SEND_BUFFER, bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            option::set_number(socket.as_fd(), option::RECEIVE_BUFFER, bytes)?;
        }
        sys::bind(socket.as_fd(), &Address::from(address))?;
        Ok(socket.into())
    }
}
