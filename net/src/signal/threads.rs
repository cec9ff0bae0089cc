//! Whether every thread of the process blocks a signal.
//!
//! The kernel gives a signal to any thread that does not block it, and then no stream sees it: the
//! process is ended, or a handler is called, now and then, depending on which thread was there. That
//! is the kind of mistake that is found in production; so it is looked for when a stream is opened.
//!
//! A thread that is being made blocks everything until it has begun, by the C library's doing, so it
//! is waited for. The masks of all threads are in `/proc/self/task`. Where that is not mounted, this
//! thread's own is all that can be known.

use std::fs;
use std::io;
use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use super::SignalKind;
use crate::sys::signal;

/// Refuses a signal that some thread would get before a stream does.
pub(super) fn check(kind: SignalKind, caller: &Location<'_>) -> io::Result<()> {
    let call = format!("signal({kind}) was called at {caller}");
    if !signal::is_blocked_here(kind.as_raw_value())? {
        return Err(io::Error::other(format!(
            "{call}, too late: this thread does not block {kind}, which would do what it does by \
             default before a stream sees it. Name it to runtime::Builder::signals, or in \
             #[runtime::main(signals = [..])], which blocks it in all threads of the runtime from \
             their start"
        )));
    }
    match find_open_thread(kind) {
        None => Ok(()),
        Some(thread) => Err(io::Error::other(format!(
            "{call}, too late: {thread} does not block {kind}, and would get it instead. Build the \
             runtime, with Builder::signals, first thing in main, before there are other threads"
        ))),
    }
}

/// Some thread that does not block the signal, by number and name.
fn find_open_thread(kind: SignalKind) -> Option<String> {
    let threads = fs::read_dir("/proc/self/task").ok()?;
    threads.flatten().find_map(|task| {
        let path = task.path().join("status");
        // One that has ended meanwhile gets no signals.
        let mut status = fs::read_to_string(&path).ok()?;
        let patience = Instant::now() + LONGEST_START;
        while is_starting(&status) && Instant::now() < patience {
            thread::yield_now();
            status = fs::read_to_string(&path).ok()?;
        }
        let number = task.file_name();
        let name = field(&status, "Name:\t").unwrap_or_default();
        (!blocks(&status, kind)?).then(|| format!("thread {} `{name}`", number.to_string_lossy()))
    })
}

/// Whether a thread blocks what only the C library can block: it does while it makes the thread.
fn is_starting(status: &str) -> bool {
    let is_blocked = |signal| blocks(status, SignalKind::from_raw(signal)) == Some(true);
    INTERNAL.into_iter().all(is_blocked)
}

/// What a thread's status says of its mask; nothing if it is about to end.
fn blocks(status: &str, kind: SignalKind) -> Option<bool> {
    // The kernel shows an ending thread with an empty mask, among no threads at all.
    if field(status, "Threads:\t")? == "0" {
        return None;
    }
    let mask = u128::from_str_radix(field(status, "SigBlk:\t")?, 16).ok()?;
    let bit = u32::try_from(kind.as_raw_value()).ok()?.checked_sub(1)?;
    Some(mask.checked_shr(bit)? & 1 == 1)
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name))
}

/// The C library's own signals, which no program can name to it.
const INTERNAL: [i32; 2] = [32, 33];
/// A thread begins when it is first run, which others may put off.
const LONGEST_START: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_read_from_its_lowest_bit() {
        let status =
            "Name:\tworker-0\nThreads:\t3\nSigPnd:\t0000000000000000\nSigBlk:\t8000000000000202\n";
        for (signal, expected) in [(1, false), (2, true), (10, true), (11, false), (64, true)] {
            assert_eq!(blocks(status, SignalKind::from_raw(signal)), Some(expected));
        }
        let ending = "Name:\tworker-0\nThreads:\t0\nSigBlk:\t0000000000000000\n";
        assert_eq!(blocks(ending, SignalKind::interrupt()), None);
    }

    #[test]
    fn a_thread_that_is_being_made_blocks_everything() {
        for (mask, expected) in [
            ("fffffffffffbfeff", true),
            ("fffffffe7ffbfeff", false),
            ("0000000000000002", false),
        ] {
            let status = format!("Name:\tx\nThreads:\t3\nSigBlk:\t{mask}\n");
            assert_eq!(is_starting(&status), expected, "{mask}");
        }
    }
}
