//! A hang is a failure.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::leaks;
use crate::sync::{Condvar, Mutex};

/// Runs a test on a thread of its own and fails when it takes longer than `limit`.
///
/// # Panics
///
/// If the time is over, or the test panics.
pub fn within<R: Send + 'static>(limit: Duration, test: impl FnOnce() -> R + Send + 'static) -> R {
    leaks::watch();
    let outcome = Arc::new((Mutex::new(None), Condvar::default()));
    let theirs = outcome.clone();
    let thread = thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(test));
        *theirs.0.lock() = Some(result);
        theirs.1.notify_all();
    });
    let limit_at = Instant::now() + limit;
    let mut result = outcome.0.lock();
    while result.is_none() {
        let left = limit_at.saturating_duration_since(Instant::now());
        assert!(
            !left.is_zero(),
            "the test hangs: it was not done after {limit:?}"
        );
        result = outcome.1.wait_for(result, left).0;
    }
    let result = result.take();
    // It only has its locals left to drop.
    let _ = thread.join();
    match result.expect("it was waited for") {
        Ok(value) => value,
        Err(payload) => resume_unwind(payload),
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
