//! Naming the task that holds a worker up.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use super::crew::Crew;
use super::pulse::Beats;
use super::shell::Shell;
use crate::tasks::{Id, TaskRef};

/// A task that has not come back from one poll for long, as
/// [`Builder::on_stuck_task`](crate::Builder::on_stuck_task) reports it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StuckTask {
    /// The number of the worker that it holds up.
    pub worker: usize,
    /// The task; `None` if it is the future of a `block_on`.
    pub id: Option<Id>,
    /// The task's name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: Option<&'static Location<'static>>,
    /// For how long it has been seen in this poll, which may have begun a few milliseconds earlier;
    /// `None` if the runtime has shut down without it.
    pub stuck_for: Option<Duration>,
}

impl StuckTask {
    /// The task in which a worker made its last poll; none if it has gone on meanwhile.
    pub(super) fn find(
        crew: &Crew,
        stuck: &Shell,
        beats: Beats,
        stuck_for: Option<Duration>,
    ) -> Option<Self> {
        let id = Id::from_number(stuck.pulse.task(beats)?);
        let mut owners = crew.shells().iter();
        let task = id.and_then(|id| owners.find_map(|shell| shell.owned.find(id)));
        Some(Self {
            worker: stuck.index(),
            id,
            name: task
                .as_ref()
                .and_then(|task| task.name().map(str::to_owned)),
            spawned_at: task.as_ref().map(|task| task.spawned_at()),
            stuck_for,
        })
    }
}

impl StuckTask {
    /// A task that a runtime has shut down without.
    pub(crate) fn left_behind(task: &TaskRef) -> Self {
        let info = task.info();
        Self {
            worker: task.core(),
            id: Some(info.id),
            name: info.name,
            spawned_at: Some(info.spawned_at),
            stuck_for: None,
        }
    }
}

impl fmt::Display for StuckTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(f, "task {id}")?,
            None => f.write_str("the future of a block_on")?,
        }
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        if let Some(place) = self.spawned_at {
            write!(f, ", spawned at {place},")?;
        }
        match self.stuck_for {
            Some(time) => write!(f, " has been in one poll for {time:?}")?,
            None => f.write_str(" does not come back from a poll")?,
        }
        write!(f, " and holds up worker {}", self.worker)
    }
}
