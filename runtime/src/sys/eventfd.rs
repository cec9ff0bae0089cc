//! The one way to wake a worker that sleeps in its epoll.
//!
//! An `eventfd(2)` registered edge-triggered: every write is a new edge, so nobody ever reads it.
//! That leaves one danger, a counter that fills up after 2^64 - 2 wakes and refuses the next write;
//! the reader then empties it. At a billion wakes a second that is the year 2600, and the cure is
//! one line, so it is here.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// A counter descriptor whose every write is an edge.
#[derive(Debug)]
pub(crate) struct EventFd {
    fd: OwnedFd,
}

impl EventFd {
    /// Opens one, non-blocking.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointer.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the kernel has just made this descriptor and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd })
    }

    /// Makes an edge.
    pub(crate) fn signal(&self) {
        // A write can fail in two ways only: interrupted, or full.
        while let Err(error) = self.write_one() {
            if error.kind() != io::ErrorKind::Interrupted && self.empty().is_err() {
                return;
            }
        }
    }

    fn write_one(&self) -> io::Result<()> {
        let one = 1_u64;
        // SAFETY: the call reads the eight bytes of `one`.
        let written = unsafe { libc::write(self.fd.as_raw_fd(), (&raw const one).cast(), 8) };
        check(written as libc::c_int).map(drop)
    }

    fn empty(&self) -> io::Result<()> {
        let mut count = 0_u64;
        // SAFETY: the call writes the eight bytes of `count`.
        let read = unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut count).cast(), 8) };
        check(read as libc::c_int).map(drop)
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
