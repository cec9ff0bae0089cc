//! Channels and locks: who waits, against who gives, who gives up and who closes.
//!
//! A waiter that is forgotten shows as a deadlock, what is lost or given twice as a count.

mod broadcast;
mod locks;
mod meetings;
mod mpsc;
mod notify;
mod oneshot;
mod semaphore;
mod watch;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Polls once with a waker that does nothing, and gives up if it is not ready.
pub(super) fn try_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Polls once.
fn poll<F: Future>(future: &mut Pin<Box<F>>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

/// A waker whose clones are counted.
struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}
