//! An alarm that can be set for another thread.
//!
//! Wraps `timerfd_create(2)` and `timerfd_settime(2)`. The descriptor lies in the epoll of the
//! thread that is to be called; anybody may set it, without waking that thread now. It is watched
//! edge-triggered and never read: each expiry is an edge.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use super::check;

/// A timer descriptor.
#[derive(Debug)]
pub(crate) struct TimerFd {
    fd: OwnedFd,
}

impl TimerFd {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: timerfd_create takes no pointer; a bad flag is reported as EINVAL.
        let fd = check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: the kernel has just made this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// Expires once, `after` this moment, instead of when it was set to before.
    pub(crate) fn set(&self, after: Duration) {
        let time = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: libc::timespec {
                tv_sec: after.as_secs() as libc::time_t,
                tv_nsec: after.subsec_nanos() as libc::c_long,
            },
        };
        // SAFETY: `time` lives for the call, which only reads it; the null pointer asks for nothing
        // back. It fails for a bad time or descriptor only, and both are ours.
        unsafe {
            libc::timerfd_settime(
                self.fd.as_raw_fd(),
                0,
                &raw const time,
                std::ptr::null_mut(),
            )
        };
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
