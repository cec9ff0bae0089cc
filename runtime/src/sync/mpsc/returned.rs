//! Slots that the receiver gives back without the lock.
//!
//! ```text
//!  63                                  1   0
//! +--------------------------------------+--------+
//! |  slots given back                    | WANTED |
//! +--------------------------------------+--------+
//!
//!    the receiver: one more -------> WANTED was off: done
//!                                    WANTED was on: takes the lock, gives them to who waits
//!    under the lock: takes all ----> they are free
//! ```
//!
//! The danger is a sender that begins to wait beside a slot that comes back. Both are one
//! read-modify-write of this word, and so one is first: the sender that turns WANTED on gets all slots
//! that were there before, and for each that comes later the receiver sees WANTED. On is what it is
//! while anybody waits; that it is on for nobody costs the receiver a lock, and no more.

use super::bounded::MOST;
use crate::primitive::{AtomicU64, Ordering};

pub(super) struct Returned {
    word: AtomicU64,
    /// Nothing ever comes back here: the one slot of a channel does so under the lock, and of those of
    /// a channel without bound nobody counts any.
    is_idle: bool,
}

impl Returned {
    /// None yet, of `capacity`.
    pub(super) fn of(capacity: usize) -> Self {
        Self {
            word: AtomicU64::new(0),
            is_idle: capacity == 1 || capacity >= MOST,
        }
    }

    /// One more, by the receiver. True if it is wanted.
    #[inline]
    pub(super) fn add(&self) -> bool {
        // Release pairs with the Acquire of `take`: who gets the slot sees what was done before it came
        // back. And the other way round, for what was done before somebody began to wait.
        !self.is_idle && self.word.fetch_add(ONE, Ordering::AcqRel) & WANTED != 0
    }

    /// All of them, to the holder of the lock, who says whether more are wanted from now on.
    #[inline]
    pub(super) fn take(&self, wanted: bool) -> usize {
        if self.is_idle {
            return 0;
        }
        let count = self.word.swap(u64::from(wanted), Ordering::AcqRel) / ONE;
        count.try_into().unwrap_or(usize::MAX)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let count = self.word.load(Ordering::Acquire) / ONE;
        count.try_into().unwrap_or(usize::MAX)
    }
}

const WANTED: u64 = 1;
const ONE: u64 = 2;
