//! By which others see that a worker goes on, and what it is at.
//!
//! A worker of several writes here before each poll: one more poll, and whose. One who looks twice
//! and finds the same number, while the worker is up, knows that it has been in one poll all the
//! time. The number is written before the task, and after a look at the task it is read again: so
//! the task that is named is the one that holds the worker up.
//!
//! A worker that gets up only to look round counts that too, or it would be taken for stuck, but apart:
//! two that look after each other would otherwise keep each other up for ever.

use crate::primitive::{AtomicU64, Ordering};

/// The polls of one worker.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// Polls above, turns without a poll below.
    beats: AtomicU64,
    /// The task's number; 0 stands for the future of a `block_on`.
    task: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            beats: AtomicU64::new(0),
            task: AtomicU64::new(0),
        }
    }

    /// The owner is about to poll a task.
    #[inline]
    pub(crate) fn beat(&self, task: u64) {
        self.add(A_POLL);
        // Release pairs with the Acquire in `task`.
        self.task.store(task, Ordering::Release);
    }

    /// The owner begins a turn, and may have nothing to poll.
    #[inline]
    pub(crate) fn turn(&self) {
        self.add(A_TURN);
    }

    #[inline]
    fn add(&self, more: u64) {
        // Relaxed: only the owner writes.
        let beats = self.beats.load(Ordering::Relaxed).wrapping_add(more);
        self.beats.store(beats, Ordering::Relaxed);
    }

    pub(crate) fn look(&self) -> Beats {
        Beats(self.beats.load(Ordering::Relaxed))
    }

    /// The task in whose poll the beats were these; none if the worker has gone on.
    pub(crate) fn task(&self, beats: Beats) -> Option<u64> {
        let task = self.task.load(Ordering::Acquire);
        (self.look() == beats).then_some(task)
    }
}

/// A number that is another at the next poll or turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beats(u64);

impl Beats {
    /// Whether something was polled between the two.
    pub(crate) fn has_polled_since(self, before: Self) -> bool {
        self.0 / A_POLL != before.0 / A_POLL
    }
}

/// Sixteen million turns without a poll count as one with: once in many hours.
const A_TURN: u64 = 1;
const A_POLL: u64 = 1 << 24;
