//! Asking tasks to end, by a tree of tokens.
//!
//! A token is asked once and for all; whoever holds a clone of it, or a child, finds out. To be asked
//! is not to be ended: a task finishes what it is at, which is the point.
//!
//! ```text
//!   root -- server -- session 1        cancelling "server" cancels both sessions, and not "root"
//!        |         `- session 2        a parent keeps weak references to its children,
//!        `- metrics                    a child a strong one to its parent
//! ```
//!
//! So a token in the middle stays as long as something hangs from it, and one that has gone leaves no
//! trace. The danger is depth: cancelling, and dropping, walk the tree in a loop and never call
//! themselves.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Weak;
use std::task::Poll;

use slab::Slab;

use super::Notify;
use crate::coop;
use crate::primitive::{Arc, AtomicBool, Mutex, Ordering};

/// Asks tasks to end. Clones are the same token; see also [`child_token`](Self::child_token).
///
/// # Examples
///
/// ```
/// use runtime::sync::CancellationToken;
///
/// runtime::block_on(async {
///     let stop = CancellationToken::new();
///     let worker = runtime::spawn({
///         let stop = stop.child_token();
///         async move {
///             let forever = std::future::pending::<()>();
///             stop.run_until_cancelled(forever).await.is_none()
///         }
///     });
///     stop.cancel();
///     assert!(worker.await.unwrap());
/// });
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    node: Arc<Node>,
}

struct Node {
    cancelled: AtomicBool,
    told: Notify,
    children: Mutex<Slab<Weak<Node>>>,
    /// The parent, and the place among its children.
    parent: Option<(Arc<Node>, usize)>,
}

impl Node {
    fn new(cancelled: bool, parent: Option<(Arc<Node>, usize)>) -> Self {
        Self {
            cancelled: AtomicBool::new(cancelled),
            told: Notify::new(),
            children: Mutex::new(Slab::new()),
            parent,
        }
    }

    /// Cancels this one alone, and hands out its children.
    fn cancel(&self, into: &mut Vec<Arc<Self>>) {
        let mut children = self.children.lock();
        // Release pairs with the Acquire of `is_cancelled`. Under the lock: a child that comes later
        // finds it, one that came before is in the list.
        if !self.cancelled.swap(true, Ordering::AcqRel) {
            into.extend(children.iter().filter_map(|(_, child)| child.upgrade()));
        }
        drop(std::mem::take(&mut *children));
        drop(children);
        self.told.notify_waiters();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some((node, index)) = parent {
            node.children.lock().try_remove(index);
            // If this was the last that held it, its own parent is next: in a loop, for depth.
            parent = Arc::into_inner(node).and_then(|mut node| node.parent.take());
        }
    }
}

impl CancellationToken {
    /// A token without a parent.
    pub fn new() -> Self {
        Self {
            node: Arc::new(Node::new(false, None)),
        }
    }

    /// A token that is cancelled with this one, and can be alone.
    pub fn child_token(&self) -> Self {
        let mut children = self.node.children.lock();
        if self.is_cancelled() {
            return Self {
                node: Arc::new(Node::new(true, None)),
            };
        }
        let index = children.vacant_key();
        let parent = Some((self.node.clone(), index));
        let node = Arc::new(Node::new(false, parent));
        children.insert(Arc::downgrade(&node));
        Self { node }
    }

    /// Asks all who hold this token, or one that descends from it.
    pub fn cancel(&self) {
        let mut asked = Vec::new();
        self.node.cancel(&mut asked);
        while let Some(node) = asked.pop() {
            node.cancel(&mut asked);
        }
    }

    /// Whether it was cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.cancelled.load(Ordering::Acquire)
    }

    /// Waits until it is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn cancelled(&self) {
        coop::spend().await;
        let told = self.node.told.notified();
        if !self.is_cancelled() {
            told.await;
        }
    }

    /// As [`cancelled`](Self::cancelled), for a future that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn cancelled_owned(self) {
        self.cancelled().await;
    }

    /// Runs a future until it is ready, or the token is cancelled: then it is dropped, and this is
    /// `None`. With a token that was cancelled before, the future is not polled at all.
    ///
    /// # Cancel safety
    ///
    /// As that of the future inside.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        let (mut future, mut cancelled) = (pin!(future), pin!(self.cancelled()));
        poll_fn(|context| {
            // What is ready at the same time is not thrown away.
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            cancelled.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// As [`run_until_cancelled`](Self::run_until_cancelled), for a future that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// As that of the future inside.
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        self.run_until_cancelled(future).await
    }

    /// Cancels when the guard is dropped, also by a panic.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard { token: Some(self) }
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

/// Cancels its token when it is dropped; see [`CancellationToken::drop_guard`].
#[derive(Debug)]
#[must_use = "a guard that is dropped cancels at once"]
pub struct DropGuard {
    /// Gone when it was disarmed.
    token: Option<CancellationToken>,
}

impl DropGuard {
    /// Gives the token back, and cancels nothing.
    pub fn disarm(mut self) -> CancellationToken {
        let token = self.token.take();
        token.expect("a guard has its token until it is disarmed, which consumes it")
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(token) = &self.token {
            token.cancel();
        }
    }
}
