//! The end of a pipe that reads.
//!
//! The danger is a short read: it looks as if the pipe were empty, and proves nothing. Whoever is
//! shown the end that writes, as a child is, may put it into packet mode, where a read ends with each
//! packet and no new edge tells of the next. So a pipe is read until the kernel says that it is empty,
//! be it one of ours: those that nobody is shown are rare, and a call is all that it would save.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncRead;
use runtime::io::Interest;

use super::end::End;
use super::end::sealed::Direction;
use crate::forward::forward_read;
use crate::sys;
use crate::sys::file::{self, Access};
use crate::sys::pipe;
use crate::whole::ToRead;

/// The end of a pipe or FIFO that reads; see [`pipe`](super::pipe()) and
/// [`OpenOptions`](super::OpenOptions).
///
/// [`End`] has the methods that it shares with the other end: `from_owned_fd`, `capacity` and more.
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
pub type Receiver = End<Reading>;

/// The direction of a [`Receiver`].
#[derive(Debug)]
pub enum Reading {}

impl Direction for Reading {
    const NAME: &'static str = "Receiver";
    const ACCESS: Access = Access::Read;
    const INTEREST: Interest = Interest::READABLE;
}

/// # Reading
impl Receiver {
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
        let mut whole = ToRead::new(buffer);
        while let Some(rest) = whole.rest() {
            let count = self.read(rest).await?;
            whole.came(count)?;
        }
        Ok(())
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
