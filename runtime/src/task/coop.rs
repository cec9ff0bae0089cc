//! Taking part in the sharing of a worker, or not.
//!
//! Each poll of a task has a budget of operations, after which the next one lets the others run; all
//! that waits in this library counts against it. What a program adds, an iterator of its own or a
//! hand-written future that is always ready, is to take part as well, or it starves its neighbours.
//! And some code must not be put off in the middle, and may say so.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::coop;

/// Counts as one operation, and lets the others run if it was one too many.
///
/// # Cancel safety
///
/// Nothing is lost.
///
/// # Examples
///
/// ```
/// use runtime::task::consume_budget;
///
/// runtime::block_on(async {
///     let mut sum = 0_u64;
///     for number in 0..10_000 {
///         sum += number; // a piece of work
///         consume_budget().await;
///     }
///     assert_eq!(sum, 49_995_000);
/// });
/// ```
pub async fn consume_budget() {
    coop::spend().await;
}

/// Whether the next operation of this poll may go on. Always so outside of a task.
pub fn has_budget_remaining() -> bool {
    coop::has_left()
}

/// Polls a future that is never put off: its operations do not count.
///
/// Whatever else the task polls counts as before. A future that is always ready keeps the worker for
/// itself.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
/// use runtime::task::unconstrained;
///
/// runtime::block_on(async {
///     let (sender, mut receiver) = mpsc::unbounded_channel();
///     (0..1000).for_each(|number| sender.send(number).unwrap());
///     drop(sender);
///     let sum = unconstrained(async {
///         let mut sum = 0;
///         while let Some(number) = receiver.recv().await {
///             sum += number;
///         }
///         sum
///     });
///     assert_eq!(sum.await, 499_500);
/// });
/// ```
pub fn unconstrained<F: Future>(future: F) -> Unconstrained<F> {
    Unconstrained { future }
}

/// Polls a future of which each completion counts as one operation: for one that asks nobody.
///
/// # Examples
///
/// ```
/// use std::future::ready;
/// use runtime::task::coop::cooperative;
///
/// runtime::block_on(async {
///     for number in 0..1000 {
///         assert_eq!(cooperative(ready(number)).await, number);
///     }
/// });
/// ```
pub fn cooperative<F: Future>(future: F) -> Coop<F> {
    Coop { future }
}

pin_project! {
    /// The future of [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

pin_project! {
    /// The future of [`cooperative`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Coop<F> {
        #[pin]
        future: F,
    }
}

/// Puts the budget back, also when a poll panics.
struct Restore(coop::Saved);

impl Drop for Restore {
    fn drop(&mut self) {
        coop::restore(&self.0);
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _restore = Restore(coop::suspend());
        self.project().future.poll(context)
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let progress = ready!(coop::poll_proceed(context));
        let output = ready!(self.project().future.poll(context));
        progress.made();
        Poll::Ready(output)
    }
}
