//! The ends of a channel that never lets a sender wait.
//!
//! It is the other channel with more slots than there can be messages. The danger is plain: nothing
//! slows the senders down, so a receiver that is slower than they are fills the memory.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::bounded::{MOST, Sender, WeakSender};
use super::error::{SendError, TryRecvError};
use super::receiver::Receiver;

/// Makes a channel into which one can always send.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// runtime::block_on(async {
///     let (sender, mut receiver) = mpsc::unbounded_channel();
///     sender.send("no need to wait").unwrap();
///     assert_eq!(receiver.recv().await, Some("no need to wait"));
/// });
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = super::channel(MOST);
    (UnboundedSender(sender), UnboundedReceiver(receiver))
}

/// Sends messages without ever waiting; clones send into the same channel.
pub struct UnboundedSender<T>(Sender<T>);

impl<T> UnboundedSender<T> {
    /// Sends.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone, or has closed the channel.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let sent = self.0.try_send(message);
        sent.map_err(|error| SendError(error.into_inner()))
    }

    /// Waits until the receiver has gone, or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    /// Whether the receiver has gone, or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender(self.0.downgrade())
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.0.strong_count()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.0.weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender")
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// A sender that does not keep the channel open.
pub struct WeakUnboundedSender<T>(WeakSender<T>);

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.0.upgrade().map(UnboundedSender)
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.0.strong_count()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.0.weak_count()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender")
            .finish_non_exhaustive()
    }
}

/// Receives messages, in the order in which they were sent. It is a [`Stream`] as well.
pub struct UnboundedReceiver<T>(Receiver<T>);

impl<T> UnboundedReceiver<T> {
    /// Waits for a message; see [`Receiver::recv`].
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    #[inline]
    pub async fn recv(&mut self) -> Option<T> {
        self.0.recv().await
    }

    /// Waits for messages; see [`Receiver::recv_many`].
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        self.0.recv_many(buffer, limit).await
    }

    /// Takes a message if one is there.
    ///
    /// # Errors
    ///
    /// If none is, or none ever will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// Waits for a message on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        self.0.blocking_recv()
    }

    /// Waits for messages on a thread that runs no tasks; see [`Receiver::recv_many`].
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        self.0.blocking_recv_many(buffer, limit)
    }

    /// Sending fails from now on. What was sent can still be received.
    pub fn close(&mut self) {
        self.0.close();
    }

    /// Whether the channel was closed, or has no senders any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether no message is there now.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many messages are there now.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.0.sender_strong_count()
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.0.sender_weak_count()
    }

    /// One step of [`recv`](Self::recv), for futures written by hand.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(context)
    }

    /// One step of [`recv_many`](Self::recv_many), for futures written by hand.
    pub fn poll_recv_many(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.0.poll_recv_many(context, buffer, limit)
    }
}

impl<T> Stream for UnboundedReceiver<T> {
    type Item = T;

    /// As [`poll_recv`](UnboundedReceiver::poll_recv).
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll_recv(context)
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}
