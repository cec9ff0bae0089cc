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
//!
//! Each message goes through here, so the owner does not look at everything each time. To put in, it
//! remembers up to where there was *room* when it looked last: thieves only make more. To take out, it
//! goes through a [`Batch`], what stood there at one moment: as nobody but thieves moves the head
//! meanwhile, it knows where that is, and if it does not, the swap tells.

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
    /// Up to where [`push`](Self::push) may put in: at most a ring's length from a head that was seen.
    /// The owner's alone.
    room: AtomicU32,
    places: [AtomicPtr<Header>; RING as usize],
}

/// What stands in a ring at one moment, for its owner to take out.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Where the head is, unless a thief has moved it.
    head: u32,
    end: u32,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.end
    }

    /// A thief has moved the head, maybe past the end: to what was put in behind the batch.
    #[cold]
    fn was_robbed(&mut self, head: u32) {
        let left = self.end.wrapping_sub(head);
        let is_over = left > self.end.wrapping_sub(self.head);
        self.head = if is_over { self.end } else { head };
    }
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
            room: AtomicU32::new(0),
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

    /// Puts a task at the end, as far as there was room when the owner [looked](Self::look_for_room)
    /// last; for the owner only.
    ///
    /// # Errors
    ///
    /// Gives it back if it has to look again, or the ring is full.
    #[inline]
    pub(crate) fn push(&self, task: Runnable) -> Result<(), Runnable> {
        // Relaxed: both are the owner's.
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.room.load(Ordering::Relaxed) {
            return Err(task);
        }
        self.place(tail).store(task.into_link(), Ordering::Relaxed);
        // Release pairs with the Acquire of a thief: it sees the place, and the task.
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    /// Looks how far the head has moved; for the owner only. Returns how much room there is.
    pub(crate) fn look_for_room(&self) -> u32 {
        // Acquire pairs with the Release of a thief's swap: it has read what `push` will overwrite.
        let room = self.head.load(Ordering::Acquire).wrapping_add(RING);
        self.room.store(room, Ordering::Relaxed);
        room.wrapping_sub(self.tail.load(Ordering::Relaxed))
    }

    /// The next task does not go into the ring before the owner has looked again; for the owner only.
    pub(crate) fn look_first(&self) {
        let tail = self.tail.load(Ordering::Relaxed);
        self.room.store(tail, Ordering::Relaxed);
    }

    /// What stands here now; for the owner only.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            head: self.head.load(Ordering::Relaxed),
            end: self.tail.load(Ordering::Relaxed),
        }
    }

    /// Takes the first task of the batch, the latest that was made; for the owner only.
    #[inline]
    pub(crate) fn pop(&self, batch: &mut Batch) -> Option<Runnable> {
        while !batch.is_empty() {
            let link = self.place(batch.head).load(Ordering::Relaxed);
            // Nobody but thieves is against us, and they write nothing that we read.
            let next = batch.head.wrapping_add(1);
            match self
                .head
                .compare_exchange(batch.head, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => {
                    batch.head = next;
                    // SAFETY: the swap made this the only one to take what `push` has put there.
                    return Some(unsafe { Runnable::from_link(link) });
                }
                Err(actual) => batch.was_robbed(actual),
            }
        }
        None
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
                thief.look_first();
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
