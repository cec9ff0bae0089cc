//! Waiting for a deadline.
//!
//! A sleep has a place in its core's timer wheel from the first time that it is polled and not yet
//! due, until it is dropped. Most never fire: they are dropped with the timeout round them, or moved
//! to a later deadline. Both are cheap: no allocation but the wheel's own growth, no system call.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use super::Instant;
use crate::coop;
use crate::driver;
use crate::primitive::Arc;
use crate::timer::{AllTimers, Key, Polled};

/// Waits for a time.
///
/// # Panics
///
/// Outside of a runtime; and when it is polled after its runtime has shut down.
///
/// # Cancel safety
///
/// Nothing is lost; a new sleep begins anew.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, sleep};
///
/// runtime::block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(5)).await;
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new("time::sleep", Instant::now() + duration)
}

/// Waits for an instant.
///
/// # Panics
///
/// Outside of a runtime; and when it is polled after its runtime has shut down.
///
/// # Cancel safety
///
/// Nothing is lost: another sleep until the same instant ends at the same time.
///
/// # Examples
///
/// ```
/// use runtime::time::{Instant, sleep_until};
///
/// runtime::block_on(async {
///     sleep_until(Instant::now()).await;
/// });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new("time::sleep_until", deadline)
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is `Unpin`: `&mut sleep` can be awaited, and used again after a [`reset`](Self::reset).
#[must_use = "futures do nothing unless awaited"]
pub struct Sleep {
    timers: Arc<AllTimers>,
    deadline: Instant,
    /// Once armed: the core whose wheel has it, and where.
    armed: Option<(usize, Key)>,
}

impl Sleep {
    #[track_caller]
    pub(super) fn new(call: &str, deadline: Instant) -> Self {
        match driver::current(call, Location::caller()) {
            Ok(drivers) => Self {
                timers: drivers.timers().clone(),
                deadline,
                armed: None,
            },
            Err(error) => panic!("{error}"),
        }
    }

    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it has ended.
    pub fn is_elapsed(&self) -> bool {
        self.deadline <= Instant::now()
    }

    /// Moves the deadline. A sleep that has ended begins anew.
    ///
    /// To a later time, which is what idle timeouts do at each message, this is one store.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, sleep};
    ///
    /// runtime::block_on(async {
    ///     let mut idle = sleep(Duration::from_secs(3600));
    ///     idle.reset(Instant::now() + Duration::from_millis(1));
    ///     (&mut idle).await;
    /// });
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if let Some((core, key)) = self.armed {
            self.timers.at(core).reset(key, deadline.into_std());
        }
    }

    /// One step, for hand-written futures: as `poll`, but for the end of the runtime.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down, which makes `poll` panic.
    pub fn poll_elapsed(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = ready!(coop::poll_proceed(context));
        ready!(self.poll_deadline(context.waker()))?;
        progress.made();
        Poll::Ready(Ok(()))
    }

    /// One step, without asking the poll's budget.
    pub(super) fn poll_deadline(&mut self, waker: &Waker) -> Poll<io::Result<()>> {
        let polled = match self.armed {
            Some((core, key)) => self.poll_armed(core, key, waker),
            None => self.arm(waker),
        };
        match polled {
            Polled::Fired => Poll::Ready(Ok(())),
            Polled::Pending => Poll::Pending,
            Polled::ShutDown => Poll::Ready(Err(driver::gone())),
        }
    }
}

impl Sleep {
    fn poll_armed(&self, core: usize, key: Key, waker: &Waker) -> Polled {
        let timers = self.timers.at(core);
        match timers.poll(key, waker) {
            Polled::Fired if !timers.is_due(key, self.deadline.into_std(), waker) => {
                Polled::Pending
            }
            polled => polled,
        }
    }

    fn arm(&mut self, waker: &Waker) -> Polled {
        let core = self.timers.here();
        match self.timers.at(core).arm(self.deadline.into_std(), waker) {
            Ok(key) => {
                self.armed = Some((core, key));
                Polled::Pending
            }
            Err(polled) => polled,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match ready!(self.poll_elapsed(context)) {
            Ok(()) => Poll::Ready(()),
            Err(gone) => panic!("a sleep was polled after its {gone}"),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((core, key)) = self.armed {
            self.timers.at(core).disarm(key);
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("armed", &self.armed.is_some())
            .finish()
    }
}
