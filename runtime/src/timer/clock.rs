//! The clock of a runtime's timers, which can be stopped.
//!
//! The wheels are told the time in nanoseconds since the runtime began. Deadlines are made from a
//! fresh reading; what has expired is decided by one reading a turn. Everything saturates: a
//! deadline before the beginning is due at once, one beyond the end of counting (584 years) never
//! comes.
//!
//! A test may *pause* it: then it stands still, and moves only when it is told to. After that it
//! runs ahead of the kernel's by what it was moved, since it must never go back.
//!
//! The danger is the price: every runtime would pay for what a few tests use. So a clock that was
//! never paused is one flag away from the kernel's, and the process has a flag too, which lets
//! [`Instant::now`](crate::time::Instant::now) not even ask which runtime it is in.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::primitive::{AtomicU32, Mutex, Ordering};

/// Nanoseconds since a beginning.
pub(crate) struct Clock {
    beginning: Instant,
    /// Set for good when the clock is paused for the first time.
    was_paused: AtomicBool,
    hands: Mutex<Hands>,
    /// While there are any, a paused clock does not move by itself.
    holds: AtomicU32,
    /// Whether a worker thread would be surprised.
    may_pause: bool,
}

/// Where a clock that was paused once stands.
#[derive(Default)]
struct Hands {
    /// By how much it is ahead of the kernel's.
    ahead: Duration,
    /// While it is paused: the time since the beginning.
    stopped_at: Option<Duration>,
}

impl Clock {
    /// A clock that runs. `may_pause`: its runtime has no worker threads.
    pub(crate) fn start(may_pause: bool) -> Self {
        Self {
            beginning: Instant::now(),
            was_paused: AtomicBool::new(false),
            hands: Mutex::new(Hands::default()),
            holds: AtomicU32::new(0),
            may_pause,
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        if !self.was_paused() {
            return Instant::now();
        }
        let hands = self.hands.lock();
        self.beginning + hands.read(self.beginning)
    }

    /// The time as a wheel is told it: for a clock that stands, the end of its tick, since a tick is
    /// rounded down and this one would never end.
    pub(crate) fn count(&self) -> u64 {
        if !self.was_paused() {
            return self.read_as(Instant::now());
        }
        let hands = self.hands.lock();
        let count = in_nanoseconds(hands.read(self.beginning));
        match hands.stopped_at {
            Some(_) => count.saturating_add(ALMOST_A_TICK),
            None => count,
        }
    }

    /// An instant in this clock's count.
    pub(crate) fn read_as(&self, instant: Instant) -> u64 {
        in_nanoseconds(instant.saturating_duration_since(self.beginning))
    }

    /// Whether the clock may be another one than the kernel's.
    #[inline]
    pub(crate) fn was_paused(&self) -> bool {
        // Relaxed: a runtime's clock is paused on the thread that runs it.
        self.was_paused.load(Ordering::Relaxed)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.was_paused() && self.hands.lock().stopped_at.is_some()
    }

    pub(crate) fn may_pause(&self) -> bool {
        self.may_pause
    }

    /// Stops the clock. False if it stands already.
    pub(crate) fn pause(&self) -> bool {
        ANY_PAUSED.store(true, Ordering::Relaxed);
        let mut hands = self.hands.lock();
        let now = hands.read(self.beginning);
        let runs = hands.stopped_at.replace(now).is_none();
        self.was_paused.store(true, Ordering::Relaxed);
        runs
    }

    /// Before anybody has seen the clock: it stands at its beginning, so that nothing in a test depends
    /// on how long the building of its runtime took.
    pub(crate) fn pause_at_the_beginning(&self) {
        self.pause();
        self.hands.lock().stopped_at = Some(Duration::ZERO);
    }

    /// Lets the clock run on from where it stands. False if it runs already.
    pub(crate) fn resume(&self) -> bool {
        let mut hands = self.hands.lock();
        let Some(stopped_at) = hands.stopped_at.take() else {
            return false;
        };
        hands.ahead = stopped_at.saturating_sub(self.beginning.elapsed());
        true
    }

    /// Moves a clock that stands. False if it runs.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        let mut hands = self.hands.lock();
        let Some(stopped_at) = &mut hands.stopped_at else {
            return false;
        };
        *stopped_at = stopped_at.saturating_add(by).min(END);
        true
    }

    /// Moves a clock that stands to a count, unless something that takes real time is going on.
    pub(crate) fn leap_to(&self, count: u64) -> bool {
        // Acquire pairs with the Release in `end_hold`: what it has woken is seen first.
        if self.holds.load(Ordering::Acquire) > 0 {
            return false;
        }
        let mut hands = self.hands.lock();
        let Some(stopped_at) = &mut hands.stopped_at else {
            return false;
        };
        *stopped_at = Duration::from_nanos(count).max(*stopped_at);
        true
    }

    /// From now on the clock does not move by itself.
    pub(crate) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_hold(&self) {
        self.holds.fetch_sub(1, Ordering::Release);
    }
}

impl Hands {
    fn read(&self, beginning: Instant) -> Duration {
        match self.stopped_at {
            Some(stopped_at) => stopped_at,
            None => beginning.elapsed().saturating_add(self.ahead).min(END),
        }
    }
}

/// Whether any clock of this process was ever paused.
#[inline]
pub(crate) fn is_any_paused() -> bool {
    ANY_PAUSED.load(Ordering::Relaxed)
}

fn in_nanoseconds(since: Duration) -> u64 {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The end of counting, where no clock goes on.
const END: Duration = Duration::from_nanos(u64::MAX);
static ANY_PAUSED: AtomicBool = AtomicBool::new(false);
/// A nanosecond less than the wheel's tick.
pub(super) const ALMOST_A_TICK: u64 = (1 << super::wheel::TICK_BITS) - 1;
