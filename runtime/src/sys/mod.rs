//! The system calls this crate makes, each behind a small safe face.
//!
//! Nothing here knows what a task or a waker is. What may be interrupted by a signal is tried
//! again here, every descriptor is close-on-exec from birth, and no other folder of the crate
//! names `libc`.

mod clock;
mod descriptor;
mod epoll;
mod eventfd;
mod fork;
mod mask;
mod timerfd;

pub(crate) use clock::{CoarseInstant, Moment};
pub(crate) use descriptor::{Mode, mode};
pub(crate) use epoll::{Epoll, Event, Events, bits};
pub(crate) use eventfd::EventFd;
pub(crate) use fork::ForkMark;
pub(crate) use mask::{block, may_be_blocked, unblock};
pub(crate) use timerfd::TimerFd;

use std::io;

/// Error numbers that mean more to us than their text says.
pub(crate) mod errno {
    pub(crate) use libc::{EEXIST, ENOSPC, EPERM};
}

/// Turns the `-1` convention of a system call into a [`Result`](io::Result).
fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}
