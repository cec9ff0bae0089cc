//! Knowing when the last of many tasks has ended.
//!
//! A number of what is tracked, and whether more may come, in one word:
//!
//! ```text
//!  63                                  1   0
//! +--------------------------------------+--------+
//! |  tracked                             | CLOSED |     over: 0 tracked, and CLOSED
//! +--------------------------------------+--------+
//! ```
//!
//! Nothing is kept of a task that has ended, unlike in a [`JoinSet`](super::JoinSet), whose results
//! somebody must take out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::JoinHandle;
use crate::coop;
use crate::primitive::{Arc, AtomicU64, Ordering};
use crate::sync::Notify;

/// Tracks tasks, to wait for the end of all. Clones track the same ones.
///
/// # Examples
///
/// ```
/// use runtime::task::TaskTracker;
///
/// runtime::block_on(async {
///     let sessions = TaskTracker::new();
///     for _ in 0..3 {
///         sessions.spawn(async { runtime::task::yield_now().await });
///     }
///     sessions.close(); // no more will come
///     sessions.wait().await;
///     assert!(sessions.is_empty());
/// });
/// ```
#[derive(Clone, Default)]
pub struct TaskTracker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    word: AtomicU64,
    over: Notify,
}

impl TaskTracker {
    /// A tracker of nothing, open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until the tracker is closed, and everything tracked has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn wait(&self) {
        coop::spend().await;
        let over = self.shared.over.notified();
        // Acquire pairs with the last token's going: what the tasks did is seen.
        if self.shared.word.load(Ordering::Acquire) != OVER {
            over.await;
        }
    }

    /// Says that no more will come, so that [`wait`](Self::wait) may end. True if it was open. (What
    /// comes all the same is tracked.)
    pub fn close(&self) -> bool {
        let before = self.shared.word.fetch_or(CLOSED, Ordering::AcqRel);
        if before == 0 {
            self.shared.over.notify_waiters();
        }
        before & CLOSED == 0
    }

    /// Takes the closing back. True if it was closed.
    pub fn reopen(&self) -> bool {
        self.shared.word.fetch_and(!CLOSED, Ordering::AcqRel) & CLOSED != 0
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many are tracked now.
    pub fn len(&self) -> usize {
        let word = self.shared.word.load(Ordering::Acquire);
        usize::try_from(word / ONE).unwrap_or(usize::MAX)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts a task and tracks it; see [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and in a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static, // not Send? use spawn_local
        F::Output: Send + 'static,
    {
        super::spawn(self.track_future(future))
    }

    /// Starts a task that need not be `Send` and tracks it; see [`spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    ///
    /// Outside of a [`LocalRuntime`](crate::LocalRuntime).
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        super::spawn_local(self.track_future(future))
    }

    /// Runs a closure that blocks and tracks it; see [`spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    ///
    /// As that does.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, closure: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let token = self.token();
        super::spawn_blocking(move || {
            let result = closure();
            drop(token);
            result
        })
    }

    /// Tracks a future until it is dropped.
    pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
        TrackedFuture {
            future,
            token: self.token(),
        }
    }

    /// Tracks whatever holds the token, until it is dropped.
    pub fn token(&self) -> TaskTrackerToken {
        // Relaxed: made by one who holds the tracker; what counts is the going.
        self.shared.word.fetch_add(ONE, Ordering::Relaxed);
        TaskTrackerToken {
            shared: self.shared.clone(),
        }
    }
}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTracker")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Something that is tracked, until this is dropped.
pub struct TaskTrackerToken {
    shared: Arc<Shared>,
}

impl Clone for TaskTrackerToken {
    fn clone(&self) -> Self {
        self.shared.word.fetch_add(ONE, Ordering::Relaxed);
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for TaskTrackerToken {
    fn drop(&mut self) {
        // Release pairs with the Acquire of `wait`.
        if self.shared.word.fetch_sub(ONE, Ordering::AcqRel) == ONE + CLOSED {
            self.shared.over.notify_waiters();
        }
    }
}

impl fmt::Debug for TaskTrackerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerToken").finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that is tracked; see [`TaskTracker::track_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct TrackedFuture<F> {
        #[pin]
        future: F,
        // Dropped after the future.
        token: TaskTrackerToken,
    }
}

impl<F: Future> Future for TrackedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}

const CLOSED: u64 = 1;
const ONE: u64 = 2;
/// Nothing tracked, and closed.
const OVER: u64 = CLOSED;
