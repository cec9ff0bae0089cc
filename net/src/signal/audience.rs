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

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::kind::Signals;
use super::{SigInfo, SignalKind};
use crate::sys::signal;

/// The mailboxes of this process.
pub(super) struct Audience {
    next_seat: u64,
    circles: Vec<Circle>,
    /// Signals that nobody wants to keep waiting any more.
    pub(super) released: Signals,
}

/// All who hear one signal, and what was read of it and that none of them has taken.
struct Circle {
    kind: SignalKind,
    /// By the numbers of their seats, which grow.
    seats: Vec<(u64, Mailbox)>,
    /// How many are untaken: the latest of them all, as every stream takes them in the same order.
    untaken: usize,
    /// They themselves, while there is no stream of their kind.
    kept: VecDeque<SigInfo>,
}

#[derive(Default)]
struct Mailbox {
    letters: VecDeque<SigInfo>,
    waker: Option<Waker>,
}

static AUDIENCE: Mutex<Audience> = Mutex::new(Audience {
    next_seat: 0,
    circles: Vec::new(),
    released: Signals::NONE,
});

/// The audience. A panic of another thread has left nothing half-done in it.
pub(super) fn lock() -> MutexGuard<'static, Audience> {
    AUDIENCE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Audience {
    fn circle(&mut self, kind: SignalKind) -> &mut Circle {
        let known = self.circles.iter().position(|circle| circle.kind == kind);
        let at = known.unwrap_or_else(|| {
            self.circles.push(Circle {
                kind,
                seats: Vec::new(),
                untaken: 0,
                kept: VecDeque::new(),
            });
            self.circles.len() - 1
        });
        &mut self.circles[at]
    }
}

impl Circle {
    fn mailboxes(&mut self) -> impl Iterator<Item = &mut Mailbox> {
        self.seats.iter_mut().map(|(_, mailbox)| mailbox)
    }

    fn mailbox(&mut self, seat: u64) -> Option<&mut Mailbox> {
        let at = self.seat(seat)?;
        Some(&mut self.seats[at].1)
    }

    fn seat(&self, number: u64) -> Option<usize> {
        let number_of = |(number, _): &(u64, Mailbox)| *number;
        self.seats.binary_search_by_key(&number, number_of).ok()
    }

    /// How many signals can be read such that nobody's mailbox overflows.
    fn room(&mut self) -> usize {
        if !self.kind.is_real_time() {
            // One is kept, and those that come before it was taken are that one.
            return usize::MAX;
        }
        let rooms = self.mailboxes().map(|mailbox| mailbox.room());
        rooms.min().unwrap_or(usize::MAX)
    }

    /// What a new stream begins with: what was read of its kind before, and that nobody has taken.
    fn take_or_copy_untaken(&mut self) -> VecDeque<SigInfo> {
        // All streams that are there have it, at the end of their mailboxes.
        match self.seats.first() {
            Some((_, mailbox)) => {
                let taken = mailbox.letters.len().saturating_sub(self.untaken);
                mailbox.letters.range(taken..).copied().collect()
            }
            None => std::mem::take(&mut self.kept),
        }
    }

    /// Keeps, of what the last stream of its kind leaves, what no other one has taken.
    fn keep_untaken(&mut self, mut letters: VecDeque<SigInfo>) {
        let taken = letters.len().saturating_sub(self.untaken);
        self.kept = letters.split_off(taken);
        self.untaken = self.kept.len();
    }

    /// Those who sleep, to be woken when the lock is released.
    fn wakers(&mut self) -> Vec<Waker> {
        let wakers = self.mailboxes().filter_map(|it| it.waker.take());
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
        let circle = audience.circle(kind);
        let mailbox = Mailbox {
            letters: circle.take_or_copy_untaken(),
            waker: None,
        };
        circle.seats.push((number, mailbox));
        let took_back = audience.released.remove(kind);
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
        let circle = audience.circle(self.kind);
        let mailbox = circle.mailbox(self.number)?;
        let was_full = mailbox.room() == 0;
        let (letter, stale) = (mailbox.letters.pop_front(), mailbox.waker.take());
        let left = mailbox.letters.len();
        circle.untaken = circle.untaken.min(left);
        let woken = if was_full {
            circle.wakers()
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
        let circle = audience.circle(self.kind);
        let has_room = wants_room && circle.room() > 0;
        let Some(mailbox) = circle.mailbox(self.number) else {
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
    pub(super) fn deliver(&self, fd: BorrowedFd<'_>) -> io::Result<bool> {
        let mut batch = signal::empty_batch();
        let mut audience = lock();
        let circle = audience.circle(self.kind);
        let room = circle.room().min(batch.len());
        if room == 0 {
            return Ok(false);
        }
        let count = signal::read_signals(fd, &mut batch[..room])?;
        for mailbox in circle.mailboxes() {
            for raw in &batch[..count] {
                mailbox.put(SigInfo::of(raw), self.kind);
            }
        }
        circle.untaken += count;
        let woken = circle.wakers();
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
        let circle = audience.circle(self.kind);
        let Some(at) = circle.seat(self.number) else {
            return;
        };
        let (_, mut left) = circle.seats.remove(at);
        let woken = circle.wakers();
        if circle.seats.is_empty() {
            circle.keep_untaken(std::mem::take(&mut left.letters));
            if circle.kept.is_empty() {
                audience.circles.retain(|circle| circle.kind != self.kind);
            }
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
