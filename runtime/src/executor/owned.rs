//! The live tasks of a core.
//!
//! Every task that is not done has a reference here: the executor's own, which keeps it alive while
//! it is in a queue, and by which shutdown finds those that are in none. The list is closed before
//! shutdown empties it, so that a task spawned at that moment is either found or refused.

use std::ops::Range;

use slab::Slab;

use crate::primitive::{Arc, Mutex, MutexGuard};
use crate::tasks::{Id, TaskRef};

/// References to live tasks.
pub(crate) struct Owned(Mutex<List>);

struct List {
    tasks: Slab<TaskRef>,
    closed: bool,
    /// What is only there at the end.
    end: Option<Box<End>>,
}

#[derive(Default)]
struct End {
    /// If a worker is stuck: the dead, whose memory its queue may still point to.
    dead: Option<Vec<TaskRef>>,
    watch: Option<Watch>,
}

/// Who is told of each task that goes when `few` are left, or fewer.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) few: usize,
    pub(crate) tell: Arc<dyn Fn() + Send + Sync>,
}

impl Owned {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(List {
            tasks: Slab::new(),
            closed: false,
            end: None,
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
        if list.end.is_some() {
            return Self::remove_at_the_end(list, removed);
        }
        Some(removed)
    }

    #[cold]
    fn remove_at_the_end(mut list: MutexGuard<'_, List>, removed: TaskRef) -> Option<TaskRef> {
        let left = list.tasks.len();
        let end = list.end.get_or_insert_default();
        let removed = match &mut end.dead {
            None => Some(removed),
            Some(dead) => {
                dead.push(removed);
                None
            }
        };
        let watch = end.watch.as_ref().filter(|watch| left <= watch.few);
        let watch = watch.cloned();
        drop(list);
        watch.into_iter().for_each(|watch| (watch.tell)());
        removed
    }

    /// From now on somebody waits for the list to be empty, or nearly so.
    pub(crate) fn watch(&self, watch: Watch) {
        let mut list = self.0.lock();
        let held = &mut list.end.get_or_insert_default().watch;
        // Of several who wait, one may have counted before another was set apart.
        let few = held.as_ref().map_or(0, |former| former.few);
        let few = few.max(watch.few);
        let former = held.replace(Watch { few, ..watch });
        drop(list);
        drop(former);
    }

    /// Keeps the list as it is.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held(self.0.lock())
    }

    /// From now on what is done is kept all the same.
    pub(crate) fn keep_the_dead(&self) {
        let mut list = self.0.lock();
        list.end
            .get_or_insert_default()
            .dead
            .get_or_insert_default();
    }

    /// Nobody points to the dead any more.
    pub(crate) fn bury_the_dead(&self) {
        let dead = self.0.lock().end.as_mut().and_then(|end| end.dead.take());
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

/// A list in which nothing changes.
pub(crate) struct Held<'a>(MutexGuard<'a, List>);

impl Held<'_> {
    pub(crate) fn len(&self) -> usize {
        self.0.tasks.len()
    }
}
