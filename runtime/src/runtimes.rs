//! The two runtimes that people hold: [`Runtime`] and [`LocalRuntime`].
//!
//! Both own their cores and end them when they are dropped. A [`Runtime`] may be used from any thread,
//! and takes futures that are `Send`: it has a worker thread a core, or one core that the thread in
//! `block_on` runs. A [`LocalRuntime`] stays on its thread, and takes any future.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::handle::{self, EnterGuard, Handle};
use crate::signals::Blocked;
use crate::staff::Staff;
use crate::tasks::JoinHandle;

/// An executor, a reactor and timers, for futures that are `Send`.
///
/// There are two flavours. [`Runtime::new`] has a worker thread a processor, which run tasks from the
/// time of their spawning, and take work off each other. `Builder::new_current_thread` has none: tasks
/// run on the thread that is in `block_on`.
///
/// Dropping it drops its tasks and wakes everybody who waits for one of its sockets or timers with
/// an error. It waits for its worker threads, for a second if a task does not come back from a poll
/// (its worker then ends when it does); inside a task it does not wait. Closures of
/// `spawn_blocking` that run go on, and those that are queued are dropped. If a thread is inside
/// `block_on` of a runtime without workers at that time, that thread ends the runtime as soon as it has
/// run the tasks that are ready.
///
/// # Examples
///
/// ```
/// let runtime = runtime::Runtime::new()?;
/// let answer = runtime.block_on(async {
///     let task = runtime::spawn(async { 40 });
///     task.await.unwrap() + 2
/// });
/// assert_eq!(answer, 42);
/// # std::io::Result::Ok(())
/// ```
pub struct Runtime {
    handle: Handle,
    staff: Staff,
    /// Given back at the very end: a signal that has come may end the process.
    _blocked: Blocked,
}

impl Runtime {
    pub(crate) fn new_with(handle: Handle, staff: Staff, blocked: Blocked) -> Self {
        Self {
            handle,
            staff,
            _blocked: blocked,
        }
    }

    /// Runs a future to its end on this thread, and with it the runtime's tasks.
    ///
    /// With worker threads, a future that has to wait borrows the core of one of them: what it spawns
    /// begins on this thread. A task that this thread runs and that does not come back from a poll
    /// holds the future up: nobody else can poll it.
    ///
    /// Without: if another thread is in `block_on` already, that one runs the tasks. This one polls its
    /// own future, and takes over when the other is done. With nobody inside, nothing runs.
    ///
    /// # Panics
    ///
    /// Inside another `block_on`; and if the future panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        handle::block_on(&self.handle, "Runtime::block_on", future)
    }

    /// Starts a task; see [`spawn`](crate::spawn). Without worker threads it runs when somebody is in
    /// `block_on`.
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static, // not Send? spawn_local, in a LocalRuntime
        F::Output: Send + 'static,
    {
        let shared = &self.handle.shared;
        shared.spawn(future, None, Location::caller())
    }

    /// Runs a closure that blocks on a thread for such; see
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`; and if the system makes no threads.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, closure: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(closure)
    }

    /// Ends the runtime, and waits for its workers, and for closures of `spawn_blocking` that run, for
    /// `limit` at most.
    ///
    /// Called in such a closure it waits for itself, until the limit.
    ///
    /// Workers that are in the middle of a poll have half of the limit to come back, though no less than a
    /// tenth of a second, and a second at most. Then the end goes on without them, and what such a poll
    /// still does with timers and sockets fails: "runtime shut down".
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = runtime::Runtime::new()?;
    /// let (done, is_done) = std::sync::mpsc::channel();
    /// runtime.spawn_blocking(move || done.send(()));
    /// is_done.recv().unwrap();
    /// runtime.shutdown_timeout(Duration::from_secs(5));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(mut self, limit: Duration) {
        let began = Instant::now();
        let shared = self.handle.shared.clone();
        self.end(Some(limit));
        drop(self);
        if !shared.is_child() {
            shared.pool().wait(limit.saturating_sub(began.elapsed()));
        }
    }

    /// Ends the runtime and waits for nothing; its workers end in the background, as when it is dropped.
    pub fn shutdown_background(mut self) {
        self.end(Some(Duration::ZERO));
    }

    /// Ends it, once. `limit` is for waiting for the workers.
    fn end(&mut self, limit: Option<Duration>) {
        self.handle.shared.shut_down();
        if !self.handle.shared.is_child() {
            self.staff.end(&self.handle, limit);
        }
    }

    /// Ends it, and waits for the workers for `limit` at most.
    pub(crate) fn end_within(&mut self, limit: Duration) {
        self.end(Some(limit));
    }

    /// The handle to this runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Makes this the current runtime of the thread; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

/// A runtime that stays on its thread, so that its tasks need not be `Send`.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// let local = runtime::LocalRuntime::new()?;
/// let greeting = Rc::new(String::from("no atomics needed"));
/// let shared = greeting.clone();
/// let length = local.block_on(async move {
///     runtime::spawn_local(async move { shared.len() }).await.unwrap()
/// });
/// assert_eq!(length, greeting.len());
/// # std::io::Result::Ok(())
/// ```
pub struct LocalRuntime {
    handle: Handle,
    _blocked: Blocked,
    not_send: PhantomData<*const ()>,
}

impl LocalRuntime {
    pub(crate) fn new_with(handle: Handle, blocked: Blocked) -> Self {
        Self {
            handle,
            _blocked: blocked,
            not_send: PhantomData,
        }
    }

    /// Runs a future to its end, and with it the runtime's tasks.
    ///
    /// # Panics
    ///
    /// Inside another `block_on`; and if the future panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        handle::block_on(&self.handle, "LocalRuntime::block_on", future)
    }

    /// Starts a task on this thread; see [`spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let shared = &self.handle.shared;
        shared.spawn(future, None, Location::caller())
    }

    /// The handle to this runtime: other threads may use it to spawn what is `Send`.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Makes this the current runtime of the thread; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

impl Drop for LocalRuntime {
    fn drop(&mut self) {
        self.handle.shared.shut_down();
    }
}

impl fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}

/// Runs a future to its end on this thread, with a runtime of the thread's own.
///
/// Tasks spawned by it end when it does; closures of `spawn_blocking` go on. The runtime itself is
/// kept for the thread's next call, so that a program of many small `block_on`s does not open descriptors
/// for each.
///
/// # Panics
///
/// Inside another `block_on`, if the future panics, and if no runtime can be built (the process has
/// no descriptors left).
///
/// # Examples
///
/// ```
/// assert_eq!(runtime::block_on(async { 1 + 1 }), 2);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    handle::refuse_nested("block_on");
    let kept = KEPT.try_with(RefCell::take).unwrap_or(None);
    // A runtime that came here through a fork is the parent's.
    let usable = kept.filter(|local| !local.handle.shared.is_child());
    let local = match usable.map_or_else(LocalRuntime::new, Ok) {
        Ok(local) => local,
        Err(error) => panic!("block_on: cannot build a runtime: {error}"),
    };
    let kept = Keep(Some(local));
    let local = kept.0.as_ref().expect("it was put there above");
    handle::block_on(&local.handle, "block_on", future)
}

thread_local! {
    static KEPT: RefCell<Option<LocalRuntime>> = const { RefCell::new(None) };
}

/// Drops the tasks and keeps the runtime, also when the future panics.
struct Keep(Option<LocalRuntime>);

impl Drop for Keep {
    fn drop(&mut self) {
        let Some(local) = self.0.take() else { return };
        if local.handle.shared.closing().token().is_cancelled() {
            // It was shut down, and takes no tasks any more.
            return;
        }
        local.handle.shared.drop_tasks();
        let _ = KEPT.try_with(|kept| kept.replace(Some(local)));
    }
}
