//! The state word of a task: every legal transition, by name.
//!
//! ```text
//!  63                              9 8                               0
//! +---------------------------------+---------------------------------+
//! |  references                     |  flags                          |
//! +---------------------------------+---------------------------------+
//! ```
//!
//! The life of a task in its flags S(CHEDULED), R(UNNING), D(ONE):
//!
//! ```text
//!          (1) wake            (2) start             (4) finish
//!   idle ----------> S  ------------------> R  ----------------> D
//!    ^               ^                      |
//!    |               |  (3) suspend, woken  |      wake during R sets S beside it: (3) sees it
//!    |               +----------------------+
//!    |                  (3) suspend         |
//!    +--------------------------------------+
//! ```
//!
//! Exactly one party acts on each arrow: whoever's change turned S on while R and D were off puts
//! the task into a queue, and whoever takes it out of the queue turns S into R. So a task is in one
//! queue at most, and one thread at most polls it.
//!
//! ABORTED asks for the next start to drop the future instead of polling it; CUT says that it was a
//! shutdown which asked, and CANCELLED, beside D, that it was done. JOIN means that a
//! [`JoinHandle`](super::JoinHandle) lives; it reads the output, or drops it when it goes. WAITER
//! says that the handle's waker is in its cell: while it is set the cell belongs to the task, which
//! takes the waker out when it is done; while it is clear, to the handle.
//!
//! A task that the end of the runtime has seized while it stood in a line may still be started, by a
//! worker that comes late. That start adds what it always adds, and then takes it back. If somebody
//! has woken the task meanwhile, S and R together carry into the bit above them: it is called
//! C(ARRIED), and means what R means.
//!
//! References are counted above the flags. The queue of a worker holds none: the executor's own
//! reference lasts until D, and what is in a queue is not D. The count cannot wrap: half of it
//! being used up aborts the process, as `std::sync::Arc` does.

use crate::primitive::{AtomicU64, Mutant, Ordering, is_planted};

/// The word.
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

/// A value of the word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot(u64);

/// What a worker is to do with a task it has just started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Poll,
    /// Drop the future: the task was aborted.
    Cancel,
    /// Nothing: the end of the runtime has taken the task out of its queue's hands.
    Not,
}

impl State {
    /// A new task: scheduled, with a handle, and `references` that are handed out by the caller.
    pub(crate) fn new(references: u64) -> Self {
        Self(AtomicU64::new((references * REFERENCE) | SCHEDULED | JOIN))
    }

    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        // Acquire pairs with `finish`: who sees D sees the output.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Arrow 1. True if the caller must put the task into a queue.
    #[inline]
    pub(crate) fn wake(&self) -> bool {
        // Release pairs with the Acquire of `start` and `suspend`: the poll sees what the waker's
        // caller did before. Acquire orders the queueing after it.
        let before = self.0.fetch_or(SCHEDULED, Ordering::AcqRel);
        before & (SCHEDULED | ACTIVE) == 0
    }

    /// Asks for the future to be dropped. True if the caller must put the task into a queue.
    pub(crate) fn abort(&self) -> bool {
        let before = self.0.fetch_or(SCHEDULED | ABORTED, Ordering::AcqRel);
        before & (SCHEDULED | ACTIVE) == 0 && !is_planted(Mutant::AbortNotScheduled)
    }

    /// As [`abort`](Self::abort), by a shutdown.
    pub(crate) fn cut(&self) -> bool {
        // Relaxed: it is looked at by the one who sets it, after it has seen D.
        self.0.fetch_or(CUT, Ordering::Relaxed);
        self.abort()
    }

    /// Arrow 2: S to R.
    #[inline]
    pub(crate) fn start(&self) -> Start {
        // Acquire pairs with `wake`. S is on and R is off, so adding the difference trades them: one
        // instruction, where an exclusive or that tells what was there is a loop.
        let before = self.0.fetch_add(RUNNING - SCHEDULED, Ordering::AcqRel);
        if before & (ABORTED | ACTIVE) == 0 {
            debug_assert_eq!(before & SCHEDULED, SCHEDULED);
            Start::Poll
        } else {
            self.start_unusual(before)
        }
    }

    #[cold]
    fn start_unusual(&self, before: u64) -> Start {
        if before & ACTIVE == 0 {
            return Start::Cancel;
        }
        // Seized. What was added above is taken back; nobody who finds R, C or D on cares about S.
        self.0.fetch_sub(RUNNING - SCHEDULED, Ordering::AcqRel);
        Start::Not
    }

    /// Arrow 2 at the end of a runtime, from idle or S: nobody will take the task out of a queue any
    /// more. False if it has ended, or runs at this moment (further up this very stack).
    pub(crate) fn seize(&self) -> bool {
        let mut before = self.0.load(Ordering::Acquire);
        loop {
            if before & ACTIVE != 0 {
                return false;
            }
            let after = (before | RUNNING | ABORTED) & !SCHEDULED;
            match self
                .0
                .compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(actual) => before = actual,
            }
        }
    }

    /// Arrow 3: R ends. True if the task was woken meanwhile, so the caller must queue it again.
    #[inline]
    pub(crate) fn suspend(&self) -> bool {
        // Release pairs with the Acquire of the next `start`, maybe on another thread; Acquire with
        // the Release of a `wake` during the poll. R is on, so taking it away turns it off.
        let before = self.0.fetch_sub(RUNNING, Ordering::AcqRel);
        before & SCHEDULED != 0 && !is_planted(Mutant::DroppedWake)
    }

    /// Arrow 4: R to D. The future is gone and the output in its place; `is_cancelled`: without having
    /// been ready.
    pub(crate) fn finish(&self, is_cancelled: bool) -> Snapshot {
        let cancelled = if is_cancelled { CANCELLED } else { 0 };
        // Release pairs with the Acquire of `load`: the handle sees the output. Acquire pairs with
        // the Release of `set_waiter`: we see the handle's waker.
        Snapshot(
            self.0
                .fetch_add(DONE - RUNNING + cancelled, Ordering::AcqRel),
        )
    }

    /// The handle has put its waker into the cell. False if the task is done: the cell is the
    /// handle's still.
    pub(crate) fn set_waiter(&self) -> bool {
        self.unless_done(|flags| flags | WAITER)
    }

    /// The handle wants the cell back. False if the task is done: it has taken the waker.
    pub(crate) fn unset_waiter(&self) -> bool {
        self.unless_done(|flags| flags & !WAITER)
    }

    /// The handle goes. Returns the word before: with D in it, the handle must drop the output.
    pub(crate) fn unjoin(&self) -> Snapshot {
        Snapshot(self.0.fetch_and(!(JOIN | WAITER), Ordering::AcqRel))
    }

    fn unless_done(&self, change: impl Fn(u64) -> u64) -> bool {
        let mut before = self.0.load(Ordering::Acquire);
        while before & DONE == 0 {
            match self.0.compare_exchange_weak(
                before,
                change(before),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(actual) => before = actual,
            }
        }
        false
    }

    /// One more reference.
    #[inline]
    pub(crate) fn increment(&self) {
        // Relaxed: a reference is made from one that is held, so nothing is published by it.
        let before = self.0.fetch_add(REFERENCE, Ordering::Relaxed);
        if before > MOST_REFERENCES {
            too_many_references();
        }
    }

    /// One reference fewer. True if it was the last: the caller frees the task.
    #[inline]
    pub(crate) fn decrement(&self) -> bool {
        // Release: what was done with the reference comes before the freeing; Acquire: the one who
        // frees sees all of it.
        let before = self.0.fetch_sub(REFERENCE, Ordering::AcqRel);
        debug_assert!(before >= REFERENCE, "a reference was given back twice");
        before < 2 * REFERENCE
    }
}

impl Snapshot {
    #[inline]
    pub(crate) fn is_done(self) -> bool {
        self.0 & DONE != 0
    }

    /// Whether it is being polled, or ended, at this moment.
    pub(crate) fn is_running(self) -> bool {
        self.0 & (RUNNING | CARRIED) != 0 && !self.is_done()
    }

    /// Whether a shutdown has cut it, or is about to: not if it was ready before.
    pub(crate) fn is_cut(self) -> bool {
        self.0 & CUT != 0 && (!self.is_done() || self.0 & CANCELLED != 0)
    }

    /// Whether a handle lives.
    pub(crate) fn is_joined(self) -> bool {
        self.0 & JOIN != 0
    }

    /// Whether the handle's waker is in the cell.
    pub(crate) fn has_waiter(self) -> bool {
        self.0 & WAITER != 0
    }
}

#[cold]
fn too_many_references() -> ! {
    // Somebody leaks wakers by the trillion; the alternative is memory that is used after it is
    // freed.
    std::process::abort();
}

const SCHEDULED: u64 = 1;
const RUNNING: u64 = 1 << 1;
const CARRIED: u64 = 1 << 2;
const DONE: u64 = 1 << 3;
const ABORTED: u64 = 1 << 4;
const JOIN: u64 = 1 << 5;
const WAITER: u64 = 1 << 6;
const CUT: u64 = 1 << 7;
const CANCELLED: u64 = 1 << 8;
/// Somebody has the task in hand, or had it for the last time.
const ACTIVE: u64 = RUNNING | CARRIED | DONE;
const REFERENCE: u64 = 1 << 9;
const MOST_REFERENCES: u64 = u64::MAX / 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_while_running_queues_once_at_the_end() {
        let state = State::new(1);
        assert_eq!(state.start(), Start::Poll);
        assert!(!state.wake());
        assert!(!state.wake());
        assert!(state.suspend());
        assert_eq!(state.start(), Start::Poll);
        assert!(!state.suspend());
        assert!(state.wake());
        assert!(!state.wake());
    }

    #[test]
    fn a_done_task_is_never_queued() {
        let state = State::new(1);
        state.start();
        assert!(!state.finish(false).is_done());
        assert!(!state.wake());
        assert!(!state.abort());
        assert!(!state.seize());
    }

    #[test]
    fn an_abort_cancels_the_next_start() {
        let state = State::new(1);
        state.start();
        assert!(!state.suspend());
        assert!(state.abort());
        assert_eq!(state.start(), Start::Cancel);
    }

    #[test]
    fn who_was_ready_before_it_was_cut_was_not_cut() {
        for (is_cancelled, was_cut) in [(true, true), (false, false)] {
            let state = State::new(1);
            state.start();
            assert!(!state.cut());
            assert!(state.load().is_cut());
            state.finish(is_cancelled);
            assert_eq!(state.load().is_cut(), was_cut);
        }
    }
}
