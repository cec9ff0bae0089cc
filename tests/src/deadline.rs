//! A hang is a failure.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Runs a test on a thread of its own and fails when it takes longer than `limit`.
///
/// # Panics
///
/// If the time is over, or the test panics.
pub fn within<R: Send + 'static>(limit: Duration, test: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, outcome) = channel();
    let thread = thread::spawn(move || {
        let result = test();
        let _ = done.send(());
        result
    });
    match outcome.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs: it was not done after {limit:?}"),
        _ => thread
            .join()
            .unwrap_or_else(|payload| resume_unwind(payload)),
    }
}

/// [`within`] the time that any test of a few operations may take on a busy machine.
///
/// # Panics
///
/// If the time is over, or the test panics.
pub fn soon<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    within(SOON, test)
}

/// Much longer than any such test takes.
pub const SOON: Duration = Duration::from_secs(30);
