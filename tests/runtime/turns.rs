//! Waiting until a runtime has run what it was given.

use runtime::Handle;

/// Runs a runtime on this thread until every task that was spawned or woken before has had its
/// turn: tasks that other threads send, or that are sent from outside, run in their order.
pub(crate) fn catch_up(handle: &Handle) {
    let last = handle.spawn(async {});
    handle.block_on(last).unwrap();
}
