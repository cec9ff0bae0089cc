//! Telling a task that something has happened.
//!
//! A notice carries nothing; what has happened is looked up elsewhere. Each is for one waiter, or for
//! all that are there at that moment.
//!
//! ```text
//!  63                                       2 1           0
//! +------------------------------------------+-------------+
//! |  how often all were told                 |    state    |
//! +------------------------------------------+-------------+
//!
//!             (1) notify_one             (3) wait, under the lock
//!   NOTICE <------------------ NOTHING ---------------------------> WAITING
//!      |                        ^   ^                                  |
//!      +------------------------+   +----------------------------------+
//!             (2) taken                  (4) the last was told, under the lock
//! ```
//!
//! While somebody waits, the word changes under the lock only, and a notice goes to the first. Without
//! anybody, one notice is kept, and more are the same as one.
//!
//! Two dangers. A notice to one who leaves at that moment must go to the next. And a notice to all
//! must reach a waiter that was made and not yet polled, since it was made *before* its owner looked
//! at what is waited for: it remembers the number in the word at its making.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{Left, Look, Ticket, Waiters, Wakers};
use crate::primitive::{Arc, AtomicU64, Ordering, ShortLock, constant};
use crate::{coop, foreign};

/// Tells tasks that something has happened.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Notify;
///
/// runtime::block_on(async {
///     let news = Arc::new(Notify::new());
///     let reader = runtime::spawn({
///         let news = news.clone();
///         async move { news.notified().await }
///     });
///     news.notify_one(); // kept, if nobody waits yet
///     reader.await.unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct Notify {
    word: AtomicU64,
    waiters: ShortLock<Waiters<Told>>,
}

/// What a waiter was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// A notice of its own, to be passed on if it leaves.
    Alone(Order),
    /// What all were told.
    WithAll,
}

/// Whose turn is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    FirstCome,
    LastCome,
}

impl Notify {
    constant! {
        /// Without a notice, and with nobody waiting.
        pub fn new() -> Self {
            Self { word: AtomicU64::new(NOTHING), waiters: ShortLock::new(Waiters::new()) }
        }
    }

    constant! {
        /// As [`new`](Self::new): for a `static`, and for code that knows this name.
        pub fn const_new() -> Self {
            Self::new()
        }
    }

    /// Waits for a notice.
    ///
    /// The waiter counts from now on for [`notify_waiters`](Self::notify_waiters), and from its first
    /// poll, or [`enable`](Notified::enable), for [`notify_one`](Self::notify_one). So to wait for a
    /// condition: make the waiter, look, and await it if the condition does not hold.
    ///
    /// # Cancel safety
    ///
    /// A notice to a waiter that is dropped goes to the next one.
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            place: Place::Before(self.times_all()),
        }
    }

    /// As [`notified`](Self::notified), for a waiter that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// A notice to a waiter that is dropped goes to the next one.
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        let place = Place::Before(self.times_all());
        OwnedNotified {
            notify: self,
            place,
        }
    }

    /// Tells the one who has waited longest. If nobody waits, the next to come finds the notice; of
    /// several, one is kept.
    pub fn notify_one(&self) {
        self.tell_one(Order::FirstCome);
    }

    /// Tells the one who came last. If nobody waits, the next to come finds the notice.
    pub fn notify_last(&self) {
        self.tell_one(Order::LastCome);
    }

    /// Tells all who wait now, and keeps nothing for those to come.
    pub fn notify_waiters(&self) {
        let mut wakers = Wakers::new();
        let mut waiters = self.waiters.lock();
        // Release pairs with the Acquire of `times_all`: who sees the number sees what was done before.
        self.word.fetch_add(ONE_TIME, Ordering::AcqRel);
        waiters.call_all(&mut wakers, |told| *told = Told::WithAll);
        self.nobody_waits();
        drop(waiters);
        wakers.wake();
    }

    #[inline]
    fn tell_one(&self, order: Order) {
        let mut seen = self.word.load(Ordering::Relaxed);
        while state_of(seen) != WAITING {
            // Arrow 1. Release pairs with the Acquire of `take`, and also if there is a notice already:
            // whoever takes it must see what was done before this one.
            match self.word.compare_exchange_weak(
                seen,
                with_state(seen, NOTICE),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        self.tell_one_of_the_waiters(order);
    }

    fn tell_one_of_the_waiters(&self, order: Order) {
        let mut wakers = Wakers::new();
        let mut waiters = self.waiters.lock();
        let chosen = match order {
            Order::FirstCome => waiters.first(),
            Order::LastCome => waiters.last(),
        };
        let Some(told) = chosen else {
            // They have left since, or were all told.
            drop(waiters);
            return self.tell_one(order);
        };
        *told = Told::Alone(order);
        match order {
            Order::FirstCome => waiters.call_first(&mut wakers),
            Order::LastCome => waiters.call_last(&mut wakers),
        }
        if waiters.is_empty() {
            self.nobody_waits();
        }
        drop(waiters);
        wakers.wake();
    }

    /// Arrow 4; the lock is held.
    fn nobody_waits(&self) {
        let seen = self.word.load(Ordering::Acquire);
        if state_of(seen) == WAITING {
            // While somebody waits the word is ours, by the lock, so a plain store will do. Release:
            // what notices before this one told is told on, as in `tell_one`.
            self.word.store(seen - WAITING, Ordering::Release);
        }
    }

    fn times_all(&self) -> u64 {
        self.word.load(Ordering::Acquire) / ONE_TIME
    }

    /// Arrow 2: takes a notice that is there. Acquire pairs with `tell_one`.
    fn take(&self) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        while state_of(seen) == NOTICE {
            match self.word.compare_exchange_weak(
                seen,
                with_state(seen, NOTHING),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Arrow 3, under the lock, unless there is something by now.
    fn begin_to_wait(&self, since: u64) -> bool {
        let mut seen = self.word.load(Ordering::Acquire);
        loop {
            let (after, must_wait) = match state_of(seen) {
                _ if seen / ONE_TIME != since => return false,
                WAITING => return true,
                NOTICE => (with_state(seen, NOTHING), false),
                _ => (with_state(seen, WAITING), true),
            };
            match self
                .word
                .compare_exchange_weak(seen, after, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return must_wait,
                Err(now) => seen = now,
            }
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a waiter is on its way.
#[derive(Debug)]
enum Place {
    /// Made, when all had been told so many times.
    Before(u64),
    Waits(Ticket),
    Done,
}

impl Place {
    fn poll(&mut self, notify: &Notify, context: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(context));
        match self {
            Self::Before(since) => {
                let since = *since;
                if notify.times_all() == since && !notify.take() {
                    ready!(self.wait(notify, since, context));
                }
                *self = Self::Done;
            }
            Self::Waits(_) => ready!(self.look(notify, context)),
            Self::Done => {}
        }
        progress.made();
        Poll::Ready(())
    }

    fn wait(&mut self, notify: &Notify, since: u64, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut waiters = notify.waiters.lock();
        if notify.begin_to_wait(since) {
            *self = Self::Waits(waiters.push(Told::Nothing, waker));
            return Poll::Pending;
        }
        drop(waiters);
        foreign::drop_quietly(waker);
        Poll::Ready(())
    }

    /// Looks whether the ticket was called; leaves the waker if not.
    fn look(&mut self, notify: &Notify, context: &Context<'_>) -> Poll<()> {
        let mut fresh = None;
        loop {
            let mut waiters = notify.waiters.lock();
            let Self::Waits(ticket) = &*self else {
                return Poll::Ready(());
            };
            let (told, unused) = match (waiters.look(ticket, context.waker()), fresh.take()) {
                (Look::Called, unused) => {
                    if let Self::Waits(ticket) = std::mem::replace(self, Self::Done) {
                        waiters.remove(ticket);
                    }
                    (Poll::Ready(()), unused)
                }
                (Look::Waits, unused) => (Poll::Pending, unused),
                (Look::NeedsWaker, Some(waker)) => {
                    (Poll::Pending, waiters.set_waker(ticket, waker))
                }
                (Look::NeedsWaker, None) => {
                    drop(waiters);
                    fresh = Some(context.waker().clone());
                    continue;
                }
            };
            drop(waiters);
            foreign::drop_quietly(unused);
            return told;
        }
    }

    /// Gives the place up, and passes a notice on that was for it alone.
    fn leave(&mut self, notify: &Notify) {
        let Self::Waits(ticket) = std::mem::replace(self, Self::Done) else {
            return;
        };
        let mut waiters = notify.waiters.lock();
        let Left { note, waker, .. } = waiters.remove(ticket);
        if waiters.is_empty() {
            notify.nobody_waits();
        }
        drop(waiters);
        foreign::drop_quietly(waker);
        if let Told::Alone(order) = note {
            notify.tell_one(order);
        }
    }
}

/// The future of [`Notify::notified`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Notified<'a> {
    notify: &'a Notify,
    place: Place,
}

impl Notified<'_> {
    /// Counts for [`Notify::notify_one`] from now on, without being polled. True if there is a notice
    /// already, so that awaiting returns at once.
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        let this = &mut *self;
        enable(&mut this.place, this.notify)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.place.poll(this.notify, context)
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        self.place.leave(self.notify);
    }
}

/// The future of [`Notify::notified_owned`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct OwnedNotified {
    notify: Arc<Notify>,
    place: Place,
}

impl OwnedNotified {
    /// Counts for [`Notify::notify_one`] from now on; see [`Notified::enable`].
    pub fn enable(mut self: Pin<&mut Self>) -> bool {
        let this = &mut *self;
        enable(&mut this.place, &this.notify)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.place.poll(&this.notify, context)
    }
}

impl Drop for OwnedNotified {
    fn drop(&mut self) {
        self.place.leave(&self.notify);
    }
}

/// A first poll whose waker is nobody's; the real one takes its place at the next. The budget of
/// the poll is not asked: this promises to have looked.
fn enable(place: &mut Place, notify: &Notify) -> bool {
    let context = Context::from_waker(std::task::Waker::noop());
    let is_told = match place {
        Place::Before(since) => {
            let since = *since;
            notify.times_all() != since
                || notify.take()
                || place.wait(notify, since, &context).is_ready()
        }
        Place::Waits(_) => place.look(notify, &context).is_ready(),
        Place::Done => true,
    };
    if is_told {
        *place = Place::Done;
    }
    is_told
}

fn state_of(word: u64) -> u64 {
    word & STATE
}

fn with_state(word: u64, state: u64) -> u64 {
    (word & !STATE) | state
}

const NOTHING: u64 = 0;
const NOTICE: u64 = 1;
const WAITING: u64 = 2;
const STATE: u64 = 3;
const ONE_TIME: u64 = 4;
