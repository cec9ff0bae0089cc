//! A channel for one value: the answer to a request.
//!
//! Sending never waits, receiving waits for the sender's last word. What the two ends share is in
//! `shared`, and who may do what to it in `state`.

mod shared;
mod state;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use self::shared::{ReceiverEnd, SenderEnd};
use super::blocking;
use crate::coop;

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// use runtime::sync::oneshot;
///
/// runtime::block_on(async {
///     let (answer, question) = oneshot::channel();
///     runtime::spawn(async move { answer.send(42) });
///     assert_eq!(question.await, Ok(42));
/// });
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = shared::ends();
    (Sender { end: sender }, Receiver { end: receiver })
}

/// Sends the value. Dropping it without having sent is an error for the receiver.
pub struct Sender<T> {
    end: SenderEnd<T>,
}

impl<T> Sender<T> {
    /// Sends, without waiting.
    ///
    /// # Errors
    ///
    /// The value comes back if the receiver has gone, or has closed the channel. That it does not come
    /// back is no promise that it will be looked at.
    #[inline]
    pub fn send(self, value: T) -> Result<(), T> {
        self.end.send(value)
    }

    /// Waits until nobody wants the value any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::oneshot;
    ///
    /// runtime::block_on(async {
    ///     let (mut answer, question) = oneshot::channel::<u32>();
    ///     drop(question);
    ///     answer.closed().await; // no need to compute it
    /// });
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|context| self.poll_closed(context)).await;
    }

    /// Whether the receiver has gone, or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.end.state().load().is_closed()
    }

    /// One step of [`closed`](Self::closed), for futures written by hand.
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(context));
        ready!(self.end.poll_closed(context.waker()));
        progress.made();
        Poll::Ready(())
    }
}

/// Waits for the value: it is a future.
///
/// # Cancel safety
///
/// `&mut receiver` may be awaited in parts; the value is lost only with the receiver.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    end: ReceiverEnd<T>,
}

impl<T> Receiver<T> {
    /// Takes the value if it is there.
    ///
    /// # Errors
    ///
    /// If it is not there yet, or never will be.
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        // What is looked at first is what was, so a value that comes in between is found later.
        let seen = self.end.state().load();
        match self.end.take() {
            Some(value) => Ok(value),
            None if seen.is_over() || seen.is_closed() => Err(error::TryRecvError::Closed),
            None => Err(error::TryRecvError::Empty),
        }
    }

    /// Waits for the value on a thread that runs no tasks.
    ///
    /// # Errors
    ///
    /// If the sender has gone without sending.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, error::RecvError> {
        blocking::block_on("oneshot::Receiver::blocking_recv", self)
    }

    /// Sending fails from now on. A value that was sent before can still be received.
    pub fn close(&mut self) {
        self.end.close();
    }

    /// Whether there is no value to be taken now.
    pub fn is_empty(&self) -> bool {
        !self.end.has_value()
    }

    /// Whether there is nothing to be waited for: the value was taken, or will never be.
    pub fn is_terminated(&self) -> bool {
        let seen = self.end.state().load();
        (seen.is_over() || seen.is_closed()) && self.is_empty()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        if !self.end.state().load().is_closed() {
            ready!(self.end.poll_over(context.waker()));
        }
        progress.made();
        Poll::Ready(self.end.take().ok_or(error::RecvError::new()))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("closed", &self.is_closed())
            .finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("terminated", &self.is_terminated())
            .finish()
    }
}

/// Why nothing was received.
pub mod error {
    use std::fmt;

    /// The sender has gone without sending.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(());

    impl RecvError {
        pub(super) const fn new() -> Self {
            Self(())
        }
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl std::error::Error for RecvError {}

    /// Why there is no value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum TryRecvError {
        /// Not yet.
        Empty,
        /// Never: the sender has gone without sending, or the value was taken.
        Closed,
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                Self::Empty => "channel empty",
                Self::Closed => "channel closed",
            })
        }
    }

    impl std::error::Error for TryRecvError {}
}
