//! What waking another thread costs on this machine.
//!
//! Measured once a process, when the first runtime of several workers is built: a thread sleeps in an
//! epoll, another rings, a few times over, and the middle one counts. It takes less than a
//! millisecond. A machine that is busy at that moment would give any number, so the result is kept
//! between bounds.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use crate::primitive::OnceLock;
use crate::sys::{Epoll, EventFd, Events, bits};

/// In nanoseconds. Before it was [measured](measure): a middling guess.
pub(super) fn get() -> u64 {
    MEASURED.get().copied().unwrap_or(GUESS)
}

/// Measures, unless that was done.
pub(crate) fn measure() {
    MEASURED.get_or_init(|| median().unwrap_or(GUESS).clamp(LEAST, MOST));
}

/// The median, if the system gives what it takes: two descriptors and a thread.
fn median() -> Option<u64> {
    let bell = EventFd::new().ok()?;
    let epoll = Epoll::new().ok()?;
    epoll.add(bell.as_raw_fd(), bits::IN, 0).ok()?;
    let (woken, is_woken) = channel();
    let (ready, is_ready) = channel();
    let sleeper = std::thread::Builder::new();
    let sleeper = sleeper.spawn(move || sleep(&epoll, &ready, &woken)).ok()?;
    let mut took = ring(&bell, &is_ready, &is_woken);
    drop(is_woken);
    let _ = sleeper.join();
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}

fn sleep(epoll: &Epoll, ready: &Sender<()>, woken: &Sender<Instant>) -> io::Result<()> {
    let mut events = Events::with_capacity(1);
    for _ in 0..ROUNDS {
        let _ = ready.send(());
        epoll.wait(&mut events, Some(PATIENCE))?;
        let _ = woken.send(Instant::now());
    }
    Ok(())
}

fn ring(bell: &EventFd, is_ready: &Receiver<()>, is_woken: &Receiver<Instant>) -> Vec<u64> {
    let mut took = Vec::new();
    while is_ready.recv().is_ok() {
        // It is about to sleep; a moment later it does.
        std::thread::yield_now();
        let rung = Instant::now();
        bell.signal();
        let Ok(woken) = is_woken.recv() else { break };
        let nanoseconds = woken.saturating_duration_since(rung).as_nanos();
        took.push(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
    }
    took
}

static MEASURED: OnceLock<u64> = OnceLock::new();

const ROUNDS: usize = 9;
/// Nobody rings only if the other thread has gone.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);
const GUESS: u64 = 30_000;
const LEAST: u64 = 10_000;
const MOST: u64 = 100_000;
