//! What a descriptor is, before it is registered.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;

/// Whether a descriptor can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    NonBlocking,
    Blocking,
    /// Regular files and directories, which epoll refuses.
    RegularFile,
}

/// Asks `fcntl(2)` and, for what blocks, `fstat(2)`.
pub(crate) fn mode(fd: BorrowedFd<'_>) -> io::Result<Mode> {
    // SAFETY: F_GETFL takes no argument.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    if flags & libc::O_NONBLOCK != 0 {
        return Ok(Mode::NonBlocking);
    }
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the call writes one `stat`, for which there is room.
    check(unsafe { libc::fstat(fd.as_raw_fd(), status.as_mut_ptr()) })?;
    // SAFETY: the call has succeeded, so it has written it.
    let kind = unsafe { status.assume_init() }.st_mode & libc::S_IFMT;
    Ok(match kind {
        libc::S_IFREG | libc::S_IFDIR => Mode::RegularFile,
        _ => Mode::Blocking,
    })
}
