//! The live tasks of a core.
//!
//! Every task that is not done has a reference here: the executor's own, which keeps it alive while
//! it is in a queue, and by which shutdown finds those that are in none. The list is closed before
//! shutdown empties it, so that a task spawned at that moment is either found or refused.

use std::ops::Range;

use slab::Slab;

use crate::primitive::Mutex;
use crate::tasks::TaskRef;

/// References to live tasks.
pub(crate) struct Owned(Mutex<List>);

struct List {
    tasks: Slab<TaskRef>,
    closed: bool,
}

impl Owned {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List {
            tasks: Slab::new(),
            closed: false,
        }))
    }

    /// Keeps a task that was just made.
    ///
    /// # Errors
    ///
    /// Gives it back if the list is closed.
    pub(crate) fn insert(&self, task: TaskRef) -> Result<(), TaskRef> {
        let mut list = self.0.lock();
        if list.closed {
            return Err(task);
        }
        task.set_place(list.tasks.vacant_key());
        list.tasks.insert(task);
        Ok(())
    }

    /// Lets a task go that is done. None if it was let go before.
    pub(crate) fn remove(&self, task: &TaskRef) -> Option<TaskRef> {
        let place = task.place()?;
        self.0.lock().tasks.try_remove(place)
    }

    /// No task is let in from now on.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
    }

    /// How many places there are, for a walk over those tasks that are here now.
    pub(crate) fn places(&self) -> usize {
        self.0.lock().tasks.capacity()
    }

    /// Gives the places of an empty list back, or the next walk would go over as many as there once
    /// were tasks.
    pub(crate) fn shrink(&self) {
        let mut list = self.0.lock();
        if list.tasks.is_empty() {
            list.tasks = Slab::new();
        }
    }

    /// The tasks at some places, to be ended one by one with no lock held. The list keeps them until
    /// they are done.
    pub(crate) fn at(&self, places: Range<usize>) -> Vec<TaskRef> {
        let list = self.0.lock();
        let found = places.filter_map(|place| list.tasks.get(place).cloned());
        found.collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().tasks.len()
    }
}
