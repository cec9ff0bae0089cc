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
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        // A wake between the poll and this leaves a token, and parking returns at once.
        thread::park();
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
