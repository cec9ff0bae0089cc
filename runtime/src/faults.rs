//! What a seed decides.
//!
//! A runtime that is built [with a seed](crate::Builder::seed) does on purpose what a busy machine does
//! by chance: it runs tasks in another order, wakes some for nothing, holds events back, and makes its
//! system calls do less than they were asked for. All of that is drawn here, from one row of numbers
//! that begins with the seed, so that the same seed does the same again.
//!
//! The danger is a draw that depends on anything but the row: a clock, an address, the order in which
//! threads come. So the places that draw are those of the one thread that runs the core, and nothing
//! here knows the time.

use crate::primitive::{AtomicU64, Ordering};

/// The row of numbers of one runtime.
#[derive(Debug)]
pub(crate) struct Faults {
    state: AtomicU64,
}

/// How much of what it was asked for a call is to do: all, but on a runtime with a
/// [seed](crate::Builder::seed).
///
/// See [`AsyncFd::read_portion_with`](crate::io::AsyncFd::read_portion_with).
///
/// # Examples
///
/// ```
/// use runtime::io::Portion;
///
/// assert_eq!(Portion::ALL.of(4096), 4096);
/// assert_eq!(Portion::ALL.interruptions(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    most: usize,
    interruptions: u32,
}

impl Portion {
    /// Everything, at once.
    pub const ALL: Self = Self {
        most: usize::MAX,
        interruptions: 0,
    };

    /// How many bytes of `wanted` to ask the kernel for; never 0 if there are any.
    #[inline(always)]
    pub const fn of(self, wanted: usize) -> usize {
        if wanted < self.most {
            wanted
        } else {
            self.most
        }
    }

    /// How often the call is to behave as if a signal had interrupted it, before it is made.
    #[inline(always)]
    pub const fn interruptions(self) -> u32 {
        self.interruptions
    }
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// The next number: splitmix64, by S. Vigna, which any seed will do for.
    fn next(&self) -> u64 {
        // Relaxed: a number each is all that is asked for.
        let state = self.state.fetch_add(STEP, Ordering::Relaxed);
        let mut mixed = state.wrapping_add(STEP);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in so many times.
    pub(crate) fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Takes any of them out.
    pub(crate) fn draw<T>(&self, from: &mut Vec<T>) -> Option<T> {
        let count = from.len();
        (count > 0).then(|| from.swap_remove(self.below(count)))
    }

    /// For how many looks an event is held back: mostly not at all.
    pub(crate) fn delay(&self) -> u32 {
        if self.once_in(4) {
            1 + self.below(6) as u32
        } else {
            0
        }
    }

    /// How many tasks run before the next look.
    pub(crate) fn batch(&self) -> usize {
        1 + self.below(8)
    }

    /// What a call is to do of what it is asked for.
    #[cold]
    pub(crate) fn portion(&self) -> Portion {
        let most = match self.below(4) {
            0 => 1,
            1 => 1 + self.below(64),
            2 => 1 + self.below(4096),
            _ => usize::MAX,
        };
        let interruptions = if self.once_in(8) { 2 } else { 0 };
        Portion {
            most,
            interruptions,
        }
    }
}

/// The golden ratio of 2^64, as the generator has it.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_row_and_another_another() {
        let row = |seed| {
            let faults = Faults::new(seed);
            (0..100).map(|_| faults.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }

    #[test]
    fn a_portion_is_never_nothing() {
        let faults = Faults::new(1);
        for _ in 0..10_000 {
            assert!((1..=10).contains(&faults.portion().of(10)));
        }
    }
}
