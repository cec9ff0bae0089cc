//! The end of a pipe that reads.
//!
//! The danger is a short read: it looks as if the pipe were empty, and proves nothing. Whoever is
//! shown the end that writes, as a child is, may put it into packet mode, where a read ends with each
//! packet and no new edge tells of the next. So a pipe is read until the kernel says that it is empty,
//! be it one of ours: those that nobody is shown are rare, and a call is all that it would save.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncRead;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::open;
use crate::forward::forward_read;
use crate::io::AsyncReadExt;
use crate::sys;
use crate::sys::file::{self, Access};
use crate::sys::pipe;

/// The end of a pipe or FIFO that reads; see [`pipe`](super::pipe()) and
/// [`OpenOptions`](super::OpenOptions).
///
/// # Examples
///
/// What a child prints:
///
/// ```
/// use std::os::fd::OwnedFd;
/// use std::process::{Command, Stdio};
/// use net::pipe::Receiver;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
///     let stdout = child.stdout.take().expect("it was asked for");
///     let stdout = Receiver::from_owned_fd(OwnedFd::from(stdout))?;
///     let mut buffer = [0; 64];
///     assert_eq!(stdout.read(&mut buffer).await?, 6);
///     child.wait()?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver {
    io: AsyncFd<OwnedFd>,
}

impl Receiver {
    #[track_caller]
    pub(super) fn over(fd: OwnedFd, call: &str) -> io::Result<Self> {
        let io = AsyncFd::lazy(fd, FdKind::Other, call)?;
        Ok(Self { io })
    }

    /// Takes over the reading end of a pipe or FIFO, and puts it into non-blocking mode: so it is
    /// then for everybody who shares the open file.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `InvalidInput` if it is no pipe, or the other end.
    #[track_caller]
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        let call = "pipe::Receiver::from_owned_fd";
        let fd = open::adopt(fd, Access::Read, call)?;
        let this = Self::over(fd, call)?;
        this.io.expose();
        Ok(this)
    }

    /// Gives the descriptor away, in blocking mode, as a child's standard input wants it.
    ///
    /// # Errors
    ///
    /// Whatever `fcntl(2)` reports.
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        open::blocking(self.io.into_inner())
    }

    /// Gives the descriptor away, in non-blocking mode.
    pub fn into_nonblocking_fd(self) -> OwnedFd {
        self.io.into_inner()
    }

    /// Reads what has come, or waits until something has. 0 means that nobody can write any more;
    /// for a FIFO see [`next_writer`](Self::next_writer).
    ///
    /// # Errors
    ///
    /// Whatever `read(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .read_with(wanted, move |pipe| file::read(pipe.as_fd(), buffer))
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the last writer goes before that; and whatever `read(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut reader = self;
        AsyncReadExt::read_exact(&mut reader, buffer).await
    }

    /// Reads into several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `readv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        let wanted = sys::vectored_length(buffers);
        self.io
            .read_with(wanted, |pipe| sys::recv_vectored(pipe.as_fd(), buffers))
    }

    /// Reads what has come, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has and somebody may still write; and whatever `read(2)` reports.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_io(Interest::READABLE, |pipe| file::read(pipe.as_fd(), buffer))
    }

    /// Waits until there is something to read, however many writers come and go without a word. For
    /// a FIFO that has been read to its end.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub fn next_writer(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.async_io(Interest::READABLE, |fd| {
            match pipe::has_bytes(fd.as_fd())? {
                true => Ok(()),
                // That there is no writer is readiness too, and has been used: what is waited for
                // is the next change.
                false => Err(io::ErrorKind::WouldBlock.into()),
            }
        })
    }

    /// Waits until there may be something to read, or the last writer has gone.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.readable()
    }

    /// Makes a system call of your own if there is readiness; see [`AsyncFd::try_io`].
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(&self, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.io.try_io(Interest::READABLE, |_| call())
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

impl AsyncRead for &Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        self.io
            .poll_read_with(context, wanted, |pipe| file::read(pipe.as_fd(), buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted = sys::vectored_length(buffers);
        self.io.poll_read_with(context, wanted, |pipe| {
            sys::recv_vectored(pipe.as_fd(), buffers)
        })
    }
}

forward_read!([] Receiver, |receiver| receiver);

impl AsFd for Receiver {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}
