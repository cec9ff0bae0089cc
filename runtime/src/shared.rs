//! One runtime's core, and the threads that want to run it.
//!
//! The single flavour has no thread of its own: whoever is in `block_on` runs the core. A second
//! `block_on` at the same time finds it taken; its thread polls its own future, sleeps, and inherits
//! the core when the first one leaves. With nobody inside, nothing runs.
//!
//! The danger is a thread that sleeps while the core lies on the bench, or while its future was
//! woken. Both are followed by a notification, given after the bench's lock was taken, and the
//! sleeper looks at both with the lock held.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::ThreadId;

use crate::blocking::Pool;
use crate::coop;
use crate::executor::{Core, Main, Shell};
use crate::foreign;
use crate::primitive::{Arc, AtomicBool, Condvar, Mutex, Ordering};
use crate::tasks::{self, JoinHandle};

/// What all handles of a runtime share.
pub(crate) struct Shared {
    shell: Arc<Shell>,
    /// The core, while nobody runs it.
    bench: Mutex<Option<Core>>,
    freed: Condvar,
    hooks: Hooks,
    pool: Arc<Pool>,
    /// The one thread that may run the core, if its tasks need not be `Send`.
    only_on: Option<ThreadId>,
}

/// The name of threads, and what to call on one that begins, or stops, to run tasks.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) thread_name: Arc<str>,
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) on_stop: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Shared {
    pub(crate) fn new(
        hooks: Hooks,
        pool: Pool,
        only_on: Option<ThreadId>,
    ) -> io::Result<Arc<Self>> {
        let core = Core::new()?;
        Ok(Arc::new(Self {
            shell: core.shell().clone(),
            bench: Mutex::new(Some(core)),
            freed: Condvar::new(),
            hooks,
            pool: Arc::new(pool),
            only_on,
        }))
    }

    pub(crate) fn shell(&self) -> &Arc<Shell> {
        &self.shell
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Whether this is a forked child of the process that made the runtime.
    pub(crate) fn is_child(&self) -> bool {
        self.shell.driver().check_process().is_err()
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
        if let Err(error) = self.shell.driver().check_process() {
            panic!("spawn at {spawned_at}: {error}");
        }
        let shell = self.shell.clone();
        // The future is moved a few times on its way into the cell; a large one is moved to the heap
        // first, or a debug build would need its size several times on the stack.
        let (task, handle) = if size_of::<F>() > LARGE_FUTURE {
            tasks::spawn(Box::pin(future), shell, name, spawned_at)
        } else {
            tasks::spawn(future, shell, name, spawned_at)
        };
        self.shell.admit(task);
        handle
    }

    /// Runs the core until `future` is done; without it, if another thread has it.
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> F::Output {
        let signal = Arc::new(Signal {
            woken: AtomicBool::new(true),
            outside: AtomicBool::new(true),
            shared: self.clone(),
        });
        let mut main = MainFuture {
            future,
            waker: Waker::from(signal.clone()),
            signal,
            output: None,
        };
        self.drive(&mut main);
        main.output
            .expect("the loop ends when the future has given its output")
    }

    fn drive<F: Future>(&self, main: &mut MainFuture<'_, F>) {
        loop {
            if let Some(core) = self.wait_for_core(main) {
                // AcqRel in the swaps of `woken` orders this with a wake; see `Signal`.
                main.signal.outside.store(false, Ordering::Release);
                let done = self.run(core, main);
                main.signal.outside.store(true, Ordering::Release);
                if done {
                    return;
                }
                // The core has ended under us. The future is told by whatever it waits for.
                main.signal.woken.swap(true, Ordering::AcqRel);
            } else if main.turn() {
                return;
            }
        }
    }

    /// Sleeps until there is a core to run, or the future was woken (`None`).
    fn wait_for_core(&self, main: &dyn Main) -> Option<Core> {
        let may_run = self.only_on.is_none() || self.takes_local_tasks_here();
        let mut bench = self.bench.lock();
        loop {
            if may_run && !self.shell.is_closed() {
                if let Some(core) = bench.take() {
                    return Some(core);
                }
            }
            if main.is_woken() {
                return None;
            }
            bench = self.freed.wait(bench);
        }
    }

    fn run(&self, core: Core, main: &mut dyn Main) -> bool {
        let mut borrowed = Borrowed {
            shared: self,
            core: Some(core),
        };
        if let Some(on_start) = &self.hooks.on_start {
            on_start();
        }
        let core = borrowed.core.as_mut().expect("it was put there above");
        match core.run(main) {
            Ok(done) => done,
            Err(error) => panic!("the runtime cannot wait for events: {error}"),
        }
    }

    /// Ends the runtime: here, if its core is free, else on the thread that runs it, soon.
    ///
    /// In a forked child it does nothing, and what is left there is leaked: locks may be held by
    /// threads that only the parent has, and the destructors of the parent's tasks are the parent's
    /// to run.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        if self.is_child() {
            std::mem::forget(self.clone());
            return;
        }
        self.end();
    }

    fn end(&self) {
        self.shell.close();
        self.pool.close();
        let core = self.bench.lock().take();
        if let Some(mut core) = core {
            core.shut();
            *self.bench.lock() = Some(core);
        }
    }

    /// Drops all tasks of a core that nobody runs, for its next use.
    pub(crate) fn drop_tasks(&self) {
        if self.is_child() {
            return;
        }
        let core = self.bench.lock().take();
        if let Some(mut core) = core {
            core.drop_tasks();
            *self.bench.lock() = Some(core);
        }
    }
}

/// A core in use, which goes back to the bench whatever happens.
struct Borrowed<'a> {
    shared: &'a Shared,
    core: Option<Core>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        if let Some(on_stop) = &self.shared.hooks.on_stop {
            foreign::call(&**on_stop);
        }
        let core = self.core.take();
        *self.shared.bench.lock() = core;
        self.shared.freed.notify_all();
        // Whoever closed the runtime looked for the core under the lock. They found it there just
        // now, or had closed it before, which is seen here.
        if self.shared.shell.is_closed() && !self.shared.is_child() {
            self.shared.end();
        }
    }
}

/// The future of a `block_on`.
struct MainFuture<'a, F: Future> {
    future: Pin<&'a mut F>,
    signal: Arc<Signal>,
    waker: Waker,
    output: Option<F::Output>,
}

impl<F: Future> Main for MainFuture<'_, F> {
    fn turn(&mut self) -> bool {
        if !self.signal.woken.swap(false, Ordering::AcqRel) {
            return false;
        }
        coop::renew();
        match self
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&self.waker))
        {
            Poll::Ready(output) => {
                self.output = Some(output);
                true
            }
            Poll::Pending => false,
        }
    }

    fn is_woken(&self) -> bool {
        self.signal.woken.load(Ordering::Acquire)
    }
}

/// Wakes the thread that is in `block_on`, wherever it sleeps: in the core's epoll, or *outside*.
///
/// Every change of `woken` is a swap, so of a wake and a turn one sees the other: either the turn
/// finds it set, or the wake sees where the turn said it would sleep.
struct Signal {
    woken: AtomicBool,
    outside: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.outside.load(Ordering::Acquire) {
            // The lock makes sure that the sleeper either sleeps or has not looked yet.
            drop(self.shared.bench.lock());
            self.shared.freed.notify_all();
        } else if !self.shared.shell.is_run_here() {
            self.shared.shell.driver().unpark();
        }
    }
}

/// From this size on a future is boxed before anything else is done with it.
pub(crate) const LARGE_FUTURE: usize = 16 * 1024;
