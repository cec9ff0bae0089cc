//! Pipes.
//!
//! See `pipe(2)`, `pipe(7)`, `fcntl(2)`. They are read and written as any [`file`](super::file).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::socket::{check, poll};

/// A pipe: the end to read, and the end to write. With packets, each read returns what one write
/// wrote.
pub(crate) fn pipe(with_packets: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    let packets = if with_packets { libc::O_DIRECT } else { 0 };
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | packets;
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for the two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), flags) })?;
    // SAFETY: the kernel has just made these descriptors and nobody else owns them.
    let [reader, writer] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    Ok((reader, writer))
}

/// How many bytes a pipe holds.
pub(crate) fn capacity(pipe: BorrowedFd<'_>) -> io::Result<usize> {
    // SAFETY: the command takes no argument.
    let size = check(unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_GETPIPE_SZ) })?;
    Ok(size as usize)
}

/// Makes a pipe hold at least as many bytes, and says how many they are.
pub(crate) fn set_capacity(pipe: BorrowedFd<'_>, bytes: usize) -> io::Result<usize> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let fd = pipe.as_raw_fd();
    // SAFETY: the command takes a number.
    let size = check(unsafe { libc::fcntl(fd, libc::F_SETPIPE_SZ, bytes) })?;
    Ok(size as usize)
}

/// Whether there are bytes to read. That nobody can write any more does not count.
pub(crate) fn has_bytes(pipe: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(pipe, libc::POLLIN)? & libc::POLLIN != 0)
}
