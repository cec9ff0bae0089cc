//! Waiting on a thread that is no worker.
//!
//! The `blocking_*` methods are for threads of the program's own and for closures of the blocking
//! pool. On a thread that runs tasks they would keep them all waiting, perhaps the very one that is
//! waited for; so there they refuse.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::coop;
use crate::primitive::Arc;

/// Waits on this thread; `call` is what the user called.
///
/// # Panics
///
/// On a thread that runs tasks.
#[track_caller]
pub(super) fn block_on<F: Future>(call: &str, future: F) -> F::Output {
    assert!(
        !coop::is_counted(),
        "{call} was called at {}, on a thread that runs tasks, and would keep them all waiting: \
         use the async method and .await, or move the call into spawn_blocking",
        Location::caller()
    );
    wait(None, future).expect("it has no limit")
}

/// Waits on this thread, until `limit` at most, if there is one.
pub(crate) fn wait_until<F: Future>(limit: Option<Instant>, future: F) -> Option<F::Output> {
    wait(limit, future)
}

fn wait<F: Future>(limit: Option<Instant>, future: F) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        // A wake between the poll and this leaves a token, and parking returns at once.
        match limit.map(|limit| limit.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
