//! Handles: waiting for a task, and ending it.
//!
//! A [`JoinHandle`] shares the task's cell with the task itself. While the task lives, the handle
//! may leave its waker in the header; once it is done, the output is the handle's to take or to
//! drop. The state word decides each time whose the thing is.
//!
//! The danger is depth: an output may itself hold the handle of another task that is done, whose
//! output holds another, a million deep. Dropping the first must not drop the second inside itself,
//! so below some depth a handle that goes away leaves its task on a list instead, and the drop
//! at that depth works the list off.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::error::JoinError;
use super::id::Id;
use super::raw::TaskRef;
use crate::primitive::thread_local;
use crate::{coop, foreign};

/// Waits for a task's output. Dropping it lets the task go on alone.
///
/// # Cancel safety
///
/// A `JoinHandle` may be polled in parts, `&mut handle` in a `select!` for example: the output is
/// lost only with the handle.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let sum = runtime::spawn(async { 1 + 2 });
///     assert_eq!(sum.await.unwrap(), 3);
/// });
/// ```
pub struct JoinHandle<T> {
    task: TaskRef,
    output: PhantomData<T>,
}

// SAFETY: the handle moves or drops a `T` that was made on another thread, no more; the rest is a
// `TaskRef`, which is `Send` and `Sync`.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives no access to the `T`.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

/// Ends a task from anywhere.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let task = runtime::spawn(std::future::pending::<()>());
///     let abort = task.abort_handle();
///     abort.abort();
///     assert!(task.await.unwrap_err().is_cancelled());
///     assert!(abort.is_finished());
/// });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: TaskRef) -> Self {
        Self {
            task,
            output: PhantomData,
        }
    }

    /// Asks for the task to be ended. Its future is dropped by its own executor, soon; awaiting the
    /// handle tells when. A task that is done by then keeps its output.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can end the task and cannot wait for it.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle {
            task: self.task.clone(),
        }
    }

    /// Whether the task has ended, so that awaiting the handle returns at once.
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// Leaves `waker` for the task's end. False if the end has come.
    fn leave_waker(&self, waker: &Waker) -> bool {
        let header = self.task.header();
        if header.state.load().has_waiter() && !header.state.unset_waiter() {
            return false;
        }
        // SAFETY: WAITER is off and the task was not done when it went off, so the cell is ours.
        let cell = |cell: *mut Option<Waker>| unsafe { &mut *cell };
        let is_same = |cell: &Option<Waker>| cell.as_ref().is_some_and(|old| old.will_wake(waker));
        if !header.waiter.with_mut(|held| is_same(cell(held))) {
            let fresh = Some(waker.clone());
            let old = header
                .waiter
                .with_mut(|held| std::mem::replace(cell(held), fresh));
            foreign::drop_quietly(old);
        }
        header.state.set_waiter()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = std::task::ready!(coop::poll_proceed(context));
        if !self.task.is_done() && self.leave_waker(context.waker()) {
            return Poll::Pending;
        }
        progress.made();
        let mut output = MaybeUninit::<Self::Output>::uninit();
        let table = self.task.header().table;
        // SAFETY: the task is done, so its output is this handle's; the slot is of its type.
        unsafe { (table.read_output)(self.task.as_ptr(), output.as_mut_ptr().cast()) };
        // SAFETY: `read_output` has written it, or has panicked.
        Poll::Ready(unsafe { output.assume_init() })
    }
}

/// The output is in the task's cell, never in the handle.
impl<T> Unpin for JoinHandle<T> {}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let before = self.task.header().state.unjoin();
        if before.is_done() {
            drop_output_flat(self.task.clone());
        } else if before.has_waiter() {
            // SAFETY: WAITER went off before the task was done, so the cell is ours.
            let cell = |cell: *mut Option<Waker>| unsafe { (*cell).take() };
            foreign::drop_quietly(self.task.header().waiter.with_mut(cell));
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe("JoinHandle", &self.task, f)
    }
}

impl AbortHandle {
    /// Asks for the task to be ended; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.task.id()
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        describe("AbortHandle", &self.task, f)
    }
}

fn describe(what: &str, task: &TaskRef, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(what)
        .field("id", &task.id())
        .field("name", &task.name())
        .field("spawned_at", &format_args!("{}", task.spawned_at()))
        .field("finished", &task.is_done())
        .finish()
}

/// Drops the output of a task that is done, and with it those of tasks whose handles it holds: as a
/// tree of calls at first, as one expects of destructors, and from some depth on one after the other.
fn drop_output_flat(task: TaskRef) {
    let depth = DEPTH.get();
    if depth > DEEPEST {
        // Only a thread that is being torn down has no list; there the stack must do.
        let mut task = Some(task);
        let _ = LEFT.try_with(|left| left.borrow_mut().extend(task.take()));
        task.into_iter().for_each(drop_output);
        return;
    }
    DEPTH.set(depth + 1);
    drop_output(task);
    if depth == DEEPEST {
        while let Some(next) = LEFT
            .try_with(|left| left.borrow_mut().pop())
            .unwrap_or(None)
        {
            drop_output(next);
        }
    }
    DEPTH.set(depth);
}

fn drop_output(task: TaskRef) {
    // SAFETY: the handle has gone (JOIN is off) and the task is done: the output is ours.
    unsafe { (task.header().table.drop_output)(task.as_ptr()) };
}

thread_local! {
    /// How many drops of outputs the one that runs on this thread is inside of.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Tasks whose outputs are still to be dropped.
    static LEFT: RefCell<Vec<TaskRef>> = const { RefCell::new(Vec::new()) };
}

/// A few kilobytes of stack.
const DEEPEST: u32 = 32;
