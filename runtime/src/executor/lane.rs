//! What a worker of several is to run, in order, and open to thieves.
//!
//! Three places: one task that goes [next](Lane::push_next), a [ring](super::ring) of 256, and behind
//! it an overflow without end, behind a lock. What is in the ring is older than what is in the
//! overflow: while that holds anything, new tasks go there too, and the ring is filled from it.
//!
//! *Next* is for a task that was woken by the one that runs: what they share is in the cache, and a
//! reply does not stand in line. Two that wake each other would shut the line out, so after a few
//! turns in a row the place is closed for one.
//!
//! The overflow is linked through the tasks, and looks at the last one when another is added. At the
//! end of a runtime tasks are ended while they stand in line, so from then on the overflow is
//! [closed](Lane::close), and what would go there is forgotten.

use super::queue::Queue;
use super::ring::{Batch, Next, Ring, Stolen};
use crate::primitive::{AtomicU32, Mutex, Ordering, RING};
use crate::tasks::Runnable;

/// The tasks of one worker.
pub(crate) struct Lane {
    next: Next,
    ring: Ring,
    overflow: Mutex<Overflow>,
    /// The length of the overflow, to be looked at without the lock.
    behind: AtomicU32,
}

struct Overflow {
    queue: Queue,
    closed: bool,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            next: Next::new(),
            ring: Ring::new(),
            overflow: Mutex::new(Overflow {
                queue: Queue::new(),
                closed: false,
            }),
            behind: AtomicU32::new(0),
        }
    }

    /// How many tasks stand in line: for others than the owner a guess.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        let behind = self.behind.load(Ordering::Relaxed);
        self.ring.len().saturating_add(behind)
    }

    /// Whether there is nothing at all; for the owner.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.has_next()
    }

    /// Puts a task at the end of the line; for the owner only.
    #[inline]
    pub(crate) fn push(&self, task: Runnable) {
        if let Err(task) = self.ring.push(task) {
            self.push_anew(task);
        }
    }

    /// Looks whether there is room in the ring by now.
    #[cold]
    fn push_anew(&self, task: Runnable) {
        // Relaxed: only the owner adds to the overflow, and if thieves have emptied it meanwhile
        // the order of two tasks is all that changes.
        if self.behind.load(Ordering::Relaxed) == 0 {
            self.ring.look_for_room();
            if let Err(task) = self.ring.push(task) {
                self.push_behind(task);
            }
        } else {
            self.push_behind(task);
        }
    }

    fn push_behind(&self, task: Runnable) {
        // Nothing goes into the ring before this.
        self.ring.look_first();
        let overflow = self.overflow.lock();
        if !overflow.closed {
            overflow.queue.push(task);
            self.behind.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Puts a task before all others; for the owner only. The one that was there goes to the end of
    /// the line.
    pub(crate) fn push_next(&self, task: Runnable) {
        if let Some(former) = self.next.replace(task) {
            self.push(former);
        }
    }

    /// Whether a task goes next; for others than the owner a guess.
    #[inline]
    pub(crate) fn has_next(&self) -> bool {
        !self.next.is_empty()
    }

    /// Takes the task that goes next; for the owner, and for a thief.
    pub(crate) fn pop_next(&self) -> Option<Runnable> {
        self.next.take()
    }

    /// Takes the first task of the batch; for the owner only.
    #[inline]
    pub(crate) fn pop(&self, batch: &mut Batch) -> Option<Runnable> {
        self.ring.pop(batch)
    }

    /// Fills the ring from the overflow; for the owner only. Returns what stands in the ring then.
    #[inline]
    pub(crate) fn refill(&self) -> Batch {
        if self.behind.load(Ordering::Relaxed) > 0 {
            self.take_behind(RING);
        }
        self.ring.batch()
    }

    /// Moves tasks from the overflow of `self` into its ring.
    #[cold]
    fn take_behind(&self, most: u32) {
        let overflow = self.overflow.lock();
        self.pour(&overflow, &self.ring, most);
    }

    /// Moves tasks from the overflow into a ring, which is the caller's own. Returns how many.
    fn pour(&self, overflow: &Overflow, ring: &Ring, most: u32) -> u32 {
        let room = ring.look_for_room();
        let mut poured = 0;
        while poured < room.min(most) {
            let Some(task) = overflow.queue.pop() else {
                break;
            };
            // There is room: thieves only make more.
            let Ok(()) = ring.push(task) else { break };
            poured += 1;
        }
        ring.look_first();
        self.behind.fetch_sub(poured, Ordering::Relaxed);
        poured
    }

    /// Takes half of the victim's line: gives the first task out, and puts those behind it into our
    /// ring, as far as there is room.
    pub(crate) fn steal_from(&self, victim: &Self) -> Option<Stolen> {
        let stolen = victim.ring.steal_into(&self.ring);
        if stolen.is_some() || victim.behind.load(Ordering::Relaxed) == 0 {
            return stolen;
        }
        let overflow = victim.overflow.lock();
        let first = overflow.queue.pop()?;
        let left = victim.behind.fetch_sub(1, Ordering::Relaxed) - 1;
        let behind = victim.pour(&overflow, &self.ring, left / 2);
        Some(Stolen { first, behind })
    }

    /// From now on what does not fit is forgotten: nothing is taken out any more.
    pub(crate) fn close(&self) {
        let mut overflow = self.overflow.lock();
        overflow.closed = true;
        overflow.queue.clear();
        self.behind.store(0, Ordering::Relaxed);
    }
}
