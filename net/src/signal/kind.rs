//! Which signal.

use std::ffi::c_int;
use std::fmt;

use crate::sys::signal::number;

/// A signal, by its number; see `signal(7)`.
///
/// # Examples
///
/// ```
/// use net::signal::SignalKind;
///
/// assert_eq!(SignalKind::terminate(), SignalKind::from_raw(15));
/// assert_eq!(format!("{:?}", SignalKind::real_time(1)), "SIGRTMIN+1");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalKind(c_int);

impl SignalKind {
    /// The signal with a number.
    pub const fn from_raw(signal: c_int) -> Self {
        Self(signal)
    }

    /// Its number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    /// `SIGALRM`: an alarm clock has rung.
    pub const fn alarm() -> Self {
        Self(number::SIGALRM)
    }

    /// `SIGCHLD`: a child has ended, or was stopped.
    pub const fn child() -> Self {
        Self(number::SIGCHLD)
    }

    /// `SIGHUP`: the terminal has gone; to servers it mostly means "read your settings again".
    pub const fn hangup() -> Self {
        Self(number::SIGHUP)
    }

    /// `SIGINT`: Ctrl-C.
    pub const fn interrupt() -> Self {
        Self(number::SIGINT)
    }

    /// `SIGIO`: a descriptor is ready, for those who have asked to be told so.
    pub const fn io() -> Self {
        Self(number::SIGIO)
    }

    /// `SIGPIPE`: something was written that nobody will read. Rust programs ignore it.
    pub const fn pipe() -> Self {
        Self(number::SIGPIPE)
    }

    /// `SIGQUIT`: Ctrl-\\.
    pub const fn quit() -> Self {
        Self(number::SIGQUIT)
    }

    /// `SIGTERM`: a wish that the process ends.
    pub const fn terminate() -> Self {
        Self(number::SIGTERM)
    }

    /// `SIGUSR1`: what the program says it means.
    pub const fn user_defined1() -> Self {
        Self(number::SIGUSR1)
    }

    /// `SIGUSR2`: what the program says it means.
    pub const fn user_defined2() -> Self {
        Self(number::SIGUSR2)
    }

    /// `SIGWINCH`: the terminal has another size.
    pub const fn window_change() -> Self {
        Self(number::SIGWINCH)
    }

    /// A real-time signal, from 0 on: `SIGRTMIN + index`. They queue, each with a value.
    ///
    /// # Panics
    ///
    /// If there are not so many. Linux has some thirty.
    pub fn real_time(index: u8) -> Self {
        let (first, last) = (number::SIGRTMIN(), number::SIGRTMAX());
        let signal = first + c_int::from(index);
        assert!(
            signal <= last,
            "SignalKind::real_time({index}): they are numbered from 0 to {}",
            last - first
        );
        Self(signal)
    }

    /// Whether each one that is sent is kept, with its value, rather than one for all.
    pub fn is_real_time(&self) -> bool {
        (number::SIGRTMIN()..=number::SIGRTMAX()).contains(&self.0)
    }
}

/// A set of signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signals(u64);

impl Signals {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    pub(super) fn insert(&mut self, kind: SignalKind) {
        self.0 |= Self::bit(kind);
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, kind: SignalKind) -> bool {
        let before = *self;
        self.0 &= !Self::bit(kind);
        *self != before
    }

    /// Those that are not among the others.
    pub(super) fn without(self, others: Self) -> impl Iterator<Item = SignalKind> {
        let left = self.0 & !others.0;
        (1..=64)
            .map(SignalKind)
            .filter(move |kind| left & Self::bit(*kind) != 0)
    }

    /// The kernel numbers them from 1 to 64. What is none of them is in no set.
    fn bit(kind: SignalKind) -> u64 {
        let place = u32::try_from(kind.0.wrapping_sub(1)).ok();
        place
            .and_then(|place| 1_u64.checked_shl(place))
            .unwrap_or(0)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.0
    }
}

impl From<c_int> for SignalKind {
    fn from(signal: c_int) -> Self {
        Self(signal)
    }
}

impl fmt::Debug for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_real_time() {
            return write!(f, "SIGRTMIN+{}", self.0 - number::SIGRTMIN());
        }
        match NAMES.iter().find(|(signal, _)| *signal == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

const NAMES: [(c_int, &str); 11] = [
    (number::SIGALRM, "SIGALRM"),
    (number::SIGCHLD, "SIGCHLD"),
    (number::SIGHUP, "SIGHUP"),
    (number::SIGINT, "SIGINT"),
    (number::SIGIO, "SIGIO"),
    (number::SIGPIPE, "SIGPIPE"),
    (number::SIGQUIT, "SIGQUIT"),
    (number::SIGTERM, "SIGTERM"),
    (number::SIGUSR1, "SIGUSR1"),
    (number::SIGUSR2, "SIGUSR2"),
    (number::SIGWINCH, "SIGWINCH"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_room_for_every_signal_and_for_nothing_else() {
        let mut set = Signals::NONE;
        for number in [c_int::MIN, -1, 0, 65, c_int::MAX] {
            set.insert(SignalKind(number));
            assert!(set.is_empty() && !set.remove(SignalKind(number)));
        }
        (1..=64).for_each(|number| set.insert(SignalKind(number)));
        assert!(set.without(Signals::NONE).map(|kind| kind.0).eq(1..=64));
        assert!(set.remove(SignalKind(64)) && !set.remove(SignalKind(64)));
        let mut all_but_one = Signals(u64::MAX);
        assert!(all_but_one.remove(SignalKind(1)));
        assert!(set.without(all_but_one).eq([SignalKind(1)]));
    }
}
