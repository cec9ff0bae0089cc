//! A point on the monotonic clock.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

use crate::driver;

/// A point on the monotonic clock, as [`std::time::Instant`] is, for the timers of this crate.
///
/// A type of its own, since the clock can be [paused](super::pause) in tests. Unlike std's, adding to
/// it saturates: what cannot be counted is [far away](Self::far_future).
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant};
///
/// let start = Instant::now();
/// assert!(start + Duration::MAX > start + Duration::from_secs(3600));
/// assert!(start.elapsed() < Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// The present, by the clock of the runtime that this thread is in.
    pub fn now() -> Self {
        Self(driver::now())
    }

    /// A hundred years from now: later than any deadline that is meant.
    pub fn far_future() -> Self {
        Self::now() + FAR
    }

    /// Takes an instant of std's.
    pub fn from_std(instant: std::time::Instant) -> Self {
        Self(instant)
    }

    /// The instant as one of std's.
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// How long ago this was; zero if it is yet to come.
    pub fn elapsed(&self) -> Duration {
        driver::now().saturating_duration_since(self.0)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// The time from `earlier` to this, if it is not later.
    pub fn checked_duration_since(&self, earlier: Self) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// The time from `earlier` to this; zero if `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Later by `duration`, if that can be counted.
    pub fn checked_add(&self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// Earlier by `duration`, if that can be counted.
    pub fn checked_sub(&self, duration: Duration) -> Option<Self> {
        self.0.checked_sub(duration).map(Self)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        // More than a hundred years ahead is the same as a hundred: never.
        let far = || self.0.checked_add(FAR).unwrap_or(self.0);
        Self(self.0.checked_add(duration).unwrap_or_else(far))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// # Panics
    ///
    /// If the result would be before the beginning of the clock.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.duration_since(earlier)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(instant: std::time::Instant) -> Self {
        Self(instant)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
