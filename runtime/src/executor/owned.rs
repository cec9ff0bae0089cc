//! The live tasks of a core.
//!
//! Every task that is not done has a reference here: the executor's own, which keeps it alive while
//! it is in a queue, and by which shutdown finds those that are in none. The list is closed before
//! shutdown empties it, so that a task spawned at that moment is either found or refused.

use std::ops::Range;

use slab::Slab;

use crate::primitive::Mutex;
use crate::tasks::{Id, TaskRef};

/// References to live tasks.
pub(crate) struct Owned(Mutex<List>);

struct List {
    tasks: Slab<TaskRef>,
    closed: bool,
    /// At the end, if a worker is stuck: the dead, whose memory its queue may still point to.
    dead: Option<Vec<TaskRef>>,
}

impl Owned {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List {
            tasks: Slab::new(),
            closed: false,
            dead: None,
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
        let mut list = self.0.lock();
        let removed = list.tasks.try_remove(place)?;
        match &mut list.dead {
            None => Some(removed),
            Some(dead) => {
                dead.push(removed);
                None
            }
        }
    }

    /// From now on what is done is kept all the same.
    pub(crate) fn keep_the_dead(&self) {
        self.0.lock().dead.get_or_insert_default();
    }

    /// Nobody points to the dead any more.
    pub(crate) fn bury_the_dead(&self) {
        let dead = self.0.lock().dead.take();
        drop(dead);
    }

    /// A live task by its number.
    pub(crate) fn find(&self, id: Id) -> Option<TaskRef> {
        let list = self.0.lock();
        let mut all = list.tasks.iter();
        let found = all.find(|(_, task)| task.id() == id);
        found.map(|(_, task)| task.clone())
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
