//! Sharing work among workers.
//!
//! A worker that sleeps costs ten times as much to wake as a small task takes to run. So nobody is
//! woken for a short line: only when what stands in it takes longer than a wake does, by the time
//! that the last polls took. A worker that is up anyway, and has nothing to do, looks round by itself
//! before it sleeps, and takes half of the first line it meets that is worth it.
//!
//! Nothing depends on any of this but speed: whatever stands in a line is run by its own worker, if
//! nobody comes. (A worker that is stuck is the [sentinel](super::sentinel)'s affair.)

use super::crew::Crew;
use super::shell::Shell;
use super::wake_cost;
use crate::primitive::{AtomicU32, Ordering};
use crate::sys::Moment;

/// How long polls take on a core, on average, in nanoseconds. Written by its owner.
#[derive(Debug)]
pub(crate) struct Pace(AtomicU32);

impl Pace {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(FIRST_GUESS))
    }

    #[inline]
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// A turn that began then has ended. Slow polls are believed at once, fast ones by and by: a line
    /// that is thought too long costs a wake, one that is thought too short is a line of long tasks.
    pub(crate) fn note(&self, began: Moment, polls: u32) {
        if polls == 0 {
            return;
        }
        let took = began.elapsed() / u64::from(polls);
        let took = u32::try_from(took).unwrap_or(u32::MAX);
        let before = self.get();
        let now = if took > before {
            before / 2 + took / 2
        } else {
            before - before / 8 + took / 8
        };
        self.0.store(now, Ordering::Relaxed);
    }
}

impl Crew {
    /// Wakes another worker if the line of this one is worth it.
    #[inline]
    pub(super) fn balance(&self, shell: &Shell, waiting: u32) {
        if waiting > 1 {
            let backlog = u64::from(waiting) * u64::from(shell.pace.get());
            if backlog > wake_cost::get() {
                self.recruit(shell);
            }
        }
    }

    /// Takes tasks off another worker. True if there are some now.
    pub(super) fn steal(&self, thief: &Shell) -> bool {
        let found = self.try_steal(thief);
        if thief.recruited.load(Ordering::Relaxed) {
            thief.recruited.store(false, Ordering::Relaxed);
            self.recruiting.store(false, Ordering::Relaxed);
        }
        found
    }

    fn try_steal(&self, thief: &Shell) -> bool {
        let Some(ours) = &thief.lane else {
            return false;
        };
        for victim in self.others(thief.index) {
            let Some(theirs) = &victim.lane else { continue };
            if is_worth_it(theirs.len(), victim.pace.get()) {
                if let Some(stolen) = ours.steal_from(theirs) {
                    thief.counts.steals.add(1 + u64::from(stolen.behind));
                    ours.push_next(stolen.first);
                    return true;
                }
            }
        }
        false
    }
}

/// One short task is run by its owner sooner than its memory has come over here.
fn is_worth_it(waiting: u32, pace: u32) -> bool {
    waiting > 1 || (waiting == 1 && pace > LONG_POLL)
}

const FIRST_GUESS: u32 = 2_000;
const LONG_POLL: u32 = 20_000;
