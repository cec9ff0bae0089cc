//! Signals: read from a descriptor, sent with a value, blocked and let through.
//!
//! See `signalfd(2)`, `sigqueue(3)`, `pthread_sigmask(3)`. The danger is a thread that does not block
//! a signal: the kernel gives it to that one, and no descriptor ever tells. Whether there is such a
//! thread is not seen from here; see `signal/threads.rs`.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::socket::{check, retry};

/// The numbers of signals.
pub(crate) mod number {
    pub(crate) use libc::{
        SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGQUIT, SIGRTMAX, SIGRTMIN, SIGTERM,
        SIGUSR1, SIGUSR2, SIGWINCH,
    };
}

/// What the kernel tells of a signal.
pub(crate) use libc::signalfd_siginfo as RawInfo;

/// Signals that are read at once.
pub(crate) type Batch = [RawInfo; 16];

/// Room for signals to be read.
pub(crate) fn empty_batch() -> Batch {
    // SAFETY: the struct is made of numbers, of which any bytes are a value.
    unsafe { MaybeUninit::<Batch>::zeroed().assume_init() }
}

/// A descriptor from which one signal can be read, where it is blocked.
pub(crate) fn signal_fd(signal: i32) -> io::Result<OwnedFd> {
    let set = set_of(signal)?;
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the call reads the set.
    let fd = check(unsafe { libc::signalfd(-1, &raw const set, flags) })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reads the signals that have come: how many of the batch.
pub(crate) fn read_signals(fd: BorrowedFd<'_>, batch: &mut [RawInfo]) -> io::Result<usize> {
    let fd = fd.as_raw_fd();
    let size = size_of_val(batch);
    // SAFETY: the call writes to `batch`, at most as many bytes as it has.
    let read = retry(|| unsafe { libc::read(fd, batch.as_mut_ptr().cast(), size) })?;
    Ok(read / size_of::<RawInfo>())
}

/// Sends a signal with a value.
pub(crate) fn sigqueue(process: u32, signal: i32, value: i32) -> io::Result<()> {
    let process =
        libc::pid_t::try_from(process).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    let mut union = libc::sigval {
        sival_ptr: std::ptr::null_mut(),
    };
    // SAFETY: in C it is a union of a pointer and this number, which begin at the same address.
    unsafe { (&raw mut union).cast::<i32>().write(value) };
    // SAFETY: the pointer in the union is passed on, and not followed.
    check(unsafe { libc::sigqueue(process, signal, union) })?;
    Ok(())
}

/// Whether this thread blocks a signal.
pub(crate) fn is_blocked_here(signal: i32) -> io::Result<bool> {
    let none = set_of_none();
    let now = change_mask(libc::SIG_BLOCK, &none);
    // SAFETY: the call looks at a set that is there.
    Ok(check(unsafe { libc::sigismember(&raw const now, signal) })? == 1)
}

/// Blocks a signal in this thread.
pub(crate) fn block(signal: i32) {
    if let Ok(set) = set_of(signal) {
        change_mask(libc::SIG_BLOCK, &set);
    }
}

/// Lets a signal through to this thread. What has waited comes at once.
pub(crate) fn unblock(signal: i32) {
    if let Ok(set) = set_of(signal) {
        change_mask(libc::SIG_UNBLOCK, &set);
    }
}

/// Makes a command unblock all signals in the child, before it becomes another program.
pub(crate) fn unblock_in_child(command: &mut Command) {
    let unblock = || {
        change_mask(libc::SIG_SETMASK, &set_of_none());
        Ok(())
    };
    // SAFETY: the closure makes one system call, as is allowed after a fork, and allocates nothing.
    unsafe { command.pre_exec(unblock) };
}

/// Changes this thread's mask; the mask as it was.
fn change_mask(how: i32, set: &libc::sigset_t) -> libc::sigset_t {
    let mut before = set_of_none();
    // SAFETY: the call reads `set` and writes `before`. It fails for a bad `how` only.
    unsafe { libc::pthread_sigmask(how, set, &raw mut before) };
    before
}

fn set_of(signal: i32) -> io::Result<libc::sigset_t> {
    let mut set = set_of_none();
    // SAFETY: the call changes `set`, and refuses a bad number.
    check(unsafe { libc::sigaddset(&raw mut set, signal) })?;
    Ok(set)
}

fn set_of_none() -> libc::sigset_t {
    // SAFETY: a set is an array of numbers, and all zeroes is the empty one.
    unsafe { MaybeUninit::<libc::sigset_t>::zeroed().assume_init() }
}
