//! What waking another thread costs on this machine.
//!
//! Measured once a process, when the first runtime of several workers is built: a thread sleeps in an
//! epoll, another rings, a few times over, and the middle one counts. It takes less than a
//! millisecond. A machine that is busy at that moment would give any number, so the result is kept
//! between bounds.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Instant;

use crate::primitive::{Arc, Condvar, Mutex, OnceLock};
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
    let exchange = Arc::new(Exchange::default());
    let theirs = exchange.clone();
    let sleeper = std::thread::Builder::new();
    let sleeper = sleeper.spawn(move || theirs.sleep_and_leave(&epoll)).ok()?;
    let took = exchange.ring(&bell);
    let _ = sleeper.join();
    took.get(took.len() / 2).copied()
}

/// What the two threads tell each other.
#[derive(Default)]
struct Exchange {
    said: Mutex<Said>,
    changed: Condvar,
}

#[derive(Default)]
struct Said {
    /// The sleeper is about to sleep.
    ready: bool,
    woken: Option<Instant>,
    /// The sleeper has gone.
    left: bool,
}

impl Exchange {
    fn say(&self, what: impl FnOnce(&mut Said)) {
        what(&mut self.said.lock());
        self.changed.notify_all();
    }

    /// Waits for something; none if the sleeper has gone without.
    fn hear<T>(&self, mut what: impl FnMut(&mut Said) -> Option<T>) -> Option<T> {
        let mut said = self.said.lock();
        loop {
            let heard = what(&mut said);
            if heard.is_some() || said.left {
                return heard;
            }
            said = self.changed.wait(said);
        }
    }

    fn sleep_and_leave(&self, epoll: &Epoll) {
        let _ = self.sleep(epoll);
        self.say(|said| said.left = true);
    }

    fn sleep(&self, epoll: &Epoll) -> io::Result<()> {
        let mut events = Events::with_capacity(1);
        for _ in 0..ROUNDS {
            self.say(|said| said.ready = true);
            epoll.wait(&mut events, Some(PATIENCE))?;
            let now = Instant::now();
            self.say(|said| said.woken = Some(now));
        }
        Ok(())
    }

    /// How long each wake took, from the shortest on.
    fn ring(&self, bell: &EventFd) -> Vec<u64> {
        let is_ready = |said: &mut Said| std::mem::take(&mut said.ready).then_some(());
        let mut took = Vec::new();
        while self.hear(is_ready).is_some() {
            // It is about to sleep; a moment later it does.
            std::thread::yield_now();
            let rung = Instant::now();
            bell.signal();
            let Some(woken) = self.hear(|said| said.woken.take()) else {
                break;
            };
            let nanoseconds = woken.saturating_duration_since(rung).as_nanos();
            let nanoseconds = u64::try_from(nanoseconds).unwrap_or(u64::MAX);
            took.insert(took.partition_point(|it| *it < nanoseconds), nanoseconds);
        }
        took
    }
}

static MEASURED: OnceLock<u64> = OnceLock::new();

const ROUNDS: usize = 9;
/// Nobody rings only if the other thread has gone.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);
const GUESS: u64 = 30_000;
const LEAST: u64 = 10_000;
const MOST: u64 = 100_000;
