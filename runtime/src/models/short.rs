//! The lock that is held for a moment.

use std::sync::Arc;

use loom::thread;

use crate::primitive::short::ShortLock;

/// Broken by: a `drop` of the guard that stores without Release; a `try_hold` without Acquire, or that
/// is a load and a store.
#[test]
fn one_holds_it_at_a_time_and_sees_what_the_last_one_did() {
    loom::model(|| {
        let lock = Arc::new(ShortLock::new(0));
        let other = thread::spawn({
            let lock = lock.clone();
            move || *lock.lock() += 1
        });
        *lock.lock() += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}
