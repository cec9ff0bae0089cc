//! A clock that is cheap to read and goes in steps.
//!
//! `CLOCK_MONOTONIC_COARSE` is the time of the kernel's last tick, 1 to 10 milliseconds ago by its
//! configuration (`clock_gettime(2)`). No timer may rest on it; that a while has passed it tells well
//! enough.

#![allow(unsafe_code)]

/// A tick of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CoarseInstant {
    seconds: libc::time_t,
    nanoseconds: libc::c_long,
}

impl CoarseInstant {
    #[inline]
    pub(crate) fn now() -> Self {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes one `timespec`, and this clock exists since Linux 2.6.32.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
        Self {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        }
    }
}
