//! Something that happens once, to be waited for by futures of any executor.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;

use crate::foreign;
use crate::sync::Mutex;

/// Asks until it is so; the deadline of the test is the limit.
pub fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

/// An event; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Event(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    happened: bool,
    waiting: Vec<Waker>,
}

impl Event {
    /// An event that has not happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it happen.
    pub fn set(&self) {
        let mut state = self.0.lock();
        state.happened = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.0.lock().happened
    }

    /// Waits until it has happened.
    pub fn wait(&self) -> impl Future<Output = ()> + Send + Unpin + use<> {
        let state = self.0.clone();
        poll_fn(move |context| {
            let mut state = state.lock();
            if state.happened {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
    }

    /// Waits on this thread until it has happened.
    pub fn wait_here(&self) {
        foreign::block_on(self.wait());
    }
}
