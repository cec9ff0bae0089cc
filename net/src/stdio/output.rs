//! Standard output, and standard error.
//!
//! What is written here and what `println!` writes are not kept in order: std has a buffer of its
//! own, which ends with each line.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;
use runtime::io::AsyncFd;

use super::source::Source;
use super::threads::ThreadWriter;
use crate::sys::file::{self, Access};
use crate::sys::send_now;
use crate::whole::ToWrite;

/// Standard output; see [`stdout`].
#[derive(Debug)]
pub struct Stdout(Output);

/// Standard error; see [`stderr`].
#[derive(Debug)]
pub struct Stderr(Output);

/// A handle to standard output.
///
/// A terminal, a pipe or a socket is waited for without a thread, and is not made non-blocking for
/// those who share it. Anything else is written on a thread: there `write` takes the bytes over, and
/// [`flush`](Stdout::flush) waits until they are written. Who ends without it may lose the last.
///
/// A pipe is opened anew: its reader meets the end only when the handle is dropped too.
///
/// # Errors
///
/// Outside of a runtime; and if there is no standard output.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut stdout = net::stdio::stdout()?;
///     stdout.write_all(b"hello\n").await?;
///     stdout.flush().await
/// })
/// # }
/// ```
#[track_caller]
pub fn stdout() -> io::Result<Stdout> {
    Output::new(io::stdout().as_fd(), "stdio::stdout", Location::caller()).map(Stdout)
}

/// A handle to standard error; all as for [`stdout`].
///
/// # Errors
///
/// Outside of a runtime; and if there is no standard error.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut stderr = net::stdio::stderr()?;
///     stderr.write_all(b"something is wrong\n").await?;
///     stderr.flush().await
/// })
/// # }
/// ```
#[track_caller]
pub fn stderr() -> io::Result<Stderr> {
    Output::new(io::stderr().as_fd(), "stdio::stderr", Location::caller()).map(Stderr)
}

#[derive(Debug)]
enum Output {
    Own(AsyncFd<OwnedFd>),
    Socket(AsyncFd<OwnedFd>),
    Thread(ThreadWriter),
}

impl Output {
    fn new(given: BorrowedFd<'_>, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        Ok(match Source::new(given, Access::Write, call, caller)? {
            Source::Own(io) => Self::Own(io),
            Source::Socket(io) => Self::Socket(io),
            Source::Thread(file, runtime) => Self::Thread(ThreadWriter::new(file, runtime)),
        })
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Own(io) => io.poll_write_with(context, |fd| file::write(fd.as_fd(), bytes)),
            Self::Socket(io) => io.poll_write_with(context, |fd| send_now(fd.as_fd(), bytes)),
            Self::Thread(thread) => thread.poll_write(context, bytes),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Own(_) | Self::Socket(_) => Poll::Ready(Ok(())),
            Self::Thread(thread) => thread.poll_flush(context),
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut whole = ToWrite::new(bytes);
        while let Some(rest) = whole.rest() {
            whole.went(poll_fn(|context| self.poll_write(context, rest)).await?)?;
        }
        Ok(())
    }

    fn needs_thread(&self) -> bool {
        matches!(self, Self::Thread(_))
    }
}

/// The same for both: which of the two it is differs, and nothing else.
macro_rules! outputs {
    ($($kind:ty),*) => {$(
        impl $kind {
            /// Writes as much as there is room for, or waits until there is room.
            ///
            /// # Errors
            ///
            /// Whatever `write(2)` reports, but "would block" and "interrupted"; on a thread, what it
            /// reported for the bytes before these.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is done, nothing was written.
            pub fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
                poll_fn(|context| self.0.poll_write(context, bytes))
            }

            /// Writes all of it.
            ///
            /// # Errors
            ///
            /// As `write`.
            ///
            /// # Cancel safety
            ///
            /// None: how much was written by then is known to nobody.
            pub fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
                self.0.write_all(bytes)
            }

            /// Waits until everything is written that a thread has taken over.
            ///
            /// # Errors
            ///
            /// Whatever `write(2)` reported there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost; flush again.
            pub fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
                poll_fn(|context| self.0.poll_flush(context))
            }

            /// Whether a thread has to stand behind it, as it cannot be waited for.
            pub fn needs_thread(&self) -> bool {
                self.0.needs_thread()
            }
        }

        impl AsyncWrite for $kind {
            fn poll_write(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.0.poll_write(context, bytes)
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_flush(context)
            }

            /// Flushes: others may go on writing there.
            fn poll_close(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.0.poll_flush(context)
            }
        }
    )*};
}

outputs!(Stdout, Stderr);
