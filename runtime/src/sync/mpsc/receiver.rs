//! The receiving end of a channel.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::super::blocking;
use super::bounded::count;
use super::error::TryRecvError;
use super::shared::{Empty, Shared};
use crate::coop;
use crate::primitive::{Arc, Mutex, Ordering};

/// Receives messages, in the order in which they were sent. It is a [`Stream`] as well.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// What was taken out of the channel and not yet received. Nobody else has it; it stands in a lock
    /// so that a receiver can be shared whenever its messages can be sent.
    taken: Mutex<VecDeque<T>>,
}

/// Messages are moved, never pinned.
impl<T> Unpin for Receiver<T> {}

impl<T> Receiver<T> {
    pub(super) fn of(shared: Arc<Shared<T>>) -> Self {
        let taken = Mutex::new(VecDeque::new());
        Self { shared, taken }
    }

    /// Waits for a message. `None` if the channel is empty, and nobody can send any more.
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    #[inline]
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// Waits for messages, and appends up to `limit` of them to `buffer`; says how many. 0 if the
    /// channel is empty and nobody can send any more, or if `limit` is 0.
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// runtime::block_on(async {
    ///     let (sender, mut receiver) = mpsc::channel(8);
    ///     for number in 0..5 {
    ///         sender.send(number).await.unwrap();
    ///     }
    ///     let mut batch = Vec::new();
    ///     assert_eq!(receiver.recv_many(&mut batch, 3).await, 3);
    ///     assert_eq!(batch, [0, 1, 2]);
    /// });
    /// ```
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|context| self.poll_recv_many(context, buffer, limit)).await
    }

    /// Takes a message if one is there.
    ///
    /// # Errors
    ///
    /// If none is, or none ever will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.try_pop(self.taken.get_mut()) {
            Ok(message) => message.ok_or(TryRecvError::Disconnected),
            Err(Empty) => Err(TryRecvError::Empty),
        }
    }

    /// Waits for a message on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        blocking::block_on("mpsc::Receiver::blocking_recv", self.recv())
    }

    /// Waits for messages on a thread that runs no tasks; see [`recv_many`](Self::recv_many).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        let receive = self.recv_many(buffer, limit);
        blocking::block_on("mpsc::Receiver::blocking_recv_many", receive)
    }

    /// Sending fails from now on, but for permits that were given out. What was sent can still be
    /// received; then comes `None`.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// Whether the channel was closed, or has no senders any more.
    pub fn is_closed(&self) -> bool {
        self.shared.is_ending()
    }

    /// Whether no message is there now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages are there now.
    pub fn len(&self) -> usize {
        self.taken.lock().len() + self.shared.len()
    }

    /// Slots that can be had at once: none while somebody waits.
    pub fn capacity(&self) -> usize {
        self.shared.free()
    }

    /// All slots, free or not.
    pub fn max_capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        count(self.shared.sender_count())
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        count(self.shared.weak.load(Ordering::Acquire))
    }

    /// One step of [`recv`](Self::recv), for futures written by hand.
    #[inline]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let progress = ready!(coop::poll_proceed(context));
        let received = ready!(self.shared.poll_pop(self.taken.get_mut(), context));
        progress.made();
        Poll::Ready(received)
    }

    /// One step of [`recv_many`](Self::recv_many), for futures written by hand.
    pub fn poll_recv_many(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let progress = ready!(coop::poll_proceed(context));
        let taken = self.taken.get_mut();
        let count = ready!(self.shared.poll_pop_many(taken, context, buffer, limit));
        progress.made();
        Poll::Ready(count)
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    /// As [`poll_recv`](Receiver::poll_recv).
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll_recv(context)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receiver_goes(self.taken.get_mut());
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}
