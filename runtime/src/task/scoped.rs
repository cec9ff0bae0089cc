//! A task of a scope, as its scope and its handle see it.
//!
//! The scope waits for all its tasks, and has their failures; a handle is for the output alone. So
//! whoever awaits the handle of a task that failed learns only that there is no output, and fails
//! in turn, mostly. The danger is that this second failure is taken for the first: it may be known
//! sooner. So each task says that it fails before its handle can know of it, and of many that say so
//! the first one counts.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use super::{AbortHandle, Id};
use crate::primitive::{Arc, AtomicU64, Mutant, Ordering, is_planted};
use crate::sync::oneshot;
use crate::tasks;

/// Waits for the output of a task of a [`Scope`](super::Scope). The task is the scope's: dropping the
/// handle changes nothing for it.
///
/// # Cancel safety
///
/// The handle may be polled in parts: the output is lost only with it.
///
/// # Examples
///
/// ```
/// use runtime::task::{Scope, scope};
///
/// runtime::block_on(async {
///     let sum = scope(|tasks: Scope<std::io::Error>| async move {
///         let one = tasks.spawn(async { Ok(1) });
///         let two = tasks.spawn(async { Ok(2) });
///         Ok(one.await? + two.await?)
///     });
///     assert_eq!(sum.await.unwrap(), 3);
/// });
/// ```
#[derive(Debug)]
pub struct ScopedJoinHandle<T> {
    abort: AbortHandle,
    output: oneshot::Receiver<T>,
}

impl<T> ScopedJoinHandle<T> {
    pub(super) fn new(abort: AbortHandle, output: oneshot::Receiver<T>) -> Self {
        Self { abort, output }
    }

    /// Asks for the task to be ended, which is nobody's failure.
    pub fn abort(&self) {
        self.abort.abort();
    }

    /// A handle that can end the task and cannot wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        self.abort.clone()
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.abort.is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.abort.id()
    }
}

impl<T> Future for ScopedJoinHandle<T> {
    type Output = Result<T, NoOutput>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id();
        let output = Pin::new(&mut self.output).poll(context);
        output.map_err(|_| NoOutput { id })
    }
}

/// A task of a scope has ended without an output: it failed, which its scope's error tells, or was
/// aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoOutput {
    id: Id,
}

impl NoOutput {
    /// Which task it was.
    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Display for NoOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id;
        write!(
            f,
            "task {id} of the scope gave no output: it failed, or was aborted"
        )
    }
}

impl std::error::Error for NoOutput {}

impl From<NoOutput> for io::Error {
    fn from(error: NoOutput) -> Self {
        Self::other(error)
    }
}

/// Who of a scope has failed first.
#[derive(Clone, Default)]
pub(crate) struct First(Arc<AtomicU64>);

impl First {
    /// The body, or a task, fails now.
    pub(crate) fn set(&self, who: Option<Id>) {
        if who.is_some() && is_planted(Mutant::FailureNotSaid) {
            return;
        }
        let number = who.map_or(BODY, Id::number);
        // Release pairs with the Acquire in `is`. Who comes later changes nothing.
        let _ = self
            .0
            .compare_exchange(NOBODY, number, Ordering::Release, Ordering::Relaxed);
    }

    /// Whether it was that one.
    pub(crate) fn is(&self, who: Option<Id>) -> bool {
        self.0.load(Ordering::Acquire) == who.map_or(BODY, Id::number)
    }
}

/// The task around its future: gives the output away, and says that it fails before anybody can miss it.
pub(crate) async fn run<F, T, E>(
    future: F,
    output: oneshot::Sender<T>,
    first: First,
) -> Result<(), E>
where
    F: Future<Output = Result<T, E>>,
{
    // Dropped after the future, which is a temporary of the next line, also by a panic.
    let told = Told {
        output: Some(output),
        first,
    };
    match future.await {
        Ok(value) => {
            told.give(value);
            Ok(())
        }
        Err(error) => {
            told.first.set(tasks::current());
            Err(error)
        }
    }
}

struct Told<T> {
    output: Option<oneshot::Sender<T>>,
    first: First,
}

impl<T> Told<T> {
    fn give(mut self, value: T) {
        if let Some(output) = self.output.take() {
            // Nobody need want it.
            drop(output.send(value));
        }
    }
}

impl<T> Drop for Told<T> {
    fn drop(&mut self) {
        // Else it was aborted. The sender, by which the handle learns of it, goes after this.
        if thread::panicking() && self.output.is_some() {
            self.first.set(tasks::current());
        }
    }
}

const NOBODY: u64 = 0;
/// No task has this number.
const BODY: u64 = u64::MAX;
