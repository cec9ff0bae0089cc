//! Tasks: starting them, waiting for them, ending them.
//!
//! A task is started in the runtime that the thread is in; what it is, inside, stands in
//! `tasks/`.

mod abort_on_drop;
pub mod coop;
mod join_set;
mod local;
mod scope;
pub(crate) mod scoped;
mod tracker;

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use self::abort_on_drop::AbortOnDropHandle;
pub use self::coop::{consume_budget, unconstrained};
pub use self::join_set::JoinSet;
pub use self::local::{AccessError, LocalKey, TaskLocalFuture};
pub use self::scope::{Failure, Scope, ScopeError, scope, scope_with};
pub use self::scoped::{NoOutput, ScopedJoinHandle};
pub use self::tracker::{TaskTracker, TaskTrackerToken, TrackedFuture};
use crate::driver;
use crate::handle;
pub use crate::tasks::{AbortHandle, Id, JoinError, JoinHandle, TaskInfo, TaskPanic};

/// Starts a task: the future is polled by the runtime from now on, whoever waits for it.
///
/// The task is the runtime's own. Dropping the handle does not end it; the end of the runtime does.
/// It may outlive the function that starts it, so it borrows nothing of that: move things into it, or
/// clones of an `Arc`. (The body of a [`scope`], and futures in a [`join!`](crate::join), may borrow.)
///
/// # Panics
///
/// Outside of a runtime, and in a child made by `fork(2)`.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let tasks: Vec<_> = (0..3).map(|n| runtime::spawn(async move { n * n })).collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await.unwrap();
///     }
///     assert_eq!(sum, 5);
/// });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static, // not Send? use spawn_local, or #[runtime::main(single)]
    F::Output: Send + 'static,
{
    let current = handle::current_or_panic("spawn");
    current.shared.spawn(future, None, Location::caller())
}

/// Starts a task that need not be `Send`, on this thread.
///
/// # Panics
///
/// Outside of a [`LocalRuntime`](crate::LocalRuntime): its own thread is the only one that such a
/// task can live on.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let shared = std::rc::Rc::new(5);
///     let five = runtime::spawn_local(async move { *shared });
///     assert_eq!(five.await.unwrap(), 5);
/// });
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_local_named(future, None, "spawn_local")
}

#[track_caller]
fn spawn_local_named<F>(future: F, name: Option<Box<str>>, call: &str) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let caller = Location::caller();
    let Some(current) = handle::current() else {
        panic!("{}", driver::outside(call, caller));
    };
    assert!(
        current.shared.takes_local_tasks_here(),
        "{call} was called at {caller}, outside of a LocalRuntime: tasks that are not Send need \
         one. Use #[runtime::main(single)] or LocalRuntime::block_on, or make the future Send and \
         use spawn",
    );
    current.shared.spawn(future, name, caller)
}

/// Runs a closure that blocks, or computes for long, on a thread for such, and gives its result.
///
/// There are as many threads as it takes, up to a limit
/// ([`Builder::max_blocking_threads`](crate::Builder::max_blocking_threads)); beyond it closures
/// wait. A closure that runs cannot be aborted, and the end of the runtime does not wait for it. One
/// that waits can be aborted, and is dropped at the end.
///
/// # Panics
///
/// Outside of a runtime, in a child made by `fork(2)`, and if the system makes no threads.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let text = runtime::task::spawn_blocking(|| std::fs::read_to_string("/proc/self/comm"));
///     assert!(!text.await.unwrap().unwrap().is_empty());
/// });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(closure: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    handle::current_or_panic("spawn_blocking").spawn_blocking(closure)
}

/// Runs a closure that blocks, or computes for long, here and now; other tasks go on elsewhere.
///
/// The worker's core is given to another thread for the time, so only this task waits. That costs two
/// changes of threads: for what takes less than a tenth of a millisecond, just do it.
/// [`spawn_blocking`] is for closures that are `'static`; this one may borrow. The other thread is one of
/// those for closures that block, and does not count for their limit.
///
/// The task goes on after the closure without a core, until its next `.await`. On a thread that runs no
/// tasks the closure is just called.
///
/// # Panics
///
/// If the closure does; and in a runtime without workers, where nobody else could run the other tasks.
///
/// # Examples
///
/// ```
/// let runtime = runtime::Builder::new_multi_thread().worker_threads(1).build()?;
/// let sum = runtime.block_on(async {
///     let numbers = vec![1_u64; 1000];
///     runtime::task::block_in_place(|| numbers.iter().sum::<u64>())
/// });
/// assert_eq!(sum, 1000);
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn block_in_place<R>(closure: impl FnOnce() -> R) -> R {
    handle::block_in_place(closure)
}

/// The number of the task, or of the closure of [`spawn_blocking`], that this is called in.
///
/// # Panics
///
/// Outside of a task: in the future of a `block_on`, say.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let task = runtime::spawn(async { runtime::task::id() });
///     assert_eq!(task.id(), task.await.unwrap());
///     assert_eq!(runtime::task::try_id(), None);
/// });
/// ```
#[track_caller]
pub fn id() -> Id {
    match try_id() {
        Some(id) => id,
        None => panic!(
            "task::id was called at {}, outside of a task: the future of a block_on has no number; \
             use try_id",
            Location::caller()
        ),
    }
}

/// As [`id`], or `None` outside of a task.
pub fn try_id() -> Option<Id> {
    crate::tasks::current()
}

/// Settings of a task to be spawned.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let task = runtime::task::Builder::new().name("greeter").spawn(async { "hello" });
///     assert!(format!("{task:?}").contains("greeter"));
///     assert_eq!(task.await.unwrap(), "hello");
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// A task without a name.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name, to be shown to people.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = Some(name);
        self
    }

    /// Starts the task; see [`spawn`].
    ///
    /// # Panics
    ///
    /// As [`spawn`] does.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static, // not Send? use spawn_local, or #[runtime::main(single)]
        F::Output: Send + 'static,
    {
        let current = handle::current_or_panic("task::Builder::spawn");
        let name = self.name.map(Box::from);
        current.shared.spawn(future, name, Location::caller())
    }

    /// Starts the task on this thread; see [`spawn_local`].
    ///
    /// # Panics
    ///
    /// As [`spawn_local`] does.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_local_named(
            future,
            self.name.map(Box::from),
            "task::Builder::spawn_local",
        )
    }
}

/// Lets the other tasks of the worker run, and goes on when it is this one's turn again.
///
/// # Cancel safety
///
/// Nothing is lost.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     for _ in 0..3 {
///         // ... a piece of long work ...
///         runtime::task::yield_now().await;
///     }
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
