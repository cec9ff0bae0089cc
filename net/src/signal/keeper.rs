//! The thread that lets released signals through.
//!
//! When nobody listens for a signal any more, it is to do again what it does by default: a second
//! Ctrl-C ends a program whose end takes too long. For that one thread must not block it, and a mask
//! is changed by its own thread only. The thread that happens to release it is no good: it may end,
//! and if it is a worker nobody could block the signal there again, for a stream that is opened later.
//! So there is a thread for this and nothing else. It is started by the first release, sleeps, and
//! goes when nothing is released any more.
//!
//! The danger is a stream that begins while the signal still gets through. So whoever changes what is
//! released waits until the keeper has done it.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::audience;
use super::kind::Signals;
use crate::sys::signal;

/// What the keeper lets through, if there is one.
struct Keeper {
    /// The process in which it runs: a fork does not copy it.
    process: Option<u32>,
    open: Signals,
    wanted: Signals,
}

static KEEPER: Mutex<Keeper> = Mutex::new(Keeper {
    process: None,
    open: Signals::NONE,
    wanted: Signals::NONE,
});
/// Something is wanted of the keeper, or it was done.
static CHANGED: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, Keeper> {
    KEEPER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the keeper let through what is released, and nothing else; returns when it is so.
///
/// # Errors
///
/// If there is no keeper, and the system makes no more threads.
pub(super) fn follow() -> io::Result<()> {
    let mut keeper = lock();
    // Looked at with the keeper's lock held: of two who come here, the later one knows better.
    keeper.wanted = audience::lock().released;
    let process = Some(std::process::id());
    if keeper.process != process {
        keeper.open = Signals::NONE;
        if keeper.wanted.is_empty() {
            return Ok(());
        }
        thread::Builder::new().name("signals".into()).spawn(keep)?;
        keeper.process = process;
    }
    CHANGED.notify_all();
    while keeper.open != keeper.wanted {
        keeper = CHANGED.wait(keeper).unwrap_or_else(PoisonError::into_inner);
    }
    Ok(())
}

/// What the keeper does.
fn keep() {
    let mut keeper = lock();
    loop {
        for kind in keeper.open.without(keeper.wanted) {
            signal::block(kind.as_raw_value());
        }
        for kind in keeper.wanted.without(keeper.open) {
            // One that has waited strikes here.
            signal::unblock(kind.as_raw_value());
        }
        keeper.open = keeper.wanted;
        CHANGED.notify_all();
        if keeper.open.is_empty() {
            keeper.process = None;
            return;
        }
        keeper = CHANGED.wait(keeper).unwrap_or_else(PoisonError::into_inner);
    }
}
