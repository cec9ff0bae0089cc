//! A hierarchical timer wheel that is *told* the time: it files deadlines, and
//! hands out the wakers of those that have passed.
//!
//! It knows no clock, no lock and no task. One core of the runtime owns one
//! under a mutex, says `advance(now)`, and sleeps until `next_deadline`.
//! Time is in nanoseconds since the runtime's start, counted in ticks of 2^16
//! ns. A deadline is rounded *up* to a tick and `now` is rounded *down*, so an
//! entry never fires early and is at most one tick late.
//!
//! **The danger:** a wheel files by the time *left*, and the time left changes
//! while the entry lies still. Where slots are reused from turn to turn, an
//! entry can be found a turn too soon, a turn too late, or (with an overflow
//! list beside a far-future timer) never.
//!
//! **How it is met:** here no slot ever holds two turns at once. A tick has 48 bits, read as
//! eight groups of six, and an entry's level is the highest group in which its
//! tick and the elapsed tick differ. So:
//!
//! * On level L, all entries share the groups above L with the elapsed tick,
//!   and their group L is greater (on level 0 it may also be equal: overdue).
//! * So a slot has exactly one start, and the first occupied slot of the lowest
//!   occupied level is the earliest. Two bit scans find it.
//! * The elapsed tick moves only up to the start of that slot, which is then
//!   emptied, or to a tick before it. Either way the first rule stays true.
//!
//! Eight levels cover all of `u64`, so there is nothing beyond the wheel.
//!
//! An entry may lie in a slot that is too *early* for it (its deadline was moved
//! to a later time, the fate of most idle timeouts): it is looked at when that
//! slot comes up, and filed anew. It never lies in a slot that is too late.
//!
//! Wakers are foreign code, which must not run under the owner's lock. So the
//! wheel never clones, wakes or drops one: each goes in by value and comes out
//! by value. (Only dropping the wheel itself drops what was not drained.)

use std::task::Waker;

use slab::Slab;

use crate::primitive::{Mutant, is_planted};

/// Deadlines and their wakers, filed by the time at which they come up.
pub(crate) struct Wheel {
    entries: Slab<Entry>,
    /// Every entry that was due at this tick or before has fired, but for those
    /// filed since, which are then in this tick's slot.
    elapsed: u64,
    /// Which slots of each level have entries, a bit a slot.
    occupied: [u64; LEVELS],
    /// On the heap from the start: eight kilobytes are a lot for the stack of a thread that builds a
    /// runtime.
    rings: Box<[Ring; LEVELS * SLOTS]>,
    pending: usize,
}

/// Names one entry from `insert` to `remove`; its number is used again after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

/// What `Wheel::poll` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// The deadline has passed and the waker was handed out.
    Fired,
    /// Still pending, and would wake the task that asked.
    Current,
    /// Still pending, but would wake another task or none: clone the waker with
    /// the lock released, then call `set_waker`.
    Stale,
}

/// The entries of one slot.
#[derive(Clone, Copy)]
struct Ring {
    /// Not after the tick of any entry here; means nothing while there is none.
    ///
    /// It is not raised when an entry leaves or is moved later. That may cost one
    /// wake-up for nothing, and makes `next_deadline` sink only when a tick below
    /// it is filed, which is what lets `reset` tell whether a sleeper is to be woken.
    earliest: u64,
    first: u32,
}

struct Entry {
    /// Absent once fired, and after a reset of a fired entry until `set_waker`.
    waker: Option<Waker>,
    /// When it is due; its slot's start may be earlier, never later.
    tick: u64,
    previous: u32,
    next: u32,
    /// Where it is filed; `None` once fired.
    slot: Option<u16>,
}

impl Wheel {
    /// An empty wheel, at time 0.
    pub(crate) fn new() -> Self {
        Self {
            entries: Slab::new(),
            elapsed: 0,
            occupied: [0; LEVELS],
            rings: vacant(),
            pending: 0,
        }
    }

    /// Files a deadline; one that has passed already fires at the next `advance`.
    pub(crate) fn insert(&mut self, deadline: u64, waker: Waker) -> Key {
        let position = self.entries.insert(Entry {
            waker: Some(waker),
            tick: self.tick_to_file(deadline),
            previous: NONE,
            next: NONE,
            slot: None,
        });
        let index = u32::try_from(position)
            .ok()
            .filter(|index| *index != NONE)
            .expect("a wheel holds fewer than 2^32 - 1 timers: memory ends long before");
        self.file(index);
        self.pending += 1;
        Key(index)
    }

    /// Whether an entry has fired and, if not, whether `waker`'s task is the one it would wake.
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> Polled {
        let entry = self.entry(key.0);
        match (&entry.slot, &entry.waker) {
            (None, _) => Polled::Fired,
            (Some(_), Some(stored)) if stored.will_wake(waker) => Polled::Current,
            (Some(_), _) => Polled::Stale,
        }
    }

    /// Gives a pending entry a waker and returns the one replaced; a fired entry gives it back as the error.
    #[must_use = "dropping a waker runs foreign code: do so after unlocking"]
    pub(crate) fn set_waker(&mut self, key: Key, waker: Waker) -> Result<Option<Waker>, Waker> {
        let entry = self.entry_mut(key.0);
        match entry.slot {
            Some(_) => Ok(entry.waker.replace(waker)),
            None => Err(waker),
        }
    }

    /// Moves a deadline (a fired entry is then pending again); whether a sleep until the former `next_deadline` is now too long.
    pub(crate) fn reset(&mut self, key: Key, deadline: u64) -> bool {
        let tick = self.tick_to_file(deadline);
        let entry = self.entry_mut(key.0);
        let slot = entry.slot;
        if slot.is_some() && tick >= entry.tick {
            entry.tick = tick;
            return false;
        }
        let is_sooner = self.next_tick().is_none_or(|next| tick < next);
        self.entry_mut(key.0).tick = tick;
        match slot {
            // It was moved later before this, and its slot is still early enough.
            Some(slot) if self.start_of(slot) <= tick => self.note_tick(slot, tick),
            Some(slot) => {
                self.unlink(key.0, slot);
                self.file(key.0);
            }
            None => {
                self.file(key.0);
                self.pending += 1;
            }
        }
        is_sooner
    }

    /// Takes an entry out, fired or not, and returns its waker if it still has one.
    #[must_use = "dropping a waker runs foreign code: do so after unlocking"]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Waker> {
        if let Some(slot) = self.entry(key.0).slot {
            self.unlink(key.0, slot);
            self.pending -= 1;
        }
        self.entries.remove(key.0 as usize).waker
    }

    /// Fires all that is due at `now`, in the order of their ticks; a `now` before an earlier one counts as that.
    pub(crate) fn advance(&mut self, now: u64, due: &mut Vec<Waker>) {
        let now = (now >> TICK_BITS).max(self.elapsed);
        while let Some(slot) = self.first_slot() {
            let start = self.start_of(slot);
            if start > now {
                break;
            }
            self.elapsed = start;
            self.empty_slot(slot, due);
        }
        self.elapsed = now;
    }

    /// No entry is due before this time; `None` if nothing is pending. It sinks only by a deadline below it.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.next_tick().map(|tick| tick << TICK_BITS)
    }

    /// Fires every pending entry whatever its deadline, in no special order.
    pub(crate) fn drain(&mut self, due: &mut Vec<Waker>) {
        for (_, entry) in &mut self.entries {
            entry.slot = None;
            due.extend(entry.waker.take());
        }
        self.occupied = [0; LEVELS];
        self.rings.fill(VACANT);
        self.pending = 0;
    }

    /// How many entries have not fired.
    #[inline]
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Whether no entry is pending; fired ones may still be there.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// The tick at which to look again: the earliest of the slot that comes up first.
    ///
    /// Its start would do, but would cost a wake-up a level for nothing but
    /// moving entries down. This way a timer costs one wake-up, however far it is.
    fn next_tick(&self) -> Option<u64> {
        let slot = self.first_slot()?;
        Some(self.rings[usize::from(slot)].earliest)
    }

    /// The occupied slot that comes up first.
    fn first_slot(&self) -> Option<u16> {
        let level = self.occupied.iter().position(|bits| *bits != 0)?;
        let place = self.occupied[level].trailing_zeros();
        Some((level * SLOTS) as u16 | place as u16)
    }

    /// The first tick of an occupied slot: its place in its level, below the groups it shares with the elapsed tick.
    fn start_of(&self, slot: u16) -> u64 {
        let shift = level_of(slot) * GROUP_BITS;
        let shared = self.elapsed >> (shift + GROUP_BITS) << (shift + GROUP_BITS);
        shared | place_of(slot) << shift
    }

    /// Fires the entries of a slot that are due and files the others anew.
    ///
    /// None comes back into this slot while it is walked: the elapsed tick is now
    /// the slot's start, so an entry of this slot would differ from it further down.
    fn empty_slot(&mut self, slot: u16, due: &mut Vec<Waker>) {
        let first = self.rings[usize::from(slot)].first;
        let last = self.entry(first).previous;
        self.mark_vacant(slot);
        let elapsed = self.elapsed;
        let mut index = first;
        loop {
            let entry = self.entry_mut(index);
            let next = entry.next;
            if entry.tick <= elapsed {
                entry.slot = None;
                due.extend(entry.waker.take());
                self.pending -= 1;
            } else {
                self.file(index);
            }
            if index == last {
                return;
            }
            index = next;
        }
    }

    /// Links an unlinked entry at the end of the slot of its tick, so that a slot fires in the order of filing.
    fn file(&mut self, index: u32) {
        let tick = self.entry(index).tick;
        let slot = slot_for(tick, self.elapsed);
        let first = self.rings[usize::from(slot)].first;
        let (previous, next) = if first == NONE {
            let earliest = tick;
            self.rings[usize::from(slot)] = Ring {
                earliest,
                first: index,
            };
            self.occupied[level_of(slot) as usize] |= 1 << place_of(slot);
            (index, index)
        } else {
            self.note_tick(slot, tick);
            let last = self.entry(first).previous;
            self.entry_mut(last).next = index;
            self.entry_mut(first).previous = index;
            (last, first)
        };
        let entry = self.entry_mut(index);
        entry.previous = previous;
        entry.next = next;
        entry.slot = Some(slot);
    }

    /// Takes an entry out of its slot's ring.
    fn unlink(&mut self, index: u32, slot: u16) {
        let Entry { previous, next, .. } = *self.entry(index);
        if next == index {
            self.mark_vacant(slot);
            return;
        }
        self.entry_mut(previous).next = next;
        self.entry_mut(next).previous = previous;
        let ring = &mut self.rings[usize::from(slot)];
        if ring.first == index {
            ring.first = next;
        }
    }

    fn note_tick(&mut self, slot: u16, tick: u64) {
        let ring = &mut self.rings[usize::from(slot)];
        ring.earliest = ring.earliest.min(tick);
    }

    fn mark_vacant(&mut self, slot: u16) {
        self.rings[usize::from(slot)] = VACANT;
        self.occupied[level_of(slot) as usize] &= !(1 << place_of(slot));
    }

    /// A deadline's tick, or the elapsed tick for one that has passed: slots before it would never come up.
    fn tick_to_file(&self, deadline: u64) -> u64 {
        let tick = if is_planted(Mutant::TimerRoundedDown) {
            deadline >> TICK_BITS
        } else {
            deadline.div_ceil(1 << TICK_BITS)
        };
        tick.clamp(self.elapsed, LAST_TICK)
    }

    fn entry(&self, index: u32) -> &Entry {
        &self.entries[index as usize]
    }

    fn entry_mut(&mut self, index: u32) -> &mut Entry {
        &mut self.entries[index as usize]
    }
}

/// The slot for a tick that is not before `elapsed`.
fn slot_for(tick: u64, elapsed: u64) -> u16 {
    // The lowest bit is set so that equal ticks are on level 0 too.
    let level = (tick ^ elapsed | 1).ilog2() / GROUP_BITS;
    let place = (tick >> (level * GROUP_BITS)) as usize % SLOTS;
    (level as usize * SLOTS + place) as u16
}

fn level_of(slot: u16) -> u32 {
    u32::from(slot) >> GROUP_BITS
}

fn place_of(slot: u16) -> u64 {
    u64::from(slot) % SLOTS as u64
}

/// 65.536 us: finer than a timer needs to be, and 64 - 16 bits are eight groups of six.
pub(super) const TICK_BITS: u32 = 16;

/// Six bits choose one of 64 slots, as many as a `u64` of occupancy has bits.
const GROUP_BITS: u32 = 6;

const SLOTS: usize = 1 << GROUP_BITS;

const LEVELS: usize = ((u64::BITS - TICK_BITS) / GROUP_BITS) as usize;

/// Where deadlines go that cannot be rounded up: 584 years after the start.
const LAST_TICK: u64 = u64::MAX >> TICK_BITS;

/// No entry: `insert` lets no index reach it.
const NONE: u32 = u32::MAX;

/// All slots without an entry, made where they stay.
fn vacant() -> Box<[Ring; LEVELS * SLOTS]> {
    let rings = vec![VACANT; LEVELS * SLOTS].into_boxed_slice();
    match rings.try_into() {
        Ok(rings) => rings,
        Err(_) => unreachable!("there are as many as were asked for"),
    }
}

const VACANT: Ring = Ring {
    earliest: 0,
    first: NONE,
};

#[cfg(test)]
mod tests;
