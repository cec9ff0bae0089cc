//! The number of a task.

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
    pub(super) fn next() -> Self {
        // Relaxed: only the numbers' being different matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MAX))
    }
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
