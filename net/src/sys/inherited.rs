//! Descriptors that came through `exec(2)`.
//!
//! The danger is to own one that somebody else owns. What came through `exec` is not close-on-exec, or it
//! would not have; what this process has opened is, as std and we do it, and so is what was owned here
//! before. So that flag tells whether a number is free to be taken.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use super::socket::check;

/// Two who look at one number at once would both find it free.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Owns a descriptor that the process was started with; its children do not get it. `None` if it is not
/// open, or was opened by this process, or is owned already.
pub(crate) fn own(number: RawFd) -> io::Result<Option<OwnedFd>> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the call takes no pointer.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 || flags & libc::FD_CLOEXEC != 0 {
        return Ok(None);
    }
    // SAFETY: the call takes no pointer.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, this process has not opened it, and whoever comes next finds the flag.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(number) }))
}
