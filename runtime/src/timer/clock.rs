//! The clock of a wheel.
//!
//! The wheel is told the time in nanoseconds since the runtime began. Deadlines are made from a
//! fresh reading; what has expired is decided by one reading a turn. Everything saturates: a
//! deadline before the beginning is due at once, one beyond the end of counting (584 years) never
//! comes.

use std::time::Instant;

/// Nanoseconds since a beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    beginning: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            beginning: Instant::now(),
        }
    }

    pub(crate) fn now(self) -> u64 {
        self.read_as(Instant::now())
    }

    /// An instant in this clock's count.
    pub(crate) fn read_as(self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.beginning);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}
