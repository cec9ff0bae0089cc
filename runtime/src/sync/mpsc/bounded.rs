//! The sender of a channel with room for so many messages.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::super::blocking;
use super::super::waiters::Ticket;
use super::error::{SendError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::receiver::Receiver;
use super::shared::{Refused, Shared};
use crate::coop;
use crate::primitive::{Arc, Ordering};

/// Makes a channel with room for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is 0: every message needs a slot.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// runtime::block_on(async {
///     let (sender, mut receiver) = mpsc::channel(16);
///     for number in 0..3 {
///         let sender = sender.clone();
///         runtime::spawn(async move { sender.send(number).await });
///     }
///     drop(sender);
///     let mut sum = 0;
///     while let Some(number) = receiver.recv().await {
///         sum += number;
///     }
///     assert_eq!(sum, 3);
/// });
/// ```
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(
        capacity > 0,
        "mpsc::channel: a capacity of 0 lets nothing through, ask for 1"
    );
    assert!(
        capacity <= MOST,
        "mpsc::channel: more than {MOST} messages; see unbounded_channel"
    );
    let shared = Arc::new(Shared::new(capacity));
    let receiver = Receiver::of(shared.clone());
    (Sender { shared }, receiver)
}

/// Sends messages; clones send into the same channel.
pub struct Sender<T> {
    pub(super) shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends, as soon as there is room.
    ///
    /// # Errors
    ///
    /// The message comes back if the receiver has gone, or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, the message was not sent: it is dropped too, and the
    /// place in the queue is lost. To keep it, [`reserve`](Self::reserve) a slot first.
    #[inline]
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        let send = Send {
            shared: &self.shared,
            message: Some(message),
            ticket: None,
        };
        send.await
    }

    /// Sends if there is room, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// The message comes back if there is not, or if the channel is closed.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let sent = self.shared.try_push(message);
        sent.map_err(|(refused, message)| refusal(refused, message))
    }

    /// Sends, and waits for room on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// The message comes back if the channel is closed.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        blocking::block_on("mpsc::Sender::blocking_send", self.send(message))
    }

    /// Waits for a slot: with the permit, sending is sure and waits for nothing.
    ///
    /// # Errors
    ///
    /// If the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc;
    ///
    /// runtime::block_on(async {
    ///     let (sender, mut receiver) = mpsc::channel(1);
    ///     let permit = sender.reserve().await.unwrap();
    ///     assert!(sender.try_send("no room").is_err());
    ///     permit.send("kept for this one");
    ///     assert_eq!(receiver.recv().await, Some("kept for this one"));
    /// });
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        reserve(&self.shared, 1).await?;
        Ok(Permit::of(&self.shared))
    }

    /// Waits for `count` slots at once.
    ///
    /// # Errors
    ///
    /// If the channel is closed, or has not so many slots at all.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    pub async fn reserve_many(&self, count: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        if count > self.max_capacity() {
            return Err(SendError(()));
        }
        reserve(&self.shared, count).await?;
        Ok(PermitIterator::of(&self.shared, count))
    }

    /// As [`reserve`](Self::reserve), with a permit that may be kept anywhere and has the sender
    /// inside.
    ///
    /// # Errors
    ///
    /// If the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// The sender and its place in the queue are lost: clone it before, if it is needed.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        reserve(&self.shared, 1).await?;
        Ok(OwnedPermit::of(self))
    }

    /// Takes a slot if one is free, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// If none is, or the channel is closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        let reserved = self.shared.try_reserve(1);
        reserved.map_err(|refused| refusal(refused, ()))?;
        Ok(Permit::of(&self.shared))
    }

    /// Takes `count` slots if they are free, and nobody waits.
    ///
    /// # Errors
    ///
    /// If they are not, or the channel is closed.
    pub fn try_reserve_many(
        &self,
        count: usize,
    ) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        let reserved = self.shared.try_reserve(count);
        reserved.map_err(|refused| refusal(refused, ()))?;
        Ok(PermitIterator::of(&self.shared, count))
    }

    /// As [`try_reserve`](Self::try_reserve), with a permit that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// The sender comes back if no slot is free, or the channel is closed.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.shared.try_reserve(1) {
            Ok(()) => Ok(OwnedPermit::of(self)),
            Err(refused) => Err(refusal(refused, self)),
        }
    }

    /// Waits until the receiver has gone, or has closed the channel.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn closed(&self) {
        self.shared.closed().await;
    }

    /// Whether the receiver has gone, or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Slots that can be had at once: none while somebody waits.
    pub fn capacity(&self) -> usize {
        self.shared.free()
    }

    /// All slots, free or not.
    pub fn max_capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::of(&self.shared)
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        count(self.shared.sender_count())
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        count(self.shared.weak.load(Ordering::Acquire))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.sender_comes();
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.sender_goes();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// A sender that does not keep the channel open.
///
/// # Examples
///
/// ```
/// use runtime::sync::mpsc;
///
/// let (sender, _receiver) = mpsc::channel::<u32>(1);
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    fn of(shared: &Arc<Shared<T>>) -> Self {
        // Relaxed: a count to be shown, no more.
        shared.weak.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: shared.clone(),
        }
    }

    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.shared.sender_comes_back().then(|| Sender {
            shared: self.shared.clone(),
        })
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        count(self.shared.sender_count())
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        count(self.shared.weak.load(Ordering::Acquire))
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self::of(&self.shared)
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        // Relaxed: as in `of`.
        self.shared.weak.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

/// The future of [`Sender::send`].
struct Send<'a, T> {
    shared: &'a Shared<T>,
    message: Option<T>,
    ticket: Option<Ticket>,
}

/// The message is moved, never pinned.
impl<T> Unpin for Send<'_, T> {}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        let this = &mut *self;
        let polled = this
            .shared
            .poll_push(&mut this.message, &mut this.ticket, context);
        let sent = ready!(polled);
        progress.made();
        match (sent, this.message.take()) {
            (Err(_), Some(message)) => Poll::Ready(Err(SendError(message))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<T> Drop for Send<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.leave(ticket);
        }
    }
}

/// Waits for slots, which are then promised to the caller.
fn reserve<T>(shared: &Shared<T>, count: usize) -> Reserve<'_, T> {
    Reserve {
        shared,
        count,
        ticket: None,
    }
}

struct Reserve<'a, T> {
    shared: &'a Shared<T>,
    count: usize,
    ticket: Option<Ticket>,
}

impl<T> Future for Reserve<'_, T> {
    type Output = Result<(), SendError<()>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        let this = &mut *self;
        let polled = this
            .shared
            .poll_reserve(this.count, &mut this.ticket, context);
        let reserved = ready!(polled);
        progress.made();
        Poll::Ready(reserved.map_err(|_| SendError(())))
    }
}

impl<T> Drop for Reserve<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.leave(ticket);
        }
    }
}

fn refusal<T>(refused: Refused, message: T) -> TrySendError<T> {
    match refused {
        Refused::Full => TrySendError::Full(message),
        Refused::Closed => TrySendError::Closed(message),
    }
}

pub(super) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Slots are counted, and sums of them must not overflow.
pub(super) const MOST: usize = usize::MAX >> 3;
