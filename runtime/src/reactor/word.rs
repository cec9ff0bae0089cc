//! The word of a slot: readiness, flags and generation, and every legal change of them.
//!
//! ```text
//!  63          32 31   25 24   23..16   15  14        8 7         0
//! +--------------+-------+----+--------+----+------------+-----------+
//! |  generation  |   -   |SHUT| flags  |PORT| write bits | read bits |
//! +--------------+-------+----+--------+----+------------+-----------+
//! ```
//!
//! PORT(IONED) is for runtimes with a seed: the calls of this slot's descriptor are given portions. It
//! is the sign of the write direction's byte, so that one test tells a slot that may be written to as
//! usual from all others.
//!
//! A change is computed here from one value to the next and committed by the slot with one
//! compare-and-swap, so that no step can be seen half-done. See [`super::slot`] for the drawing of
//! the flags' life.

use super::ready::{Direction, Ready};
use crate::primitive::{Mutant, is_planted};

/// A value of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

/// Who is to be woken after a change: WAIT and CROWD flags that the change took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Woken(u64);

impl Word {
    #[inline]
    pub(super) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    #[inline]
    pub(super) fn ready(self, direction: Direction) -> Ready {
        Ready(((self.0 & ready_mask(direction)) >> shift(direction)) as u8)
    }

    /// Whether there is readiness to write, and nothing else to think of.
    #[inline]
    pub(super) fn is_plainly_writable(self) -> bool {
        (self.0 >> shift(Direction::Write)) as i8 > 0
    }

    #[inline]
    pub(super) fn is_portioned(self) -> bool {
        self.0 & PORTIONED != 0
    }

    /// Whether a short read proves nothing: after an end or an error the next read has something to
    /// say, and beside urgent data a read may have stopped at its mark.
    #[inline]
    pub(super) fn is_suspicious(self) -> bool {
        const UNTRUSTED: Ready = Ready::RDHUP
            .with(Ready::HUP)
            .with(Ready::ERR)
            .with(Ready::PRI);
        let is_trusted = is_planted(Mutant::SuspicionIgnored);
        !is_trusted && self.0 & ((UNTRUSTED.0 as u64) << shift(Direction::Read) | URGENT_SEEN) != 0
    }

    /// Whether there is any reason not to wait.
    #[inline]
    pub(super) fn is_ready(self, direction: Direction) -> bool {
        self.0 & (ready_mask(direction) | SHUT) != 0
    }

    pub(super) fn is_shut(self) -> bool {
        self.0 & SHUT != 0
    }

    #[inline]
    pub(super) fn urgent_seen(self) -> bool {
        self.0 & URGENT_SEEN != 0
    }

    /// Whether there is none, and nobody has the cell.
    #[inline]
    pub(super) fn is_free(self, direction: Direction) -> bool {
        self.0 & (ready_mask(direction) | SHUT | busy(direction)) == 0
    }

    #[inline]
    pub(super) fn is_busy(self, direction: Direction) -> bool {
        self.0 & busy(direction) != 0
    }

    #[inline]
    pub(super) fn is_waiting(self, direction: Direction) -> bool {
        self.0 & wait(direction) != 0
    }

    /// Arrow 1: the caller gets the cell.
    #[inline]
    pub(super) fn to_busy(self, direction: Direction) -> Self {
        Self((self.0 | busy(direction)) & !wait(direction))
    }

    /// Arrow 2: the cell's waker waits for the next edge.
    #[inline]
    pub(super) fn to_waiting(self, direction: Direction) -> Self {
        Self((self.0 | wait(direction)) & !busy(direction))
    }

    /// The cell is given back and nobody waits.
    #[inline]
    pub(super) fn to_idle(self, direction: Direction) -> Self {
        Self(self.0 & !busy(direction))
    }

    /// A direction's BUSY alone.
    #[inline]
    pub(super) fn busy(direction: Direction) -> u64 {
        busy(direction)
    }

    /// The direction's readiness is used.
    #[inline]
    pub(super) fn without_ready(self, direction: Direction) -> Self {
        if is_planted(Mutant::ClearedBit) {
            return Self(self.0 & !ready_mask(Direction::Read) & !ready_mask(Direction::Write));
        }
        Self(self.0 & !ready_mask(direction))
    }

    /// There is a crowd to wake at the next edge.
    pub(super) fn to_crowded(self, direction: Direction) -> Self {
        Self(self.0 | crowd(direction))
    }

    /// Arrow 3: `news` is set, and the waiters that it concerns are taken over by the caller.
    #[inline]
    pub(super) fn raised(self, news: u64) -> (Self, Woken) {
        let mut concerned = 0;
        if news & (ready_mask(Direction::Read) | SHUT) != 0 {
            concerned |= wait(Direction::Read) | crowd(Direction::Read);
        }
        if news & (ready_mask(Direction::Write) | SHUT) != 0 {
            concerned |= wait(Direction::Write) | crowd(Direction::Write);
        }
        let woken = self.0 & concerned;
        let now_busy = (woken & ALL_WAIT) << WAIT_TO_BUSY;
        (Self((self.0 | news | now_busy) & !woken), Woken(woken))
    }

    /// The next generation: ready is what `bits` says, nobody waits, and the caller gets both cells
    /// but those that a wake still holds.
    pub(super) fn next_owner(self, bits: u64) -> Self {
        let generation = self.generation().wrapping_add(1);
        Self(u64::from(generation) << GENERATION_SHIFT | ALL_BUSY | bits)
    }
}

impl Woken {
    #[inline]
    pub(super) fn is_nobody(self) -> bool {
        self.0 == 0
    }

    /// The direction whose first waiter is the only one, as is usual.
    #[inline]
    pub(super) fn only_first(self) -> Option<Direction> {
        match self.0 {
            WAIT_READ => Some(Direction::Read),
            WAIT_WRITE => Some(Direction::Write),
            _ => None,
        }
    }

    pub(super) fn first(self, direction: Direction) -> bool {
        self.0 & wait(direction) != 0
    }

    pub(super) fn crowd(self, direction: Direction) -> bool {
        self.0 & crowd(direction) != 0
    }
}

/// The readiness of one direction at its place in the word.
#[inline]
pub(super) fn news(direction: Direction, ready: Ready) -> u64 {
    u64::from(ready.0) << shift(direction)
}

#[inline]
const fn ready_mask(direction: Direction) -> u64 {
    match direction {
        Direction::Read => 0xff,
        Direction::Write => 0x7f00,
    }
}

const fn shift(direction: Direction) -> u32 {
    8 * direction as u32
}

const fn wait(direction: Direction) -> u64 {
    1 << (16 + direction as u32)
}

const fn busy(direction: Direction) -> u64 {
    wait(direction) << WAIT_TO_BUSY
}

const fn crowd(direction: Direction) -> u64 {
    1 << (20 + direction as u32)
}

/// The runtime has a seed.
pub(super) const PORTIONED: u64 = 1 << 15;
/// Urgent data was seen: for good, since a short read may then be the urgent mark.
pub(super) const URGENT_SEEN: u64 = 1 << 22;
/// The runtime has gone: whoever waits is to learn it.
pub(super) const SHUT: u64 = 1 << 24;

const GENERATION_SHIFT: u32 = 32;
const WAIT_TO_BUSY: u32 = 2;
const WAIT_READ: u64 = wait(Direction::Read);
const WAIT_WRITE: u64 = wait(Direction::Write);
const ALL_WAIT: u64 = WAIT_READ | WAIT_WRITE;
const ALL_BUSY: u64 = busy(Direction::Read) | busy(Direction::Write);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_takes_only_the_waiters_it_concerns() {
        let word = Word(0)
            .to_busy(Direction::Read)
            .to_waiting(Direction::Read)
            .to_busy(Direction::Write)
            .to_waiting(Direction::Write);
        let (next, woken) = word.raised(news(Direction::Read, Ready(1)));
        assert!(woken.first(Direction::Read) && !woken.first(Direction::Write));
        assert!(next.is_busy(Direction::Read) && !next.is_waiting(Direction::Read));
        assert!(next.is_waiting(Direction::Write) && !next.is_busy(Direction::Write));
    }

    #[test]
    fn the_next_owner_inherits_nothing_but_busy() {
        let word = Word(7 << 32 | 0xffff | URGENT_SEEN | SHUT).to_crowded(Direction::Read);
        let next = word.next_owner(0);
        assert_eq!(next.generation(), 8);
        assert!(!next.is_ready(Direction::Read) && !next.urgent_seen() && !next.is_shut());
    }
}
