//! The sending ends.

use std::fmt;

use super::error::SendError;
use super::{Kept, Receiver, Shared, State, VecDeque, Waiters, Wakers};
use crate::coop;
use crate::primitive::{Arc, ShortLock};
use crate::sync::Notify;

/// Sends to all receivers; clones send into the same channel.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel that keeps the last `capacity` messages, and has no receiver yet.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "broadcast::channel: a capacity of 0 keeps nothing, ask for 1"
        );
        Self {
            shared: Arc::new(Shared {
                capacity,
                state: ShortLock::new(State {
                    ring: VecDeque::new(),
                    start: 0,
                    receivers: 0,
                    senders: 1,
                    weak: 0,
                    waiting: Waiters::new(),
                }),
                deserted: Notify::new(),
            }),
        }
    }

    /// Sends, without waiting, and says how many receivers there are.
    ///
    /// # Errors
    ///
    /// The message comes back if there is none.
    pub fn send(&self, message: T) -> Result<usize, SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(SendError(message));
        }
        let mut wakers = Wakers::new();
        let message = Arc::new(message);
        let mut state = self.shared.state.lock();
        let unread = state.receivers;
        if unread == 0 {
            drop(state);
            // The last has gone in this moment. Nobody else has had the `Arc`.
            return Arc::into_inner(message).map_or(Ok(0), |message| Err(SendError(message)));
        }
        let is_full = state.ring.len() == self.shared.capacity;
        let oldest = if is_full { state.pop() } else { None };
        state.ring.push_back(Kept { message, unread });
        state.waiting.call_all(&mut wakers, |()| {});
        drop(state);
        wakers.wake();
        drop(oldest);
        Ok(unread)
    }

    /// A receiver of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::of(self.shared.clone())
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn closed(&self) {
        coop::spend().await;
        loop {
            let deserted = self.shared.deserted.notified();
            if self.receiver_count() == 0 {
                return;
            }
            deserted.await;
        }
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.state.lock().receivers
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::broadcast;
    ///
    /// runtime::block_on(async {
    ///     let (sender, mut receiver) = broadcast::channel(1);
    ///     let weak = sender.downgrade();
    ///     weak.upgrade().unwrap().send(1).unwrap();
    ///     drop(sender);
    ///     assert!(weak.upgrade().is_none());
    ///     assert_eq!(receiver.recv().await, Ok(1));
    ///     assert!(receiver.recv().await.is_err());
    /// });
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        self.shared.state.lock().weak += 1;
        WeakSender {
            shared: self.shared.clone(),
        }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.state.lock().senders
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.state.lock().weak
    }

    /// How many messages there are that somebody has not read.
    pub fn len(&self) -> usize {
        self.shared.state.lock().ring.len()
    }

    /// Whether all have read everything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().senders += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        let mut state = self.shared.state.lock();
        state.senders -= 1;
        if state.senders == 0 {
            state.waiting.call_all(&mut wakers, |()| {});
        }
        drop(state);
        wakers.wake();
    }
}

/// A sender that does not keep the channel open; see [`Sender::downgrade`].
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let mut state = self.shared.state.lock();
        if state.senders == 0 {
            return None;
        }
        state.senders += 1;
        drop(state);
        Some(Sender {
            shared: self.shared.clone(),
        })
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.state.lock().senders
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.state.lock().weak
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        self.shared.state.lock().weak += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.state.lock().weak -= 1;
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("len", &self.len())
            .field("receivers", &self.receiver_count())
            .finish()
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}
