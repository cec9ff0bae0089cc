//! How a connection comes to be.
//!
//! Connecting to one address is a call that starts it, and a wait. The danger is the order: a
//! socket that is not connected reports "hung up and writable", so it must not be registered before
//! the call was made. Of several addresses the first that answers wins (`race.rs`).

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;

use runtime::io::{AsyncFd, FdKind, Interest};

use super::TcpStream;
use super::race::race;
use crate::sys::{self, Address, errno, option};

/// Connects to the first of the addresses that answers. `call` is what the user called, and
/// `caller` from where.
pub(super) async fn connect_any(
    addresses: Vec<SocketAddr>,
    call: &'static str,
    caller: &Location<'_>,
) -> io::Result<TcpStream> {
    match addresses[..] {
        // Nothing to race against: no timer, no allocation.
        [address] => connect_to(address, call, caller).await,
        _ => race(addresses, |address| connect_to(address, call, caller)).await,
    }
}

/// Connects a new socket.
async fn connect_to(
    address: SocketAddr,
    call: &'static str,
    caller: &Location<'_>,
) -> io::Result<TcpStream> {
    let socket = sys::tcp_socket(address)?;
    option::set_flag(socket.as_fd(), option::NO_DELAY, true)?;
    connect_with(socket, address, call, caller).await
}

/// Connects a socket that is there.
pub(super) async fn connect_with(
    socket: OwnedFd,
    address: SocketAddr,
    call: &'static str,
    caller: &Location<'_>,
) -> io::Result<TcpStream> {
    let is_connected = sys::connect(socket.as_fd(), &Address::from(address))?;
    let socket = std::net::TcpStream::from(socket);
    let io = AsyncFd::lazy_at(socket, FdKind::TcpStream, call, caller)?;
    if !is_connected {
        io.async_io(Interest::WRITABLE, has_connected).await?;
    }
    Ok(TcpStream { io, state: () })
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
