//! A way to a descriptor that we were started with, which leaves it as it is for the others.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::path::PathBuf;

use runtime::Handle;
use runtime::io::{AsyncFd, FdKind};

use crate::error;
use crate::sys;
use crate::sys::file::{self, Access, Kind};

/// How a descriptor is read or written.
#[derive(Debug)]
pub(super) enum Source {
    /// By an open file of our own.
    Own(AsyncFd<OwnedFd>),
    /// By calls that do not block, whatever the mode.
    Socket(AsyncFd<OwnedFd>),
    /// On a thread.
    Thread(OwnedFd, Handle),
}

impl Source {
    pub(super) fn new(
        given: BorrowedFd<'_>,
        access: Access,
        call: &str,
        caller: &Location<'_>,
    ) -> io::Result<Self> {
        let kind = file::kind(given)?;
        if kind == Kind::Socket {
            let io = AsyncFd::lazy_at(given.try_clone_to_owned()?, FdKind::Other, call, caller)?;
            // A duplicate: closing it ends no registration.
            io.expose();
            return Ok(Self::Socket(io));
        }
        let own = match kind {
            Kind::Pipe | Kind::Terminal => open_anew(given, access),
            _ => None,
        };
        let can_wait = kind != Kind::Pipe || access != Access::Read || !is_at_end(given)?;
        if let (Some(own), true) = (own, can_wait) {
            let io = AsyncFd::lazy_at(own, FdKind::Other, call, caller)?;
            return Ok(Self::Own(io));
        }
        let runtime = Handle::try_current().map_err(|_| error::outside(call, caller))?;
        Ok(Self::Thread(given.try_clone_to_owned()?, runtime))
    }
}

/// Whether a pipe is empty and has no writer. Who opens a FIFO anew after its last writer has gone is
/// told of no end; so then it is found by reading, and not waited for.
fn is_at_end(pipe: BorrowedFd<'_>) -> io::Result<bool> {
    // In this order: a writer that comes and goes in between leaves its bytes.
    Ok(sys::has_ended(pipe)? && !sys::pipe::has_bytes(pipe)?)
}

/// Opens the same pipe or terminal again, if that is allowed, and not for more than it was open for:
/// the writing end of a pipe must not become a reader of it.
fn open_anew(given: BorrowedFd<'_>, wanted: Access) -> Option<OwnedFd> {
    if !file::access(given).ok()?.includes(wanted) {
        return None;
    }
    let number = given.as_raw_fd();
    let path = PathBuf::from(format!("/proc/self/fd/{number}"));
    file::open(&path, wanted).ok()
}
