//! The end of a pipe that writes.
//!
//! Up to 4096 bytes are written whole or not at all, so several writers of short lines do not mix
//! them. The danger is a pipe that nobody reads: writing to it is an error, `BrokenPipe`, and a
//! signal, `SIGPIPE`. Rust's programs ignore the signal from their start; a library within a C
//! program has to see to it that somebody does.

use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::open;
use crate::forward::forward_write;
use crate::io::AsyncWriteExt;
use crate::sys::file::{self, Access};
use crate::sys::pipe;

/// The end of a pipe or FIFO that writes; see [`pipe`](super::pipe()) and
/// [`OpenOptions`](super::OpenOptions).
///
/// # Examples
///
/// What a child reads:
///
/// ```
/// use std::process::{Command, Stdio};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (sender, receiver) = net::pipe::pipe()?;
///     let mut child = Command::new("cat")
///         .stdin(receiver.into_blocking_fd()?)
///         .stdout(Stdio::piped())
///         .spawn()?;
///     sender.write_all(b"meow").await?;
///     drop(sender);
///     assert_eq!(std::io::read_to_string(child.stdout.take().unwrap())?, "meow");
///     child.wait()?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Sender {
    io: AsyncFd<OwnedFd>,
}

impl Sender {
    #[track_caller]
    pub(super) fn over(fd: OwnedFd, call: &str) -> io::Result<Self> {
        Self::over_at(fd, call, Location::caller())
    }

    pub(super) fn over_at(fd: OwnedFd, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        let io = AsyncFd::lazy_at(fd, FdKind::Other, call, caller)?;
        Ok(Self { io })
    }

    /// Takes over the writing end of a pipe or FIFO, and puts it into non-blocking mode: so it is
    /// then for everybody who shares the open file.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `InvalidInput` if it is no pipe, or the other end.
    #[track_caller]
    pub fn from_owned_fd(fd: OwnedFd) -> io::Result<Self> {
        let call = "pipe::Sender::from_owned_fd";
        let this = Self::over(open::adopt(fd, Access::Write, call)?, call)?;
        this.io.expose();
        Ok(this)
    }

    /// Gives the descriptor away, in blocking mode, as a child's standard output wants it.
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

    /// Writes as much as there is room for, or waits until there is room. Up to 4096 bytes are
    /// written whole.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if nobody reads; and whatever `write(2)` reports, but "would block" and
    /// "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|pipe| file::write(pipe.as_fd(), bytes))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut writer = self;
        AsyncWriteExt::write_all(&mut writer, bytes).await
    }

    /// Writes from several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.io
            .write_with(|pipe| file::write_vectored(pipe.as_fd(), buffers))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`write`](Self::write).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_with(|pipe| file::write(pipe.as_fd(), bytes))
    }

    /// Waits until there may be room to write, or the last reader has gone.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.writable()
    }

    /// Makes a system call of your own if there is readiness; see [`AsyncFd::try_io`].
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(&self, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.io.try_io(Interest::WRITABLE, |_| call())
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

impl AsyncWrite for &Sender {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(context, |pipe| file::write(pipe.as_fd(), bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(context, |pipe| file::write_vectored(pipe.as_fd(), buffers))
    }

    /// Ready: nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ready: a pipe ends when its last sender is dropped.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

forward_write!([] Sender, |sender| sender);

impl AsFd for Sender {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}
