//! An accept loop that can neither die, hang nor spin.
//!
//! Accepting fails for three kinds of reason. The connection has gone before we came: the next one
//! is none the worse. The process or the system has no descriptors or memory left: the connection
//! stays in the queue, so trying again at once would spin; and as it is there already, no new edge
//! will come when descriptors are freed, so waiting for one would hang. Only a timer helps: try
//! again after a while, at first a short one. What remains is for the caller: the listener itself is
//! broken, or its runtime has gone or is asked to: a shutdown begins with accepting nothing more.

mod listener;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use runtime::Handle;

use crate::pause::Pauses;
use crate::sys::errno;

pub(crate) use listener::Accepting;
pub use listener::Listens;

/// What accepts connections: the listeners of this crate.
///
/// # Examples
///
/// A server that does not care where its clients come from:
///
/// ```
/// use net::Listener;
///
/// async fn count<L: Listener>(listener: &L) -> std::io::Result<u64> {
///     let mut incoming = listener.incoming();
///     let mut count = 0;
///     loop {
///         let (_connection, _peer) = incoming.accept().await?;
///         count += 1;
///         println!("client {count}");
///     }
/// }
/// # let _ = count::<net::TcpListener>;
/// # let _ = count::<net::UnixListener>;
/// ```
pub trait Listener: sealed::Sealed {
    /// What it accepts.
    type Connection;
    /// The address of who has connected.
    type Address;

    /// One step of accepting the next connection. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// Whatever `accept(2)` reports. Many errors concern one connection only, or pass: see
    /// [`Incoming`].
    fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Connection, Self::Address)>>;

    /// Accepts connections for ever, whatever happens to any of them.
    fn incoming(&self) -> Incoming<'_, Self>
    where
        Self: Sized,
    {
        Incoming::new(self)
    }

    /// One accept after the other, by somebody of whom the listener knows beside all others.
    #[doc(hidden)]
    fn accepts(&self) -> Accepts<'_, Self::Connection, Self::Address>;
}

/// One step of accepting the next connection. Of [`Listener::poll_accept`] the latest caller is
/// remembered; whoever has one of these is woken as long as he has it.
type Accepts<'a, C, A> =
    Box<dyn FnMut(&mut Context<'_>) -> Poll<io::Result<(C, A)>> + Send + Sync + 'a>;

mod sealed {
    use runtime::Handle;

    pub trait Sealed {
        /// The runtime that the listener belongs to.
        fn runtime(&self) -> &Handle;
    }
}

/// The connections of a listener; see [`TcpListener::incoming`](crate::TcpListener::incoming).
///
/// # Examples
///
/// ```no_run
/// # async fn serve(listener: net::TcpListener) -> std::io::Result<()> {
/// let mut incoming = listener.incoming();
/// loop {
///     let (stream, peer) = incoming.accept().await?;
///     runtime::spawn(async move {
///         let _ = stream.write_all(format!("hello, {peer}\n").as_bytes()).await;
///     });
/// }
/// # }
/// ```
pub struct Incoming<'a, L: Listener> {
    listener: &'a L,
    accepts: Accepts<'a, L::Connection, L::Address>,
    /// Ready when the runtime is asked to shut down, and then gone.
    asked_to_end: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    /// One runs while there is no room for another connection.
    pauses: Pauses,
    accepted_in_a_row: u32,
    failed_in_a_row: u32,
    ended: bool,
}

impl<'a, L: Listener> Incoming<'a, L> {
    pub(crate) fn new(listener: &'a L) -> Self {
        Self {
            listener,
            accepts: listener.accepts(),
            asked_to_end: Some(Box::pin(
                listener.runtime().shutdown_token().cancelled_owned(),
            )),
            pauses: Pauses::between(SHORTEST_PAUSE, LONGEST_PAUSE),
            accepted_in_a_row: 0,
            failed_in_a_row: 0,
            ended: false,
        }
    }

    /// Accepts the next connection, however long that takes.
    ///
    /// # Errors
    ///
    /// Only what trying again does not cure: the listener was shut down, or its runtime was, or is
    /// [asked to](runtime::shutdown::requested).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no connection was accepted; a pause goes on.
    pub async fn accept(&mut self) -> io::Result<(L::Connection, L::Address)> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// One step of [`accept`](Self::accept), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(L::Connection, L::Address)>> {
        if self.accepted_in_a_row >= BATCH {
            // A flood of connections must not keep those that are there from being served.
            self.accepted_in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(asked) = &mut self.asked_to_end else {
            return Poll::Ready(Err(ended()));
        };
        if asked.as_mut().poll(context).is_ready() {
            self.asked_to_end = None;
            return Poll::Ready(Err(ended()));
        }
        loop {
            ready!(self.pauses.poll(context))?;
            let Poll::Ready(accepted) = (self.accepts)(context) else {
                self.accepted_in_a_row = 0;
                return Poll::Pending;
            };
            match accepted {
                Ok(accepted) => {
                    self.pauses.start_over();
                    self.failed_in_a_row = 0;
                    self.accepted_in_a_row += 1;
                    return Poll::Ready(Ok(accepted));
                }
                Err(error) => match Failure::of(&error) {
                    Failure::Connection if self.failed_in_a_row < BATCH => {
                        self.failed_in_a_row += 1;
                    }
                    // So many in a row are no accident: a filter refuses them all, say.
                    Failure::Connection | Failure::NoRoom => self.pause(),
                    Failure::Listener => return Poll::Ready(Err(error)),
                },
            }
        }
    }

    fn pause(&mut self) {
        let runtime: &Handle = self.listener.runtime();
        self.pauses.begin(runtime);
    }
}

impl<L: Listener> Stream for Incoming<'_, L> {
    type Item = io::Result<L::Connection>;

    /// Ends after an error that trying again does not cure.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let accepted = ready!(self.poll_accept(context));
        self.ended = accepted.is_err();
        Poll::Ready(Some(accepted.map(|(connection, _)| connection)))
    }
}

#[cold]
fn ended() -> io::Error {
    io::Error::other("runtime shut down: nothing is accepted any more")
}

impl<L: Listener> fmt::Debug for Incoming<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("accepted_in_a_row", &self.accepted_in_a_row)
            .field("failed_in_a_row", &self.failed_in_a_row)
            .finish_non_exhaustive()
    }
}

/// Whom an error of `accept(2)` concerns.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Connection,
    NoRoom,
    Listener,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno::EMFILE | errno::ENFILE | errno::ENOBUFS | errno::ENOMEM) => Self::NoRoom,
            // "Linux accept() passes already-pending network errors on the new socket as an error
            // code from accept()": accept(2), error handling.
            Some(
                errno::ECONNABORTED
                | errno::EPERM
                | errno::EPROTO
                | errno::ENOPROTOOPT
                | errno::EHOSTDOWN
                | errno::ENONET
                | errno::EHOSTUNREACH
                | errno::EOPNOTSUPP
                | errno::ENETDOWN
                | errno::ENETUNREACH
                | errno::ETIMEDOUT,
            ) => Self::Connection,
            _ => Self::Listener,
        }
    }
}

/// So many accepted in a row let the connections that are there have a turn.
const BATCH: u32 = 32;
/// Descriptors are often freed at once: a first pause that nobody notices.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// Ten tries a second cost nothing, and everybody is served soon after there is room.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
