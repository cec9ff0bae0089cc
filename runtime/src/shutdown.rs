//! Ending a runtime in good order, and telling what became of everything.
//!
//! ```text
//!   ask: the token is cancelled, accept loops end --- all have ended in time ------> report
//!         |
//!         | the grace is over
//!         v
//!   cut: nothing is spawned, what is left is dropped --- all are gone -------------> report
//!         |
//!         | nothing has gone for a while
//!         v
//!   leave behind: threads that do not come back -----------------------------------> report
//! ```
//!
//! The danger is to wait for oneself. Who calls may be a task, which then is not among those that are
//! waited for. With workers the waiting is done by a thread that runs no tasks, so that one of them
//! that does not come back cannot keep it; without workers the thread that waits is the one that runs
//! the tasks, and there is no other.
//!
//! Here are the calls, and on which thread each waits; what they do is in `shutdown/steps.rs`.

mod report;
mod steps;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use self::report::Report;
use self::steps::Steps;
use crate::handle::{self, Handle};
use crate::runtimes::{LocalRuntime, Runtime};
use crate::sync::{CancellationToken, oneshot};
use crate::tasks::{self, Id, TaskRef};

/// How long a shutdown may take.
///
/// # Examples
///
/// ```
/// use runtime::shutdown::Grace;
/// use runtime::time::Duration;
///
/// // Ten seconds for sessions to end, and one for a computation to come to its next `.await`.
/// let grace = Grace::new(Duration::from_secs(10)).patience(Duration::from_secs(1));
/// let runtime = runtime::Runtime::new()?;
/// let report = runtime.shutdown(grace);
/// assert!(report.is_clean());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    time: Duration,
    patience: Duration,
}

impl Grace {
    /// So much time between asking tasks to end and dropping them. It may be zero.
    pub const fn new(time: Duration) -> Self {
        Self {
            time,
            patience: PATIENCE,
        }
    }

    /// For how long, after the grace, threads are waited for that do not come back from a poll, a
    /// destructor or a closure, since something has ended last: 40 milliseconds if it is not said.
    /// (Half of it may come on top, for workers that the end of the runtime itself finds stuck.)
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

impl From<Duration> for Grace {
    fn from(time: Duration) -> Self {
        Self::new(time)
    }
}

/// Waits until the runtime that the thread is in is asked to shut down; see [`Handle::shutdown`].
///
/// # Panics
///
/// Outside of a runtime.
///
/// # Cancel safety
///
/// Nothing is lost.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, sleep};
///
/// # let work = async || sleep(Duration::from_millis(1)).await;
/// runtime::block_on(async move {
///     let worker = runtime::spawn(async move {
///         let mut asked = std::pin::pin!(runtime::shutdown::requested());
///         loop {
///             runtime::select! {
///                 () = work() => {}
///                 () = asked.as_mut() => break "done in good order",
///             }
///         }
///     });
///     let report = runtime::Handle::current().shutdown(Duration::from_secs(5)).await;
///     assert_eq!(report.finished.len(), 1);
///     assert_eq!(worker.await.unwrap(), "done in good order");
/// });
/// ```
pub async fn requested() {
    let token = Handle::current().shutdown_token();
    token.cancelled().await;
}

impl Handle {
    /// Ends everything else in the runtime, and tells what became of it: asks by the
    /// [token](Self::shutdown_token), waits for the tasks and closures of the runtime for the grace,
    /// and drops what is left. For the task, or the future of `block_on`, that learns of the end, by a
    /// signal say; it goes on itself, until the runtime is dropped.
    ///
    /// From the end of the grace on what is spawned is cancelled at once. Sockets and timers still
    /// work.
    ///
    /// With workers, a thread is made for the waiting. Without, a task that does not come back from a
    /// poll holds this up too.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, tasks have been asked to end, and it is open what else is done of it.
    /// It may be called again, with a shorter grace.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::Handle;
    /// use runtime::time::Duration;
    ///
    /// #[runtime::main]
    /// async fn main() {
    ///     runtime::spawn(async { runtime::shutdown::requested().await });
    ///     runtime::task::Builder::new()
    ///         .name("deaf")
    ///         .spawn(std::future::pending::<()>());
    ///     // ... until a signal comes ...
    ///     let report = Handle::current().shutdown(Duration::from_millis(20)).await;
    ///     assert_eq!((report.finished.len(), report.cut.len()), (1, 1));
    ///     eprintln!("{report}");
    /// }
    /// ```
    pub async fn shutdown(&self, grace: impl Into<Grace>) -> Report {
        let _not_waited_for = self.shared.closing().set_apart(caller(self));
        let steps = Arc::new(Steps::begin(self, grace.into()));
        take_aside(steps).await
    }

    /// What asks the tasks of the runtime to end. It is cancelled by a shutdown, and when the runtime is
    /// dropped; you may cancel it yourself, to ask only.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shared.closing().token().clone()
    }
}

impl Runtime {
    /// Ends the runtime: asks its tasks to end by the [token](Handle::shutdown_token), waits for them,
    /// and for closures of `spawn_blocking`, for the grace, drops what is left, and leaves threads
    /// behind that do not come back. Tells what became of everything.
    ///
    /// Without workers this thread runs the tasks meanwhile. Inside of such a runtime it cannot, so
    /// there the grace is none; use [`Handle::shutdown`]. In another runtime's task, this blocks it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::Duration;
    ///
    /// let runtime = runtime::Runtime::new()?;
    /// runtime.spawn(async {
    ///     runtime::shutdown::requested().await;
    ///     // ... say goodbye ...
    /// });
    /// let report = runtime.shutdown(Duration::from_secs(10));
    /// assert!(report.is_clean(), "{report}");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown(mut self, grace: impl Into<Grace>) -> Report {
        if self.handle().shared.is_child() {
            return Report::default();
        }
        let (grace, began) = (grace.into(), Instant::now());
        let end = self.handle().shared.end();
        let mut report = shut_down(self.handle(), grace, "Runtime::shutdown");
        self.end_within(grace.patience);
        report.complete(&end, began);
        report
    }
}

impl LocalRuntime {
    /// Ends the runtime, whose tasks this thread runs meanwhile, and tells what became of everything;
    /// see [`Runtime::shutdown`].
    pub fn shutdown(self, grace: impl Into<Grace>) -> Report {
        if self.handle().shared.is_child() {
            return Report::default();
        }
        let began = Instant::now();
        let end = self.handle().shared.end();
        let mut report = shut_down(self.handle(), grace.into(), "LocalRuntime::shutdown");
        drop(self);
        report.complete(&end, began);
        report
    }
}

/// The steps after the asking. This thread may wait for them, and must not if a task may keep it.
async fn take_aside(steps: Arc<Steps>) -> Report {
    let shared = &steps.handle.shared;
    if !shared.has_workers() && shared.crew().shell(0).is_run_here() {
        return steps.take().await;
    }
    shared.closing().take_cores();
    let (tell, told) = oneshot::channel();
    let theirs = steps.clone();
    let thread = thread::Builder::new().name("shutdown".to_owned());
    let started = thread.spawn(move || {
        let report = theirs.take_here();
        // The next one may begin when this one is told.
        drop(theirs);
        drop(tell.send(report));
    });
    if started.is_ok() {
        if let Ok(report) = told.await {
            return report;
        }
    }
    // The system makes no more threads. Only the runtime's own tasks have its timers.
    let is_inside = |current: Handle| Arc::ptr_eq(&current.shared, shared);
    if handle::current().is_some_and(is_inside) {
        steps.take().await
    } else {
        steps.take_none()
    }
}

/// All but the end itself, on this thread.
fn shut_down(handle: &Handle, grace: Grace, call: &str) -> Report {
    let _not_waited_for = handle.shared.closing().set_apart(caller(handle));
    let steps = Arc::new(Steps::begin(handle, grace));
    if handle.shared.has_workers() {
        return handle::aside(|| steps.take_here());
    }
    if handle.shared.crew().shell(0).is_run_here() {
        // Nobody else can run the tasks, and this thread is in the middle of one.
        return steps.take_none();
    }
    handle::aside(|| handle::block_on(handle, call, take_aside(steps)))
}

/// The task of this runtime's, if it is one, that waits for the shutdown.
fn caller(handle: &Handle) -> Option<Id> {
    let shared = &handle.shared;
    let is_ours = |caller: &Id| {
        let is_caller = |closure: &TaskRef| closure.id() == *caller;
        shared.crew().find(*caller).is_some() || shared.pool().running().iter().any(is_caller)
    };
    tasks::current().filter(is_ours)
}

/// Most of what a shutdown may take beyond its grace: the look at which it is seen that nothing ends any
/// more comes up to an eighth later, and the end of the workers takes half of it again.
const PATIENCE: Duration = Duration::from_millis(40);
