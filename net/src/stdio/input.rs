//! Standard input.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::AsyncRead;
use runtime::io::AsyncFd;

use super::source::Source;
use super::threads::ThreadReader;
use crate::sys::file::{self, Access};
use crate::sys::recv_now;

/// Standard input; see [`stdin`].
#[derive(Debug)]
pub struct Stdin(Input);

#[derive(Debug)]
enum Input {
    Own(AsyncFd<OwnedFd>),
    Socket(AsyncFd<OwnedFd>),
    Thread(ThreadReader),
}

/// A handle to standard input.
///
/// A terminal, a pipe or a socket is waited for without a thread, and is not made non-blocking for
/// those who share it. Anything else is read on a thread. Nothing is buffered here that was not asked
/// for, and the end of the program never waits for a read. Of several handles each gets part of what
/// is typed.
///
/// A pipe is opened anew: whoever writes to it is told that nobody reads only when the handle is
/// dropped too.
///
/// # Errors
///
/// Outside of a runtime; and if there is no standard input.
///
/// # Examples
///
/// ```no_run
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let mut stdin = net::stdio::stdin()?;
///     let mut buffer = [0; 1024];
///     println!("say something");
///     let count = stdin.read(&mut buffer).await?;
///     println!("you said {}", String::from_utf8_lossy(&buffer[..count]));
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn stdin() -> io::Result<Stdin> {
    let given = io::stdin();
    let source = Source::new(
        given.as_fd(),
        Access::Read,
        "stdio::stdin",
        Location::caller(),
    )?;
    Ok(Stdin(match source {
        Source::Own(io) => Input::Own(io),
        Source::Socket(io) => Input::Socket(io),
        Source::Thread(file, runtime) => Input::Thread(ThreadReader::new(file, runtime)),
    }))
}

impl Stdin {
    /// Reads what has come, or waits until something has. 0 is the end.
    ///
    /// # Errors
    ///
    /// Whatever `read(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing is lost: what a thread reads meanwhile is
    /// kept for the next call.
    pub fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(move |context| self.poll_read_inner(context, buffer))
    }

    /// Whether a thread has to stand behind it, as it cannot be waited for.
    pub fn needs_thread(&self) -> bool {
        matches!(self.0, Input::Thread(_))
    }

    fn poll_read_inner(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        match &mut self.0 {
            Input::Own(io) => {
                io.poll_read_with(context, wanted, |fd| file::read(fd.as_fd(), buffer))
            }
            Input::Socket(io) => {
                io.poll_read_with(context, wanted, |fd| recv_now(fd.as_fd(), buffer))
            }
            Input::Thread(thread) => thread.poll_read(context, buffer),
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_inner(context, buffer)
    }
}
