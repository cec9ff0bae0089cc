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
//! A mailbox holds only so many. One that nobody empties would grow for as long as another stream of
//! its kind is read; so while one is full nothing is read from the kernel, where signals wait in
//! order, too, and whose own limit is told to those who send. The streams that wait for room in
//! another one's mailbox are woken when there is.
//!
//! Signals are read ahead, several at a time. What no stream has taken is not seen yet, and the kernel
//! has given it away already: so a new stream begins with a copy of it, and when the last stream of a
//! kind goes it is kept for the next one.
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
    untaken: BTreeMap<SignalKind, Untaken>,
    /// Signals that nobody wants to keep waiting any more.
    pub(super) released: BTreeSet<SignalKind>,
}

#[derive(Default)]
struct Mailbox {
    letters: VecDeque<SigInfo>,
    waker: Option<Waker>,
}

/// What was read of one kind and that no stream has taken.
#[derive(Default)]
struct Untaken {
    /// How many: the latest of them all, as every stream takes them in the same order.
    count: usize,
    /// They themselves, while there is no stream of their kind.
    kept: VecDeque<SigInfo>,
}

static AUDIENCE: Mutex<Audience> = Mutex::new(Audience {
    next_seat: 0,
    seats: BTreeMap::new(),
    untaken: BTreeMap::new(),
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

    /// How many signals can be read such that nobody's mailbox overflows.
    fn room_of(&mut self, kind: SignalKind) -> usize {
        if !kind.is_real_time() {
            // One is kept, and those that come before it was taken are that one.
            return usize::MAX;
        }
        let rooms = self.boxes_of(kind).map(|mailbox| mailbox.room());
        rooms.min().unwrap_or(usize::MAX)
    }

    /// What a new stream begins with: what was read of its kind before, and that nobody has taken.
    fn take_or_copy_untaken(&mut self, kind: SignalKind) -> VecDeque<SigInfo> {
        let Some(untaken) = self.untaken.get_mut(&kind) else {
            return VecDeque::new();
        };
        let (count, kept) = (untaken.count, std::mem::take(&mut untaken.kept));
        // All streams that are there have it, at the end of their mailboxes.
        match self.boxes_of(kind).next() {
            Some(mailbox) => {
                let taken = mailbox.letters.len().saturating_sub(count);
                mailbox.letters.range(taken..).copied().collect()
            }
            None => kept,
        }
    }

    /// Keeps, of what the last stream of its kind leaves, what no other one has taken.
    fn keep_untaken(&mut self, kind: SignalKind, mut letters: VecDeque<SigInfo>) {
        if let Some(untaken) = self.untaken.get_mut(&kind) {
            let taken = letters.len().saturating_sub(untaken.count);
            untaken.kept = letters.split_off(taken);
            untaken.count = untaken.kept.len();
        }
    }

    /// Those who sleep, to be woken when the lock is released.
    fn wakers_of(&mut self, kind: SignalKind) -> Vec<Waker> {
        let wakers = self.boxes_of(kind).filter_map(|it| it.waker.take());
        wakers.collect()
    }
}

/// A place among those who hear a signal, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    kind: SignalKind,
    number: u64,
    took_back: bool,
}

impl Seat {
    pub(super) fn take(kind: SignalKind) -> Self {
        let mut audience = lock();
        let number = audience.next_seat;
        audience.next_seat += 1;
        let mailbox = Mailbox {
            letters: audience.take_or_copy_untaken(kind),
            waker: None,
        };
        audience.seats.insert((kind, number), mailbox);
        let took_back = audience.released.remove(&kind);
        Self {
            kind,
            number,
            took_back,
        }
    }

    /// Whether the signal was released until this seat was taken.
    pub(super) fn took_back(&self) -> bool {
        self.took_back
    }

    pub(super) fn kind(&self) -> SignalKind {
        self.kind
    }

    /// What has come.
    pub(super) fn next(&self) -> Option<SigInfo> {
        let mut audience = lock();
        let mailbox = audience.seats.get_mut(&(self.kind, self.number))?;
        let was_full = mailbox.room() == 0;
        let (letter, stale) = (mailbox.letters.pop_front(), mailbox.waker.take());
        let left = mailbox.letters.len();
        if let Some(untaken) = audience.untaken.get_mut(&self.kind) {
            untaken.count = untaken.count.min(left);
        }
        let woken = if was_full {
            audience.wakers_of(self.kind)
        } else {
            Vec::new()
        };
        drop(audience);
        drop(stale);
        woken.into_iter().for_each(Waker::wake);
        letter
    }

    /// Whether there is something to do: a signal to take, or, for who has found a mailbox full, one
    /// to read, as there is room again. Else the task is woken when there is.
    pub(super) fn poll_news(&self, context: &mut Context<'_>, wants_room: bool) -> Poll<()> {
        let waker = context.waker().clone();
        let mut audience = lock();
        let has_room = wants_room && audience.room_of(self.kind) > 0;
        let Some(mailbox) = audience.seats.get_mut(&(self.kind, self.number)) else {
            return Poll::Pending;
        };
        if has_room || !mailbox.letters.is_empty() {
            drop(audience);
            return Poll::Ready(());
        }
        let former = mailbox.waker.replace(waker);
        drop(audience);
        drop(former);
        Poll::Pending
    }

    /// Reads signals, as many as there is room for with all who hear them, and gives each to all.
    /// False if there is no room.
    pub(super) fn deliver(&self, fd: impl AsFd) -> io::Result<bool> {
        let mut batch = signal::empty_batch();
        let mut audience = lock();
        let room = audience.room_of(self.kind).min(batch.len());
        if room == 0 {
            return Ok(false);
        }
        let count = signal::read_signals(fd, &mut batch[..room])?;
        for mailbox in audience.boxes_of(self.kind) {
            for raw in &batch[..count] {
                mailbox.put(SigInfo::of(raw), self.kind);
            }
        }
        audience.untaken.entry(self.kind).or_default().count += count;
        let woken = audience.wakers_of(self.kind);
        drop(audience);
        woken.into_iter().for_each(Waker::wake);
        Ok(true)
    }

    /// Leaves, and releases the signal if nobody else hears it.
    pub(super) fn release(self) {
        self.leave(true);
    }

    /// Whoever waited for room in this mailbox waits no more.
    fn leave(&self, releases: bool) {
        let mut audience = lock();
        let Some(mut left) = audience.seats.remove(&(self.kind, self.number)) else {
            return;
        };
        let woken = audience.wakers_of(self.kind);
        if audience.boxes_of(self.kind).next().is_none() {
            audience.keep_untaken(self.kind, std::mem::take(&mut left.letters));
            if releases {
                audience.released.insert(self.kind);
            }
        }
        drop(audience);
        drop(left);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave(false);
    }
}

impl Mailbox {
    fn room(&self) -> usize {
        FULL.saturating_sub(self.letters.len())
    }

    /// Of a standard signal one is kept until it is taken, as the kernel does it: so a stream that
    /// nobody reads does not grow.
    fn put(&mut self, letter: SigInfo, kind: SignalKind) {
        if kind.is_real_time() || self.letters.is_empty() {
            self.letters.push_back(letter);
        }
    }
}

/// As many wait in a mailbox: some tens of kilobytes.
const FULL: usize = 1024;
