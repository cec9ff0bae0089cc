//! The sessions that are open: how many there may be, what they have done, and which of them sleep.
//!
//! All of it has to be known from outside, by whoever counts, or ends them. The danger is to make each
//! message pay for that. So a session only writes two numbers that nobody else writes, in memory of
//! its own; whoever wants to know something comes round and looks.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use net::TcpStream;
use runtime::sync::{OwnedSemaphorePermit, Semaphore};
use runtime::task::{TaskTracker, TaskTrackerToken};
use runtime::time::{Duration, Instant, interval};

use super::draining::Asked;

/// The sessions that are open.
pub struct Sessions {
    pub(super) tracker: TaskTracker,
    places: Arc<Semaphore>,
    crowd: Arc<Crowd>,
}

/// One of them: it is open until this is dropped.
pub struct Session {
    pub(super) connection: Arc<Connection>,
    number: u64,
    crowd: Arc<Crowd>,
    _place: Option<OwnedSemaphorePermit>,
    _token: TaskTrackerToken,
}

/// What a session shares with those who look at it.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) asked: Asked,
    messages: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Default)]
struct Crowd(Mutex<Members>);

#[derive(Default)]
struct Members {
    /// By the number of the session.
    open: HashMap<u64, Member>,
    accepted: u64,
    /// Of those that have gone.
    gone: Done,
}

struct Member {
    connection: Arc<Connection>,
    /// What it had done when it was last seen to have done something, and when that was.
    seen: (Done, Instant),
}

/// What sessions have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was read at once counts as one.
    pub messages: u64,
    /// So many were sent back.
    pub bytes: u64,
}

/// What there is to be told about all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions.
    pub open: usize,
    /// Those that have gone among them.
    pub accepted: u64,
    /// Of all.
    pub done: Done,
}

impl Sessions {
    /// None, and so many at once at most.
    pub fn new(most: usize) -> Self {
        Self {
            tracker: TaskTracker::new(),
            places: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            crowd: Arc::default(),
        }
    }

    /// Waits until there is a place for one more.
    pub async fn place(&self) -> OwnedSemaphorePermit {
        let place = self.places.clone().acquire_owned().await;
        place.expect("nobody closes it")
    }

    /// Takes a connection in; without a place, if there will be no more.
    pub fn open(
        &self,
        stream: TcpStream,
        place: impl Into<Option<OwnedSemaphorePermit>>,
    ) -> Session {
        let connection = Arc::new(Connection {
            stream,
            asked: Asked::default(),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        });
        let member = Member {
            connection: connection.clone(),
            seen: (Done::default(), Instant::now()),
        };
        let mut members = self.crowd.members();
        members.accepted += 1;
        let number = members.accepted;
        members.open.insert(number, member);
        drop(members);
        Session {
            connection,
            number,
            crowd: self.crowd.clone(),
            _place: place.into(),
            _token: self.tracker.token(),
        }
    }

    /// What they have done by now.
    pub fn totals(&self) -> Totals {
        let members = self.crowd.members();
        let open = members.open.values().map(|it| it.connection.done());
        Totals {
            open: members.open.len(),
            accepted: members.accepted,
            done: open.fold(members.gone, Done::and),
        }
    }

    /// Asks those to end that have done nothing for so long, or up to half as much again: they are
    /// looked at four times in that time. It goes on for ever.
    pub async fn end_idle<T>(&self, limit: Duration) -> T {
        let mut rounds = interval(limit / 4);
        loop {
            rounds.tick().await;
            for connection in self.idle(Instant::now(), limit) {
                connection.asked.ask();
            }
        }
    }

    fn idle(&self, now: Instant, limit: Duration) -> Vec<Arc<Connection>> {
        let mut members = self.crowd.members();
        let is_idle = |member: &mut Member| {
            let done = member.connection.done();
            if done != member.seen.0 {
                member.seen = (done, now);
            }
            now.saturating_duration_since(member.seen.1) >= limit
        };
        let idle = members
            .open
            .values_mut()
            .filter_map(|member| is_idle(member).then(|| member.connection.clone()));
        idle.collect()
    }

    /// All that are open now.
    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        let members = self.crowd.members();
        let all = members.open.values().map(|it| it.connection.clone());
        all.collect()
    }
}

impl Session {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.connection.stream
    }

    /// Notes what was read and written.
    #[inline]
    pub(super) fn counts(&self, messages: u64, sent: usize) {
        let connection = &*self.connection;
        // No other thread writes them, so none can come between.
        let add = |to: &AtomicU64, count: u64| {
            to.store(to.load(Ordering::Relaxed) + count, Ordering::Relaxed);
        };
        add(&connection.messages, messages);
        add(&connection.bytes, sent as u64);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let done = self.connection.done();
        let mut members = self.crowd.members();
        members.gone = members.gone.and(done);
        let member = members.open.remove(&self.number);
        drop(members);
        // Perhaps the last to hold the connection: not under the lock.
        drop(member);
    }
}

impl Connection {
    fn done(&self) -> Done {
        Done {
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

impl Crowd {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Done {
    fn and(self, other: Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} messages, {} bytes", self.messages, self.bytes)
    }
}
