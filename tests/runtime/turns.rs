//! Waiting until a runtime has run what it was given.

use std::sync::{Arc, Barrier};

use runtime::Handle;

/// Lets a runtime run until every task that was spawned or woken before has had its turn. Without
/// workers it runs on this thread.
///
/// Tasks that other threads send, or that are sent from outside, run in their order. So when each
/// worker has come to a task that was sent to it last, and stays in it until the others have come
/// to theirs, all that was sent before has been run.
pub(crate) fn catch_up(handle: &Handle) {
    let workers = handle.metrics().workers;
    let met = Arc::new(Barrier::new(workers));
    let arrive = |_| {
        let met = met.clone();
        handle.spawn(async move {
            met.wait();
        })
    };
    let arrivals: Vec<_> = (0..workers).map(arrive).collect();
    handle.block_on(async {
        for arrival in arrivals {
            arrival.await.unwrap();
        }
    });
}
