//! Locks: std's own, or ones that the thread sanitizer understands.
//!
//! It understands a lock only if it was compiled together with the program, which std was not. So
//! for that build there are others, and what the tests share with each other is guarded by these.

use std::time::Duration;

#[cfg(tsan)]
use parking_lot as locks;
#[cfg(not(tsan))]
use std::sync as locks;

/// A lock that does not poison.
#[derive(Debug, Default)]
pub struct Mutex<T>(locks::Mutex<T>);

/// The guard of a [`Mutex`].
pub type MutexGuard<'a, T> = locks::MutexGuard<'a, T>;

/// A condition to sleep on.
#[derive(Debug, Default)]
pub struct Condvar(locks::Condvar);

impl<T> Mutex<T> {
    /// A lock on `value`.
    pub fn new(value: T) -> Self {
        Self(locks::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(tsan)]
        return self.0.lock();
        #[cfg(not(tsan))]
        return self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
    }
}

impl Condvar {
    /// Sleeps until notified, or for no reason, or until the time is over: then the flag is set.
    pub fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        #[cfg(tsan)]
        {
            let mut guard = guard;
            let ended = self.0.wait_for(&mut guard, limit);
            (guard, ended.timed_out())
        }
        #[cfg(not(tsan))]
        {
            let (guard, ended) = self
                .0
                .wait_timeout(guard, limit)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            (guard, ended.timed_out())
        }
    }

    /// Wakes all.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
