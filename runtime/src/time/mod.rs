//! Sleeping, and giving up after a time.
//!
//! Time is the kernel's monotonic clock. A sleep never ends early; it ends late by the resolution
//! of the timers (66 microseconds) and by what the worker is busy with. Deadlines too far to count
//! are never reached, ones in the past are reached at once.
//!
//! A test need not wait for it: [`pause`] stops the clock of its runtime, which from then on goes to
//! the next deadline by itself as soon as nothing else is left to do.

mod delay_queue;
mod instant;
mod interval;
mod pause;
mod send_timeout;
mod sleep;
mod timeout;

pub use self::delay_queue::{DelayQueue, Expired, Key};
pub use self::instant::Instant;
pub use self::interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use self::pause::{advance, pause, resume};
pub use self::sleep::{Sleep, sleep, sleep_until};
pub use self::timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use std::time::Duration;
