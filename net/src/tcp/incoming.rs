//! An accept loop that can neither die, hang nor spin.
//!
//! Accepting fails for three kinds of reason. The connection has gone before we came: the next one
//! is none the worse. The process or the system has no descriptors or memory left: the connection
//! stays in the queue, so trying again at once would spin; and as it is there already, no new edge
//! will come when descriptors are freed, so waiting for one would hang. Only a timer helps: try
//! again after a while, at first a short one. What remains is for the caller: the listener itself is
//! broken, or its runtime has gone.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use runtime::time::{Sleep, sleep};

use super::{TcpListener, TcpStream};
use crate::sys::errno;

/// The connections of a listener; see [`TcpListener::incoming`].
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
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    /// Runs while there is no room for another connection.
    pause: Option<Sleep>,
    next_pause: Duration,
    accepted_in_a_row: u32,
    failed_in_a_row: u32,
    ended: bool,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(listener: &'a TcpListener) -> Self {
        Self {
            listener,
            pause: None,
            next_pause: SHORTEST_PAUSE,
            accepted_in_a_row: 0,
            failed_in_a_row: 0,
            ended: false,
        }
    }

    /// Accepts the next connection, however long that takes.
    ///
    /// # Errors
    ///
    /// Only what trying again does not cure: the listener was shut down, or its runtime was.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no connection was accepted; a pause goes on.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
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
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if self.accepted_in_a_row >= BATCH {
            // A flood of connections must not keep those that are there from being served.
            self.accepted_in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.poll_elapsed(context))?;
                self.pause = None;
            }
            let Poll::Ready(accepted) = self.listener.poll_accept(context) else {
                self.accepted_in_a_row = 0;
                return Poll::Pending;
            };
            match accepted {
                Ok(accepted) => {
                    self.next_pause = SHORTEST_PAUSE;
                    self.failed_in_a_row = 0;
                    self.accepted_in_a_row += 1;
                    return Poll::Ready(Ok(accepted));
                }
                Err(error) => match Failure::of(&error) {
                    Failure::Connection if self.failed_in_a_row < BATCH => {
                        self.failed_in_a_row += 1;
                    }
                    // So many in a row are no accident: a filter refuses them all, say.
                    Failure::Connection | Failure::NoRoom => self.begin_pause(),
                    Failure::Listener => return Poll::Ready(Err(error)),
                },
            }
        }
    }

    fn begin_pause(&mut self) {
        let length = self.next_pause;
        self.next_pause = (length * 2).min(LONGEST_PAUSE);
        // Whoever polls this need not be in the listener's runtime.
        let _entered = self.listener.runtime().enter();
        self.pause = Some(sleep(length));
    }
}

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    /// Ends after an error that trying again does not cure.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let accepted = ready!(self.poll_accept(context));
        self.ended = accepted.is_err();
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
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
