//! A number of permits, and a fair queue for them.
//!
//! The one protocol under [`Semaphore`](super::Semaphore), [`Mutex`](super::Mutex) (one permit) and
//! [`RwLock`](super::RwLock) (one a reader, all for a writer). What is free is a number in a word:
//!
//! ```text
//!  63                                       2   1         0
//! +------------------------------------------+---------+--------+
//! |  free permits                            | WAITING | CLOSED |
//! +------------------------------------------+---------+--------+
//!
//!            (1) take, (2) give: one compare-and-swap, no lock
//!                              +---+
//!                              v   |
//!                           WAITING off <-----------------+
//!                              |                          |
//!    (3) wait, under the lock: |                          |  (4) the queue is empty again,
//!        too few are free      v                          |      under the lock
//!                           WAITING on -------------------+
//!                              |   ^
//!                              +---+
//!            (5) give, under the lock: to the first in the queue, as far as it reaches
//! ```
//!
//! While WAITING is on, the word changes under the lock only. Nobody overtakes: what comes free is
//! saved up until it is enough for the first in the queue, and goes from hand to hand.
//!
//! The danger is a permit given to somebody who has just left. It is met in [`leave`](Permits::leave):
//! who was called and does not take what it was given, gives it to the next. And who leaves from the
//! front wanting many lets those behind it have what was being saved.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{Look, Ticket, Waiters, Wakers};
use crate::primitive::{AtomicU64, Ordering, ShortGuard, ShortLock, constant};
use crate::{coop, foreign};

/// Permits that are free, and who waits for some.
#[derive(Debug)]
pub(crate) struct Permits {
    word: AtomicU64,
    waiters: ShortLock<Waiters<Need>>,
}

/// What somebody in the queue wants.
#[derive(Debug)]
struct Need {
    count: u64,
    /// It was called because it has got them; otherwise because nobody will get any.
    granted: bool,
}

/// Why there are no permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    TooFew,
}

impl Permits {
    constant! {
        pub(crate) fn new(count: u64) -> Self {
            assert!(count <= MOST, "more than Semaphore::MAX_PERMITS permits");
            Self {
                word: AtomicU64::new(count * ONE),
                waiters: ShortLock::new(Waiters::new()),
            }
        }
    }

    /// Permits that can be had at once: none while somebody waits.
    pub(crate) fn free(&self) -> u64 {
        match self.word.load(Ordering::Acquire) {
            word if word & WAITING != 0 => 0,
            word => word / ONE,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Arrow 1.
    #[inline]
    pub(crate) fn try_take(&self, count: u64) -> Result<(), Refused> {
        // Relaxed: the exchange decides, and it acquires.
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            if seen & (CLOSED | WAITING) != 0 {
                return Err(refusal(seen));
            }
            if seen < count * ONE {
                return Err(Refused::TooFew);
            }
            // Acquire pairs with the Release of `give`: what was done with the permit before is seen.
            match self.word.compare_exchange_weak(
                seen,
                seen - count * ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Takes permits, as soon as everybody before has had theirs.
    #[inline]
    pub(crate) fn take(&self, count: u64) -> Take<'_> {
        Take {
            permits: self,
            count,
            ticket: None,
        }
    }

    /// Arrow 2, or 5.
    ///
    /// # Panics
    ///
    /// If there would be more than [`MOST`].
    #[inline]
    pub(crate) fn give(&self, count: u64) {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen & WAITING == 0 {
            assert!((seen / ONE).saturating_add(count) <= MOST, "{TOO_MANY}");
            // Release pairs with the Acquire of `try_take`.
            match self.word.compare_exchange_weak(
                seen,
                seen + count * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        self.give_to_waiters(count);
    }

    #[cold]
    fn give_to_waiters(&self, count: u64) {
        let waiters = self.waiters.lock();
        if self.word.load(Ordering::Relaxed) & WAITING == 0 {
            // They have left since.
            drop(waiters);
            return self.give(count);
        }
        let fits = self.free_while_waiting().saturating_add(count) <= MOST;
        self.serve(waiters, if fits { count } else { 0 }).wake();
        assert!(fits, "{TOO_MANY}");
    }

    /// What is being saved for the first in the queue. Acquire pairs with the Release of `give`, so
    /// that what was done with these permits is handed on with them.
    fn free_while_waiting(&self) -> u64 {
        self.word.load(Ordering::Acquire) / ONE
    }

    /// Arrow 5, and 4: gives what is free, and `more`, to the first in the queue, as far as it
    /// reaches. WAITING is on, so by the lock the word is ours, and a plain store will do.
    fn serve(&self, mut waiters: ShortGuard<'_, Waiters<Need>>, more: u64) -> Wakers {
        let mut wakers = Wakers::new();
        let mut free = self.free_while_waiting() + more;
        while let Some(need) = waiters.first().filter(|need| need.count <= free) {
            free -= need.count;
            need.granted = true;
            waiters.call_first(&mut wakers);
        }
        let flag = if waiters.is_empty() { 0 } else { WAITING };
        // Release pairs with the Acquire of `try_take`.
        self.word.store((free * ONE) | flag, Ordering::Release);
        wakers
    }

    /// Arrow 3, unless there is enough by now.
    fn wait(&self, count: u64, context: &Context<'_>) -> Result<Ticket, Result<(), Refused>> {
        let waker = context.waker().clone();
        let mut waiters = self.waiters.lock();
        let outcome = match self.begin_to_wait(count) {
            Ok(()) => {
                let granted = false;
                return Ok(waiters.push(Need { count, granted }, waker));
            }
            Err(outcome) => outcome,
        };
        drop(waiters);
        foreign::drop_quietly(waker);
        Err(outcome)
    }

    /// Turns WAITING on, or takes after all.
    fn begin_to_wait(&self, count: u64) -> Result<(), Result<(), Refused>> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let (after, outcome) = match seen {
                _ if seen & CLOSED != 0 => return Err(Err(Refused::Closed)),
                _ if seen & WAITING != 0 => return Ok(()),
                _ if seen >= count * ONE => (seen - count * ONE, Err(Ok(()))),
                _ => (seen | WAITING, Ok(())),
            };
            // Acquire as in `try_take`.
            match self
                .word
                .compare_exchange_weak(seen, after, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return outcome,
                Err(now) => seen = now,
            }
        }
    }

    /// Looks whether a ticket was called; leaves the waker if not.
    fn look(
        &self,
        ticket: &mut Option<Ticket>,
        context: &Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        let mut fresh = None;
        loop {
            let mut waiters = self.waiters.lock();
            let Some(held) = ticket.as_ref() else {
                unreachable!("a look is made with a ticket");
            };
            match (waiters.look(held, context.waker()), fresh.take()) {
                (Look::Called, unused) => {
                    let left = ticket.take().map(|ticket| waiters.remove(ticket));
                    drop(waiters);
                    foreign::drop_quietly(unused);
                    let granted = left.is_some_and(|left| left.note.granted);
                    return Poll::Ready(granted.then_some(()).ok_or(Refused::Closed));
                }
                (Look::Waits, unused) => {
                    drop(waiters);
                    foreign::drop_quietly(unused);
                    return Poll::Pending;
                }
                (Look::NeedsWaker, Some(waker)) => {
                    let former = waiters.set_waker(held, waker);
                    drop(waiters);
                    foreign::drop_quietly(former);
                    return Poll::Pending;
                }
                (Look::NeedsWaker, None) => {
                    drop(waiters);
                    fresh = Some(context.waker().clone());
                }
            }
        }
    }

    /// Gives a place in the queue up, and what was given to it to the next.
    fn leave(&self, ticket: Ticket) {
        let mut waiters = self.waiters.lock();
        let left = waiters.remove(ticket);
        if left.waker.is_some() {
            // It was in the queue, so WAITING is on: whoever was behind may be first now.
            self.serve(waiters, 0).wake();
        } else {
            drop(waiters);
        }
        foreign::drop_quietly(left.waker);
        if left.note.granted {
            self.give(left.note.count);
        }
    }

    /// Takes up to `count` permits away that are free; says how many.
    pub(crate) fn forget(&self, count: u64) -> u64 {
        let _waiters = self.waiters.lock();
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let taken = count.min(seen / ONE);
            let after = seen - taken * ONE;
            match self
                .word
                .compare_exchange_weak(seen, after, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return taken,
                Err(now) => seen = now,
            }
        }
    }

    /// Nobody gets permits from now on; those who wait learn it.
    pub(crate) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut waiters = self.waiters.lock();
        // Release pairs with `is_closed`.
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
        waiters.call_all(&mut wakers, |_| {});
        self.word.fetch_and(!WAITING, Ordering::AcqRel);
        drop(waiters);
        wakers.wake();
    }
}

/// The future of [`Permits::take`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Take<'a> {
    permits: &'a Permits,
    count: u64,
    ticket: Option<Ticket>,
}

impl Future for Take<'_> {
    type Output = Result<(), Refused>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        if self.ticket.is_none() {
            let taken = self.permits.try_take(self.count);
            if taken != Err(Refused::TooFew) {
                progress.made();
                return Poll::Ready(taken);
            }
        }
        let taken = ready!(self.poll_in_queue(context));
        progress.made();
        Poll::Ready(taken)
    }
}

impl Take<'_> {
    fn poll_in_queue(&mut self, context: &Context<'_>) -> Poll<Result<(), Refused>> {
        if self.ticket.is_some() {
            return self.permits.look(&mut self.ticket, context);
        }
        match self.permits.wait(self.count, context) {
            Ok(ticket) => {
                self.ticket = Some(ticket);
                Poll::Pending
            }
            Err(outcome) => Poll::Ready(outcome),
        }
    }
}

impl Drop for Take<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.permits.leave(ticket);
        }
    }
}

fn refusal(word: u64) -> Refused {
    match word & CLOSED {
        0 => Refused::TooFew,
        _ => Refused::Closed,
    }
}

/// So many permits there can be: they share their word with two flags, and two adding at once must
/// not overflow it.
pub(crate) const MOST: u64 = u64::MAX >> 3;

const CLOSED: u64 = 1;
const WAITING: u64 = 1 << 1;
const ONE: u64 = 1 << 2;
const TOO_MANY: &str = "Semaphore::add_permits: more than Semaphore::MAX_PERMITS permits";
