//! Putting a worker to sleep, and the only way to wake it.
//!
//! A worker with nothing to do sleeps in its own epoll. Whoever has work for it must wake it, and
//! must not pay for waking one that is awake: a wake of another core costs more than serving
//! several messages.
//!
//! The danger is the gap between "there is nothing to do" and "I sleep". Work that arrives in the
//! gap finds a worker that does not sleep yet, wakes nobody, and lies there. So going to sleep and
//! waking are changes of *one* word, and whichever comes second sees the first:
//!
//! ```text
//!            prepare                    unpark
//! RUNNING ------------> PARKED    any -----------> TOKEN
//!    ^                    |
//!    |      resume        |       prepare on TOKEN fails: do not sleep, look again
//!    +---- (from any) ----+       unpark from PARKED rings the bell
//! ```
//!
//! Work is published before `unpark`, and looked for after `resume`.
//!
//! Where there are several workers, one that is stuck in a task is helped by another, which takes
//! the events out of its epoll. It must never take them from a sleeper: the bell's edge among them is
//! what wakes it. So lying down and helping exclude each other, by a second word:
//!
//! ```text
//!           lie_down                       help
//!  ABED <------------- UP (runs tasks) ----------> HELPED
//!       -------------> ^   <-----------------------+
//!            resume              end_help            lie_down on HELPED fails: look, do not sleep
//! ```

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use std::time::Duration;

use crate::primitive::{AtomicU32, Mutant, Ordering, is_planted};
use crate::sys::{EventFd, ForkMark, TimerFd};

/// One worker's sleep.
pub(crate) struct Park {
    word: ParkWord,
    bell: EventFd,
    fork: ForkMark,
    /// Where there are several workers: what one can do for another.
    watched: Option<Watched>,
}

struct Watched {
    bed: Bed,
    alarm: TimerFd,
}

/// Whether a worker is about to sleep, or is being helped, and how often it has slept: the second
/// word.
pub(crate) struct Bed(AtomicU32);

/// The word alone, without the bell: what the model checker looks at.
pub(crate) struct ParkWord(AtomicU32);

impl Park {
    /// For a worker that nobody watches.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            word: ParkWord::new(),
            bell: EventFd::new()?,
            fork: ForkMark::of_this_process()?,
            watched: None,
        })
    }

    /// For one of several workers.
    pub(crate) fn new_watched() -> io::Result<Self> {
        let watched = Watched {
            bed: Bed::new(),
            alarm: TimerFd::new()?,
        };
        Ok(Self {
            watched: Some(watched),
            ..Self::new()?
        })
    }

    /// The descriptor of the alarm clock, to watch as the bell.
    pub(crate) fn alarm(&self) -> Option<RawFd> {
        let watched = self.watched.as_ref()?;
        Some(watched.alarm.as_raw_fd())
    }

    /// Sets the alarm clock: the worker is up after this time at the latest.
    pub(crate) fn set_alarm(&self, after: Duration) {
        if let Some(watched) = &self.watched {
            watched.alarm.set(after);
        }
    }

    /// Comes before [`prepare`](Self::prepare). False if another worker is helping this one at the
    /// moment, which therefore must not sleep.
    pub(crate) fn lie_down(&self) -> bool {
        self.watched.as_ref().is_none_or(|it| it.bed.lie_down())
    }

    /// If the worker runs tasks, or is about to, and so may be stuck in one: how many nights it has
    /// slept. Who finds the same number again knows that it was up all the time.
    pub(crate) fn nights(&self) -> Option<u32> {
        self.watched.as_ref().and_then(|it| it.bed.look())
    }

    /// Begins to help. False if there is nobody to be helped.
    pub(crate) fn help(&self) -> bool {
        self.watched.as_ref().is_some_and(|it| it.bed.help())
    }

    pub(crate) fn end_help(&self) {
        self.watched.iter().for_each(|it| it.bed.end_help());
    }

    /// The descriptor to watch while asleep.
    pub(crate) fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// About to sleep. False if a token came: there may be work.
    pub(crate) fn prepare(&self) -> bool {
        self.word.prepare()
    }

    /// Awake again; takes a token that came meanwhile.
    pub(crate) fn resume(&self) {
        self.word.resume();
        self.watched.iter().for_each(|it| it.bed.get_up());
    }

    /// A guess, for who looks for a sleeper to wake.
    pub(crate) fn seems_asleep(&self) -> bool {
        self.word.seems_parked()
    }

    /// Makes the worker look for work: now if it sleeps, else before it sleeps next.
    pub(crate) fn unpark(&self) {
        // A forked child shares the bell with its parent, whom it does not concern.
        if self.word.unpark() && !self.fork.is_child() {
            self.bell.signal();
        }
    }
}

#[cfg(test)]
impl Park {
    /// Asleep, and nobody has rung.
    pub(crate) fn is_parked(&self) -> bool {
        self.word.0.load(Ordering::Acquire) == PARKED
    }
}

impl ParkWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(RUNNING))
    }

    pub(crate) fn prepare(&self) -> bool {
        // AcqRel: Acquire pairs with the Release of `unpark`, so the work that a token announces is
        // seen; Release lets `unpark` see what was written before going to sleep.
        let result = self
            .0
            .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire);
        result.is_ok() || is_planted(Mutant::TokenIgnored)
    }

    pub(crate) fn resume(&self) {
        // Acquire pairs with the Release of `unpark`, as above.
        self.0.swap(RUNNING, Ordering::AcqRel);
    }

    pub(crate) fn seems_parked(&self) -> bool {
        // Relaxed: a guess.
        self.0.load(Ordering::Relaxed) == PARKED
    }

    /// Returns whether the bell must be rung.
    pub(crate) fn unpark(&self) -> bool {
        // Release pairs with the Acquire in `prepare` and `resume`.
        self.0.swap(TOKEN, Ordering::AcqRel) == PARKED
    }
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(UP))
    }

    pub(crate) fn lie_down(&self) -> bool {
        // Nights are counted by the owner alone, so at worst the state has changed, and then it may
        // not lie down. Acquire pairs with the Release in `end_help`: what the helper left is seen by
        // the look that comes instead of the sleep.
        let seen = self.0.load(Ordering::Relaxed);
        let night = seen & !STATE;
        let result = self.0.compare_exchange(
            night | UP,
            night | ABED,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        result.is_ok()
    }

    /// Also after [`lie_down`](Self::lie_down) has failed.
    pub(crate) fn get_up(&self) {
        // SeqCst, with `look`: of a worker that gets up and then looks for somebody whose alarm is
        // set, and one that lets its alarm be and then looks who is up, one sees the other.
        //
        // Nobody but the owner leaves ABED, so adding the difference takes it away and counts a night.
        if self.0.load(Ordering::Relaxed) & STATE == ABED {
            self.0.fetch_add(A_NIGHT - ABED, Ordering::SeqCst);
        }
    }

    /// How many nights the worker has slept, if it is up.
    pub(crate) fn look(&self) -> Option<u32> {
        let seen = self.0.load(Ordering::SeqCst);
        (seen & STATE != ABED).then_some(seen / A_NIGHT)
    }

    pub(crate) fn help(&self) -> bool {
        let night = self.0.load(Ordering::Relaxed) & !STATE;
        // Acquire pairs with the Release in `get_up`.
        let result = self.0.compare_exchange(
            night | UP,
            night | HELPED,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        result.is_ok()
    }

    pub(crate) fn end_help(&self) {
        // Nobody but the helper leaves HELPED. Release pairs with the Acquire in `lie_down`.
        self.0.fetch_sub(HELPED, Ordering::AcqRel);
    }
}

const RUNNING: u32 = 0;
const PARKED: u32 = 1;
const TOKEN: u32 = 2;

const UP: u32 = 0;
const ABED: u32 = 1;
const HELPED: u32 = 2;
const STATE: u32 = 3;
const A_NIGHT: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sleeper_is_rung_for() {
        let park = Park::new().expect("an eventfd");
        assert!(park.prepare() && park.is_parked());
        park.unpark();
        assert!(!park.is_parked());
        park.resume();
        park.unpark();
        assert!(!park.prepare(), "a token keeps the worker awake");
        park.resume();
        assert!(park.prepare());
    }
}
