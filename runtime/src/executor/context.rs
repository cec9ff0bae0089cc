//! Which core this thread runs, if any.
//!
//! A wake on the thread that runs the task's core goes straight into its queue, which no other thread touches;
//! from any other thread it goes through the inbox. This file answers which it is, in a thread-local
//! that has no destructor: wakers are called even while a thread's locals are being torn down.
//!
//! The danger is a pointer that outlives what it points to. It is set only for the duration of a
//! call, [`enter`], by a guard that puts the former one back even when the call panics.

#![allow(unsafe_code)]

use std::cell::Cell;

use super::worker::Local;

thread_local! {
    static RUNNING: Cell<*const Local> = const { Cell::new(std::ptr::null()) };
}

/// Calls `inside` with `local` as the core that this thread runs.
pub(super) fn enter<R>(local: &Local, inside: impl FnOnce() -> R) -> R {
    let restore = Restore(RUNNING.replace(local));
    let result = inside();
    drop(restore);
    result
}

/// Looks at the core that this thread runs.
#[inline]
pub(super) fn with<R>(look: impl FnOnce(Option<&Local>) -> R) -> R {
    let running = RUNNING.get();
    // SAFETY: the pointer is null, or was made from a reference that `enter` borrows until it has
    // put the former one back; and it never leaves this thread.
    look(unsafe { running.as_ref() })
}

struct Restore(*const Local);

impl Drop for Restore {
    fn drop(&mut self) {
        RUNNING.set(self.0);
    }
}
