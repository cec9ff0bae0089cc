//! The kernel calls of this crate, thinly: the only place with `unsafe`.
//!
//! Every function is one call (or the fewest that make sense together) and
//! returns the kernel's own error, for the caller to judge. The one danger is
//! a descriptor used after it was closed, when its number may already belong
//! to something else. It is met by types: descriptors come out as `OwnedFd`,
//! which closes exactly once, and go in as `BorrowedFd` or `&impl AsFd`, which
//! cannot outlive their owner.

mod account;
mod epoll;
mod process;
mod socket;

pub use account::{allowed_cores, process_cpu_time, stay_on, switches_of_ended_children};
pub use epoll::{EDGE, ERROR, HANGUP, PEER_CLOSED, READABLE, URGENT, WRITABLE};
pub use epoll::{Epoll, Event, NOTHING_YET, either_readable, readable_within};
pub use process::{
    raise_nofile, sharpen_timers, terminate, thread_cpu_time, wait_exit, watch_exit,
};
pub use socket::{accept, connect, listen, receive, send, socket_error};

use std::io;

/// Turns the kernel's -1 into the errno it left behind.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Turns the kernel's -1 of a transfer into the errno, the rest into a length.
#[inline]
fn check_length(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Whether this error says that the process, or the system, has run out of
/// descriptors or memory for now: a reason to pause, not to give up.
pub fn is_exhaustion(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS)
    )
}

/// Whether a connect failed for want of a free local port, which a closed
/// connection gives back in time.
pub fn is_port_shortage(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EADDRNOTAVAIL | libc::EAGAIN)
    )
}
