//! Who waits, in the order of coming.
//!
//! Every type of this module keeps one list of waiters, behind its own short lock. A waiter comes at
//! the end, is *called* from the front when what it waits for is there, and takes its entry out
//! itself: when it finds that it was called, or when it gives up.
//!
//! ```text
//!            push                  call_first                      remove
//!   nobody ---------> in the list ------------> called, unlinked ----------> nobody
//!                         |                                                    ^
//!                         +---------------------- remove ----------------------+
//! ```
//!
//! The danger is the last arrow on the right. Who was called and gives up in the same moment has been
//! given something (a permit, a notice) that nobody else will be given; so `remove` tells, and the
//! owner of the list passes it on. The second danger is a waker, which is foreign code: the list
//! hands wakers out and never clones, wakes or drops one, so that its owner can do so unlocked.
//!
//! Entries stand in a slab and are linked by their indices: to leave from the middle costs the same
//! as from the front, and there is nothing `unsafe` in it.

use std::task::Waker;

use slab::Slab;

use crate::foreign;

/// A list of waiters, each with a note of its owner's.
#[derive(Debug)]
pub(crate) struct Waiters<N> {
    entries: Slab<Entry<N>>,
    first: usize,
    last: usize,
}

#[derive(Debug)]
struct Entry<N> {
    note: N,
    waker: Option<Waker>,
    called: bool,
    before: usize,
    after: usize,
}

/// A place in the list. It is its holder's to remove, once.
#[derive(Debug)]
pub(crate) struct Ticket(usize);

/// What a waiter that looks finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It was called: remove the ticket.
    Called,
    /// It waits, and the waker that is there will do.
    Waits,
    /// It waits, and another waker must be put there.
    NeedsWaker,
}

/// A waiter that has left the list.
#[derive(Debug)]
pub(crate) struct Left<N> {
    pub(crate) note: N,
    /// Unless it was called. To be dropped without the lock.
    pub(crate) waker: Option<Waker>,
}

impl<N> Waiters<N> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Slab::new(),
            first: NOBODY,
            last: NOBODY,
        }
    }

    /// Nobody waits who has not been called.
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NOBODY
    }

    /// Comes last.
    pub(crate) fn push(&mut self, note: N, waker: Waker) -> Ticket {
        let index = self.entries.insert(Entry {
            note,
            waker: Some(waker),
            called: false,
            before: self.last,
            after: NOBODY,
        });
        match self.last {
            NOBODY => self.first = index,
            last => self.entries[last].after = index,
        }
        self.last = index;
        Ticket(index)
    }

    /// The note of whoever is next.
    pub(crate) fn first(&mut self) -> Option<&mut N> {
        let first = self.entries.get_mut(self.first)?;
        Some(&mut first.note)
    }

    /// The note of whoever came last.
    pub(crate) fn last(&mut self) -> Option<&mut N> {
        let last = self.entries.get_mut(self.last)?;
        Some(&mut last.note)
    }

    /// Calls whoever is next; the waker is to be woken without the lock.
    pub(crate) fn call_first(&mut self, wakers: &mut Wakers) {
        self.call(self.first, wakers);
    }

    /// Calls whoever came last.
    pub(crate) fn call_last(&mut self, wakers: &mut Wakers) {
        self.call(self.last, wakers);
    }

    /// Calls all, after `mark` has seen the note of each.
    pub(crate) fn call_all(&mut self, wakers: &mut Wakers, mut mark: impl FnMut(&mut N)) {
        while let Some(note) = self.first() {
            mark(note);
            self.call_first(wakers);
        }
    }

    fn call(&mut self, index: usize, wakers: &mut Wakers) {
        if index != NOBODY {
            self.unlink(index);
            let entry = &mut self.entries[index];
            entry.called = true;
            wakers.extend(entry.waker.take());
        }
    }

    /// Looks whether the ticket was called, and whether `waker` is the one that is there.
    pub(crate) fn look(&self, ticket: &Ticket, waker: &Waker) -> Look {
        let entry = &self.entries[ticket.0];
        match &entry.waker {
            _ if entry.called => Look::Called,
            // Comparing wakers compares two addresses: no foreign code runs.
            Some(held) if held.will_wake(waker) => Look::Waits,
            _ => Look::NeedsWaker,
        }
    }

    /// Puts another waker there, and gives back the one to be dropped without the lock: the former,
    /// or this one if the ticket was called meanwhile.
    pub(crate) fn set_waker(&mut self, ticket: &Ticket, waker: Waker) -> Option<Waker> {
        let entry = &mut self.entries[ticket.0];
        if entry.called {
            return Some(waker);
        }
        entry.waker.replace(waker)
    }

    /// Leaves.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Left<N> {
        if !self.entries[ticket.0].called {
            self.unlink(ticket.0);
        }
        let entry = self.entries.remove(ticket.0);
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries = Slab::new();
        }
        Left {
            note: entry.note,
            waker: entry.waker,
        }
    }

    fn unlink(&mut self, index: usize) {
        let Entry { before, after, .. } = self.entries[index];
        match before {
            NOBODY => self.first = after,
            before => self.entries[before].after = after,
        }
        match after {
            NOBODY => self.last = before,
            after => self.entries[after].before = before,
        }
    }
}

/// Wakers that were taken out under a lock, to be woken without it. One needs no memory.
#[derive(Debug, Default)]
#[must_use = "who was called must be woken"]
pub(crate) struct Wakers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakers {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            more: Vec::new(),
        }
    }

    pub(crate) fn extend(&mut self, waker: Option<Waker>) {
        match (&self.first, waker) {
            (None, waker) => self.first = waker,
            (Some(_), waker) => self.more.extend(waker),
        }
    }

    /// Wakes them, in the order in which they were called. A panic of one keeps none from the others.
    #[inline]
    pub(crate) fn wake(self) {
        self.first.into_iter().for_each(foreign::wake);
        if !self.more.is_empty() {
            self.more.into_iter().for_each(foreign::wake);
        }
    }
}

/// No index.
const NOBODY: usize = usize::MAX;
/// So many entries are kept for the next crowd; memory for a larger one is given back.
const KEPT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    use proptest::prelude::*;

    /// Random comings and goings against a plain queue.
    fn agrees_with_a_queue(steps: &[(u8, usize)]) {
        let mut list = Waiters::new();
        let mut queue = VecDeque::new();
        let mut tickets: Vec<(u32, Ticket)> = Vec::new();
        for (number, (step, which)) in (0..).zip(steps) {
            match step {
                0 | 1 => {
                    tickets.push((number, list.push(number, Waker::noop().clone())));
                    queue.push_back(number);
                }
                2 => {
                    let mut wakers = Wakers::new();
                    list.call_first(&mut wakers);
                    assert_eq!(wakers.first.is_some(), queue.pop_front().is_some());
                }
                3 => {
                    let mut wakers = Wakers::new();
                    list.call_last(&mut wakers);
                    assert_eq!(wakers.first.is_some(), queue.pop_back().is_some());
                }
                _ if tickets.is_empty() => {}
                _ => {
                    let (number, ticket) = tickets.swap_remove(which % tickets.len());
                    let left = list.remove(ticket);
                    assert_eq!(left.note, number);
                    assert_eq!(left.waker.is_some(), queue.contains(&number));
                    queue.retain(|waiting| *waiting != number);
                }
            }
            assert_eq!(list.first().copied(), queue.front().copied());
            assert_eq!(list.last().copied(), queue.back().copied());
            assert_eq!(list.is_empty(), queue.is_empty());
        }
    }

    proptest! {
        #[test]
        fn it_is_a_queue_that_one_can_leave(
            steps in prop::collection::vec((0_u8..6, 0_usize..64), 0..200),
        ) {
            agrees_with_a_queue(&steps);
        }
    }
}
