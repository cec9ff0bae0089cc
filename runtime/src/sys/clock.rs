//! Clocks that are cheap to read, for a worker that wants to know how long something took.
//!
//! std's `Instant` promises more than is needed for that: its difference alone costs as many
//! instructions as a tenth of a small message. Here a reading is one number, of nanoseconds.
//!
//! `CLOCK_MONOTONIC_COARSE` is the time of the kernel's last tick, 1 to 10 milliseconds ago by its
//! configuration (`clock_gettime(2)`). No timer may rest on it; that a while has passed it tells well
//! enough.

#![allow(unsafe_code)]

/// A tick of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoarseInstant(u64);

/// A moment by the exact clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

impl CoarseInstant {
    #[inline]
    pub(crate) fn now() -> Self {
        Self(read(libc::CLOCK_MONOTONIC_COARSE))
    }
}

impl Moment {
    #[inline]
    pub(crate) fn now() -> Self {
        Self(read(libc::CLOCK_MONOTONIC))
    }

    /// Nanoseconds since then.
    #[inline]
    pub(crate) fn elapsed(self) -> u64 {
        Self::now().0.saturating_sub(self.0)
    }
}

/// Nanoseconds, which reach for 584 years.
#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec`, and both clocks exist since Linux 2.6.32.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}
