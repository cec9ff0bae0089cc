//! Listening sockets that the process was started with, by systemd or another that speaks its
//! language: `sd_listen_fds(3)`.
//!
//! Who starts the server has opened the sockets, and keeps them open. So a server can listen where it
//! would not be allowed to; and while it is started again, clients wait in the queue, and nobody is
//! refused.
//!
//! The descriptors are 3 and those that follow it; how many is said in the environment, and for which
//! process, as children inherit that too. Nothing there is changed: what was taken here is not taken
//! again, and is kept from children.

use std::env;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener as StdUnixListener;
use std::panic::Location;
use std::process;

use runtime::Handle;

use crate::error;
use crate::sys::{self, option};
use crate::tcp::TcpListener;
use crate::unix::UnixListener;

/// The listening sockets that this process was started with.
///
/// # Examples
///
/// ```
/// use net::{Inherited, TcpListener};
///
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// let listener = match Inherited::take()?.tcp.into_iter().next() {
///     Some(listener) => listener,
///     None => TcpListener::bind("127.0.0.1:0").await?,
/// };
/// # let _ = listener;
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Inherited {
    /// In the order in which they were given.
    pub tcp: Vec<TcpListener>,
    /// In the order in which they were given. Their files are not this process's to remove.
    pub unix: Vec<UnixListener>,
}

impl Inherited {
    /// Takes them, at the first call: later ones find none. There are none either if the process was
    /// started without, or they are meant for another process.
    ///
    /// # Errors
    ///
    /// Outside of a runtime, and if the environment says no number: then nothing is taken. If one is no
    /// listening stream socket: then all are closed.
    #[track_caller]
    pub fn take() -> io::Result<Self> {
        let caller = Location::caller();
        Handle::try_current().map_err(|_| error::outside("Inherited::take", caller))?;
        let mut inherited = Self::default();
        if number("LISTEN_PID")? != Some(process::id()) {
            return Ok(inherited);
        }
        let count = number("LISTEN_FDS")?.unwrap_or_default();
        let after_the_last = FIRST.saturating_add_unsigned(count);
        for fd in sys::own(FIRST..after_the_last)? {
            inherited.add(fd)?;
        }
        Ok(inherited)
    }

    fn add(&mut self, fd: OwnedFd) -> io::Result<()> {
        let number = fd.as_raw_fd();
        let listens = option::flag(fd.as_fd(), option::LISTENS).unwrap_or(false)
            // Packets would be read as a stream, and what does not fit into a buffer be lost.
            && option::number(fd.as_fd(), option::CARRIES)? == option::STREAM;
        // What it says of its address tells what it is.
        let tcp = StdTcpListener::from(fd);
        if listens && tcp.local_addr().is_ok() {
            self.tcp.push(TcpListener::from_std(tcp)?);
            return Ok(());
        }
        let unix = StdUnixListener::from(OwnedFd::from(tcp));
        if listens && unix.local_addr().is_ok() {
            self.unix.push(UnixListener::from_std(unix)?);
            return Ok(());
        }
        Err(io::Error::other(format!(
            "descriptor {number}, which the process was started with, is no listening stream socket: \
             give it only such, in systemd by ListenStream="
        )))
    }
}

/// What a variable says, if it is there.
fn number(variable: &str) -> io::Result<Option<u32>> {
    let Some(value) = env::var_os(variable) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|value| value.parse().ok());
    let error = || io::Error::other(format!("{variable} is {value:?}, and should be a number"));
    number.map(Some).ok_or_else(error)
}

/// Behind those that every process has.
const FIRST: RawFd = 3;
