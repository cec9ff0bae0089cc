//! Moving bytes without copying them: through a pipe, or straight out of a file.
//!
//! See `splice(2)`, `sendfile(2)`, `pipe(7)`. Two dangers. Neither call can be told not to raise
//! `SIGPIPE` when the peer has gone, so whoever makes them asks first whether the process ignores it.
//! And a pipe says "would block" in one word for two reasons, that it is full and that its source is
//! dry: so it is filled only when it is empty. `SPLICE_F_MORE` is never set: it would hold the last
//! bytes back for a fifth of a second.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::pipe;
use super::socket::retry;

/// A pipe, by both of its ends.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) reader: OwnedFd,
    pub(crate) writer: OwnedFd,
}

impl Pipe {
    /// A pipe with room for `room` bytes, if this user may have as much, or else for less.
    pub(crate) fn new(room: usize) -> io::Result<Self> {
        let (reader, writer) = pipe::pipe(false)?;
        // That it is refused is no error.
        let _ = pipe::set_capacity(writer.as_fd(), room);
        Ok(Self { reader, writer })
    }
}

/// Moves bytes; one of the two ends is a pipe's. They are numbers here: whoever calls has the
/// descriptors.
pub(crate) fn splice(from: RawFd, to: RawFd, most: usize) -> io::Result<usize> {
    let none = std::ptr::null_mut();
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: null offsets are allowed, and there is no other pointer.
    retry(|| unsafe { libc::splice(from, none, to, none, most, flags) })
}

/// Writes bytes of a file to a socket, from `offset` on.
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: u64,
    most: usize,
) -> io::Result<usize> {
    let (to, from) = (socket.as_raw_fd(), file.as_raw_fd());
    // Beyond what a file can have, where there is nothing to read.
    let mut offset = libc::off64_t::try_from(offset).unwrap_or(libc::off64_t::MAX);
    // SAFETY: the call reads and writes the one number at `offset`.
    retry(|| unsafe { libc::sendfile64(to, from, &raw mut offset, most) })
}

/// Whether the process ignores `SIGPIPE`, as Rust programs do from their start.
pub(crate) fn ignores_broken_pipes() -> bool {
    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    let (none, out) = (std::ptr::null(), current.as_mut_ptr());
    // SAFETY: without a new action the call only writes the current one, for which there is room.
    if unsafe { libc::sigaction(libc::SIGPIPE, none, out) } != 0 {
        return false;
    }
    // SAFETY: the call has written it; and zeroes are one too.
    let current = unsafe { current.assume_init() };
    current.sa_sigaction == libc::SIG_IGN
}
