//! Ticks at equal distances.
//!
//! A tick is due at a time that was fixed by the tick before it, not by when that one was looked at;
//! so lateness does not add up. The question is what to do after a pause in which several came due,
//! and no answer is right for all: [`MissedTickBehavior`] has three.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use super::{Instant, Sleep};

/// Ticks now, and then every `period`.
///
/// # Panics
///
/// If `period` is zero; and outside of a runtime.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, interval};
///
/// runtime::block_on(async {
///     let start = Instant::now();
///     let mut ticks = interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         ticks.tick().await; // the first one is at once
///     }
///     assert!(start.elapsed() >= Duration::from_millis(4));
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval::new("time::interval", Instant::now(), period)
}

/// Ticks at `start`, and then every `period`.
///
/// # Panics
///
/// If `period` is zero; and outside of a runtime.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new("time::interval_at", start, period)
}

/// What to do about ticks that came due while nobody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Makes up for them, one right after the other, until the count is what it should be.
    #[default]
    Burst,
    /// Ticks once, and then a period later: the distance is kept, and the times move.
    Delay,
    /// Ticks once, and then at the next of the former times: the times are kept.
    Skip,
}

impl MissedTickBehavior {
    /// When the next tick is due, if the one of `due` was looked at `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let late = now.saturating_duration_since(due);
        match self {
            Self::Delay if late > LATE => now + period,
            Self::Skip if late > LATE => now + period.saturating_sub(remainder(late, period)),
            _ => due + period,
        }
    }
}

/// How much later than a multiple of `period` that is.
fn remainder(late: Duration, period: Duration) -> Duration {
    let rest = late.as_nanos() % period.as_nanos();
    // A rest is below the period, and below the lateness: 584 years are enough.
    Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
}

/// Ticks; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
    behavior: MissedTickBehavior,
}

impl Interval {
    #[track_caller]
    fn new(call: &str, start: Instant, period: Duration) -> Self {
        assert!(
            !period.is_zero(),
            "{call}: a period of zero would tick without end"
        );
        Self {
            sleep: Sleep::new(call, start),
            period,
            behavior: MissedTickBehavior::default(),
        }
    }

    /// Waits for the next tick, and says when it was due.
    ///
    /// # Panics
    ///
    /// After the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|context| self.poll_tick(context)).await
    }

    /// One step of [`tick`](Self::tick), for futures written by hand.
    ///
    /// # Panics
    ///
    /// After the runtime has shut down.
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        if let Err(gone) = ready!(self.sleep.poll_elapsed(context)) {
            panic!("an interval was polled after its {gone}");
        }
        let due = self.sleep.deadline();
        let next = self.behavior.next(due, Instant::now(), self.period);
        self.reset_at(next);
        Poll::Ready(due)
    }

    /// Ticks next a period from now.
    pub fn reset(&mut self) {
        self.reset_at(Instant::now() + self.period);
    }

    /// Ticks next at once.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Ticks next after `pause`, and then every period.
    pub fn reset_after(&mut self, pause: Duration) {
        self.reset_at(Instant::now() + pause);
    }

    /// Ticks next at `deadline`, and then every period.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.sleep.reset(deadline);
    }

    /// What is done about missed ticks.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Sets what is done about missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// The distance of ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl Stream for Interval {
    type Item = Instant;

    /// As [`poll_tick`](Interval::poll_tick); it has no end.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.get_mut().poll_tick(context).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}

/// A tick that is looked at later than that was missed; below it the worker was merely busy.
const LATE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_made_up_for_put_off_or_skipped() {
        let due = Instant::now();
        let next = |behavior: MissedTickBehavior, late: u64| {
            let period = Duration::from_millis(10);
            let now = due + Duration::from_millis(late);
            (behavior.next(due, now, period) - due).as_millis()
        };
        for behavior in [
            MissedTickBehavior::Burst,
            MissedTickBehavior::Delay,
            MissedTickBehavior::Skip,
        ] {
            assert_eq!(next(behavior, 0), 10);
            assert_eq!(next(behavior, 4), 10, "a little late");
        }
        assert_eq!(next(MissedTickBehavior::Burst, 37), 10);
        assert_eq!(next(MissedTickBehavior::Delay, 37), 47);
        assert_eq!(next(MissedTickBehavior::Skip, 37), 40);
        assert_eq!(next(MissedTickBehavior::Skip, 40), 50);
    }

    #[test]
    fn a_period_without_end_is_one_tick() {
        let now = Instant::now();
        let next = MissedTickBehavior::Skip.next(now, now + Duration::from_secs(1), Duration::MAX);
        assert!(next > now + Duration::from_secs(3600 * 24 * 365));
    }
}
