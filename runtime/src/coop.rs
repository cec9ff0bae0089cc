//! A budget for each poll, so that no task keeps its worker for ever.
//!
//! A future that is always ready never returns to its executor: a connection whose peer sends
//! faster than we read, a channel that is never empty. Everybody else on the worker would starve,
//! timers and other sockets too. So each poll of a task may complete a number of operations; then
//! the next operation says "not yet" and wakes the task at once, which puts it behind the others.
//!
//! Outside of our executors nobody would renew the budget, so there it never ends. (A foreign
//! `block_on` *inside* one of our tasks has an end, and is never renewed: it stops the worker anyway.)
//!
//! Each operation of each message pays for this, so one that is made is a number that gets smaller, in
//! one instruction: what never ends is not a case apart, but a number that nobody can use up.

use std::cell::Cell;
use std::task::{Context, Poll, Waker};

use crate::primitive::{Mutant, is_planted, thread_local};

thread_local! {
    /// Operations that are left. It may fall below 0: who has asked may go on.
    static BUDGET: Cell<i64> = const { Cell::new(UNLIMITED) };
    /// How often an operation was put off since the worker last asked.
    static REFUSALS: Cell<u32> = const { Cell::new(0) };
}

/// Permission for one operation. Tell it when progress was [made](Progress::made); a dropped one
/// costs nothing.
#[must_use]
pub(crate) struct Progress(());

/// Asks whether this poll may go on.
#[inline]
pub(crate) fn poll_proceed(context: &mut Context<'_>) -> Poll<Progress> {
    // A thread that is being torn down runs no tasks.
    if !has_left() {
        return refuse(context.waker());
    }
    Poll::Ready(Progress(()))
}

#[cold]
fn refuse(waker: &Waker) -> Poll<Progress> {
    let _ = REFUSALS.try_with(|refusals| refusals.set(refusals.get().wrapping_add(1)));
    waker.wake_by_ref();
    Poll::Pending
}

/// How often an operation was put off since the last call: for the worker's counts.
#[inline]
pub(crate) fn take_refusals() -> u64 {
    match REFUSALS.try_with(Cell::get) {
        Ok(0) | Err(_) => 0,
        Ok(count) => {
            let _ = REFUSALS.try_with(|refusals| refusals.set(0));
            u64::from(count)
        }
    }
}

/// Completes one operation that has no step of its own to ask in.
pub(crate) async fn spend() {
    std::future::poll_fn(|context| poll_proceed(context).map(Progress::made)).await;
}

/// Whether anything of the budget is left.
#[inline]
pub(crate) fn has_left() -> bool {
    BUDGET.try_with(Cell::get).unwrap_or(UNLIMITED) > 0
}

/// The budget of this thread, to be put back by [`restore`].
#[derive(Debug)]
pub(crate) struct Saved(i64);

/// Counts no more until `restore`, if it counts at all. The thread still runs tasks.
pub(crate) fn suspend() -> Saved {
    let left = BUDGET.try_with(Cell::get).unwrap_or(UNLIMITED);
    if left <= UNCOUNTED {
        let _ = BUDGET.try_with(|budget| budget.set(UNCOUNTED));
    }
    Saved(left)
}

/// Counts again, from where it was.
pub(crate) fn restore(saved: &Saved) {
    let _ = BUDGET.try_with(|budget| budget.set(saved.0));
}

/// Whether this thread runs tasks, and would keep them all waiting if it slept.
pub(crate) fn is_counted() -> bool {
    BUDGET.try_with(Cell::get).unwrap_or(UNLIMITED) <= UNCOUNTED
}

impl Progress {
    /// The operation was completed: it counts.
    #[inline]
    pub(crate) fn made(self) {
        if is_planted(Mutant::EndlessBudget) {
            return;
        }
        let _ = BUDGET.try_with(|budget| budget.set(budget.get() - 1));
    }
}

/// A fresh budget for the next poll.
#[inline]
pub(crate) fn renew() {
    let _ = BUDGET.try_with(|budget| budget.set(A_POLL));
}

/// No budget: this thread stops running tasks.
pub(crate) fn lift() {
    let _ = BUDGET.try_with(|budget| budget.set(UNLIMITED));
}

/// Operations a poll: about half a millisecond of small messages.
const A_POLL: i64 = 128;
/// For a task that wants no budget; an operation a nanosecond takes 146 years.
const UNCOUNTED: i64 = i64::MAX / 2;
/// For no task. It stays above the other for as long.
const UNLIMITED: i64 = i64::MAX;
