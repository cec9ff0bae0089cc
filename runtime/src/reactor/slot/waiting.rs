//! How a task waits at a [`Slot`]: arrows 1 and 2 of the drawing there.
//!
//! The first waiter of a direction puts its waker into the cell, others into the crowd. The danger is
//! the edge that comes while a task makes itself known: nobody is woken by it, as nobody waits yet. So
//! each way to wait ends with a look at the bits, in the very step that says "waits".

#![allow(unsafe_code)]

use std::task::Waker;

use super::super::crowd::Ticket;
use super::super::ready::Direction;
use super::super::word::Word;
use super::{GiveBack, Registered, Slot, Taken};
use crate::foreign;
use crate::primitive::{Mutant, is_planted};

impl Slot {
    /// Stores `waker` for the next edge of `direction`, unless there is readiness already. `None` if
    /// the first place is taken: the caller is to [join the crowd](Self::join_crowd).
    pub(crate) fn register(&self, direction: Direction, waker: &Waker) -> Option<Registered> {
        let mut seen = self.load();
        // Arrow 1.
        loop {
            if !seen.is_free(direction) {
                return seen.is_ready(direction).then_some(Registered::Ready);
            }
            match self.exchange(seen, seen.to_busy(direction)) {
                Ok(()) => break,
                Err(actual) => seen = actual,
            }
        }
        if self.has_first(direction, waker) {
            return Some(self.settle(direction, seen.to_busy(direction)));
        }
        self.register_first(direction, waker, seen)
    }

    /// The same for who has seen by taking from it how the slot is: on the way of every message, where
    /// nobody comes between, and the waker is in the cell since the last time. True if it waits; else
    /// [`register`](Self::register) is to be asked why not.
    #[inline(always)]
    pub(crate) fn register_after(&self, taken: Taken, direction: Direction, waker: &Waker) -> bool {
        let seen = taken.word;
        let busy = seen.to_busy(direction);
        // Arrow 1.
        if !seen.is_free(direction) || self.exchange(seen, busy).is_err() {
            return false;
        }
        if !self.has_first(direction, waker) {
            return self.register_first(direction, waker, seen) == Some(Registered::Waiting);
        }
        // Arrow 2.
        self.exchange(busy, busy.to_waiting(direction)).is_ok()
            || self.settle_again(direction) == Registered::Waiting
    }

    /// Whether the cell has this waker; the caller holds BUSY.
    #[inline(always)]
    fn has_first(&self, direction: Direction, waker: &Waker) -> bool {
        self.cell(direction).with(|cell| {
            // SAFETY: the caller holds BUSY until it settles.
            let first = unsafe { &*cell };
            first.as_ref().is_some_and(|first| first.will_wake(waker))
        })
    }

    /// Goes on, with BUSY and `seen` as it was before, where another waker is in the cell, or none.
    #[cold]
    fn register_first(
        &self,
        direction: Direction,
        waker: &Waker,
        seen: Word,
    ) -> Option<Registered> {
        if seen.is_waiting(direction) {
            // Another's place. They may have gone, but we cannot know.
            self.settle_for_other(direction);
            return None;
        }
        Some(self.replace_first(direction, waker, seen))
    }

    /// Puts a new waker into the cell; the caller holds BUSY.
    fn replace_first(&self, direction: Direction, waker: &Waker, seen: Word) -> Registered {
        let unwinding = GiveBack {
            slot: self,
            direction,
            owner: seen.generation(),
        };
        let fresh = Some(waker.clone());
        std::mem::forget(unwinding);
        let old = self.cell(direction).with_mut(|cell| {
            // SAFETY: we hold BUSY until `settle`.
            std::mem::replace(unsafe { &mut *cell }, fresh)
        });
        let registered = self.settle(direction, seen.to_busy(direction));
        foreign::drop_quietly(old);
        registered
    }

    /// Takes a future that no longer waits out of the crowd.
    #[cold]
    pub(crate) fn leave(&self, ticket: Ticket) {
        let mut guard = self.crowd.lock();
        let gone = guard
            .as_mut()
            .and_then(|crowd| crowd.remove(std::ptr::from_ref(self).addr(), ticket));
        drop(guard);
        foreign::drop_quietly(gone);
    }

    /// Arrow 2: gives BUSY back, so that the next edge wakes the cell's waker, which is the
    /// caller's. If an edge came while we held it, nobody waits and the caller tries again.
    #[inline(always)]
    pub(super) fn settle(&self, direction: Direction, expected: Word) -> Registered {
        // `expected` was not ready, and mostly it is still as we left it.
        match self.exchange(expected, expected.to_waiting(direction)) {
            Ok(()) => Registered::Waiting,
            Err(_) => self.settle_again(direction),
        }
    }

    #[cold]
    fn settle_again(&self, direction: Direction) -> Registered {
        let change = self.update(|seen| {
            Some(
                if seen.is_ready(direction) && !is_planted(Mutant::MissedSecondLook) {
                    seen.to_idle(direction)
                } else {
                    seen.to_waiting(direction)
                },
            )
        });
        if change.before.is_ready(direction) && !is_planted(Mutant::MissedSecondLook) {
            Registered::Ready
        } else {
            Registered::Waiting
        }
    }

    /// Arrow 2 for a waker in the cell that is another's: if an edge came, it is woken here.
    #[cold]
    fn settle_for_other(&self, direction: Direction) {
        let change =
            self.update(|seen| (!seen.is_ready(direction)).then(|| seen.to_waiting(direction)));
        if !change.made {
            let owner = change.before.generation();
            foreign::call(&|| self.wake_first(direction, owner));
        }
    }

    /// Waits behind the first waiter.
    ///
    /// A future gives a place for a ticket, with which it must [leave](Self::leave). A caller without
    /// one takes the place of the last such caller.
    #[cold]
    pub(crate) fn join_crowd(
        &self,
        direction: Direction,
        waker: &Waker,
        ticket: Option<&mut Option<Ticket>>,
    ) -> Registered {
        let fresh = waker.clone();
        let mut guard = self.crowd.lock();
        let crowd = guard.get_or_insert_default();
        let here = std::ptr::from_ref(self).addr();
        let replaced = crowd.admit(here, direction, fresh, ticket);
        drop(guard);
        foreign::drop_quietly(replaced);
        // The flag goes up after the waiter is in, so an edge that sees it finds them.
        let change =
            self.update(|seen| (!seen.is_ready(direction)).then(|| seen.to_crowded(direction)));
        if change.made {
            Registered::Waiting
        } else {
            Registered::Ready
        }
    }
}
