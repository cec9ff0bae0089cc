//! By which others see that a worker goes on, and what it is at.
//!
//! A worker of several writes here before each poll: one more poll, and whose. One who looks twice
//! and finds the same number, while the worker is up, knows that it has been in one poll all the
//! time. The number is written before the task, and after a look at the task it is read again: so
//! the task that is named is the one that holds the worker up.

use crate::primitive::{AtomicU64, Ordering};

/// The polls of one worker.
#[derive(Debug)]
pub(crate) struct Pulse {
    polls: AtomicU64,
    /// The task's number; 0 stands for the future of a `block_on`, [`RESTING`] for nobody.
    task: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            polls: AtomicU64::new(0),
            task: AtomicU64::new(0),
        }
    }

    /// The owner is about to poll a task.
    #[inline]
    pub(crate) fn beat(&self, task: u64) {
        // Relaxed: only the owner writes.
        let polls = self.polls.load(Ordering::Relaxed).wrapping_add(1);
        self.polls.store(polls, Ordering::Relaxed);
        // Release pairs with the Acquire in `task`.
        self.task.store(task, Ordering::Release);
    }

    /// The owner polls nothing, and is about to look round and sleep. That is no news: two that wake
    /// only to look at each other would take it for work, and never come to rest.
    #[inline]
    pub(crate) fn rest(&self) {
        self.task.store(RESTING, Ordering::Release);
    }

    /// A number that is another at the next poll.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The task in whose poll the number was `polls`; none if the worker has gone on, or rests.
    pub(crate) fn task(&self, polls: u64) -> Option<u64> {
        let task = self.task.load(Ordering::Acquire);
        (self.polls() == polls && task != RESTING).then_some(task)
    }
}

/// No task has this number.
const RESTING: u64 = u64::MAX;
