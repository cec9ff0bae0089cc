//! What people are told of a task: which one it is, and where it comes from.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use super::id::Id;
use crate::primitive::thread_local;

/// A task, or a closure of [`spawn_blocking`](crate::task::spawn_blocking), as it is shown to people.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let task = runtime::task::Builder::new().name("reader").spawn(async { panic!("no data") });
///     let error = task.await.unwrap_err();
///     let task = error.task().unwrap();
///     assert_eq!(task.name.as_deref(), Some("reader"));
///     println!("{task}"); // task 7 `reader`, spawned at src/main.rs:3:60
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskInfo {
    /// Its number.
    pub id: Id,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
    /// The task that has spawned it; `None` if it was the future of a `block_on`, or a thread that
    /// runs no tasks.
    pub parent: Option<Id>,
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        write!(f, ", spawned at {}", self.spawned_at)?;
        match self.parent {
            Some(parent) => write!(f, " by task {parent}"),
            None => Ok(()),
        }
    }
}

thread_local! {
    /// The number of the task that this thread is in; 0 for none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The task that this thread is in.
#[inline]
pub(crate) fn current() -> Option<Id> {
    Id::from_number(CURRENT.get())
}

/// The number of the task that a thread is in, for the time in which it runs others, one or many: it
/// is back in that one when this is dropped.
pub(crate) struct Outside(u64);

impl Outside {
    pub(crate) fn remember() -> Self {
        Self(CURRENT.get())
    }

    /// The thread is about to run a task.
    #[inline]
    pub(super) fn enter(&self, task: Id) {
        CURRENT.set(task.number());
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}
