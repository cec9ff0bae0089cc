//! Readiness that was taken for one call.
//!
//! Only two things prove that a descriptor is drained: a call that would block, or a short read that
//! may be trusted. Everything else, an error, a full read, a panic in the caller's closure, must
//! leave the readiness as it was. So putting it back is what happens by itself, and keeping it clear
//! is what must be said.

use super::{Direction, Interest, Ready, Slot};
use crate::primitive::{Mutant, is_planted};

/// Bits taken from a slot, which go back when this is dropped.
#[must_use]
pub(crate) struct PutBack<'a> {
    slot: &'a Slot,
    read: Ready,
    write: Ready,
}

impl<'a> PutBack<'a> {
    /// Takes the bits of all directions of `interest`.
    pub(crate) fn take(slot: &'a Slot, interest: Interest) -> Self {
        let take = |direction, wanted: bool| match wanted {
            true => slot.take(direction).ready,
            false => Ready::NONE,
        };
        Self {
            slot,
            read: take(Direction::Read, interest.is_readable()),
            write: take(Direction::Write, interest.is_writable()),
        }
    }

    /// Looks after bits that were taken already.
    #[inline]
    pub(crate) fn of(slot: &'a Slot, direction: Direction, ready: Ready) -> Self {
        let (read, write) = match direction {
            Direction::Read => (ready, Ready::NONE),
            Direction::Write => (Ready::NONE, ready),
        };
        Self { slot, read, write }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.read.is_none() && self.write.is_none()
    }

    /// Puts the bits back, unless there is a proof that nothing is left.
    #[inline(always)]
    pub(crate) fn end(self, is_drained: bool) {
        if is_drained {
            std::mem::forget(self);
        }
    }

    /// There is a proof that nothing is left.
    #[inline]
    pub(crate) fn keep_clear(&mut self) {
        self.read = Ready::NONE;
        self.write = Ready::NONE;
    }
}

impl Drop for PutBack<'_> {
    #[inline]
    fn drop(&mut self) {
        for (direction, ready) in [(Direction::Read, self.read), (Direction::Write, self.write)] {
            if !ready.is_none() && !is_planted(Mutant::PutBackOmitted) {
                self.slot.put_back(direction, ready);
            }
        }
    }
}
