//! The waiters of a slot that found its first place taken.
//!
//! Rare, and so behind a lock. A future comes with room for a ticket and leaves by it when it is
//! dropped, or futures that come and go would pile up here. Callers of poll functions have none: the
//! latest of them counts.
//!
//! The danger is a ticket that is not for this crowd any more: its place may have been given to
//! another. It carries a number that is never used again, and the address of its slot.

use std::task::Waker;

use slab::Slab;

use super::ready::Direction;
use crate::primitive::{Mutant, is_planted};

/// The waiters that found the first place taken.
#[derive(Default)]
pub(super) struct Crowd {
    waiters: Slab<Waiter>,
    tickets: u32,
}

struct Waiter {
    direction: Direction,
    number: u32,
    waker: Waker,
}

/// A future's place in a crowd, by which it can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The address of the slot: a descriptor that moves leaves its crowd behind.
    slot: usize,
    place: usize,
    number: u32,
}

impl Crowd {
    /// Lets a waiter in, or gives one that is known its new waker; returns the replaced one.
    pub(super) fn admit(
        &mut self,
        slot: usize,
        direction: Direction,
        waker: Waker,
        ticket: Option<&mut Option<Ticket>>,
    ) -> Option<Waker> {
        let Some(ticket) = ticket else {
            return self.admit_poller(direction, waker);
        };
        if let Some(waiter) = ticket.and_then(|held| self.find(slot, held)) {
            return Some(std::mem::replace(&mut waiter.waker, waker));
        }
        self.tickets = self.tickets.wrapping_add(1).max(POLLER + 1);
        let number = self.tickets;
        let place = self.waiters.insert(Waiter {
            direction,
            number,
            waker,
        });
        *ticket = Some(Ticket {
            slot,
            place,
            number,
        });
        None
    }

    /// There is one place a direction for those without a ticket: they cannot leave, and would pile
    /// up. The contract of `poll` functions is that the latest waker counts.
    fn admit_poller(&mut self, direction: Direction, waker: Waker) -> Option<Waker> {
        let is_poller = |waiter: &Waiter| waiter.number == POLLER && waiter.direction == direction;
        let mut all = self.waiters.iter_mut().map(|(_, waiter)| waiter);
        if let Some(waiter) = all.find(|waiter| is_poller(waiter)) {
            return Some(std::mem::replace(&mut waiter.waker, waker));
        }
        self.waiters.insert(Waiter {
            direction,
            number: POLLER,
            waker,
        });
        None
    }

    fn find(&mut self, slot: usize, ticket: Ticket) -> Option<&mut Waiter> {
        if slot != ticket.slot {
            return None;
        }
        let waiter = self.waiters.get_mut(ticket.place)?;
        (waiter.number == ticket.number).then_some(waiter)
    }

    /// Takes a future out that no longer waits.
    pub(super) fn remove(&mut self, slot: usize, ticket: Ticket) -> Option<Waker> {
        self.find(slot, ticket)
            .filter(|_| !is_planted(Mutant::CrowdNotLeft))?;
        Some(self.waiters.remove(ticket.place).waker)
    }

    /// Takes all who wait for a direction.
    pub(super) fn take_waiters_of(&mut self, direction: Direction) -> Vec<Waker> {
        let all = self.waiters.iter();
        let concerned = all.filter(|(_, waiter)| waiter.direction == direction);
        let most = if is_planted(Mutant::OneWaiterWoken) {
            1
        } else {
            usize::MAX
        };
        let places: Vec<usize> = concerned.map(|(place, _)| place).take(most).collect();
        let taken = places.into_iter().map(|place| self.waiters.remove(place));
        taken.map(|waiter| waiter.waker).collect()
    }

    /// Takes everybody.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Waker> + '_ {
        self.waiters.drain().map(|waiter| waiter.waker)
    }
}

/// The number of a waiter without a ticket.
const POLLER: u32 = 0;
