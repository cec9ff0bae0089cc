//! Interest and readiness as sets of bits.
//!
//! The kernel reports one set of bits for a descriptor. We keep two, one a direction, because a
//! reader that meets `WouldBlock` must not forget what a writer is still to learn: an error or a
//! hang-up concerns both, and each direction forgets it on its own.

use std::fmt;
use std::ops::BitOr;

use crate::sys::bits;

/// What a task may wait for on a descriptor.
///
/// # Examples
///
/// ```
/// use runtime::io::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Data to read, a connection to accept, the end of the stream, urgent data, or an error.
    pub const READABLE: Self = Self(1);
    /// Room to write, an established connection, or an error.
    pub const WRITABLE: Self = Self(2);

    /// Whether the read direction is in the set.
    pub const fn is_readable(self) -> bool {
        self.0 & Self::READABLE.0 != 0
    }

    /// Whether the write direction is in the set.
    pub const fn is_writable(self) -> bool {
        self.0 & Self::WRITABLE.0 != 0
    }

    /// The set of both operands' directions.
    pub const fn add(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What `epoll_ctl(2)` is asked for. Hang-ups and errors come unasked.
    pub(crate) const fn epoll_bits(self) -> u32 {
        let read = bits::IN | bits::PRI | bits::RDHUP;
        (if self.is_readable() { read } else { 0 })
            | (if self.is_writable() { bits::OUT } else { 0 })
    }

    /// One bit a direction, the direction's number.
    pub(crate) const fn flags(self) -> u32 {
        self.0 as u32
    }

    /// The reverse of [`flags`](Self::flags), for at least one of its bits.
    pub(crate) const fn from_flags(flags: u32) -> Self {
        Self(flags as u8 & (Self::READABLE.0 | Self::WRITABLE.0))
    }

    #[inline]
    pub(crate) fn directions(self) -> impl Iterator<Item = Direction> {
        [Direction::Read, Direction::Write]
            .into_iter()
            .filter(move |direction| self.0 & (1 << *direction as u8) != 0)
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.add(other)
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.is_readable(), self.is_writable()) {
            (true, true) => "READABLE | WRITABLE",
            (true, false) => "READABLE",
            _ => "WRITABLE",
        })
    }
}

/// One of the two ways that bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read = 0,
    Write = 1,
}

/// The readiness of one direction, in the kernel's numbers squeezed into a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready(pub(crate) u8);

impl Ready {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const PRI: Self = Self(bits::PRI as u8);
    pub(crate) const ERR: Self = Self(bits::ERR as u8);
    pub(crate) const HUP: Self = Self(bits::HUP as u8);
    pub(crate) const RDHUP: Self = Self((bits::RDHUP >> RDHUP_SHIFT) as u8);
    /// Not reported by anybody: we have not asked yet, so the call may as well be tried.
    pub(crate) const ASSUMED: Self = Self(0x40);

    /// What an event says of the read direction.
    #[inline]
    pub(crate) const fn to_read(event: u32) -> Self {
        let low = event & (bits::IN | bits::PRI | bits::ERR | bits::HUP);
        Self((low | (event & bits::RDHUP) >> RDHUP_SHIFT) as u8)
    }

    /// What an event says of the write direction.
    #[inline]
    pub(crate) const fn to_write(event: u32) -> Self {
        Self((event & (bits::OUT | bits::ERR | bits::HUP)) as u8)
    }

    #[inline]
    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Brings `EPOLLRDHUP` (0x2000) down to the free bit 0x20.
const RDHUP_SHIFT: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_concerns_both_directions() {
        assert!(Ready::to_read(bits::ERR).intersects(Ready::ERR));
        assert!(Ready::to_write(bits::ERR).intersects(Ready::ERR));
    }

    #[test]
    fn the_end_of_the_peer_concerns_the_reader_only() {
        assert!(Ready::to_read(bits::RDHUP).intersects(Ready::RDHUP));
        assert!(Ready::to_write(bits::RDHUP).is_none());
    }

    #[test]
    fn room_to_write_is_no_news_for_the_reader() {
        assert!(Ready::to_read(bits::OUT).is_none());
        assert!(Ready::to_write(bits::IN | bits::PRI).is_none());
    }
}
