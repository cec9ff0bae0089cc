//! The word of a one-shot channel: every legal transition, by name.
//!
//! ```text
//!              (1) send                      (2) close
//!   open ------------------> SENT     open ------------> CLOSED: sending fails from now on
//!     |                                                    |
//!     |  (3) the sender goes                               |  (3)
//!     +------------------> ENDED <-------------------------+
//! ```
//!
//! SENT and ENDED are the sender's last word: SENT means that the value lies in its cell, ENDED that
//! there will be none. Either is said once. A sender that finds CLOSED keeps its value, so a value is
//! never with both.
//!
//! Two flags say whose a waker's cell is, as with a task's: RECEIVER_WAITS gives the receiver's to the
//! sender, SENDER_WAITS the sender's to the receiver. Who clears the flag has the cell back.
//!
//! The cells are freed by whoever leaves last, and each side leaves with one step:
//!
//! * the sender with SENT or ENDED; or, if it found RECEIVER_WAITS and so has a waker to take out
//!   yet, with the clearing of that flag;
//! * the receiver with GONE; or without any step, if it sees that the sender has left.

use crate::primitive::{AtomicU32, Ordering};

/// The word.
#[derive(Debug)]
pub(super) struct State(AtomicU32);

/// A value of the word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot(u32);

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline]
    pub(super) fn load(&self) -> Snapshot {
        // Acquire pairs with `send`: who sees SENT sees the value; and with `sender_leaves`.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Arrow 1. An error if the receiver takes nothing any more: the value is the sender's still.
    #[inline]
    pub(super) fn send(&self) -> Result<Snapshot, Snapshot> {
        self.change(|word| (word & CLOSED == 0).then_some(word | SENT))
    }

    /// Arrow 3. Returns the word before.
    pub(super) fn end(&self) -> Snapshot {
        // Release: what the sender did with its cells comes before their freeing; Acquire: it sees
        // the waker that the receiver has left, and all that the receiver did if it has gone.
        Snapshot(self.0.fetch_or(ENDED, Ordering::AcqRel))
    }

    /// Arrow 2. Returns the word before.
    pub(super) fn close(&self) -> Snapshot {
        // Acquire: who finds SENDER_WAITS sees the waker.
        Snapshot(self.0.fetch_or(CLOSED, Ordering::AcqRel))
    }

    /// The sender has taken the receiver's waker out, and leaves. Returns the word before.
    pub(super) fn sender_leaves(&self) -> Snapshot {
        Snapshot(self.0.fetch_and(!RECEIVER_WAITS, Ordering::AcqRel))
    }

    /// The receiver leaves. Returns the word before.
    pub(super) fn receiver_leaves(&self) -> Snapshot {
        Snapshot(self.0.fetch_or(GONE, Ordering::AcqRel))
    }

    /// The receiver has put its waker into its cell, or wants the cell back. An error if the sender
    /// has said its last word.
    pub(super) fn set_receiver_waits(&self, waits: bool) -> Result<Snapshot, Snapshot> {
        self.change(|word| (word & LAST_WORD == 0).then_some(with(word, RECEIVER_WAITS, waits)))
    }

    /// The sender has put its waker into its cell, or wants the cell back. An error if the channel
    /// was closed.
    pub(super) fn set_sender_waits(&self, waits: bool) -> Result<Snapshot, Snapshot> {
        self.change(|word| (word & CLOSED == 0).then_some(with(word, SENDER_WAITS, waits)))
    }

    /// The word before, changed or not.
    #[inline]
    fn change(&self, after: impl Fn(u32) -> Option<u32>) -> Result<Snapshot, Snapshot> {
        let mut seen = self.0.load(Ordering::Acquire);
        while let Some(after) = after(seen) {
            // Release publishes the cell that is given away, Acquire takes over the one that is got.
            match self
                .0
                .compare_exchange_weak(seen, after, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(before) => return Ok(Snapshot(before)),
                Err(now) => seen = now,
            }
        }
        Err(Snapshot(seen))
    }
}

impl Snapshot {
    /// The value is there.
    #[inline]
    pub(super) fn is_sent(self) -> bool {
        self.0 & SENT != 0
    }

    /// The sender has said its last word.
    #[inline]
    pub(super) fn is_over(self) -> bool {
        self.0 & LAST_WORD != 0
    }

    /// The sender has said its last word, and does not touch the cells any more.
    #[inline]
    pub(super) fn sender_has_left(self) -> bool {
        self.is_over() && !self.receiver_waits()
    }

    pub(super) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(super) fn receiver_waits(self) -> bool {
        self.0 & RECEIVER_WAITS != 0
    }

    pub(super) fn sender_waits(self) -> bool {
        self.0 & SENDER_WAITS != 0
    }

    pub(super) fn receiver_has_left(self) -> bool {
        self.0 & GONE != 0
    }
}

fn with(word: u32, flag: u32, is_on: bool) -> u32 {
    match is_on {
        true => word | flag,
        false => word & !flag,
    }
}

const SENT: u32 = 1;
const ENDED: u32 = 1 << 1;
const CLOSED: u32 = 1 << 2;
const RECEIVER_WAITS: u32 = 1 << 3;
const SENDER_WAITS: u32 = 1 << 4;
const GONE: u32 = 1 << 5;
const LAST_WORD: u32 = SENT | ENDED;
