//! Putting a worker to sleep, and the only way to wake it.
//!
//! A worker with nothing to do sleeps in its own epoll. Whoever has work for it must wake it, and
//! must not pay for waking one that is awake: a wake of another core costs more than serving
//! several messages.
//!
//! The danger is the gap between "there is nothing to do" and "I sleep". Work that arrives in the
//! gap finds a worker that does not sleep yet, wakes nobody, and lies there. So going to sleep and
//! waking are changes of *one* word, and whichever comes second sees the first:
//!
//! ```text
//!            prepare                    unpark
//! RUNNING ------------> PARKED    any -----------> TOKEN
//!    ^                    |
//!    |      resume        |       prepare on TOKEN fails: do not sleep, look again
//!    +---- (from any) ----+       unpark from PARKED rings the bell
//! ```
//!
//! Work is published before `unpark`, and looked for after `resume`.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use crate::primitive::{AtomicU32, Ordering};
use crate::sys::{EventFd, ForkMark};

/// One worker's sleep.
pub(crate) struct Park {
    word: ParkWord,
    bell: EventFd,
    fork: ForkMark,
}

/// The word alone, without the bell: what the model checker looks at.
pub(crate) struct ParkWord(AtomicU32);

impl Park {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            word: ParkWord::new(),
            bell: EventFd::new()?,
            fork: ForkMark::of_this_process()?,
        })
    }

    /// The descriptor to watch while asleep.
    pub(crate) fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// About to sleep. False if a token came: there may be work.
    pub(crate) fn prepare(&self) -> bool {
        self.word.prepare()
    }

    /// Awake again; takes a token that came meanwhile.
    pub(crate) fn resume(&self) {
        self.word.resume();
    }

    /// Makes the worker look for work: now if it sleeps, else before it sleeps next.
    pub(crate) fn unpark(&self) {
        // A forked child shares the bell with its parent, whom it does not concern.
        if self.word.unpark() && !self.fork.is_child() {
            self.bell.signal();
        }
    }
}

#[cfg(test)]
impl Park {
    /// Asleep, and nobody has rung.
    pub(crate) fn is_parked(&self) -> bool {
        self.word.0.load(Ordering::Acquire) == PARKED
    }
}

impl ParkWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(RUNNING))
    }

    pub(crate) fn prepare(&self) -> bool {
        // AcqRel: Acquire pairs with the Release of `unpark`, so the work that a token announces is
        // seen; Release lets `unpark` see what was written before going to sleep.
        let result = self
            .0
            .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire);
        result.is_ok()
    }

    pub(crate) fn resume(&self) {
        // Acquire pairs with the Release of `unpark`, as above.
        self.0.swap(RUNNING, Ordering::AcqRel);
    }

    /// Returns whether the bell must be rung.
    pub(crate) fn unpark(&self) -> bool {
        // Release pairs with the Acquire in `prepare` and `resume`.
        self.0.swap(TOKEN, Ordering::AcqRel) == PARKED
    }
}

const RUNNING: u32 = 0;
const PARKED: u32 = 1;
const TOKEN: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sleeper_is_rung_for() {
        let park = Park::new().expect("an eventfd");
        assert!(park.prepare() && park.is_parked());
        park.unpark();
        assert!(!park.is_parked());
        park.resume();
        park.unpark();
        assert!(!park.prepare(), "a token keeps the worker awake");
        park.resume();
        assert!(park.prepare());
    }
}
