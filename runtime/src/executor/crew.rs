//! All cores of a runtime.
//!
//! What one worker does to another goes through here: wake it, look at it, end it with all others. A
//! single-threaded runtime is a crew of one, and most of this does not concern it.

use super::StuckTask;
use super::owned::{Held, Watch};
use super::shell::Shell;
use crate::driver::{Driver, Drivers};
use crate::foreign;
use crate::primitive::{Arc, AtomicBool, AtomicU64, Ordering};
use crate::tasks::{Id, Panics, TaskRef};

/// The cores of a runtime.
pub(crate) struct Crew {
    shells: Box<[Arc<Shell>]>,
    drivers: Arc<Drivers>,
    panics: Arc<Panics>,
    closing: AtomicBool,
    /// All tasks were dropped, but for those that were in the middle of a poll.
    is_shut: AtomicBool,
    /// A worker was woken to take work, and has not found any yet: one is enough.
    pub(super) recruiting: AtomicBool,
    /// The workers whose alarm clock is set, a bit each.
    pub(crate) alarms: AtomicU64,
    /// What to call when a task does not come back.
    pub(super) on_stuck: Option<OnStuck>,
}

/// After which time in one poll a task is reported, and to whom.
#[derive(Clone)]
pub(crate) struct OnStuck {
    pub(crate) after: std::time::Duration,
    pub(crate) hook: Arc<dyn Fn(&StuckTask) + Send + Sync>,
}

impl Crew {
    /// `has_workers`: each core has a thread of its own.
    pub(crate) fn new(
        cores: usize,
        has_workers: bool,
        on_stuck: Option<OnStuck>,
        seed: Option<u64>,
        panics: &Arc<Panics>,
    ) -> std::io::Result<Arc<Self>> {
        let drivers = Drivers::new(cores, !has_workers, seed)?;
        let fleet = drivers.fleet().number();
        Ok(Arc::new_cyclic(|crew| Self {
            shells: (0..cores)
                .map(|core| {
                    let driver = Driver::of(&drivers, core);
                    let (crew, panics) = (crew.clone(), panics.clone());
                    Arc::new(Shell::new(core, fleet, has_workers, crew, driver, panics))
                })
                .collect(),
            drivers,
            panics: panics.clone(),
            closing: AtomicBool::new(false),
            is_shut: AtomicBool::new(false),
            recruiting: AtomicBool::new(false),
            alarms: AtomicU64::new(0),
            on_stuck,
        }))
    }

    pub(crate) fn drivers(&self) -> &Arc<Drivers> {
        &self.drivers
    }

    pub(crate) fn panics(&self) -> &Panics {
        &self.panics
    }

    pub(crate) fn shells(&self) -> &[Arc<Shell>] {
        &self.shells
    }

    /// The shell of a core, by its number.
    pub(crate) fn shell(&self, core: usize) -> &Arc<Shell> {
        &self.shells[core]
    }

    /// The shell to which the calling thread's spawns go: of the core that it runs, or of each in its
    /// turn.
    #[inline]
    pub(crate) fn shell_here(&self) -> &Arc<Shell> {
        match &*self.shells {
            [only] => only,
            all => &all[self.drivers.fleet().here_or_any()],
        }
    }

    /// All shells but one, beginning somewhere.
    pub(super) fn others(&self, but: usize) -> impl Iterator<Item = &Arc<Shell>> {
        let count = self.shells.len();
        // The next one first: two that look at the same time begin at different places.
        (1..count).map(move |step| self.shell((but + step) % count))
    }

    /// Live tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.shells.iter().map(|shell| shell.owned.len()).sum()
    }

    /// Live tasks, and whatever else is counted while no task comes or goes: a sum over lists that
    /// change would miss one that has spawned another and ended.
    pub(crate) fn tasks_and(&self, others: impl FnOnce() -> usize) -> usize {
        let held: Vec<_> = self.shells.iter().map(|shell| shell.owned.hold()).collect();
        held.iter().map(Held::len).sum::<usize>() + others()
    }

    /// Tells of each task that goes when few are left.
    pub(crate) fn watch(&self, watch: &Watch) {
        let shells = self.shells.iter();
        shells.for_each(|shell| shell.owned.watch(watch.clone()));
    }

    /// A live task by its number.
    pub(crate) fn find(&self, id: Id) -> Option<TaskRef> {
        let mut shells = self.shells.iter();
        shells.find_map(|shell| shell.owned.find(id))
    }

    /// The live tasks.
    pub(crate) fn live(&self) -> Vec<TaskRef> {
        let mut live = Vec::with_capacity(self.tasks());
        self.for_each_task(|task| live.push(task.clone()));
        live
    }

    /// Nothing is spawned any more.
    pub(crate) fn admit_no_more(&self) {
        self.shells.iter().for_each(|shell| shell.owned.close());
    }

    /// Calls `each` for all live tasks, with no lock held.
    pub(crate) fn for_each_task(&self, mut each: impl FnMut(&TaskRef)) {
        for shell in &self.shells {
            let places = shell.owned.places();
            for from in (0..places).step_by(TASKS_AT_ONCE) {
                let tasks = shell.owned.at(from..places.min(from + TASKS_AT_ONCE));
                tasks.iter().for_each(&mut each);
            }
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        // Acquire pairs with the Release in `close`.
        self.closing.load(Ordering::Acquire)
    }

    /// The beginning of the end: nothing is spawned any more, and whoever runs a core stops running its
    /// tasks. (Sockets and timers still work: a task that is in the middle of a poll is to end it in
    /// peace.)
    pub(crate) fn close(&self) {
        self.admit_no_more();
        self.closing.store(true, Ordering::Release);
        self.shells.iter().for_each(|shell| shell.driver.unpark());
    }

    /// A worker has not stopped: the memory of tasks that it may still have in its line is kept.
    pub(crate) fn keep_the_dead(&self) {
        self.shells
            .iter()
            .for_each(|shell| shell.owned.keep_the_dead());
    }

    /// The end goes on without a worker: names the task that holds it up.
    pub(crate) fn report_left_behind(&self, worker: usize) {
        let stuck = self.shell(worker);
        let beats = stuck.pulse.look();
        let Some(task) = StuckTask::find(self, stuck, beats, None) else {
            return;
        };
        match &self.on_stuck {
            Some(on_stuck) => foreign::call(&|| (on_stuck.hook)(&task)),
            None => eprintln!("runtime: shut down while {task}"),
        }
    }

    /// The last worker has stopped after all.
    pub(crate) fn bury_the_dead(&self) {
        self.shells
            .iter()
            .for_each(|shell| shell.owned.bury_the_dead());
    }

    /// Nobody runs tasks any more: registrations and timers fail from now on.
    pub(crate) fn close_drivers(&self) {
        self.drivers.close();
    }

    /// The end of the end: nobody runs tasks any more. Whoever waits for anything learns of it.
    pub(crate) fn shut(&self) {
        // Changed by a swap here and in `drop_left_over`: of the two one sees the other, and what was
        // done before by the thread of it.
        self.is_shut.swap(true, Ordering::AcqRel);
        for shell in &self.shells {
            drop(shell.inbox.close());
        }
        self.drop_idle();
        self.drivers.shut();
    }

    /// A thread has come to the end of a poll in which its core was lent out. Nobody has waited for it,
    /// so the tasks may have been dropped without this one: then it is dropped here.
    pub(crate) fn drop_left_over(&self) {
        if self.is_shut.fetch_or(false, Ordering::AcqRel) {
            self.drop_idle();
        }
    }

    /// Drops the tasks that are not in the middle of a poll.
    fn drop_idle(&self) {
        if self.tasks() > 0 {
            self.for_each_task(TaskRef::cancel);
        }
    }

    /// Wakes a sleeping worker to take tasks off `recruiter`, unless one is on its way.
    #[cold]
    pub(super) fn recruit(&self, recruiter: &Shell) {
        // Relaxed: whether one or two come is a matter of speed only.
        if self.recruiting.load(Ordering::Relaxed) || self.recruiting.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let mut others = self.others(recruiter.index);
        match others.find(|other| other.driver.seems_asleep()) {
            Some(sleeper) => {
                recruiter.counts.recruits.add(1);
                sleeper.recruited.store(true, Ordering::Relaxed);
                sleeper.driver.unpark();
            }
            None => self.recruiting.store(false, Ordering::Relaxed),
        }
    }
}

const TASKS_AT_ONCE: usize = 1024;
