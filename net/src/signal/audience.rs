//! Who hears which signal.
//!
//! The kernel gives a signal once, to whoever reads it first; but each stream of its kind is to see
//! it. So every stream has a mailbox, and the one that reads from the kernel puts a copy into each,
//! under one lock, so that all see them in the order of the kernel's queue. That a read is made with
//! the lock held is what keeps the order; it does not block.
//!
//! The danger is a stream that sleeps beside a full mailbox. Its own descriptor is no help: when another
//! stream has read the signal, that is not ready any more, and epoll says nothing. So a mailbox has
//! a waker of its own, stored under the same lock after a last look.
//!
//! Here is also remembered which signals were *released*: nobody listens to them any more, and they are
//! to do again what they do by default. Whoever comes to listen takes that back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{SigInfo, SignalKind};
use crate::sys::signal;

/// The mailboxes of this process.
pub(super) struct Audience {
    next_seat: u64,
    seats: BTreeMap<(SignalKind, u64), Mailbox>,
    /// Signals that nobody wants to keep waiting any more.
    pub(super) released: BTreeSet<SignalKind>,
}

#[derive(Default)]
struct Mailbox {
    letters: VecDeque<SigInfo>,
    waker: Option<Waker>,
}

static AUDIENCE: Mutex<Audience> = Mutex::new(Audience {
    next_seat: 0,
    seats: BTreeMap::new(),
    released: BTreeSet::new(),
});

/// The audience. A panic of another thread has left nothing half-done in it.
pub(super) fn lock() -> MutexGuard<'static, Audience> {
    AUDIENCE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audience {
    fn boxes_of(&mut self, kind: SignalKind) -> impl Iterator<Item = &mut Mailbox> {
        let range = (kind, 0)..=(kind, u64::MAX);
        self.seats.range_mut(range).map(|(_, mailbox)| mailbox)
    }
}

/// A place among those who hear a signal, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    kind: SignalKind,
    number: u64,
}

impl Seat {
    pub(super) fn take(kind: SignalKind) -> Self {
        let mut audience = lock();
        let number = audience.next_seat;
        audience.next_seat += 1;
        audience.seats.insert((kind, number), Mailbox::default());
        audience.released.remove(&kind);
        Self { kind, number }
    }

    pub(super) fn kind(&self) -> SignalKind {
        self.kind
    }

    /// What has come.
    pub(super) fn next(&self) -> Option<SigInfo> {
        let mut audience = lock();
        let mailbox = audience.seats.get_mut(&(self.kind, self.number))?;
        let (letter, stale) = (mailbox.letters.pop_front(), mailbox.waker.take());
        drop(audience);
        drop(stale);
        letter
    }

    /// What has come; else the task is woken when something does.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<SigInfo> {
        let waker = context.waker().clone();
        let mut audience = lock();
        let Some(mailbox) = audience.seats.get_mut(&(self.kind, self.number)) else {
            return Poll::Pending;
        };
        if let Some(letter) = mailbox.letters.pop_front() {
            return Poll::Ready(letter);
        }
        let former = mailbox.waker.replace(waker);
        drop(audience);
        drop(former);
        Poll::Pending
    }

    /// Reads a batch of signals and gives each to all who hear it.
    pub(super) fn deliver(&self, fd: impl AsFd) -> io::Result<()> {
        let mut batch = signal::empty_batch();
        let mut woken = Vec::new();
        let mut audience = lock();
        let count = signal::read_signals(fd, &mut batch)?;
        for mailbox in audience.boxes_of(self.kind) {
            for raw in &batch[..count] {
                mailbox.put(SigInfo::of(raw), self.kind);
            }
            woken.extend(mailbox.waker.take());
        }
        drop(audience);
        woken.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Leaves, and releases the signal if nobody else hears it.
    pub(super) fn release(self) {
        let mut audience = lock();
        let left = audience.seats.remove(&(self.kind, self.number));
        if audience.boxes_of(self.kind).next().is_none() {
            audience.released.insert(self.kind);
        }
        drop(audience);
        drop(left);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let left = lock().seats.remove(&(self.kind, self.number));
        drop(left);
    }
}

impl Mailbox {
    /// Of a standard signal one is kept until it is taken, as the kernel does it: so a stream that
    /// nobody reads does not grow.
    fn put(&mut self, letter: SigInfo, kind: SignalKind) {
        if kind.is_real_time() || self.letters.is_empty() {
            self.letters.push_back(letter);
        }
    }
}
