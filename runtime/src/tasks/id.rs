//! The number of a task.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells a task from all others of this process, for ever.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let (a, b) = (runtime::spawn(async {}), runtime::spawn(async {}));
///     assert_ne!(a.id(), b.id());
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    /// Threads take numbers by the thousand, so that a spawn writes to nothing that other threads
    /// write to.
    pub(super) fn next() -> Self {
        let take = |numbers: &Cell<(u64, u64)>| {
            let (mut next, mut end) = numbers.get();
            if next == end {
                // Relaxed: only the numbers' being different matters.
                next = NEXT.fetch_add(AT_ONCE, Ordering::Relaxed);
                end = next + AT_ONCE;
            }
            numbers.set((next + 1, end));
            next
        };
        // A thread that is being torn down takes single ones.
        let number = NUMBERS
            .try_with(take)
            .unwrap_or_else(|_| NEXT.fetch_add(1, Ordering::Relaxed));
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX))
    }

    /// The number that was given as a plain one; 0 is nobody's.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

thread_local! {
    /// The next number of this thread, and the first that is not its own.
    static NUMBERS: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

/// At a billion tasks a second it wraps in 584 years.
static NEXT: AtomicU64 = AtomicU64::new(1);
const AT_ONCE: u64 = 1024;
