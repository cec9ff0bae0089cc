//! The end of a pipe that writes.
//!
//! Up to 4096 bytes are written whole or not at all, so several writers of short lines do not mix
//! them. The danger is a pipe that nobody reads: writing to it is an error, `BrokenPipe`, and a
//! signal, `SIGPIPE`. Rust's programs ignore the signal from their start; a library within a C
//! program has to see to it that somebody does.

use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;
use runtime::io::Interest;

use super::end::End;
use super::end::sealed::Direction;
use crate::forward::forward_write;
use crate::sys::file::{self, Access};
use crate::whole::ToWrite;

/// The end of a pipe or FIFO that writes; see [`pipe`](super::pipe()) and
/// [`OpenOptions`](super::OpenOptions).
///
/// [`End`] has the methods that it shares with the other end: `from_owned_fd`, `capacity` and more.
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
pub type Sender = End<Writing>;

/// The direction of a [`Sender`].
#[derive(Debug)]
pub enum Writing {}

impl Direction for Writing {
    const NAME: &'static str = "Sender";
    const ACCESS: Access = Access::Write;
    const INTEREST: Interest = Interest::WRITABLE;
}

/// # Writing
impl Sender {
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
        let mut whole = ToWrite::new(bytes);
        while let Some(rest) = whole.rest() {
            whole.went(self.write(rest).await?)?;
        }
        Ok(())
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
