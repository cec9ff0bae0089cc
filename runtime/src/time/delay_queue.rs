//! Values that come out when their time has come.
//!
//! One sleep serves all: it is set to the earliest deadline. The values stand in a slab, so that a key
//! finds its own, and their deadlines in an ordered set, which has no longest duration.
//!
//! Two dangers. A key may outlive its value, whose place another one takes; so a key has a number
//! that no other has. And a value may be put in with an earlier deadline while somebody waits for a
//! later one; so who waits is woken to look again.

use std::collections::BTreeSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use slab::Slab;

use super::{Instant, Sleep};
use crate::coop;

/// Values with deadlines: for what expires, a session or an entry of a cache.
///
/// # Examples
///
/// ```
/// use runtime::time::{DelayQueue, Duration};
///
/// runtime::block_on(async {
///     let mut sessions = DelayQueue::new();
///     let ann = sessions.insert("ann", Duration::from_millis(1));
///     sessions.insert("bob", Duration::from_millis(3));
///     sessions.reset(&ann, Duration::from_millis(5)); // she has said something
///     assert_eq!(sessions.next().await.unwrap().into_inner(), "bob");
///     assert_eq!(sessions.remove(&ann).into_inner(), "ann");
///     assert!(sessions.next().await.is_none());
/// });
/// ```
pub struct DelayQueue<T> {
    entries: Slab<Entry<T>>,
    order: BTreeSet<Place>,
    next_number: u64,
    /// Made at the first wait, in the runtime that waits.
    sleep: Option<Sleep>,
    waiting: Option<Waker>,
}

struct Entry<T> {
    value: T,
    deadline: Instant,
    number: u64,
}

/// By deadline, then in the order of coming.
type Place = (Instant, u64, usize);

/// Finds a value that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    index: usize,
    number: u64,
}

impl<T> DelayQueue<T> {
    /// A queue without values.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// A queue with room for `capacity` values before it needs more memory.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Slab::with_capacity(capacity),
            order: BTreeSet::new(),
            next_number: 0,
            sleep: None,
            waiting: None,
        }
    }

    /// Puts a value in that is to come out after `delay`.
    pub fn insert(&mut self, value: T, delay: Duration) -> Key {
        self.insert_at(value, Instant::now() + delay)
    }

    /// Puts a value in that is to come out at `deadline`.
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> Key {
        let number = self.next_number;
        self.next_number += 1;
        let index = self.entries.insert(Entry {
            value,
            deadline,
            number,
        });
        self.file((deadline, number, index));
        Key { index, number }
    }

    /// Waits until a value comes out, the one with the earliest deadline. `None` if none is in.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and after its end.
    ///
    /// # Cancel safety
    ///
    /// No value is lost.
    pub async fn next(&mut self) -> Option<Expired<T>> {
        poll_fn(|context| self.poll_expired(context)).await
    }

    /// One step of [`next`](Self::next), for futures written by hand. After `None`, poll again when
    /// something was put in.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and after its end.
    pub fn poll_expired(&mut self, context: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        let progress = ready!(coop::poll_proceed(context));
        while let Some(&(deadline, number, index)) = self.order.first() {
            if deadline <= Instant::now() {
                progress.made();
                return Poll::Ready(self.take(Key { index, number }));
            }
            let sleep = self
                .sleep
                .get_or_insert_with(|| Sleep::new("DelayQueue::poll_expired", deadline));
            if sleep.deadline() != deadline {
                sleep.reset(deadline);
            }
            let Poll::Ready(elapsed) = sleep.poll_deadline(context.waker()) else {
                if !matches!(&self.waiting, Some(held) if held.will_wake(context.waker())) {
                    self.waiting = Some(context.waker().clone());
                }
                return Poll::Pending;
            };
            if let Err(gone) = elapsed {
                panic!("a DelayQueue was polled after its {gone}");
            }
        }
        progress.made();
        Poll::Ready(None)
    }

    /// Takes a value out before its time.
    ///
    /// # Panics
    ///
    /// If it is not in any more; see [`try_remove`](Self::try_remove).
    #[track_caller]
    pub fn remove(&mut self, key: &Key) -> Expired<T> {
        self.try_remove(key)
            .expect("DelayQueue::remove: the value of this key has come out already")
    }

    /// Takes a value out before its time, if it is in still.
    pub fn try_remove(&mut self, key: &Key) -> Option<Expired<T>> {
        self.take(*key)
    }

    /// Gives a value another deadline, `delay` from now.
    ///
    /// # Panics
    ///
    /// If it is not in any more.
    #[track_caller]
    pub fn reset(&mut self, key: &Key, delay: Duration) {
        self.reset_at(key, Instant::now() + delay);
    }

    /// Gives a value another deadline.
    ///
    /// # Panics
    ///
    /// If it is not in any more.
    #[track_caller]
    pub fn reset_at(&mut self, key: &Key, deadline: Instant) {
        let entry = self.entries.get_mut(key.index);
        let entry = entry
            .filter(|entry| entry.number == key.number)
            .expect("DelayQueue::reset_at: the value of this key has come out already");
        let former = std::mem::replace(&mut entry.deadline, deadline);
        self.order.remove(&(former, key.number, key.index));
        self.file((deadline, key.number, key.index));
    }

    /// When a value comes out, if it is in.
    pub fn deadline(&self, key: &Key) -> Option<Instant> {
        let entry = self.entries.get(key.index);
        let entry = entry.filter(|entry| entry.number == key.number)?;
        Some(entry.deadline)
    }

    /// The key of the value that comes out next.
    pub fn peek(&self) -> Option<Key> {
        let &(_, number, index) = self.order.first()?;
        Some(Key { index, number })
    }

    /// How many values are in.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops all values.
    pub fn clear(&mut self) {
        self.order.clear();
        self.entries.clear();
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    /// Files a deadline, and wakes who waits if it is the earliest.
    fn file(&mut self, place: Place) {
        self.order.insert(place);
        if self.order.first() == Some(&place) {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    fn take(&mut self, key: Key) -> Option<Expired<T>> {
        let entry = self.entries.get(key.index)?;
        if entry.number != key.number {
            return None;
        }
        let Entry {
            value, deadline, ..
        } = self.entries.remove(key.index);
        self.order.remove(&(deadline, key.number, key.index));
        if self.order.is_empty() {
            // Who waits is told that there is nothing to wait for.
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
        Some(Expired {
            value,
            deadline,
            key,
        })
    }
}

impl<T> Default for DelayQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for DelayQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T: Unpin> Stream for DelayQueue<T> {
    type Item = Expired<T>;

    /// As [`poll_expired`](DelayQueue::poll_expired): after the end it goes on when something was put in.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        self.get_mut().poll_expired(context)
    }
}

/// A value that has come out of a [`DelayQueue`].
#[derive(Debug)]
pub struct Expired<T> {
    value: T,
    deadline: Instant,
    key: Key,
}

impl<T> Expired<T> {
    /// The value.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// When it was to come out.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The key that it had.
    pub fn key(&self) -> Key {
        self.key
    }
}
