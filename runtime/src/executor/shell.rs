//! The part of a core that every thread may touch, and that its tasks keep alive.
//!
//! A task is woken by anybody. On a thread that runs a core of the same runtime it goes into that
//! core's own line, whichever core ran it before: what is woken together is mostly of one kind. From
//! any other thread it goes to the inbox of the core that ran it last.
//!
//! The danger is a wake that comes after the end. A task holds its shell, and a shell knows its
//! crew only as long as that lives, so a late wake finds a closed inbox, or nobody, and is inert.

use std::sync::Weak;

use super::balance::Pace;
use super::context;
use super::counts::Counts;
use super::crew::Crew;
use super::inbox::{Inbox, Pushed};
use super::lane::Lane;
use super::owned::Owned;
use super::pulse::Pulse;
use crate::driver::Driver;
use crate::primitive::{Arc, AtomicBool, AtomicU32, Mutant, Ordering, is_planted};
use crate::tasks::{Panics, Runnable, Schedule, TaskRef};

/// See the file's head.
pub(crate) struct Shell {
    pub(super) index: usize,
    /// The number that all cores of the crew have in common, and no others.
    pub(super) fleet: u32,
    pub(super) crew: Weak<Crew>,
    pub(crate) inbox: Inbox,
    pub(super) owned: Owned,
    pub(super) driver: Driver,
    /// What stands in line, where thieves may see it: if the core has a worker of its own.
    pub(super) lane: Option<Lane>,
    pub(super) pulse: Pulse,
    pub(super) pace: Pace,
    pub(super) counts: Counts,
    /// Somebody wants to run this core in the place of its worker.
    pub(super) asked: AtomicBool,
    /// Woken to take work off another core.
    pub(super) recruited: AtomicBool,
    /// While its worker is stuck: one more than the number of the core that does its work.
    pub(super) helper: AtomicU32,
    panics: Arc<Panics>,
}

impl Shell {
    pub(super) fn new(
        index: usize,
        fleet: u32,
        has_worker: bool,
        crew: Weak<Crew>,
        driver: Driver,
        panics: Arc<Panics>,
    ) -> Self {
        Self {
            index,
            fleet,
            crew,
            inbox: Inbox::new(),
            owned: Owned::new(),
            driver,
            lane: has_worker.then(Lane::new),
            pulse: Pulse::new(),
            pace: Pace::new(),
            counts: Counts::default(),
            asked: AtomicBool::new(false),
            recruited: AtomicBool::new(false),
            helper: AtomicU32::new(NOBODY),
            panics,
        }
    }

    /// The number of the core.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Tasks that stand in line, where others can see them.
    pub(crate) fn queued(&self) -> usize {
        self.lane.as_ref().map_or(0, |lane| lane.len() as usize)
    }

    /// Whether the calling thread runs this core.
    #[inline]
    pub(crate) fn is_run_here(&self) -> bool {
        context::with(|local| local.is_some_and(|local| std::ptr::eq(&*local.shell, self)))
    }

    /// Asks the worker to leave the core to another thread.
    pub(crate) fn ask(&self) {
        // Release pairs with the Acquire in `is_asked`.
        self.asked.store(true, Ordering::Release);
        self.driver.unpark();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Nobody asks any more.
    pub(crate) fn unask(&self) {
        self.asked.store(false, Ordering::Release);
    }

    /// Keeps a task that was just made, and lets it run. A core that is closed ends it instead.
    pub(crate) fn admit(&self, task: TaskRef) {
        let runnable = task.runnable();
        runnable.set_core(self.index);
        match self.owned.insert(task) {
            Ok(()) => context::with_one_of(self.fleet, |local| match local {
                Some(local) => local.push_new(runnable),
                None => self.send(runnable),
            }),
            Err(task) => task.cancel(),
        }
    }

    /// From another thread: through an inbox.
    #[cold]
    fn send(&self, task: Runnable) {
        if self.lane.is_none() {
            return self.receive(task);
        }
        let Some(crew) = self.crew.upgrade() else {
            return;
        };
        let last = crew.shell(task.core());
        // Relaxed: a hint. The helper looks into a stuck core's inbox too.
        let receiver = match last.helper.load(Ordering::Relaxed) {
            NOBODY => last,
            helper => crew.shell(helper as usize - 1),
        };
        receiver.receive(task);
    }

    fn receive(&self, task: Runnable) {
        let must_ring = match self.inbox.push(task.task()) {
            Pushed::First => true,
            // Whoever was first may not have come to ringing yet.
            Pushed::Behind => self.driver.seems_asleep(),
            Pushed::Closed => false,
        };
        if must_ring && !is_planted(Mutant::InboxNotRung) {
            self.driver.unpark();
        }
    }
}

impl Schedule for Arc<Shell> {
    #[inline]
    fn schedule(&self, task: Runnable) {
        context::with_one_of(self.fleet, |local| match local {
            Some(local) => local.push_woken(task),
            None => self.send(task),
        });
    }

    #[inline]
    fn requeue(&self, task: Runnable) {
        context::with_one_of(self.fleet, |local| match local {
            Some(local) => local.push(task),
            None => self.send(task),
        });
    }

    fn release(&self, task: &TaskRef) -> Option<TaskRef> {
        self.owned.remove(task)
    }

    fn panics(&self) -> Option<&Panics> {
        Some(&self.panics)
    }
}

/// No helper.
pub(super) const NOBODY: u32 = 0;
