//! How sessions are brought to their end.
//!
//! What a client has sent is to come back, also when the server is asked to end. So no session is cut
//! off: it is asked to end, reads what has come already, writes it, and ends its stream. A session
//! that waits for a message is woken for that; one that is busy sees it when it has to wait.
//!
//! There are three dangers. A client that sends without a pause: there is always something left to
//! read, so of that it is no more than a socket holds. One whose last messages come when the session has
//! ended: a connection that is closed with something unread is cut off, and what was on its way to the
//! client is lost with it; so what comes is thrown away for a moment, until the client has ended its
//! side. And one that never reads: there is a limit, and who is not done by then is cut off.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use net::TcpStream;
use net::io::AsyncRead;
use runtime::io::Interest;
use runtime::time::{Duration, timeout};

use super::sessions::{Done, Session, Sessions};

/// Whether a session was asked to end, and who is to be woken for that.
#[derive(Default)]
pub(super) struct Asked {
    asked: AtomicBool,
    session: Mutex<Option<Waker>>,
}

/// How the sessions have ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    clients: u64,
    done: Done,
    cut: usize,
}

impl Sessions {
    /// Lets each session finish what it has, within a limit.
    pub async fn drain(&self, grace: Duration) -> End {
        self.tracker.close();
        for connection in self.all() {
            connection.asked.ask();
        }
        let _ = timeout(grace, self.tracker.wait()).await;
        let totals = self.totals();
        End {
            clients: totals.accepted,
            done: totals.done,
            cut: totals.open,
        }
    }
}

impl Session {
    /// Lets the task that this is awaited in be woken when the session is asked to end.
    pub(super) async fn begin(&self) {
        poll_fn(|context| {
            self.connection.asked.leave(context.waker());
            Poll::Ready(())
        })
        .await;
    }

    /// Reads what has come. 0 at the end: the client has ended its stream, or the session was asked
    /// to end and nothing is left to read.
    #[inline]
    pub(super) fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let connection = &*self.connection;
        poll_fn(move |context| {
            let mut stream = &connection.stream;
            match Pin::new(&mut stream).poll_read(context, buffer) {
                Poll::Pending if connection.asked.is_asked() => nothing_left(),
                polled => polled,
            }
        })
    }

    pub(super) fn is_asked_to_end(&self) -> bool {
        self.connection.asked.is_asked()
    }

    /// Ends the stream behind what was sent.
    pub(super) async fn finish(&self, buffer: &mut [u8]) {
        let stream = self.stream();
        // One that fails has gone by itself; what it has left is seen below.
        let _ = stream.shutdown(Shutdown::Write);
        let _ = timeout(LINGER, take_rest(stream, buffer)).await;
    }
}

/// Apart, so that no message pays for what happens once in a session.
#[cold]
#[inline(never)]
fn nothing_left() -> Poll<io::Result<usize>> {
    Poll::Ready(Ok(0))
}

/// Reads to the end, and looks at nothing.
async fn take_rest(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    loop {
        stream.ready(Interest::READABLE).await?;
        match stream.try_read(buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

impl Asked {
    pub(super) fn ask(&self) {
        // Release: who is woken below, or leaves a waker later, sees it.
        self.asked.store(true, Ordering::Release);
        let session = self.with(Option::take);
        if let Some(session) = session {
            session.wake();
        }
    }

    /// Acquire: who asks stores first, and looks for a waker then; who waits leaves its waker first.
    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Lets the task of this waker be woken when the session is asked to end.
    fn leave(&self, waker: &Waker) {
        let mine = Some(waker.clone());
        let former = self.with(|session| mem::replace(session, mine));
        drop(former);
    }

    /// Nobody is woken, and no waker dropped, under the lock.
    fn with<R>(&self, act: impl FnOnce(&mut Option<Waker>) -> R) -> R {
        act(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, done, cut } = self;
        write!(
            f,
            "{clients} clients, {done} sent back, {cut} clients cut off at the end"
        )
    }
}

/// For a client to end its side when we have ended ours.
const LINGER: Duration = Duration::from_secs(1);
