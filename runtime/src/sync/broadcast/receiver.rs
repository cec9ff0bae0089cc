//! The receiving ends.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::error::{Lagged, RecvError, TryRecvError};
use super::{Read, Shared, State};
use crate::primitive::{Arc, ShortGuard};
use crate::sync::blocking;
use crate::sync::waiters::{Look, Ticket};
use crate::{coop, foreign};

/// Receives each message that is sent while it lives. It is a [`Stream`] as well.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the next message.
    next: u64,
    /// Its place among those who wait, which a stream keeps from one poll to the next.
    ticket: Option<Ticket>,
}

impl<T> Receiver<T> {
    pub(super) fn of(shared: Arc<Shared<T>>) -> Self {
        let mut state = shared.state.lock();
        state.receivers += 1;
        let next = state.end();
        drop(state);
        let ticket = None;
        Self {
            shared,
            next,
            ticket,
        }
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
        or_end(self.recv().await)
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
        let received = Receive(self).await;
        received.map(Read::into_message)
    }

    /// Takes the next message if it is there.
    ///
    /// # Errors
    ///
    /// If it is not, or never will be, or if messages were missed.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let read = self.shared.state.lock().read(&mut self.next);
        read.map(Read::into_message)
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
        self.leave();
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

impl<T> Receiver<T> {
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<Read<T>, RecvError>> {
        let progress = ready!(coop::poll_proceed(context));
        let found = read(&mut self.next, self.shared.state.lock()).ok();
        let polled = match found {
            Some(read) => Poll::Ready(read),
            None => self.wait(context),
        };
        let read = ready!(polled);
        progress.made();
        Poll::Ready(read)
    }

    /// Leaves the waker, unless there is something by now.
    fn wait(&mut self, context: &Context<'_>) -> Poll<Result<Read<T>, RecvError>> {
        let fresh = context.waker().clone();
        let mut state = match read(&mut self.next, self.shared.state.lock()) {
            Ok(read) => {
                foreign::drop_quietly(fresh);
                return Poll::Ready(read);
            }
            Err(state) => state,
        };
        // Called, and empty again: it was told of a lag, or has read what it was called for, at an
        // earlier poll. It waits anew.
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

    /// Waits no longer. What was told was told to all: there is nothing to be passed on.
    fn leave(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.shared.state.lock().waiting.remove(ticket);
            foreign::drop_quietly(left.waker);
        }
    }
}

/// Reads, if anything is there; the lock comes back if not.
fn read<'a, T>(
    next: &mut u64,
    mut state: ShortGuard<'a, State<T>>,
) -> Result<Result<Read<T>, RecvError>, ShortGuard<'a, State<T>>> {
    match state.read(next) {
        Ok(message) => Ok(Ok(message)),
        Err(TryRecvError::Closed) => Ok(Err(RecvError::Closed)),
        Err(TryRecvError::Lagged(missed)) => Ok(Err(RecvError::Lagged(missed))),
        Err(TryRecvError::Empty) => Err(state),
    }
}

/// The future of [`Receiver::recv`], which leaves the list when it goes.
struct Receive<'a, T>(&'a mut Receiver<T>);

impl<T> Future for Receive<'_, T> {
    type Output = Result<Read<T>, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_read(context)
    }
}

impl<T> Drop for Receive<'_, T> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    /// As [`next`](Receiver::next).
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let read = ready!(self.get_mut().poll_read(context));
        Poll::Ready(or_end(read.map(Read::into_message)))
    }
}

/// A lag is an item, and the end is the end.
fn or_end<T>(received: Result<T, RecvError>) -> Option<Result<T, Lagged>> {
    match received {
        Ok(message) => Some(Ok(message)),
        Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
        Err(RecvError::Closed) => None,
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
