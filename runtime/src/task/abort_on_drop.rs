//! A handle that takes its task along when it goes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{AbortHandle, Id, JoinError, JoinHandle};

/// A [`JoinHandle`] that aborts its task when it is dropped, instead of letting it go on alone.
///
/// # Examples
///
/// ```
/// use runtime::task::AbortOnDropHandle;
///
/// runtime::block_on(async {
///     let task = AbortOnDropHandle::new(runtime::spawn(std::future::pending::<()>()));
///     let abort = task.abort_handle();
///     drop(task);
///     runtime::task::yield_now().await;
///     assert!(abort.is_finished());
/// });
/// ```
#[derive(Debug)]
#[must_use = "a handle that is dropped aborts its task at once"]
pub struct AbortOnDropHandle<T> {
    /// Gone when the task was detached.
    handle: Option<JoinHandle<T>>,
}

impl<T> AbortOnDropHandle<T> {
    /// Takes a task over.
    pub fn new(handle: JoinHandle<T>) -> Self {
        Self {
            handle: Some(handle),
        }
    }

    /// Lets the task go on alone after all.
    pub fn detach(mut self) -> JoinHandle<T> {
        self.handle.take().expect(HAS_ONE)
    }

    /// Asks for the task to be ended; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.handle().abort();
    }

    /// A handle that can end the task and cannot wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle().abort_handle()
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.handle().id()
    }

    fn handle(&self) -> &JoinHandle<T> {
        self.handle.as_ref().expect(HAS_ONE)
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(self.handle.as_mut().expect(HAS_ONE)).poll(context)
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

const HAS_ONE: &str = "a handle has its task until it is detached, which consumes it";
