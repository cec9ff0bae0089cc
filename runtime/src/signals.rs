//! Signals that wait to be asked for.
//!
//! A signal that is sent to a process goes to any thread that does not block it, and there it does what
//! it does by default: it ends the process, mostly. So one that is to be read from a descriptor must
//! be blocked in every thread. [`Builder::signals`](crate::Builder::signals) blocks it in the thread
//! that builds, before any of the runtime's own is made, and what that thread makes inherits it.
//!
//! The danger is to give back what another one still needs: two runtimes of one thread may have asked
//! for the same signal, or the user may have blocked it before. So a thread counts, for each signal,
//! who keeps it blocked here, and the last to go gives it back.

use std::cell::Cell;
use std::ffi::c_int;
use std::thread::ThreadId;

use crate::sys;

/// Signals that are blocked in this thread for as long as it lives. Dropped in another thread it gives
/// nothing back: a mask can be changed by its own thread only.
#[derive(Debug)]
pub(crate) struct Blocked {
    signals: Vec<c_int>,
    thread: ThreadId,
}

impl Blocked {
    /// Blocks them here. One that the user has blocked is left as it is.
    pub(crate) fn here(signals: &[c_int]) -> Self {
        Self {
            signals: signals.iter().copied().filter(|it| hold(*it)).collect(),
            thread: std::thread::current().id(),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        if std::thread::current().id() == self.thread {
            self.signals.iter().for_each(|signal| let_go(*signal));
        }
    }
}

/// Whether a runtime may be asked to keep it.
pub(crate) fn may_be_kept(signal: c_int) -> bool {
    sys::may_be_blocked(signal) && (signal as usize) < SIGNALS
}

/// Blocks a signal, or counts one more who wants it blocked. False if it is not ours to give back.
fn hold(signal: c_int) -> bool {
    HOLDERS.with(|holders| {
        let holders = &holders[signal as usize];
        let is_ours = sys::block(signal) || holders.get() > 0;
        holders.set(holders.get() + u32::from(is_ours));
        is_ours
    })
}

fn let_go(signal: c_int) {
    HOLDERS.with(|holders| {
        let holders = &holders[signal as usize];
        holders.set(holders.get() - 1);
        if holders.get() == 0 {
            sys::unblock(signal);
        }
    });
}

thread_local! {
    /// How many keep a signal blocked in this thread. It has no destructor, so it is always there.
    static HOLDERS: [Cell<u32>; SIGNALS] = const { [const { Cell::new(0) }; SIGNALS] };
}

/// More than any Linux has: 64, or 127.
const SIGNALS: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// True if it was not blocked; and it is not afterwards.
    fn is_free(signal: c_int) -> bool {
        let was_free = sys::block(signal);
        if was_free {
            sys::unblock(signal);
        }
        was_free
    }

    #[test]
    fn the_last_to_go_gives_a_signal_back() {
        let window_change = 28;
        let first = Blocked::here(&[window_change]);
        let second = Blocked::here(&[window_change]);
        drop(first);
        assert!(!is_free(window_change));
        drop(second);
        assert!(is_free(window_change));
    }

    #[test]
    fn what_the_user_has_blocked_stays_blocked() {
        let window_change = 28;
        assert!(sys::block(window_change));
        drop(Blocked::here(&[window_change]));
        assert!(!is_free(window_change));
        sys::unblock(window_change);
    }

    #[test]
    fn nobody_may_keep_what_cannot_wait() {
        for signal in [-1, 0, 9, 19, 11, 32, 65, 4096] {
            assert!(!may_be_kept(signal), "{signal}");
        }
        for signal in [1, 2, 10, 15, 17, 34, 64] {
            assert!(may_be_kept(signal), "{signal}");
        }
    }
}
