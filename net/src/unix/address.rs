//! The names of unix sockets, and how one gets to another.
//!
//! A name is a path in the file system, or abstract: one that begins with a zero byte, is in no file
//! system, and is gone when its socket is. std's type holds both.
//!
//! The danger is in connecting. If the listener's queue is full the kernel says "try again", and
//! there is nothing to wait for: the socket that wants to be connected is not in anybody's queue, so
//! no event will ever tell it. It tries again after a while.

use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use runtime::Handle;
use runtime::io::FdKind;
use runtime::task::consume_budget;

use crate::pause::Pauses;
use crate::socket::{Kind, Socket};
use crate::sys::{self, Address, Carries};

/// The address that a path stands for: an abstract one if it begins with a zero byte.
pub(super) fn from_path(path: &Path) -> io::Result<SocketAddr> {
    match path.as_os_str().as_bytes().split_first() {
        Some((0, name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(path),
    }
}

/// Gives a socket its name.
pub(super) fn bind(socket: impl AsFd, address: &SocketAddr) -> io::Result<()> {
    let bound = sys::bind(socket.as_fd(), &Address::from(address));
    bound.map_err(|error| explain(error, address))
}

/// Makes a socket that listens.
pub(super) fn listen<S: Kind>(
    carries: Carries,
    address: &SocketAddr,
    call: &str,
    caller: &Location<'_>,
) -> io::Result<Socket<S>> {
    let socket = S::from(sys::unix_socket(carries)?);
    // Before it is bound: what fails now leaves no file behind.
    let listener = Socket::over_at(socket, FdKind::Other, call, caller)?;
    bind(listener.inner(), address)?;
    sys::listen(listener.inner().as_fd(), LONGEST_QUEUE)?;
    Ok(listener)
}

/// A file outlives the socket that made it, which is what servers meet at their second start.
fn explain(error: io::Error, address: &SocketAddr) -> io::Error {
    match (error.kind(), address.as_pathname()) {
        (io::ErrorKind::AddrInUse, Some(path)) => io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "{} is there already: if nobody answers to `connect`, a server that has ended left \
                 it behind; remove it",
                path.display()
            ),
        ),
        _ => error,
    }
}

/// Makes a socket and connects it, however long the listener's queue is full.
pub(super) async fn connect<S: Kind>(
    carries: Carries,
    address: io::Result<SocketAddr>,
    call: &str,
    caller: &Location<'_>,
) -> io::Result<Socket<S>> {
    let address = Address::from(&address?);
    let socket = S::from(sys::unix_socket(carries)?);
    // Not waited for before it is connected, so it is not registered before that either.
    let connection = Socket::over_at(socket, FdKind::Other, call, caller)?;
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    let mut pauses = Pauses::between(SHORTEST_PAUSE, LONGEST_PAUSE);
    // Mostly it is done at once, or refused at once, and who tries in a loop must not stop the others.
    consume_budget().await;
    loop {
        match sys::connect_now(connection.inner().as_fd(), &address) {
            Ok(()) => return Ok(connection),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                pauses.wait(&runtime).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// As long as the kernel allows.
const LONGEST_QUEUE: u32 = u32::MAX;
/// A server that accepts at all has room again after about as long.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// A crowd of clients that all try this often does not keep a slow server from its work.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
