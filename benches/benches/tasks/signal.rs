//! A flag that one side raises and the other awaits, once.
//!
//! Both runtimes are asked with the same one, so that only their waking differs. The danger is a
//! flag that is raised between the look at it and the storing of the waker: both happen under one
//! lock.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Either end.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    raised: bool,
    waiter: Option<Waker>,
}

impl Signal {
    /// Wakes the one who waits, now or later.
    pub(crate) fn raise(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.raised = true;
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

/// Ends when it is raised, and lowers it again.
impl Future for Signal {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.raised) {
            return Poll::Ready(());
        }
        state.waiter = Some(context.waker().clone());
        Poll::Pending
    }
}
