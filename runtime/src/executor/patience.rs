//! Whether a worker with nothing left looks once more before it sleeps.
//!
//! On a busy server a worker that has run dry mostly has work again a few microseconds later. If it
//! sleeps meanwhile, whoever sends the next message pays for waking it, it pays for being switched out
//! and in, and what it gets is one message. If it lets whoever else is ready have the processor, and
//! then looks, it gets all that have come.
//!
//! The danger is a worker for which that is no good. One that has little to do would look in vain each
//! time: two system calls a sleep. So a look in vain makes the next one come later, after 1, 3, 7 sleeps
//! and so on, and one that was not in vain sets that back. And where others have much to do that is
//! none of ours, who gives the processor away is without it for milliseconds, while a sleeper would be
//! woken by the next message. So after that it is not done for long.

use std::cell::Cell;
use std::time::Duration;

/// What a worker remembers of such looks.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// It has looked once more, and it is not known what for.
    is_trying: Cell<bool>,
    /// For how many sleeps it does not, after the last one that was in vain.
    pause: Cell<u32>,
    /// How many of these are left.
    left: Cell<u32>,
}

impl Patience {
    /// There is nothing left to run: whether to look once more before going to sleep.
    pub(super) fn tries_again(&self) -> bool {
        if self.is_trying.replace(false) {
            self.pause_for(0, LONGEST_SHORT_PAUSE);
            return false;
        }
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => self.is_trying.set(true),
        }
        self.is_trying.get()
    }

    /// Others have had the processor for so long.
    pub(super) fn note(&self, away: Duration) {
        if away > FAIR_SHARE {
            self.is_trying.set(false);
            self.pause_for(LEAST_LONG_PAUSE, LONGEST_PAUSE);
        }
    }

    /// For twice as long as the last time, within these bounds.
    fn pause_for(&self, least: u32, most: u32) {
        let pause = (self.pause.get() * 2 + 1).clamp(least, most);
        self.pause.set(pause);
        self.left.set(pause);
    }

    /// There was something to run.
    #[inline]
    pub(super) fn found(&self) {
        if self.is_trying.get() {
            self.is_trying.set(false);
            self.pause.set(0);
        }
    }
}

/// Looks in vain then cost a hundredth of a sleep.
const LONGEST_SHORT_PAUSE: u32 = 63;
/// Who answers us has done so by then; who computes keeps the processor for a slice, which is longer.
const FAIR_SHARE: Duration = Duration::from_millis(1);
/// A slice is as long as hundreds of messages.
const LEAST_LONG_PAUSE: u32 = 255;
const LONGEST_PAUSE: u32 = 4095;

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes to sleep so many times; returns how many looks in vain came before.
    fn looks_in_vain(patience: &Patience, sleeps: u32) -> u32 {
        let look = |_| u32::from(patience.tries_again() && !patience.tries_again());
        (0..sleeps).map(look).sum()
    }

    #[test]
    fn looks_in_vain_become_rare() {
        let patience = Patience::default();
        assert_eq!(looks_in_vain(&patience, 1 + 1 + 1 + 3 + 1 + 7), 3);
        looks_in_vain(&patience, 1_000);
        assert_eq!(looks_in_vain(&patience, 64 * 10), 10);
    }

    #[test]
    fn a_look_that_finds_work_is_followed_by_another() {
        let patience = Patience::default();
        looks_in_vain(&patience, 1_000);
        let sleeps = (0..100).take_while(|_| !patience.tries_again()).count();
        assert!(sleeps < 64, "it had given up");
        patience.found();
        assert!(patience.tries_again(), "it had work the last time");
    }

    #[test]
    fn where_others_keep_the_processor_it_is_seldom_given_away() {
        let patience = Patience::default();
        for pause in [255, 511, 1023, 2047, 4095, 4095] {
            assert!(patience.tries_again());
            patience.note(FAIR_SHARE * 2);
            patience.found();
            assert!((0..pause).all(|_| !patience.tries_again()));
        }
    }
}
