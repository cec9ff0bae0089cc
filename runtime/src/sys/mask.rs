//! The signal mask of the calling thread.
//!
//! Wraps `pthread_sigmask(3)`. A mask belongs to one thread, and a new thread begins with that of the
//! thread that makes it; nobody can change another thread's. So there is no thread to name here: it
//! is always the one that calls.

#![allow(unsafe_code)]

use std::ffi::c_int;
use std::mem::MaybeUninit;

/// Blocks a signal, which then waits instead of doing anything. True if it was not blocked before.
pub(crate) fn block(signal: c_int) -> bool {
    let before = change(libc::SIG_BLOCK, signal);
    // SAFETY: the set was written by the call above, and the number is looked at, not followed.
    unsafe { libc::sigismember(&raw const before, signal) == 0 }
}

/// Lets a signal through. What has waited comes at once.
pub(crate) fn unblock(signal: c_int) {
    change(libc::SIG_UNBLOCK, signal);
}

/// Whether a program may block it, and lose nothing but what it asks for.
pub(crate) fn may_be_blocked(signal: c_int) -> bool {
    let is_standard = (1..=LAST_STANDARD).contains(&signal);
    // Between them are those that the C library keeps for itself.
    let is_real_time = (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal);
    (is_standard || is_real_time) && !NEVER.contains(&signal)
}

/// Changes the mask by one signal; the mask as it was.
fn change(how: c_int, signal: c_int) -> libc::sigset_t {
    // SAFETY: a set is an array of numbers, and all zeroes is the empty one.
    let mut set = unsafe { MaybeUninit::<libc::sigset_t>::zeroed().assume_init() };
    let mut before = set;
    // SAFETY: the call changes `set`; a bad number is reported as EINVAL and changes nothing.
    unsafe { libc::sigaddset(&raw mut set, signal) };
    // SAFETY: the call reads `set` and writes `before`. It fails for a bad `how` only.
    unsafe { libc::pthread_sigmask(how, &raw const set, &raw mut before) };
    before
}

/// The first two cannot be blocked. The others tell a thread of its own mistake, and the kernel ends a
/// process that has blocked them.
const NEVER: [c_int; 8] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];
const LAST_STANDARD: c_int = 31;
