//! How long a worker runs tasks before it looks at its sockets and timers.
//!
//! The danger is on both sides: a look too often costs what the tasks could have had, and one too seldom
//! keeps those waiting whom nobody has told yet. The fine clock is too dear to be read at each poll; so
//! polls are counted, and now and then the coarse clock is read.

use crate::sys::{CoarseInstant, Moment};

/// How long the loop has not looked at its sockets and timers.
///
/// Time is read off the coarse clock, which costs a quarter of the fine one. That it has ticked says
/// that the turn may have lasted some milliseconds; if it has not, the look comes early, once a tick.
pub(super) struct Turn {
    began: CoarseInstant,
    pub(super) polls: u32,
    /// Among several cores: when the first task was run, and how many were.
    pub(super) began_exactly: Option<Moment>,
    pub(super) tasks: u32,
}

impl Turn {
    pub(super) fn begin() -> Self {
        Self {
            began: CoarseInstant::now(),
            polls: 0,
            began_exactly: None,
            tasks: 0,
        }
    }

    /// Whether the coarse clock has moved on since the beginning.
    #[cold]
    pub(super) fn is_long(&self) -> bool {
        CoarseInstant::now() != self.began
    }

    /// Ends it with this batch, whatever the clock says.
    pub(super) fn end(&mut self) {
        self.polls = SHORTEST_TURN;
    }

    /// Whether it is time to look, though there is work.
    pub(super) fn is_over(&self) -> bool {
        self.polls >= SHORTEST_TURN || self.is_long()
    }
}

/// A look costs as much as ten polls of small tasks: two tasks that wake each other pay it now and
/// then.
const SHORTEST_TURN: u32 = 61;
