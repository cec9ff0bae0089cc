//! What both ends of a pipe can do.
//!
//! The danger is in ends that come from elsewhere or go there. What a descriptor is, and which end, is
//! asked before it is believed. And the mode belongs to the open file, which others may share: it is
//! made non-blocking when an end comes in, and blocking again for those who know nothing of us.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::Location;

use runtime::io::{AsyncFd, FdKind};

use self::sealed::Direction;
use crate::error;
use crate::sys::file::{self, Kind};
use crate::sys::pipe;

/// An end of a pipe or FIFO: a [`Receiver`](super::Receiver) or a [`Sender`](super::Sender).
#[derive(Debug)]
pub struct End<D: Direction> {
    pub(super) io: AsyncFd<OwnedFd>,
    direction: PhantomData<D>,
}

/// # Both ends
impl<D: Direction> End<D> {
    /// Takes an end that nobody else has seen, and that is non-blocking.
    pub(super) fn over_at(fd: OwnedFd, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        Ok(Self {
            io: AsyncFd::lazy_at(fd, FdKind::Other, call, caller)?,
            direction: PhantomData,
        })
    }

    /// Takes over this end of a pipe or FIFO, and puts it into non-blocking mode: so it is then for
    /// everybody who shares the open file.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `InvalidInput` if it is no pipe, or the other end.
    #[track_caller]
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        let call = format!("pipe::{}::from_owned_fd", D::NAME);
        check::<D>(&fd, &call)?;
        let this = Self::over_at(fd, &call, Location::caller())?;
        this.io.expose();
        // Not before it is ours: what is refused stays as it is, for those who share it.
        file::set_nonblocking(this.io.get_ref().as_fd(), true)?;
        Ok(this)
    }

    /// Gives the descriptor away, in blocking mode: as a child wants it, whose standard input or
    /// output it is to be.
    ///
    /// # Errors
    ///
    /// Whatever `fcntl(2)` reports.
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let fd = self.io.into_inner();
        file::set_nonblocking(fd.as_fd(), false)?;
        Ok(fd)
    }

    /// Gives the descriptor away, in non-blocking mode.
    pub fn into_nonblocking_fd(self) -> OwnedFd {
        self.io.into_inner()
    }

    /// Makes a system call of your own if there is readiness; see [`AsyncFd::try_io`].
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(&self, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.io.try_io(D::INTEREST, |_| call())
    }

    /// How many bytes the pipe holds.
    ///
    /// # Errors
    ///
    /// Whatever `fcntl(2)` reports.
    pub fn capacity(&self) -> io::Result<usize> {
        pipe::capacity(self.io.get_ref().as_fd())
    }

    /// Makes the pipe hold at least as many bytes; says how many they are.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` beyond `/proc/sys/fs/pipe-max-size`; `ResourceBusy` if it holds more now.
    pub fn set_capacity(&self, bytes: usize) -> io::Result<usize> {
        pipe::set_capacity(self.io.get_ref().as_fd(), bytes)
    }
}

fn check<D: Direction>(fd: &OwnedFd, call: &str) -> io::Result<()> {
    if file::kind(fd.as_fd())? != Kind::Pipe {
        let message = format!("{call}: the descriptor is not a pipe's");
        return Err(error::invalid(message));
    }
    if !file::access(fd.as_fd())?.includes(D::ACCESS) {
        let message = format!("{call}: it is the other end of the pipe");
        return Err(error::invalid(message));
    }
    Ok(())
}

impl<D: Direction> TryFrom<File> for End<D> {
    type Error = io::Error;

    /// As [`End::from_owned_fd`].
    #[track_caller]
    fn try_from(opened: File) -> io::Result<Self> {
        Self::from_owned_fd(opened.into())
    }
}

impl<D: Direction> AsFd for End<D> {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<D: Direction> AsRawFd for End<D> {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

/// What the crate must know of each end, and nobody else can name.
pub(super) mod sealed {
    use std::fmt::Debug;

    use runtime::io::Interest;

    use crate::sys::file::Access;

    /// Which way the bytes go, seen from this end.
    pub trait Direction: Debug {
        /// What users call the end, for errors.
        const NAME: &'static str;
        /// What its descriptor must be open for.
        const ACCESS: Access;
        /// What it waits for.
        const INTEREST: Interest;
    }
}
