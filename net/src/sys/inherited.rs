//! Descriptors that came through `exec(2)`.
//!
//! The danger is to own one that somebody else owns. What came through `exec` is not close-on-exec, or it
//! would not have; what this process has opened is, as std and we do it. So that flag tells whether a
//! number is free to be taken. But who owns one may turn the flag off again, to hand it on to a child: so
//! it is believed once in the life of a process, before anything was taken.

#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use super::socket::check;

/// Numbers were taken: what has none of those flags now is somebody's.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Owns those of the numbers that the process was started with; its children do not get them. What is
/// not open, or was opened by this process, is passed over. Later calls find none.
pub(crate) fn own(numbers: Range<RawFd>) -> io::Result<Vec<OwnedFd>> {
    // Relaxed: it guards nothing but itself.
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    numbers
        .filter_map(|number| own_one(number).transpose())
        .collect()
}

fn own_one(number: RawFd) -> io::Result<Option<OwnedFd>> {
    // SAFETY: the call takes no pointer.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 || flags & libc::FD_CLOEXEC != 0 {
        return Ok(None);
    }
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, this process has not opened it, and nobody comes here again.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(number) }))
}
