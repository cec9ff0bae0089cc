//! The right to run a core, from its making to the dropping of its tasks.
//!
//! There is one [`Core`] to each [`Local`], and only the thread that has it touches that. It goes from
//! thread to thread by way of the bench; and also out of the middle of a poll, when a task
//! [lends](Core::lend) it, to block its thread and nobody else.
//!
//! The dangers are two. A thread that has *lent* its core comes back into the run loop of something that
//! another thread runs by now: so it finds its mark, and leaves, before anything else. And dropping tasks
//! runs *foreign code*, which spawns, wakes and drops in its turn: so lines forget their tasks before any
//! is dropped, and tasks are dropped some at a time, until there are none.

#![allow(unsafe_code)]

use std::io;

use super::context;
use super::crew::Crew;
use super::shell::Shell;
use super::worker::{Ended, Local, Main};
use crate::driver::Scratch;
use crate::primitive::Arc;

/// The right to run a core, and what it takes: only who has it touches the [`Local`].
pub(crate) struct Core {
    local: Arc<Local>,
    scratch: Scratch,
    /// The right is no longer here: a task has lent it out.
    is_lent: bool,
}

// SAFETY: `Local` is not `Sync`, and another `Arc` of it may be on the stack of the thread that ran the
// core before, deep in a task that has lent it out. That thread touches it no more: it finds that the
// core is lent before anything else when the task's poll returns, and leaves. The rights are handed over
// under the lock of the bench.
unsafe impl Send for Core {}

impl Core {
    pub(crate) fn new(crew: &Arc<Crew>, index: usize) -> Self {
        Self {
            local: Local::new(crew, index),
            scratch: Scratch::new(),
            is_lent: false,
        }
    }

    pub(crate) fn shell(&self) -> &Arc<Shell> {
        &self.local.shell
    }

    /// Runs tasks until `main` is done.
    pub(crate) fn run(&mut self, main: &mut dyn Main) -> io::Result<Ended> {
        let Self {
            local,
            scratch,
            is_lent,
        } = self;
        local.entered(|| {
            let noted = NoteLent(is_lent);
            let ended = local.run(scratch, main);
            drop(noted);
            ended
        })
    }

    /// Whether another thread runs the core by now, so that this is an empty shell.
    pub(crate) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// Takes the core from this thread, which is in the middle of a task of it, for another thread to
    /// run. None if there is nothing to take: the thread runs no core, or its core is alone and has no
    /// worker to run it.
    pub(crate) fn lend() -> Option<Self> {
        Some(Self {
            local: context::lend(Local::leave)?,
            scratch: Scratch::new(),
            is_lent: false,
        })
    }

    /// Drops all tasks, those too that are spawned by the dropping. The core, which is alone, can go on
    /// afterwards.
    pub(crate) fn drop_tasks(&mut self) {
        let local = &self.local;
        local.entered(|| local.drop_tasks());
    }

    /// After [`Crew::close`], when nobody runs tasks any more: drops this core's tasks.
    pub(crate) fn drop_own(&mut self) {
        let local = &self.local;
        local.entered(|| local.drop_tasks_of(&local.shell));
    }

    /// Drops what tasks there are of any core: for one that comes late.
    pub(crate) fn drop_all(&mut self) {
        let local = &self.local;
        let shells = local.crew.shells();
        local.entered(|| shells.iter().for_each(|shell| local.drop_tasks_of(shell)));
    }
}

impl Local {
    fn drop_tasks(&self) {
        // The queue does not keep its tasks: it is emptied before any of them is dropped.
        self.queue.clear();
        let mut again = true;
        while std::mem::take(&mut again) {
            let places = self.shell.owned.places();
            for from in (0..places).step_by(TASKS_TO_DROP_AT_ONCE) {
                let until = places.min(from + TASKS_TO_DROP_AT_ONCE);
                for task in &self.shell.owned.at(from..until) {
                    task.cancel();
                    // What the dropping has woken may be next to be dropped, and what it has spawned
                    // may be at a place that was passed.
                    again |= !self.queue.is_empty();
                    self.queue.clear();
                }
            }
        }
        self.shell.owned.shrink();
        // What another thread has spawned meanwhile stays. Waiting until it stops could take for
        // ever.
        self.take_inbox_of(&self.shell);
    }

    /// At the end: nothing is let in any more, and nothing is taken out of a line.
    fn drop_tasks_of(&self, shell: &Shell) {
        if let Some(lane) = &shell.lane {
            lane.close();
        }
        let places = shell.owned.places();
        for from in (0..places).step_by(TASKS_TO_DROP_AT_ONCE) {
            let until = places.min(from + TASKS_TO_DROP_AT_ONCE);
            for task in &shell.owned.at(from..until) {
                self.queue.clear();
                task.cancel();
            }
        }
        self.queue.clear();
    }
}

/// Notes at the end of a run, also when it ends by a panic, whether the core was lent out.
struct NoteLent<'a>(&'a mut bool);

impl Drop for NoteLent<'_> {
    fn drop(&mut self) {
        *self.0 = context::is_lent();
    }
}

const TASKS_TO_DROP_AT_ONCE: usize = 1024;
