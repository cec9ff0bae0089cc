//! The tasks that a worker is to run, first come, first served.
//!
//! Linked through the tasks themselves: putting one in and taking one out are a few instructions
//! and never allocate, however long the queue is. Only the thread that runs the core touches it.
//!
//! The danger is a link to a task that has gone. The queue holds no reference: what is in it is
//! scheduled, hence not done, and the executor's list of live tasks keeps what is not done. When
//! tasks are ended otherwise than by being run, the queue is emptied first, without looking at what
//! was in it.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::ptr;

use crate::tasks::{Header, Runnable};

/// A line of tasks.
pub(super) struct Queue {
    first: Cell<*mut Header>,
    /// Means something while there is a first.
    last: Cell<*mut Header>,
}

// SAFETY: a queue that is sent takes its tasks with it, and the right to run a task may be sent.
unsafe impl Send for Queue {}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            first: Cell::new(ptr::null_mut()),
            last: Cell::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.get().is_null()
    }

    /// Puts a task at the end.
    #[inline]
    pub(super) fn push(&self, task: Runnable) {
        task.set_next(ptr::null_mut());
        let link = task.into_link();
        if self.first.get().is_null() {
            self.first.set(link);
        } else {
            // SAFETY: the last task of a queue that is not empty is in it, and so it lives; it is
            // forgotten again, not taken out.
            let last = unsafe { Runnable::from_link(self.last.get()) };
            last.set_next(link);
        }
        self.last.set(link);
    }

    /// Takes the first task out.
    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        let first = self.first.get();
        if first.is_null() {
            return None;
        }
        // SAFETY: it is in the queue, so it lives, and this takes it out.
        let task = unsafe { Runnable::from_link(first) };
        self.first.set(task.next());
        Some(task)
    }

    /// All tasks, as a queue of their own.
    #[inline]
    pub(super) fn take(&self) -> Self {
        Self {
            first: Cell::new(self.first.replace(ptr::null_mut())),
            last: self.last.clone(),
        }
    }

    /// Puts the tasks of `other` before those of this one.
    pub(super) fn put_before(&self, other: &Self) {
        let ours = self.take();
        self.first.set(other.first.replace(ptr::null_mut()));
        self.last.set(other.last.get());
        while let Some(task) = ours.pop() {
            self.push(task);
        }
    }

    /// Forgets all tasks.
    pub(super) fn clear(&self) {
        self.first.set(ptr::null_mut());
    }
}
