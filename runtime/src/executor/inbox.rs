//! Tasks woken by threads that are not the core's own.
//!
//! A list that anybody pushes onto and that its owner takes whole: one compare-and-swap each way, no
//! allocation (the link is in the task), and none of the puzzles of popping one by one.
//!
//! Two dangers. A task in the list must not be freed, so the list holds a counted reference, unlike
//! the queue of a worker. And a list that nobody takes any more would keep its tasks for ever, and
//! they their core: so at the end it is closed, in the same step that takes what is left, and a push
//! after that is handed back.

#![allow(unsafe_code)]

use crate::primitive::{AtomicPtr, Ordering};
use crate::tasks::{Header, TaskRef};

/// A list of tasks to be run.
pub(crate) struct Inbox {
    head: AtomicPtr<Header>,
}

/// What became of a push.
pub(crate) enum Pushed {
    /// The list was empty: its owner must be told.
    First,
    /// Whoever pushed first tells the owner.
    Behind,
    /// The owner has gone; nobody will run the task.
    Closed,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Adds a task that is scheduled and in no queue.
    pub(crate) fn push(&self, task: TaskRef) -> Pushed {
        let mut head = self.head.load(Ordering::Relaxed);
        let mut task = task;
        loop {
            if head == closed() {
                return Pushed::Closed;
            }
            task.set_next(head);
            let link = task.into_link();
            // Release pairs with the Acquire of `take`: the owner sees the link and the task.
            match self
                .head
                .compare_exchange_weak(head, link, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) if head.is_null() => return Pushed::First,
                Ok(_) => return Pushed::Behind,
                Err(actual) => head = actual,
            }
            // SAFETY: the exchange failed, so the link is ours still.
            task = unsafe { TaskRef::from_link(link) }.expect("a link made above is not null");
        }
    }

    /// Takes all, the first pushed first.
    pub(crate) fn take(&self) -> Taken {
        let head = self.head.load(Ordering::Relaxed);
        if head.is_null() || head == closed() {
            return Taken(std::ptr::null_mut());
        }
        // Acquire pairs with the Release of `push`.
        Taken::reversed(self.head.swap(std::ptr::null_mut(), Ordering::Acquire))
    }

    /// Takes all, for the last time.
    pub(crate) fn close(&self) -> Taken {
        let head = self.head.swap(closed(), Ordering::AcqRel);
        if head == closed() {
            return Taken(std::ptr::null_mut());
        }
        Taken::reversed(head)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Tasks taken from an inbox; those not looked at are released.
pub(crate) struct Taken(*mut Header);

impl Taken {
    /// A push puts in front, so the list is the wrong way round.
    fn reversed(mut head: *mut Header) -> Self {
        let mut list = Self(std::ptr::null_mut());
        // SAFETY: the list was taken whole, so each link is ours, and taken back once.
        while let Some(task) = unsafe { TaskRef::from_link(head) } {
            head = task.next();
            task.set_next(list.0);
            list.0 = task.into_link();
        }
        list
    }
}

impl Iterator for Taken {
    type Item = TaskRef;

    fn next(&mut self) -> Option<TaskRef> {
        // SAFETY: the list is ours, and each link is taken back once.
        let task = unsafe { TaskRef::from_link(self.0) }?;
        self.0 = task.next();
        Some(task)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// The address that stands for "closed"; no task is there.
fn closed() -> *mut Header {
    std::ptr::without_provenance_mut(1)
}
