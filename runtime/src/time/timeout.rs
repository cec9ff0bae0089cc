//! Giving up on a future after a time.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::{Instant, Sleep};
use crate::coop;

/// Waits for a future, for a time at most.
///
/// The future is polled first: one that is ready is never too late.
///
/// # Errors
///
/// [`Elapsed`] when the time has passed before the future was ready. The future is dropped with the
/// `Timeout`.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// As that of the future inside: it is dropped where it stands.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, timeout};
///
/// runtime::block_on(async {
///     let soon = timeout(Duration::from_secs(5), async { 1 }).await;
///     assert_eq!(soon, Ok(1));
///     let never = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
///     assert!(never.is_err());
/// });
/// ```
#[track_caller]
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout {
        future,
        sleep: Sleep::new("time::timeout", Instant::now() + duration),
    }
}

/// Waits for a future, until an instant at most; see [`timeout`].
///
/// # Errors
///
/// [`Elapsed`] when the instant has come before the future was ready.
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// As that of the future inside.
///
/// # Examples
///
/// ```
/// use runtime::time::{Instant, timeout_at};
///
/// runtime::block_on(async {
///     let late = timeout_at(Instant::now(), std::future::pending::<()>()).await;
///     assert!(late.is_err());
/// });
/// ```
#[track_caller]
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout {
        future,
        sleep: Sleep::new("time::timeout_at", deadline),
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    /// The future inside.
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future inside.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future inside, without its time limit.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let had_budget = coop::has_left();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        // A future that has used up the budget of this poll must not thereby escape its limit.
        let was_used_up = had_budget && !coop::has_left();
        let elapsed = if was_used_up {
            ready!(this.sleep.poll_deadline(context.waker()))
        } else {
            ready!(this.sleep.poll_elapsed(context))
        };
        match elapsed {
            Ok(()) => Poll::Ready(Err(Elapsed(()))),
            Err(gone) => panic!("a timeout was polled after its {gone}"),
        }
    }
}

/// The time has passed.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, timeout};
///
/// let late = runtime::block_on(async {
///     timeout(Duration::ZERO, std::future::pending::<()>()).await
/// });
/// assert_eq!(late.unwrap_err().to_string(), "deadline has elapsed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
