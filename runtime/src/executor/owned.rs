//! The live tasks of a core.
//!
//! Every task that is not done has a reference here: the executor's own, which keeps it alive while
//! it is in a queue, and by which shutdown finds those that are in none. The list is closed before
//! shutdown empties it, so that a task spawned at that moment is either found or refused.

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

    /// Some of the tasks from a place on, to be ended one by one with no lock held, and the place to
    /// go on from; `None` at the end. The list keeps them until they are done.
    pub(crate) fn some(&self, from: usize, most: usize) -> (Vec<TaskRef>, Option<usize>) {
        let mut list = self.0.lock();
        if list.tasks.is_empty() {
            // The next walk is not to go over places that many tasks once had.
            list.tasks = Slab::new();
        }
        let end = list.tasks.capacity().min(from + most);
        let found = (from..end).filter_map(|place| list.tasks.get(place).cloned());
        (found.collect(), (end > from).then_some(end))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().tasks.len()
    }
}
