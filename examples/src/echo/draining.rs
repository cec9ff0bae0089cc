//! The sessions that are open, and how they are brought to their end.
//!
//! What a client has sent is to come back, also when the server is asked to end. So no session is cut
//! off: the reading direction of each connection is ended, as if the client had done it. The session
//! reads what has come already, writes it, meets the end of the stream and is over. It need not even
//! know; a message costs nothing for it.
//!
//! The danger is a client that never reads: its session waits for room for ever. So there is a limit,
//! and who is not done by then is cut off.

use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use net::TcpStream;
use runtime::task::{TaskTracker, TaskTrackerToken};
use runtime::time::{Duration, timeout};

/// The sessions that are open.
#[derive(Default)]
pub(crate) struct Sessions {
    tracker: TaskTracker,
    started: AtomicU64,
    streams: Arc<Streams>,
}

/// By the number of the session.
#[derive(Default)]
struct Streams(Mutex<HashMap<u64, Arc<TcpStream>>>);

/// One of them: it is open until this is dropped.
pub(crate) struct Session {
    pub(crate) stream: Arc<TcpStream>,
    number: u64,
    streams: Arc<Streams>,
    _token: TaskTrackerToken,
}

impl Sessions {
    /// Takes a connection in.
    pub(crate) fn open(&self, stream: TcpStream) -> Session {
        let session = Session {
            stream: Arc::new(stream),
            number: self.started.fetch_add(1, Ordering::Relaxed),
            streams: self.streams.clone(),
            _token: self.tracker.token(),
        };
        let stream = session.stream.clone();
        self.streams
            .with(|open| open.insert(session.number, stream));
        session
    }

    /// Lets each session finish what it has, within a limit.
    pub(crate) async fn drain(self) {
        self.tracker.close();
        self.streams.with(|open| {
            for stream in open.values() {
                // One that fails has gone by itself.
                let _ = stream.shutdown(Shutdown::Read);
            }
        });
        if timeout(GRACE, self.tracker.wait()).await.is_err() {
            let left = self.tracker.len();
            eprintln!("echo: {left} clients did not read what is theirs, and are cut off");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.streams.with(|open| open.remove(&self.number));
    }
}

impl Streams {
    fn with<R>(&self, act: impl FnOnce(&mut HashMap<u64, Arc<TcpStream>>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Shorter than what those who stop servers wait before they kill them: ten seconds, mostly.
const GRACE: Duration = Duration::from_secs(5);
