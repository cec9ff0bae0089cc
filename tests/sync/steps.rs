//! Polling by hand, one step at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use tests::foreign::{self, Foreign};

/// A future with a waker of its own that counts.
pub(crate) struct Step<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    polls: usize,
    waker: Arc<Foreign>,
}

impl<'a, T> Step<'a, T> {
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self {
            future: Some(Box::pin(future)),
            polls: 0,
            waker: Arc::new(Foreign::new()),
        }
    }

    /// A new future, polled once, which must not be ready.
    pub(crate) fn waiting(future: impl Future<Output = T> + 'a) -> Self {
        let mut step = Self::new(future);
        assert!(step.poll().is_pending());
        step
    }

    /// One poll. What is ready is dropped.
    pub(crate) fn poll(&mut self) -> Poll<T> {
        let future = self.future.as_mut().expect("it was ready already");
        self.polls += 1;
        let polled = foreign::poll(future, &self.waker.waker());
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }

    /// What it is ready with; it must be, and must have been woken for it.
    pub(crate) fn woken(mut self) -> T {
        assert!(self.wakes() > 0, "it was not woken");
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it was woken and is not ready"),
        }
    }

    /// It has not been woken, and is not ready.
    pub(crate) fn assert_waits(&mut self) {
        assert_eq!(self.wakes(), 0, "it was woken");
        assert!(self.poll().is_pending());
    }

    /// It has not been polled, so nobody can have woken it.
    pub(crate) fn was_new(&self) -> bool {
        self.polls == 0
    }

    pub(crate) fn wakes(&self) -> usize {
        self.waker.wakes()
    }
}

/// A future that must be ready at its first poll.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match Step::new(future).poll() {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not ready"),
    }
}
