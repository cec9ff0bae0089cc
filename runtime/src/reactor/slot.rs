//! Where readiness is remembered.
//!
//! An edge-triggered epoll speaks once: it says that a descriptor *became* ready and is then silent
//! until that is used up. So somebody has to remember, and that is a [`Slot`]: which bits were
//! reported in each direction, and who waits for them.
//!
//! # The danger
//!
//! A task meets `WouldBlock` and is about to sleep; at this moment the event arrives. If the task
//! now forgets the readiness, or is not yet known as a waiter, it sleeps for ever. And a slot is
//! used again: an event harvested for its last owner must not touch the next one.
//!
//! # How it is met
//!
//! Everything is in one [word](super::word), and every step is one atomic change of it.
//!
//! *Clear, then call.* [`take`](Slot::take) removes a direction's bits *before* the system call. An
//! edge during the call sets them again by itself, so nothing that happens after the call can be
//! forgotten. After the call the bits stay clear (it would block), or they are
//! [put back](Slot::put_back), which wakes as an edge does: somebody may have begun to wait.
//!
//! *Wait.* A direction has a first waiter, in a cell, and a crowd behind a lock for the rare rest.
//! The cell belongs to whoever holds the direction's BUSY flag:
//!
//! ```text
//!             (1) register               (2) settle
//!   idle ------------------> BUSY ---------------------> WAIT
//!    ^                       |  ^                          |
//!    |  a bit came meanwhile |  |  (3) edge or put-back    |
//!    +-----------------------+  +--------------------------+
//! ```
//!
//! (1) takes BUSY only if no bit of the direction is set; (2) sets WAIT only if still none is, else
//! the task tries again; (3) trades WAIT for BUSY in the step that sets bits, wakes, and goes idle.
//! Nobody ever spins on BUSY: who finds it set joins the crowd. An edge wakes *all* waiters of its
//! direction: waking one would lose the wake when that one has gone away.
//!
//! *The generation* is part of the word, so an event for a former owner is refused by
//! the step that would have set its bits.

#![allow(unsafe_code)]

mod waiting;

use std::io;
use std::task::Waker;

use super::crowd::Crowd;
use super::ready::{Direction, Ready};
use super::word::{self, Woken, Word};
use crate::foreign;
use crate::primitive::{AtomicU64, Mutant, Mutex, Ordering, UnsafeCell, is_planted};

/// One registered descriptor's memory: readiness and waiters.
#[repr(align(64))]
pub(crate) struct Slot {
    word: AtomicU64,
    first: [UnsafeCell<Option<Waker>>; 2],
    crowd: Mutex<Option<Box<Crowd>>>,
}

/// What [`Slot::take`] found and cleared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) ready: Ready,
    /// As it was.
    word: Word,
}

impl Taken {
    /// Whether a short read that used this up proves nothing.
    #[inline]
    pub(crate) fn is_suspicious(self) -> bool {
        self.word.is_suspicious()
    }

    /// Whether calls are given portions, as the runtime has a seed.
    #[inline]
    pub(crate) fn is_portioned(self) -> bool {
        self.word.is_portioned()
    }
}

/// What came of wanting to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    /// The waker is stored; the next edge wakes it.
    Waiting,
    /// There is readiness after all: try the call.
    Ready,
}

// SAFETY: a cell is reached only by the holder of its direction's BUSY flag, one at a time, as drawn
// above; all else is atomics and a lock; and a `Waker` may be used from any thread.
unsafe impl Sync for Slot {}
// SAFETY: nothing in a slot is tied to a thread.
unsafe impl Send for Slot {}

impl Slot {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            first: [UnsafeCell::new(None), UnsafeCell::new(None)],
            crowd: Mutex::new(None),
        }
    }

    /// A new owner moves in. Returns the generation that its events will carry.
    pub(crate) fn claim(&self, write: Ready, is_portioned: bool) -> u32 {
        let portioned = if is_portioned { word::PORTIONED } else { 0 };
        let news = word::news(Direction::Write, write) | portioned;
        Word(self.word.fetch_or(news, Ordering::AcqRel)).generation()
    }

    /// The bits of a direction, left as they are.
    #[inline]
    pub(crate) fn peek(&self, direction: Direction) -> Ready {
        self.load().ready(direction)
    }

    /// Whether a write may be tried, and is to do all that it can.
    #[inline]
    pub(crate) fn is_plainly_writable(&self) -> bool {
        self.load().is_plainly_writable()
    }

    /// Whether the runtime of this slot has gone.
    pub(crate) fn is_shut(&self) -> bool {
        self.load().is_shut()
    }

    /// After readiness was found: nothing to report, unless it is the end of the runtime.
    #[cold]
    pub(crate) fn unless_shut(&self) -> io::Result<Registered> {
        if self.is_shut() {
            return Err(super::shut_down());
        }
        Ok(Registered::Ready)
    }

    /// Clears the bits of a direction and tells which they were. Do this *before* the call.
    #[inline(always)]
    pub(crate) fn take(&self, direction: Direction) -> Taken {
        let seen = self.load();
        let taken = Taken {
            ready: seen.ready(direction),
            word: seen,
        };
        if taken.ready.is_none() {
            return taken;
        }
        match self.exchange(seen, seen.without_ready(direction)) {
            Ok(()) => taken,
            Err(_) => self.take_again(direction),
        }
    }

    /// Others have changed the word meanwhile.
    #[cold]
    fn take_again(&self, direction: Direction) -> Taken {
        let used =
            |seen: Word| (!seen.ready(direction).is_none()).then(|| seen.without_ready(direction));
        let seen = self.update(used).before;
        Taken {
            ready: seen.ready(direction),
            word: seen,
        }
    }

    /// Sets bits again that a call did not use up, and wakes all who have begun to wait meanwhile.
    #[inline(never)]
    pub(crate) fn put_back(&self, direction: Direction, ready: Ready) {
        let owner = self.load().generation();
        let news = word::news(direction, ready);
        // The caller is another task, maybe one that panics already.
        foreign::call(&|| {
            self.raise(owner, news);
        });
    }

    /// An event of the kernel's: sets bits, wakes the waiters. Returns false, and does nothing, if
    /// it was meant for a former owner of the slot.
    #[inline(always)]
    pub(crate) fn dispatch(&self, generation: u32, read: Ready, write: Ready) -> bool {
        let mut news = word::news(Direction::Read, read) | word::news(Direction::Write, write);
        if read.intersects(Ready::PRI) {
            news |= word::URGENT_SEEN;
        }
        self.raise(generation, news)
    }

    /// As [`dispatch`](Self::dispatch), for an event of any kind.
    #[inline(never)]
    pub(crate) fn dispatch_any(&self, generation: u32, event: u32) -> bool {
        self.dispatch(generation, Ready::to_read(event), Ready::to_write(event))
    }

    /// An event that the kernel has not sent, for whoever has the slot.
    #[cold]
    pub(crate) fn pretend(&self, event: u32) {
        let owner = self.load().generation();
        self.dispatch_any(owner, event);
    }

    /// Marks the slot's runtime as gone and wakes everybody: their next try says so.
    pub(crate) fn shut(&self) {
        let owner = self.load().generation();
        self.raise(owner, word::SHUT);
    }

    /// The owner's descriptor has moved: late events are stale from now on, and everybody who waits
    /// here is to be woken by the caller. The bits are set, so that nobody waits here any more.
    pub(crate) fn evict(&self) -> Vec<Waker> {
        let read = word::news(Direction::Read, Ready::ASSUMED);
        let write = word::news(Direction::Write, Ready::ASSUMED);
        self.empty(read | write)
    }

    /// After [`evict`](Self::evict): a slot like a new one.
    pub(crate) fn reset(&self) {
        self.take(Direction::Read);
        self.take(Direction::Write);
    }

    /// Carries over what the owner's former slot has seen.
    pub(crate) fn inherit(&self, former: &Self) {
        if former.load().urgent_seen() {
            self.word.fetch_or(word::URGENT_SEEN, Ordering::AcqRel);
        }
    }

    /// The owner moves out: late events are stale from now on, and no waker stays behind.
    pub(crate) fn release(&self) {
        self.empty(0).into_iter().for_each(foreign::drop_quietly);
    }

    /// Begins the next generation, with `bits` set, and takes all wakers out.
    fn empty(&self, bits: u64) -> Vec<Waker> {
        let mut left = Vec::new();
        let seen = self.update(|seen| Some(seen.next_owner(bits))).before;
        for direction in BOTH {
            // A wake that is under way holds the cell; when it is done it sees the new generation
            // and cleans up itself. A task that is about to wait holds it and finds the bits, or
            // that its descriptor has moved.
            if !seen.is_busy(direction) {
                // SAFETY: `next_owner` gave us BUSY of this direction.
                let first = self
                    .cell(direction)
                    .with_mut(|cell| unsafe { (*cell).take() });
                self.update(|seen| Some(seen.to_idle(direction)));
                left.extend(first);
            }
        }
        if let Some(crowd) = self.crowd.lock().as_mut() {
            left.extend(crowd.take_all());
        }
        left
    }

    /// Arrow 3: sets bits and wakes whom they concern.
    #[inline(always)]
    fn raise(&self, owner: u32, news: u64) -> bool {
        let mut seen = self.load();
        let woken = loop {
            if seen.generation() != owner && !is_planted(Mutant::StaleGeneration) {
                return false;
            }
            let (next, woken) = seen.raised(news);
            match self.exchange(seen, next) {
                Ok(()) => break woken,
                Err(actual) => seen = actual,
            }
        };
        if let Some(direction) = woken.only_first() {
            self.wake_first(direction, owner);
        } else if !woken.is_nobody() {
            self.wake_many(owner, woken);
        }
        true
    }

    /// Wakes the waker in the cell and gives BUSY back, also if the waker panics: nobody else is
    /// left to be woken, so the panic may go on up.
    #[inline(always)]
    fn wake_first(&self, direction: Direction, owner: u32) {
        let held = GiveBack {
            slot: self,
            direction,
            owner,
        };
        self.cell(direction).with(|cell| {
            // SAFETY: the caller has taken BUSY of this direction, and `held` gives it back.
            if let Some(waker) = unsafe { &*cell } {
                waker.wake_by_ref();
            }
        });
        drop(held);
    }

    #[cold]
    fn wake_many(&self, owner: u32, woken: Woken) {
        for direction in BOTH {
            if woken.first(direction) {
                foreign::call(&|| self.wake_first(direction, owner));
            }
            if woken.crowd(direction) {
                self.wake_crowd(direction);
            }
        }
    }

    #[cold]
    fn wake_crowd(&self, direction: Direction) {
        let mut leaving = Vec::new();
        if let Some(crowd) = self.crowd.lock().as_mut() {
            leaving = crowd.take_waiters_of(direction);
        }
        leaving.into_iter().for_each(foreign::wake);
    }

    /// Gives BUSY back. The waker stays in the cell, as the same task mostly comes again.
    #[inline]
    fn idle(&self, direction: Direction, owner: u32) {
        // Release pairs with the Acquire of the next one to take BUSY. It is on, so taking it away
        // turns it off, in one instruction.
        let before = Word(self.word.fetch_sub(Word::busy(direction), Ordering::AcqRel));
        if before.generation() != owner {
            self.clean(direction);
        }
    }

    /// The owner left while its waker was being woken, and could not take it along.
    #[cold]
    fn clean(&self, direction: Direction) {
        let change = self.update(|seen| {
            // A waiter of the next owner has put its own waker there, or is about to.
            let taken = seen.is_busy(direction) || seen.is_waiting(direction);
            (!taken).then(|| seen.to_busy(direction))
        });
        if change.made {
            // SAFETY: we hold BUSY until the next line.
            let orphan = self
                .cell(direction)
                .with_mut(|cell| unsafe { (*cell).take() });
            self.update(|seen| Some(seen.to_idle(direction)));
            foreign::drop_quietly(orphan);
        }
    }

    #[inline]
    fn cell(&self, direction: Direction) -> &UnsafeCell<Option<Waker>> {
        &self.first[direction as usize]
    }

    #[inline]
    fn load(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// One atomic change of the word.
    ///
    /// AcqRel for all: Release publishes the cell, or what led to the event, to the next one who
    /// changes the word; Acquire pairs with that, also when the change is not made.
    #[inline]
    fn exchange(&self, seen: Word, next: Word) -> Result<(), Word> {
        self.word
            .compare_exchange_weak(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(Word)
    }

    /// A change that is computed from what is there, which may decline it.
    fn update(&self, mut next: impl FnMut(Word) -> Option<Word>) -> Change {
        let mut before = self.load();
        while let Some(after) = next(before) {
            match self.exchange(before, after) {
                Ok(()) => return Change { before, made: true },
                Err(actual) => before = actual,
            }
        }
        Change {
            before,
            made: false,
        }
    }
}

/// The word before a change, and whether the change was made.
struct Change {
    before: Word,
    made: bool,
}

/// Gives BUSY back, whatever a waker does.
struct GiveBack<'a> {
    slot: &'a Slot,
    direction: Direction,
    owner: u32,
}

impl Drop for GiveBack<'_> {
    #[inline]
    fn drop(&mut self) {
        self.slot.idle(self.direction, self.owner);
    }
}

const BOTH: [Direction; 2] = [Direction::Read, Direction::Write];

#[cfg(test)]
mod tests;
