//! What became of a runtime's tasks and threads.
//!
//! Written for people it is a line of numbers, and a line a place at which lost tasks were spawned:
//! a server has few such places, and may have a hundred thousand tasks.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::closing::End;
use crate::executor::StuckTask;
use crate::tasks::{TaskInfo, TaskPanic};

/// What a shutdown has done; see [`Runtime::shutdown`](crate::Runtime::shutdown).
///
/// # Examples
///
/// ```
/// use runtime::time::Duration;
///
/// let runtime = runtime::Runtime::new()?;
/// runtime.spawn(std::future::pending::<()>());
/// let report = runtime.shutdown(Duration::ZERO);
/// assert!(!report.is_clean());
/// for task in &report.cut {
///     println!("lost: {task}");
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it says whether work was lost"]
#[non_exhaustive]
pub struct Report {
    /// How long it took.
    pub took: Duration,
    /// The tasks and closures that were there when it began, and have ended by themselves.
    pub finished: Vec<TaskInfo>,
    /// Those that had not at the end of the grace, and were dropped. (A closure among them had not
    /// begun.)
    pub cut: Vec<TaskInfo>,
    /// Closures of `spawn_blocking` that run on; their threads are left alone.
    pub detached: Vec<TaskInfo>,
    /// Tasks that do not come back from a poll, or from being dropped, and the workers that they keep.
    pub stuck: Vec<StuckTask>,
    /// The tasks that have panicked since it began, seen or not. (Of several shutdowns at the same time,
    /// since the first of them began: each tells of the same end.)
    pub panics: Vec<TaskPanic>,
}

impl Report {
    /// Whether everybody has ended by themselves, and nobody panicked.
    pub fn is_clean(&self) -> bool {
        let left = self.cut.len() + self.detached.len() + self.stuck.len();
        left + self.panics.len() == 0
    }

    /// After the end of the runtime: adds what that took, and what has panicked in it.
    pub(super) fn complete(&mut self, end: &End, began: Instant) {
        self.took = began.elapsed();
        self.panics = end.panics.read();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shut down in {:?}: {} finished, {} cut, {} left running, {} stuck, {} panicked",
            self.took,
            self.finished.len(),
            self.cut.len(),
            self.detached.len(),
            self.stuck.len(),
            self.panics.len(),
        )?;
        write_by_place(f, "cut", &self.cut)?;
        write_by_place(f, "left running", &self.detached)?;
        for task in &self.stuck {
            write!(f, "\n  stuck: {task}")?;
        }
        for panic in &self.panics {
            write!(f, "\n  {panic}")?;
        }
        Ok(())
    }
}

/// A line for each place, with the first few of its tasks.
fn write_by_place(f: &mut fmt::Formatter<'_>, what: &str, tasks: &[TaskInfo]) -> fmt::Result {
    let mut places: Vec<(&Location<'_>, Vec<&TaskInfo>)> = Vec::new();
    for task in tasks {
        match places.iter_mut().find(|(at, _)| *at == task.spawned_at) {
            Some((_, here)) => here.push(task),
            None => places.push((task.spawned_at, vec![task])),
        }
    }
    for (place, here) in places {
        write!(f, "\n  {what}: {} spawned at {place}", here.len())?;
        for (number, task) in here.iter().take(NAMED).enumerate() {
            let separator = if number == 0 { ": " } else { ", " };
            write!(f, "{separator}task {}", task.id)?;
            if let Some(name) = &task.name {
                write!(f, " `{name}`")?;
            }
            if let Some(parent) = task.parent {
                write!(f, " (of task {parent})")?;
            }
        }
        if here.len() > NAMED {
            f.write_str(", ...")?;
        }
    }
    Ok(())
}

/// So many of one place are enough to find it by; the rest is in the fields.
const NAMED: usize = 5;
