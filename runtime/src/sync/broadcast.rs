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

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use self::error::{Lagged, RecvError, SendError, TryRecvError};
use super::Notify;
use super::blocking;
use super::waiters::{Look, Ticket, Waiters, Wakers};
use crate::primitive::{Arc, Mutex, MutexGuard};
use crate::{coop, foreign};

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
    state: Mutex<State<T>>,
    deserted: Notify,
}

struct State<T> {
    ring: VecDeque<Kept<T>>,
    /// The number of the oldest message in the ring.
    start: u64,
    receivers: usize,
    senders: usize,
    waiting: Waiters<()>,
}

struct Kept<T> {
    message: Arc<T>,
    /// Receivers that have not read it.
    unread: usize,
}

impl<T> State<T> {
    fn end(&self) -> u64 {
        self.start + self.ring.len() as u64
    }

    /// The message at `next`, counted as read by one receiver. `next` is moved on.
    fn read(&mut self, next: &mut u64) -> Result<Arc<T>, TryRecvError> {
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
            0 => self.pop().ok_or(TryRecvError::Empty),
            _ => Ok(kept.message.clone()),
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
                state: Mutex::new(State {
                    ring: VecDeque::new(),
                    start: 0,
                    receivers: 0,
                    senders: 1,
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

/// Receives each message that is sent while it lives.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the next message.
    next: u64,
}

impl<T> Receiver<T> {
    fn of(shared: Arc<Shared<T>>) -> Self {
        let mut state = shared.state.lock();
        state.receivers += 1;
        let next = state.end();
        drop(state);
        Self { shared, next }
    }

    /// Another receiver, of what is sent from now on.
    pub fn resubscribe(&self) -> Self {
        Self::of(self.shared.clone())
    }

    /// How many messages are there to be received, those that were missed included.
    pub fn len(&self) -> usize {
        let end = self.shared.state.lock().end();
        usize::try_from(end - self.next).unwrap_or(usize::MAX)
    }

    /// Whether there is nothing to be received now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all senders have gone.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().senders == 0
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T: Clone> Receiver<T> {
    /// Waits for the next message, or for the news that some were missed. `None` is the end: all
    /// senders have gone, and everything was received.
    ///
    /// For loops: `while let Some(message) = receiver.next().await` ends with the channel and not
    /// with a lag, unlike the same loop round [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    pub async fn next(&mut self) -> Option<Result<T, Lagged>> {
        match self.recv().await {
            Ok(message) => Some(Ok(message)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => None,
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// [`RecvError::Lagged`] if messages were missed: the next call goes on with the oldest that is
    /// there. [`RecvError::Closed`] if all senders have gone, and everything was received.
    ///
    /// # Cancel safety
    ///
    /// No message is lost.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let receive = Receive {
            shared: &self.shared,
            next: &mut self.next,
            ticket: None,
        };
        receive.await.map(Arc::unwrap_or_clone)
    }

    /// Takes the next message if it is there.
    ///
    /// # Errors
    ///
    /// If it is not, or never will be, or if messages were missed.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let read = self.shared.state.lock().read(&mut self.next);
        read.map(Arc::unwrap_or_clone)
    }

    /// Waits for the next message on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// As those of [`recv`](Self::recv).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        blocking::block_on("broadcast::Receiver::blocking_recv", self.recv())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let read = state.forget(self.next);
        let was_last = state.receivers == 0;
        drop(state);
        drop(read);
        if was_last {
            self.shared.deserted.notify_waiters();
        }
    }
}

struct Receive<'a, T> {
    shared: &'a Shared<T>,
    next: &'a mut u64,
    ticket: Option<Ticket>,
}

impl<T> Receive<'_, T> {
    /// Reads, if anything is there; the lock comes back if not.
    fn read<'a>(
        next: &mut u64,
        mut state: MutexGuard<'a, State<T>>,
    ) -> Result<Result<Arc<T>, RecvError>, MutexGuard<'a, State<T>>> {
        match state.read(next) {
            Ok(message) => Ok(Ok(message)),
            Err(TryRecvError::Closed) => Ok(Err(RecvError::Closed)),
            Err(TryRecvError::Lagged(missed)) => Ok(Err(RecvError::Lagged(missed))),
            Err(TryRecvError::Empty) => Err(state),
        }
    }

    /// Leaves the waker, unless there is something by now.
    fn wait(&mut self, context: &Context<'_>) -> Poll<Result<Arc<T>, RecvError>> {
        let fresh = context.waker().clone();
        let mut state = match Self::read(self.next, self.shared.state.lock()) {
            Ok(read) => {
                foreign::drop_quietly(fresh);
                return Poll::Ready(read);
            }
            Err(state) => state,
        };
        // Called, and empty again: another future of this very receiver cannot be, but the message
        // may have been a lag that was told before. It waits anew.
        let former = match self.ticket.take() {
            Some(ticket) if state.waiting.look(&ticket, context.waker()) != Look::Called => {
                let former = state.waiting.set_waker(&ticket, fresh);
                self.ticket = Some(ticket);
                former
            }
            called => {
                let left = called.map(|ticket| state.waiting.remove(ticket));
                self.ticket = Some(state.waiting.push((), fresh));
                left.and_then(|left| left.waker)
            }
        };
        drop(state);
        foreign::drop_quietly(former);
        Poll::Pending
    }
}

impl<T> Future for Receive<'_, T> {
    type Output = Result<Arc<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        let this = &mut *self;
        let polled = match Self::read(this.next, this.shared.state.lock()) {
            Ok(read) => Poll::Ready(read),
            Err(state) => {
                drop(state);
                this.wait(context)
            }
        };
        let read = ready!(polled);
        progress.made();
        Poll::Ready(read)
    }
}

impl<T> Drop for Receive<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            // What was told was told to all: there is nothing to be passed on.
            let left = self.shared.state.lock().waiting.remove(ticket);
            foreign::drop_quietly(left.waker);
        }
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

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("len", &self.len())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Why a message was not sent, or not received.
pub mod error {
    use std::fmt;

    /// There is no receiver. The message is inside.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SendError(..)")
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl<T> std::error::Error for SendError<T> {}

    /// So many messages were missed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Lagged(pub u64);

    impl fmt::Display for Lagged {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "channel lagged by {}", self.0)
        }
    }

    impl std::error::Error for Lagged {}

    /// Why a wait ended without a message.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum RecvError {
        /// All senders have gone, and everything was received.
        Closed,
        /// So many messages were missed; there are more.
        Lagged(u64),
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Closed => f.write_str("channel closed"),
                Self::Lagged(missed) => Lagged(*missed).fmt(f),
            }
        }
    }

    impl std::error::Error for RecvError {}

    /// Why there is no message.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryRecvError {
        /// Not yet.
        Empty,
        /// All senders have gone, and everything was received.
        Closed,
        /// So many messages were missed; there are more.
        Lagged(u64),
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Empty => f.write_str("channel empty"),
                Self::Closed => f.write_str("channel closed"),
                Self::Lagged(missed) => Lagged(*missed).fmt(f),
            }
        }
    }

    impl std::error::Error for TryRecvError {}
}
