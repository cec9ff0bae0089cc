//! Signals, as a stream of what has come: [`signal`], [`ctrl_c`], [`end_requested`].
//!
//! They are read from a descriptor (`signalfd(2)`); there is no handler, so nothing is interrupted and
//! nothing is lost between a handler and a task. Real-time signals come one by one, in order, each
//! with who has sent it and its value. Of the others the kernel keeps one at a time: of several that
//! come before the first is taken, one is seen.
//!
//! The danger is a thread that gets the signal instead. So a runtime has to be told of its signals when
//! it is built, before it makes threads: [`Builder::signals`](runtime::Builder::signals), or
//! `#[runtime::main(signals = [..])]`. A stream of a signal that some thread does not block is refused.
//!
//! ```
//! use net::signal::{SignalKind, signal, sigqueue};
//!
//! # fn main() -> std::io::Result<()> {
//! let hello = SignalKind::real_time(1);
//! let runtime = runtime::Builder::new_multi_thread().signals([hello]).build()?;
//! runtime.block_on(async {
//!     let mut stream = signal(hello)?;
//!     sigqueue(std::process::id(), hello, 42)?;
//!     let info = stream.recv().await.expect("the runtime is there");
//!     assert_eq!((info.pid, info.value), (std::process::id(), 42));
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # What becomes of a signal
//!
//! | | |
//! |---|---|
//! | before a stream is opened, and when it was dropped | it waits for the next one, in the kernel or, if it was read ahead, here |
//! | while there are several streams of its kind | each sees it |
//! | of a real-time signal, while one of several streams leaves 1024 untaken | it waits in the kernel, for all of them: none is lost, and none overtakes. Drop a stream that is not read |
//! | while as many wait in the kernel as its limit is (`ulimit -i`) | who sends a real-time one is told, and can try again |
//! | after [`Signal::release`], [`ctrl_c`] or [`end_requested`] | it does what it does by default: a second Ctrl-C ends the program |
//! | when the runtime was dropped, where it was built | the same; also one that had come and was not taken |
//! | in a child process | it waits for ever, unless [`reset_in_child`] was called |
//!
//! A signal that is sent to one thread (`pthread_kill(3)`, and `raise(3)` in a program with threads)
//! is seen by that thread only, and so by a stream only by chance: send it to the process.

mod audience;
mod info;
mod keeper;
mod kind;
mod stream;
mod threads;

use std::future::{Future, poll_fn};
use std::io;
use std::panic::Location;
use std::process::Command;
use std::task::Poll;

pub use self::info::SigInfo;
pub use self::kind::SignalKind;
pub use self::stream::Signal;
use crate::sys::{self, errno};

/// Opens a stream of the signals of one kind.
///
/// # Errors
///
/// If some thread of the process does not block the signal, which the error names: tell
/// [`Builder::signals`](runtime::Builder::signals) of it. Outside of a runtime; and if the process has
/// no descriptors left.
///
/// # Examples
///
/// ```
/// use net::signal::{SignalKind, signal, sigqueue};
///
/// # fn main() -> std::io::Result<()> {
/// let reload = SignalKind::hangup();
/// let runtime = runtime::Builder::new_current_thread().signals([reload]).build()?;
/// runtime.block_on(async {
///     let mut hangups = signal(reload)?;
///     sigqueue(std::process::id(), reload, 0)?; // as `kill -HUP` would
///     hangups.recv().await;
///     println!("reading the settings again");
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    Signal::open(kind, Location::caller())
}

/// Waits for Ctrl-C. When it has come, the next one ends the program: see [`Signal::release`].
///
/// In a loop rather keep a stream of [`SignalKind::interrupt`]: opening one looks at all threads.
///
/// # Errors
///
/// As [`signal`]; and when the runtime shuts down. So without `signals = [..]` it is an error at once.
/// Do not throw that away: `_ = ctrl_c() => break` in a [`select!`](runtime::select) would take it for
/// Ctrl-C, and the program would end at its start, in silence and with code 0. The right form is
/// `ended = ctrl_c() => break ended?`.
///
/// # Cancel safety
///
/// If the future is dropped before it is done, no signal was taken: one that comes waits for the next
/// call.
///
/// # Examples
///
/// ```no_run
/// use net::signal::{SignalKind, ctrl_c};
///
/// #[runtime::main(signals = [SignalKind::interrupt()])]
/// async fn main() -> std::io::Result<()> {
///     ctrl_c().await?;
///     println!("ending; Ctrl-C once more to end at once");
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    let first = first_of([signal(SignalKind::interrupt())]);
    async { first.await.map(drop) }
}

/// Waits until the process is asked to end, by Ctrl-C or `SIGTERM`, and says by which. From then on
/// the next of either ends it: see [`Signal::release`].
///
/// # Errors
///
/// As [`signal`], for both; and when the runtime shuts down.
///
/// # Cancel safety
///
/// If the future is dropped before it is done, no signal was taken: one that comes waits for the next
/// call.
///
/// # Examples
///
/// ```
/// use net::signal::{SignalKind, end_requested, sigqueue};
///
/// #[runtime::main(signals = [SignalKind::interrupt(), SignalKind::terminate()])]
/// async fn main() -> std::io::Result<()> {
///     sigqueue(std::process::id(), SignalKind::terminate(), 0)?; // as `kill` would
///     assert_eq!(end_requested().await?, SignalKind::terminate());
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn end_requested() -> impl Future<Output = io::Result<SignalKind>> {
    first_of([
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ])
}

/// Waits for any of them, and then releases all.
async fn first_of<const N: usize>(streams: [io::Result<Signal>; N]) -> io::Result<SignalKind> {
    let mut streams = streams.into_iter().collect::<io::Result<Vec<_>>>()?;
    let first = poll_fn(|context| {
        let mut polled = streams.iter_mut().map(|stream| stream.poll_recv(context));
        let ready = polled.find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    });
    let first = first.await;
    for stream in streams {
        stream.release()?;
    }
    let shut_down = || io::Error::other("the runtime has shut down, and sees no signals any more");
    first.map(|info| info.kind()).ok_or_else(shut_down)
}

/// Sends a signal to a process, with a value.
///
/// # Errors
///
/// If there is no such process, or this one may not send to it. For a real-time signal, of kind
/// [`WouldBlock`](io::ErrorKind::WouldBlock), if as many wait there already as its user may have.
///
/// # Examples
///
/// ```
/// use net::signal::{SignalKind, sigqueue};
///
/// let nobody = i32::MAX as u32;
/// assert!(sigqueue(nobody, SignalKind::user_defined1(), 7).is_err());
/// ```
pub fn sigqueue(pid: u32, kind: SignalKind, value: i32) -> io::Result<()> {
    sys::signal::sigqueue(pid, kind.as_raw_value(), value).map_err(|error| {
        match error.raw_os_error() {
            Some(errno::EAGAIN) => io::Error::new(
                io::ErrorKind::WouldBlock,
                format!(
                    "sigqueue({pid}, {kind}): too many signals wait for this user's processes: try \
                     again when some were taken, or raise the limit (ulimit -i)"
                ),
            ),
            _ => error,
        }
    })
}

/// Makes a command start its program with no signal blocked.
///
/// A child inherits what the thread blocks that starts it, and keeps it when it becomes another
/// program: without this, a child of a runtime with [`Builder::signals`](runtime::Builder::signals)
/// does not end by Ctrl-C.
///
/// # Examples
///
/// ```
/// use std::process::Command;
///
/// let mut command = Command::new("grep");
/// net::signal::reset_in_child(command.args(["SigBlk", "/proc/self/status"]));
/// assert_eq!(command.output()?.stdout, b"SigBlk:\t0000000000000000\n");
/// # std::io::Result::Ok(())
/// ```
pub fn reset_in_child(command: &mut Command) -> &mut Command {
    sys::signal::unblock_in_child(command);
    command
}
