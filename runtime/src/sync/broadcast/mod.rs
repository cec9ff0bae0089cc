//! A channel from many senders to many receivers: each message reaches each receiver.
//!
//! There is room for so many messages. Sending never waits: when the room is used up the oldest
//! message goes, and a receiver that had not got to it *lags*. It is told how many it missed, and
//! goes on with the oldest that is there: a lag is not an end.
//!
//! ```text
//!            start                                   end
//!              |                                      |
//!   gone  ...  | 17 | 18 | 19 | 20 | 21 |             v  next to be sent: 22
//!          ^          ^              ^
//!          |          |              +-- this one has one to read
//!          |          +-- this one has four
//!          +-- this one lags
//! ```
//!
//! A message is kept in an `Arc` until the last receiver has read it, which gets it uncloned; the
//! others get clones, made without a lock, since cloning is your code. (That is why `T` must be `Sync`
//! for a receiver to go to another thread.)

pub mod error;
mod receiver;
mod sender;

use std::collections::VecDeque;

use self::error::TryRecvError;
pub use self::receiver::Receiver;
pub use self::sender::{Sender, WeakSender};
use super::Notify;
use super::waiters::{Waiters, Wakers};
use crate::primitive::{Arc, ShortLock};

/// Makes a channel that keeps the last `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0.
///
/// # Examples
///
/// ```
/// use runtime::sync::broadcast::{self, error::Lagged};
///
/// runtime::block_on(async {
///     let (sender, mut receiver) = broadcast::channel(2);
///     for number in 0..5 {
///         sender.send(number).unwrap();
///     }
///     drop(sender);
///     let mut seen = Vec::new();
///     while let Some(message) = receiver.next().await {
///         seen.push(message);
///     }
///     assert_eq!(seen, [Err(Lagged(3)), Ok(3), Ok(4)]);
/// });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    capacity: usize,
    state: ShortLock<State<T>>,
    deserted: Notify,
}

struct State<T> {
    ring: VecDeque<Kept<T>>,
    /// The number of the oldest message in the ring.
    start: u64,
    receivers: usize,
    senders: usize,
    weak: usize,
    waiting: Waiters<()>,
}

struct Kept<T> {
    message: Arc<T>,
    /// Receivers that have not read it.
    unread: usize,
}

/// A message that was read.
enum Read<T> {
    /// Nobody else has it, unless somebody who came before is at cloning it.
    Last(Arc<T>),
    Shared(Arc<T>),
}

impl<T: Clone> Read<T> {
    /// The message itself if it may be had, which is not asked in vain: that costs an atomic step.
    fn into_message(self) -> T {
        match self {
            Self::Last(message) => Arc::unwrap_or_clone(message),
            Self::Shared(message) => T::clone(&message),
        }
    }
}

impl<T> State<T> {
    fn end(&self) -> u64 {
        self.start + self.ring.len() as u64
    }

    /// The message at `next`, counted as read by one receiver. `next` is moved on.
    fn read(&mut self, next: &mut u64) -> Result<Read<T>, TryRecvError> {
        if *next < self.start {
            let missed = self.start - *next;
            *next = self.start;
            return Err(TryRecvError::Lagged(missed));
        }
        let at = usize::try_from(*next - self.start).unwrap_or(usize::MAX);
        let Some(kept) = self.ring.get_mut(at) else {
            return Err(match self.senders {
                0 => TryRecvError::Closed,
                _ => TryRecvError::Empty,
            });
        };
        kept.unread -= 1;
        *next += 1;
        match kept.unread {
            // Who has read this has read, or missed, all before: it is the oldest.
            0 => self.pop().map(Read::Last).ok_or(TryRecvError::Empty),
            _ => Ok(Read::Shared(kept.message.clone())),
        }
    }

    fn pop(&mut self) -> Option<Arc<T>> {
        let oldest = self.ring.pop_front()?;
        self.start += 1;
        Some(oldest.message)
    }

    /// A receiver goes: nobody waits for it to read. Returns what is to be dropped without the lock.
    fn forget(&mut self, next: u64) -> Vec<Arc<T>> {
        self.receivers -= 1;
        let from = usize::try_from(next.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.ring
            .iter_mut()
            .skip(from)
            .for_each(|kept| kept.unread -= 1);
        let mut read = Vec::new();
        while self.ring.front().is_some_and(|kept| kept.unread == 0) {
            read.extend(self.pop());
        }
        read
    }
}
