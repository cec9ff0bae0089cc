//! Calling code that is not ours.
//!
//! A waker may belong to any executor, a destructor to any user, and either may panic. Where the
//! runtime calls them on its own account (while it deals out events, fires timers, or tears down),
//! nobody above could make sense of such a panic, and the worker and all other tasks would go down
//! with it. It ends here instead.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls until it returns: after a panic, `work` goes on where it was.
#[inline]
pub(crate) fn until_done(mut work: impl FnMut()) {
    while let Err(payload) = catch_unwind(AssertUnwindSafe(&mut work)) {
        discard(payload);
    }
}

/// Wakes and consumes; a panic in the waker stays here.
pub(crate) fn wake(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        discard(payload);
    }
}

/// Drops; a panic in the destructor stays here.
pub(crate) fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        discard(payload);
    }
}

/// Drops the payload of a panic, whose destructor may itself panic. A payload of *that* panic is
/// leaked: it could go on for ever, and somebody has worked hard for it.
#[cold]
pub(crate) fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Calls; a panic stays here.
pub(crate) fn call(function: &dyn Fn()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(function)) {
        discard(payload);
    }
}
