//! Panics that are wanted.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use runtime::task::TaskPanic;

/// What a panic says.
pub fn message(payload: &(dyn Any + Send)) -> String {
    let fixed = payload
        .downcast_ref::<&'static str>()
        .map(ToString::to_string);
    let made = || payload.downcast_ref::<String>().cloned();
    fixed
        .or_else(made)
        .unwrap_or_else(|| String::from("(not a text)"))
}

/// Calls what must panic, and gives what the panic says.
///
/// # Panics
///
/// If it does not.
pub fn panics<R>(call: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => panic!("it should have panicked"),
        Err(payload) => message(&*payload),
    }
}

/// What to do of a wanted panic of a task that nobody awaits: else it is a line among the test's own.
pub fn unseen(_: &TaskPanic) {}

/// Does something when it is dropped.
pub struct OnDrop<F: FnOnce()>(Option<F>);

/// A value that calls `action` when it is dropped.
#[must_use]
pub fn on_drop<F: FnOnce()>(action: F) -> OnDrop<F> {
    OnDrop(Some(action))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}
