//! The tasks that a worker is to run next, open to thieves.
//!
//! One owner puts in at the tail; the owner and any thief take out at the head, the owner one task,
//! a thief half of all, of which it runs the first. Taking is one compare-and-swap of the head:
//!
//! ```text
//!         head              tail
//!          v                 v
//!   ... |  a  |  b  |  c  |     | ...      put: write the place, then move the tail
//!          ------->                        take: read the places, then move the head
//! ```
//!
//! The danger is a thief that reads places while the owner, who has come round the ring, writes them
//! anew. The owner writes a place only once the head has moved past it, so the thief's swap of the
//! head fails, and what it has read is thrown away. Like the other queues this one holds no
//! references: what is in it is scheduled, hence not done, hence kept.

#![allow(unsafe_code)]

use crate::primitive::{AtomicPtr, AtomicU32, Ordering, RING, spin_loop};
use crate::tasks::{Header, Runnable};

/// A place for one task.
pub(crate) struct Next(AtomicPtr<Header>);

impl Next {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// Whether the place is free: for others than the owner a guess.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Puts a task there; gives back the one that was there.
    pub(crate) fn replace(&self, task: Runnable) -> Option<Runnable> {
        self.swap(task.into_link())
    }

    /// Takes the task; for the owner and for thieves.
    pub(crate) fn take(&self) -> Option<Runnable> {
        self.swap(std::ptr::null_mut())
    }

    fn swap(&self, link: *mut Header) -> Option<Runnable> {
        // Release pairs with the Acquire of who takes the task out: it sees the task.
        let link = self.0.swap(link, Ordering::AcqRel);
        if link.is_null() {
            return None;
        }
        // SAFETY: `replace` has put it there, and the swap made this the only one to take it.
        Some(unsafe { Runnable::from_link(link) })
    }
}

/// A ring of tasks.
pub(crate) struct Ring {
    /// Both only ever grow, and wrap round at 2^32.
    head: AtomicU32,
    tail: AtomicU32,
    places: [AtomicPtr<Header>; RING as usize],
}

/// What a thief has.
pub(crate) struct Stolen {
    /// For the thief to run, and nobody's to steal back: else two that have nothing else could take
    /// one task off each other for ever.
    pub(crate) first: Runnable,
    /// How many more stand in the thief's ring.
    pub(crate) behind: u32,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            places: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
        }
    }

    /// How many tasks there are: for others than the owner a guess.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        let head = self.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        // A thief that moves the head between two loads of somebody else's must not make it large.
        tail.wrapping_sub(head).min(RING)
    }

    /// Puts a task at the end; for the owner only.
    ///
    /// # Errors
    ///
    /// Gives it back if the ring is full.
    #[inline]
    pub(crate) fn push(&self, task: Runnable) -> Result<(), Runnable> {
        // Acquire pairs with the Release of a thief's swap: it has read what is overwritten here.
        let head = self.head.load(Ordering::Acquire);
        // Relaxed: the tail is the owner's.
        let tail = self.tail.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) >= RING {
            return Err(task);
        }
        self.place(tail).store(task.into_link(), Ordering::Relaxed);
        // Release pairs with the Acquire of a thief: it sees the place, and the task.
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Takes the first task; for the owner only.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Runnable> {
        let tail = self.tail.load(Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == tail {
                return None;
            }
            let link = self.place(head).load(Ordering::Relaxed);
            // Nobody but thieves is against us, and they write nothing that we read.
            let next = head.wrapping_add(1);
            match self
                .head
                .compare_exchange(head, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                // SAFETY: the swap made this the only one to take what `push` has put there.
                Ok(_) => return Some(unsafe { Runnable::from_link(link) }),
                Err(actual) => head = actual,
            }
        }
    }

    /// Takes half of the tasks, the first ones: gives the first out, and puts those behind it into the
    /// thief's own ring, as far as there is room.
    pub(crate) fn steal_into(&self, thief: &Self) -> Option<Stolen> {
        loop {
            // Acquire pairs with the Release of other thieves' swaps.
            let head = self.head.load(Ordering::Acquire);
            // Acquire pairs with the Release of `push`.
            let tail = self.tail.load(Ordering::Acquire);
            let there = tail.wrapping_sub(head);
            let count = there - there / 2;
            if count == 0 {
                return None;
            }
            if there > RING {
                // The two loads do not belong together.
                spin_loop();
                continue;
            }
            let into = thief.tail.load(Ordering::Relaxed);
            let room = RING - into.wrapping_sub(thief.head.load(Ordering::Acquire));
            let behind = (count - 1).min(room);
            let first = self.place(head).load(Ordering::Relaxed);
            for step in 0..behind {
                let from = head.wrapping_add(1 + step);
                let link = self.place(from).load(Ordering::Relaxed);
                let place = thief.place(into.wrapping_add(step));
                place.store(link, Ordering::Relaxed);
            }
            // Release pairs with the Acquire of `push`: the places have been read. Acquire, with
            // `push`, is done.
            let taken = self.head.compare_exchange(
                head,
                head.wrapping_add(1 + behind),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                // Release pairs with the Acquire of a thief's thief.
                let end = into.wrapping_add(behind);
                thief.tail.store(end, Ordering::Release);
                // SAFETY: the swap made this the only one to take what `push` has put there.
                let first = unsafe { Runnable::from_link(first) };
                return Some(Stolen { first, behind });
            }
        }
    }

    fn place(&self, position: u32) -> &AtomicPtr<Header> {
        &self.places[(position % RING) as usize]
    }
}
