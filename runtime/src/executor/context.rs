//! Which core this thread runs, if any.
//!
//! A wake on a thread that runs a core of the task's runtime goes straight into that core's line; from
//! any other thread it goes through an inbox. This file answers which it is, in a thread-local that has
//! no destructor: wakers are called even while a thread's locals are being torn down.
//!
//! The danger is a pointer that outlives what it points to. It is set only for the duration of a
//! call, [`enter`], by a guard that puts the former one back even when the call panics. A core that is
//! [lent](lend) out in the middle leaves a mark in its place.
//!
//! Most wakes ask whether the thread runs a core of one runtime, and a runtime's cores have a number.
//! So the number stands beside the pointer, and is changed with it: one comparison answers.

#![allow(unsafe_code)]

use std::cell::Cell;

use super::worker::Local;
use crate::primitive::thread_local;

thread_local! {
    static RUNNING: Cell<*const Local> = const { Cell::new(std::ptr::null()) };
    /// The number of that core's fleet: while it is not 0, the pointer is one that `enter` has set.
    static FLEET: Cell<u32> = const { Cell::new(0) };
}

/// Calls `inside` with `local` as the core that this thread runs.
pub(super) fn enter<R>(local: &Local, inside: impl FnOnce() -> R) -> R {
    let restore = Restore(RUNNING.replace(local), FLEET.replace(local.shell.fleet));
    let result = inside();
    drop(restore);
    result
}

/// Takes the core from this thread, if `take` gives something of it: whoever is further up finds it
/// [lent](is_lent).
pub(super) fn lend<R>(take: impl FnOnce(&Local) -> Option<R>) -> Option<R> {
    let taken = with(|local| local.and_then(take))?;
    RUNNING.set(lent());
    FLEET.set(0);
    Some(taken)
}

/// Whether the core that this thread ran was lent out.
#[inline]
pub(super) fn is_lent() -> bool {
    RUNNING.get() == lent()
}

/// The address that stands for "lent out"; no core is there.
#[inline]
fn lent() -> *const Local {
    std::ptr::without_provenance(LENT)
}

const LENT: usize = 1;

/// Looks at the core that this thread runs.
#[inline]
pub(super) fn with<R>(look: impl FnOnce(Option<&Local>) -> R) -> R {
    let running = RUNNING.get();
    if running.addr() <= LENT {
        return look(None);
    }
    // SAFETY: the pointer is not null and does not stand for "lent out", so it was made from a
    // reference that `enter` borrows until it has put the former one back; and it never leaves this
    // thread.
    look(Some(unsafe { &*running }))
}

/// Looks at the core that this thread runs, if it is one of this fleet.
#[inline]
pub(super) fn with_one_of<R>(fleet: u32, look: impl FnOnce(Option<&Local>) -> R) -> R {
    if FLEET.get() != fleet {
        return look(None);
    }
    let running = RUNNING.get();
    // SAFETY: no fleet has the number 0, so the pointer was made from a reference that `enter` borrows
    // until it has put the former one back; and it never leaves this thread.
    look(Some(unsafe { &*running }))
}

struct Restore(*const Local, u32);

impl Drop for Restore {
    fn drop(&mut self) {
        RUNNING.set(self.0);
        FLEET.set(self.1);
    }
}
