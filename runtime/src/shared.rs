//! One runtime's cores, and the threads that want to run them.
//!
//! The single flavour has no thread of its own: whoever is in `block_on` runs the core. A second
//! `block_on` at the same time finds it taken; its thread polls its own future, sleeps, and inherits
//! the core when the first one leaves. With nobody inside, nothing runs.
//!
//! The other flavour has a worker thread a core. A `block_on` polls its future once, and if that has
//! to wait it asks a worker for its core: then what the future spawns, and the sockets that it
//! waits for, are at home where it runs. The worker sleeps meanwhile, and has its core back afterwards.
//! Where all cores are lent out the future is polled without one, as above.
//!
//! The danger is a thread that sleeps while a core lies on the bench, or while its future was
//! woken. Both are followed by a notification, given after the bench's lock was taken, and the
//! sleeper looks at both with the lock held.

mod root;

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::thread::ThreadId;
use std::time::Duration;

use self::root::Root;
use crate::blocking::Pool;
use crate::closing::{Closing, End};
use crate::ending::Ending;
use crate::executor::{Core, Crew, Ended, Main, Shell};
use crate::foreign;
pub(crate) use crate::hooks::Hooks;
use crate::primitive::{Arc, Condvar, Mutex, MutexGuard};
use crate::tasks::{self, JoinHandle, Panics};

/// What all handles of a runtime share.
pub(crate) struct Shared {
    crew: Arc<Crew>,
    /// Where cores lie while nobody runs them, one berth each.
    bench: Mutex<Vec<Berth>>,
    freed: Condvar,
    hooks: Hooks,
    pool: Arc<Pool>,
    /// The one thread that may run the core, if its tasks need not be `Send`.
    only_on: Option<ThreadId>,
    /// The meetings of the worker threads, if there are any.
    ending: Option<Ending>,
    closing: Closing,
}

struct Berth {
    core: Option<Core>,
    /// The worker was asked to leave the core to a `block_on`.
    asked: bool,
    /// A `block_on` runs it.
    lent: bool,
    /// A thread for calls that block runs it, in the place of the worker.
    substituted: bool,
}

impl Shared {
    pub(crate) fn new(
        crew: Arc<Crew>,
        hooks: Hooks,
        pool: Pool,
        only_on: Option<ThreadId>,
        has_workers: bool,
    ) -> Arc<Self> {
        let cores = crew.shells().len();
        let berth = |core| Berth {
            core: Some(Core::new(&crew, core)),
            asked: false,
            lent: false,
            substituted: false,
        };
        Arc::new(Self {
            bench: Mutex::new((0..cores).map(berth).collect()),
            freed: Condvar::new(),
            hooks,
            pool: Arc::new(pool),
            only_on,
            ending: has_workers.then(|| Ending::new(cores)),
            closing: Closing::new(),
            crew,
        })
    }

    pub(crate) fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.closing
    }

    pub(crate) fn panics(&self) -> &Panics {
        self.crew.panics()
    }

    /// The end that somebody waits for, or a new one.
    pub(crate) fn end(&self) -> Arc<End> {
        self.closing.end(self.panics())
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Whether there are threads that run tasks by themselves.
    pub(crate) fn has_workers(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether this is a forked child of the process that made the runtime.
    pub(crate) fn is_child(&self) -> bool {
        self.crew.drivers().check_process().is_err()
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// Whether the calling thread may have tasks here that are not `Send`.
    pub(crate) fn takes_local_tasks_here(&self) -> bool {
        self.only_on
            .is_some_and(|only| only == std::thread::current().id())
    }

    /// Makes a task of a future and lets it run. The caller vouches that the future is `Send`, or
    /// that this is the one thread of a local runtime.
    ///
    /// # Panics
    ///
    /// In a forked child.
    pub(crate) fn spawn<F: Future>(
        &self,
        future: F,
        name: Option<Box<str>>,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output> {
        if let Err(error) = self.crew.drivers().check_process() {
            panic!("spawn at {spawned_at}: {error}");
        }
        let shell = self.crew.shell_here();
        let scheduler = shell.clone();
        // The future is moved a few times on its way into the cell; a large one is moved to the heap
        // first, or a debug build would need its size several times on the stack.
        let (task, handle) = if size_of::<F>() > LARGE_FUTURE {
            tasks::spawn(Box::pin(future), scheduler, name, spawned_at)
        } else {
            tasks::spawn(future, scheduler, name, spawned_at)
        };
        shell.admit(task);
        handle
    }

    /// Runs a core until `future` is done; without it, if others have them all.
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> F::Output {
        let mut root = Root::new(future, self);
        self.drive(&mut root);
        root.into_output()
    }

    fn drive<F: Future>(&self, root: &mut Root<'_, F>) {
        while !root.is_done() {
            if let Some(core) = self.wait_for_core(root) {
                root.moves_to(core.shell().index());
                self.run(core, root, true);
                root.moves_outside();
                // The core may have ended under us, or was given back. The future is told by whatever it
                // waits for.
                root.look_again();
            } else {
                root.turn();
            }
        }
    }

    /// Makes the thread that polls its root future at `core`, or at none, do so.
    fn ring(&self, core: Option<usize>) {
        let Some(core) = core else {
            // The lock makes sure that the sleeper either sleeps or has not looked yet.
            drop(self.bench.lock());
            self.freed.notify_all();
            return;
        };
        let shell = self.crew.shell(core);
        if !shell.is_run_here() {
            shell.driver().unpark();
        }
    }

    /// Sleeps until there is a core to run, or the future was woken (`None`).
    fn wait_for_core(&self, main: &dyn Main) -> Option<Core> {
        // Where workers run the tasks, a future that need not wait needs no core.
        if self.has_workers() && main.is_woken() {
            return None;
        }
        if let Err(error) = self.crew.drivers().check_process() {
            cannot_wait(&error);
        }
        let may_run = self.only_on.is_none() || self.takes_local_tasks_here();
        let mut request = Request {
            shared: self,
            asked: None,
        };
        let mut bench = self.bench.lock();
        loop {
            if may_run && !self.crew.is_closing() && !self.must_run_without_core() {
                if let Some(core) = request.take(&mut bench) {
                    return Some(core);
                }
            }
            if main.is_woken() {
                request.withdraw(&mut bench);
                return None;
            }
            bench = self.freed.wait(bench);
        }
    }

    /// Whether the futures of `block_on` are to leave the cores to the workers.
    fn must_run_without_core(&self) -> bool {
        self.has_workers() && self.closing.needs_cores()
    }

    /// What a worker thread does: runs its own core, unless it is lent out, until the end.
    pub(crate) fn work(&self, index: usize) {
        let mut lender = Lender(self.crew.shell(index).clone());
        while let Some(core) = self.wait_for_own(index) {
            self.run(core, &mut lender, false);
        }
        self.end_own(index);
    }

    /// Sleeps until the core is here and nobody has asked for it. None at the end.
    fn wait_for_own(&self, index: usize) -> Option<Core> {
        let mut bench = self.bench.lock();
        loop {
            if self.crew.is_closing() {
                return None;
            }
            let berth = &mut bench[index];
            if !berth.asked {
                if let Some(core) = berth.core.take() {
                    berth.substituted = false;
                    // We have asked for it, perhaps, while somebody had it who does not look.
                    self.crew.shell(index).unask();
                    return Some(core);
                }
            }
            if berth.substituted {
                self.crew.shell(index).ask();
            }
            bench = self.freed.wait(bench);
        }
    }

    /// Lays a core that a task has lent out on the bench. What follows is
    /// [`substitute`](Self::substitute)'s.
    pub(crate) fn lay_down(&self, core: Core) -> usize {
        let index = core.shell().index();
        let mut bench = self.bench.lock();
        let berth = &mut bench[index];
        berth.core = Some(core);
        berth.lent = false;
        berth.substituted = true;
        drop(bench);
        self.freed.notify_all();
        index
    }

    /// Runs a core for its worker, on a thread for calls that block, until the worker is back.
    pub(crate) fn substitute(&self, index: usize) {
        let core = self.bench.lock()[index].core.take();
        if let Some(core) = core {
            let mut lender = Lender(core.shell().clone());
            self.run(core, &mut lender, false);
        }
    }

    fn run(&self, core: Core, main: &mut dyn Main, is_visit: bool) -> Ended {
        let mut borrowed = Borrowed {
            shared: self,
            index: core.shell().index(),
            core: Some(core),
            is_visit,
        };
        if let Some(on_start) = self.hooks.on_start.as_ref().filter(|_| is_visit) {
            // If it ends the runtime it does not wait for the worker whose core this is.
            let here = self.crew.drivers().fleet().enter(borrowed.index);
            on_start();
            drop(here);
        }
        let core = borrowed.core.as_mut().expect("it was put there above");
        match core.run(main) {
            Ok(ended) => ended,
            Err(error) => cannot_wait(&error),
        }
    }

    /// Ends the runtime: here, if its core is free, else on the threads that run its cores, soon.
    ///
    /// In a forked child it does nothing, and what is left there is leaked: locks may be held by
    /// threads that only the parent has, and the destructors of the parent's tasks are the parent's
    /// to run.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        if self.is_child() {
            std::mem::forget(self.clone());
            return;
        }
        self.crew.close();
        drop(self.pool.close());
        self.closing.token().cancel();
        if self.has_workers() {
            // The lock makes sure that a worker either sleeps or has not looked yet.
            drop(self.bench.lock());
            self.freed.notify_all();
        } else {
            self.end_alone();
        }
    }

    /// The end of a core that has no worker thread, unless somebody runs it: then they end it.
    fn end_alone(&self) {
        let core = self.bench.lock()[0].core.take();
        if let Some(mut core) = core {
            self.crew.close_drivers();
            core.drop_own();
            self.crew.shut();
            self.bench.lock()[0].core = Some(core);
        }
    }

    /// The end of a core that has a worker thread, on that thread.
    fn end_own(&self, index: usize) {
        let Some(ending) = &self.ending else { return };
        let mut core = self.get_back(index);
        if !ending.meet_stopped(index) {
            self.crew.keep_the_dead();
        }
        self.crew.close_drivers();
        core.drop_own();
        if ending.meet_dropped() {
            core.drop_all();
            self.crew.shut();
        }
        if ending.missing().is_empty() {
            self.crew.bury_the_dead();
        }
    }

    /// A worker thread is about to end.
    pub(crate) fn leave(&self) {
        self.ending.iter().for_each(Ending::leave);
    }

    /// The threads of the workers from `first` on could not be started: the end is not to wait for
    /// them.
    pub(crate) fn give_up_on(&self, first: usize) {
        self.ending.iter().for_each(|it| it.give_up_on(first));
    }

    /// Sleeps until whoever runs the core has given it back, as they do at the end.
    fn get_back(&self, index: usize) -> Core {
        let mut bench = self.bench.lock();
        loop {
            if let Some(core) = bench[index].core.take() {
                return core;
            }
            bench = self.freed.wait(bench);
        }
    }

    /// How long the end may take.
    pub(crate) fn set_limit(&self, limit: Duration) {
        self.ending.iter().for_each(|it| it.set_limit(limit));
    }

    /// Waits until the worker threads have come to their end. If some did not within the grace, names
    /// the tasks that hold them up, and gives false.
    pub(crate) fn wait_for_workers(&self) -> bool {
        let Some(ending) = &self.ending else {
            return true;
        };
        let all_left = ending.wait_for_all();
        if !all_left && !self.closing.is_told() {
            for worker in ending.missing() {
                self.crew.report_left_behind(worker);
            }
        }
        all_left
    }

    /// Drops all tasks of a core that nobody runs, for its next use.
    pub(crate) fn drop_tasks(&self) {
        if self.is_child() {
            return;
        }
        let core = self.bench.lock()[0].core.take();
        if let Some(mut core) = core {
            core.drop_tasks();
            // A test that has paused it may have ended before it could resume it.
            self.crew.drivers().timers().clock().resume();
            self.bench.lock()[0].core = Some(core);
        }
    }
}

#[cold]
fn cannot_wait(error: &std::io::Error) -> ! {
    panic!("the runtime cannot wait for events: {error}")
}

/// A wish for a core.
struct Request<'a> {
    shared: &'a Shared,
    /// The core whose worker was asked.
    asked: Option<usize>,
}

impl Request<'_> {
    /// Takes a core that is here; asks a worker for its own if none is.
    fn take(&mut self, bench: &mut MutexGuard<'_, Vec<Berth>>) -> Option<Core> {
        let ours = self.asked;
        let mut all = bench.iter_mut().enumerate();
        let free = all.find_map(|(index, berth)| {
            let is_for_us = !berth.asked || ours == Some(index);
            let core = if is_for_us { berth.core.take() } else { None };
            core.map(|core| (index, core))
        });
        if let Some((index, core)) = free {
            self.withdraw(bench);
            bench[index].lent = true;
            return Some(core);
        }
        if self.asked.is_none() && self.shared.has_workers() {
            self.asked = self.ask(bench);
        }
        None
    }

    /// Asks a worker for its core, one that sleeps if there is any.
    fn ask(&self, bench: &mut MutexGuard<'_, Vec<Berth>>) -> Option<usize> {
        let shells = self.shared.crew.shells();
        let may_ask = |index: &usize| !bench[*index].asked && !bench[*index].lent;
        let mut candidates = (0..shells.len()).filter(may_ask);
        let first = candidates.clone().next()?;
        let chosen = candidates
            .find(|index| shells[*index].driver().seems_asleep())
            .unwrap_or(first);
        bench[chosen].asked = true;
        shells[chosen].ask();
        Some(chosen)
    }

    /// Wants no core any more, or has one.
    fn withdraw(&mut self, bench: &mut MutexGuard<'_, Vec<Berth>>) {
        if let Some(index) = self.asked.take() {
            bench[index].asked = false;
            self.shared.crew.shell(index).unask();
            // The worker may have laid the core down already.
            self.shared.freed.notify_all();
        }
    }
}

/// What a worker thread does beside running tasks: it looks whether somebody wants its core.
struct Lender(Arc<Shell>);

impl Main for Lender {
    fn turn(&mut self) -> bool {
        self.0.is_asked()
    }

    fn is_woken(&self) -> bool {
        self.0.is_asked()
    }

    /// It has no future to be polled.
    fn wake(&self) {}
}

/// A core in use, which goes back to the bench whatever happens.
struct Borrowed<'a> {
    shared: &'a Shared,
    index: usize,
    core: Option<Core>,
    /// By a `block_on`, and not by the worker.
    is_visit: bool,
}

impl Borrowed<'_> {
    fn give_back(&mut self) {
        if self.core.as_ref().is_some_and(Core::is_lent) {
            // A task has given it to another thread, by way of the bench.
            self.shared.crew.drop_left_over();
            return;
        }
        let mut bench = self.shared.bench.lock();
        let berth = &mut bench[self.index];
        berth.core = self.core.take();
        berth.lent &= !self.is_visit;
        if berth.substituted && !berth.asked {
            // It was the worker who asked, and who finds it there.
            self.shared.crew.shell(self.index).unask();
        }
        drop(bench);
        self.shared.freed.notify_all();
        // Whoever closed the runtime looked for the core under the lock. They found it there just
        // now, or had closed it before, which is seen here.
        let is_ours_to_end = !self.shared.has_workers() && self.shared.crew.is_closing();
        if is_ours_to_end && !self.shared.is_child() {
            self.shared.end_alone();
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.give_back();
        // Last: it may wait for the worker whose core that was, by ending the runtime say.
        if let Some(on_stop) = self.shared.hooks.on_stop.as_ref().filter(|_| self.is_visit) {
            foreign::call(&**on_stop);
        }
    }
}

/// From this size on a future is boxed before anything else is done with it.
pub(crate) const LARGE_FUTURE: usize = 16 * 1024;
