//! What a worker counts of itself, for people.
//!
//! Only the thread that runs the core adds, so adding is a load and a store, and nothing is ordered
//! by it.

use crate::primitive::{AtomicU64, Ordering};

/// A number that one thread adds to and any may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now.wrapping_add(more), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of one worker, since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Times that it went to sleep.
    pub(crate) parks: Count,
    /// Looks at the reactor, asleep or in passing.
    pub(crate) harvests: Count,
    /// Events that these brought.
    pub(crate) events: Count,
    /// Tasks taken off other workers.
    pub(crate) steals: Count,
    /// Other workers woken to take tasks off this one.
    pub(crate) recruits: Count,
    /// Times that a task was made to wait because its budget was used up.
    pub(crate) budget_yields: Count,
    /// Times that it did the work of another that was stuck.
    pub(crate) rescues: Count,
}
