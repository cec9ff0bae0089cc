//! Files: what they are, and reading and writing them.
//!
//! See `fcntl(2)`, `fstat(2)`, `read(2)`, `write(2)`. Two dangers. The mode of an open file belongs
//! to everybody who shares it, in other processes too. And there is no way to write to a pipe without
//! a signal if nobody reads: Rust's programs ignore `SIGPIPE` from their start.

#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::socket::{MOST_SLICES, check, retry};

/// Opens a file in non-blocking mode, which for a FIFO means without waiting for the other end.
pub(crate) fn open(path: &Path, access: Access) -> io::Result<OwnedFd> {
    let (read, write) = (access != Access::Write, access != Access::Read);
    let mut options = OpenOptions::new();
    // That a terminal is opened must not make it this process's.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    options.read(read).write(write).custom_flags(flags);
    Ok(options.open(path)?.into())
}

/// What may be done with an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    Both,
}

impl Access {
    /// Whether what is open for this may be used for the other.
    pub(crate) fn includes(self, other: Self) -> bool {
        self == other || self == Self::Both
    }
}

/// What an open file may be used for.
pub(crate) fn access(file: BorrowedFd<'_>) -> io::Result<Access> {
    Ok(match flags(file)? & libc::O_ACCMODE {
        libc::O_RDONLY => Access::Read,
        libc::O_WRONLY => Access::Write,
        _ => Access::Both,
    })
}

/// What kind of file a descriptor names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pipe, or a FIFO.
    Pipe,
    Socket,
    /// A terminal, but not the side of one that a terminal's program has: opening that makes another.
    Terminal,
    /// A file, a directory, or a device of some other kind.
    Other,
}

/// What kind of file it is.
pub(crate) fn kind(file: BorrowedFd<'_>) -> io::Result<Kind> {
    let fd = file.as_raw_fd();
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: there is room for the one `stat` that the call writes.
    check(unsafe { libc::fstat(fd, status.as_mut_ptr()) })?;
    // SAFETY: zeroes, and what the kernel wrote over them: any bytes are a valid `stat`.
    let status = unsafe { status.assume_init() };
    Ok(match status.st_mode & libc::S_IFMT {
        libc::S_IFIFO => Kind::Pipe,
        libc::S_IFSOCK => Kind::Socket,
        // SAFETY: the call takes no pointer.
        libc::S_IFCHR if status.st_rdev != PTMX && unsafe { libc::isatty(fd) } == 1 => {
            Kind::Terminal
        }
        _ => Kind::Other,
    })
}

/// Puts an open file into non-blocking mode, or out of it: for all who share it.
pub(crate) fn set_nonblocking(file: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let old = flags(file)?;
    let new = match on {
        true => old | libc::O_NONBLOCK,
        false => old & !libc::O_NONBLOCK,
    };
    if new != old {
        let fd = file.as_raw_fd();
        // SAFETY: the command takes a number.
        check(unsafe { libc::fcntl(fd, libc::F_SETFL, new) })?;
    }
    Ok(())
}

fn flags(file: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    // SAFETY: the command takes no argument.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) })
}

/// Reads bytes that have come.
pub(crate) fn read(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let fd = file.as_raw_fd();
    // SAFETY: the call writes to `buffer`, at most as many bytes as it has.
    retry(|| unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Writes bytes for which there is room.
pub(crate) fn write(file: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let fd = file.as_raw_fd();
    // SAFETY: the call reads `bytes`.
    retry(|| unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// Writes from several buffers, one after the other.
pub(crate) fn write_vectored(file: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let fd = file.as_raw_fd();
    let count = buffers.len().min(MOST_SLICES) as libc::c_int;
    // SAFETY: an `IoSlice` is laid out as an `iovec`, and the call only reads where they point.
    retry(|| unsafe { libc::writev(fd, buffers.as_ptr().cast(), count) })
}

/// The device by which programs that show terminals make them.
const PTMX: libc::dev_t = libc::makedev(5, 2);
