//! What the ends of a channel share: the messages, the slots, and who waits for either.
//!
//! A slot is room for one message. Each is in one place:
//!
//! ```text
//!            reserve, or come first in the queue             send
//!     free --------------------------------------> promised -----> holds a message
//!      ^                                              |                  |
//!      +----------------------------------------------+------------------+
//!                     given back, received: to the first who waits, if anybody does
//! ```
//!
//! All of it stands under one short lock. A sender takes it for each message: two atomic steps, to lock
//! and to unlock. The receiver takes it once for all messages that are there: they go into a queue of
//! its own, and the slot of each comes back when that one is received, in one atomic step
//! ([`returned`](super::returned)). A sender that waits keeps its message: one that leaves has not sent
//! it, even if a slot was promised to it by then. When it runs, one lock takes the promise and sends.
//! Values are dropped, and wakers cloned, woken and dropped, without the lock.
//!
//! The dangers are those of every queue for slots: a slot that was promised to a sender which leaves,
//! and a receiver that falls asleep beside the last change. The first is given on in
//! [`leave`](Shared::leave). For the second, every change that could end the receiver's wait takes its waker
//! out under the same lock under which the receiver left it.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};

use super::super::notify::Notify;
use super::super::waiters::{Look, Ticket, Waiters, Wakers};
use super::returned::Returned;
use crate::foreign;
use crate::primitive::{AtomicU64, Ordering, ShortGuard, ShortLock};

pub(super) struct Shared<T> {
    state: ShortLock<State<T>>,
    /// Senders that are not weak.
    senders: AtomicU64,
    /// Weak ones.
    pub(super) weak: AtomicU64,
    pub(super) capacity: usize,
    returned: Returned,
    closing: Notify,
}

struct State<T> {
    queue: VecDeque<T>,
    free: usize,
    promised: usize,
    waiting: Waiters<Need>,
    receiver: Option<Waker>,
    /// Nobody gets a slot from now on.
    closed: bool,
    /// Nobody receives from now on.
    gone: bool,
}

/// How many slots somebody wants, and whether they are promised. Who is called without them learns
/// that the channel is closed.
struct Need {
    count: usize,
    granted: bool,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

impl<T> State<T> {
    /// Takes slots, unless others wait for some. `wanted`: who finds too few is going to wait.
    #[inline]
    fn take(&mut self, count: usize, returned: &Returned, wanted: bool) -> Result<(), Refused> {
        if self.closed {
            return Err(Refused::Closed);
        }
        if !self.waiting.is_empty() {
            return Err(Refused::Full);
        }
        if self.free < count {
            self.free += returned.take(wanted);
            if self.free < count {
                return Err(Refused::Full);
            }
            if wanted {
                self.free += returned.take(false);
            }
        }
        self.free -= count;
        Ok(())
    }

    /// Takes what was promised to somebody who was called. Nobody would look at what is sent after the
    /// receiver has gone, so it is not.
    fn take_promised(&mut self, granted: bool, count: usize) -> Result<(), Refused> {
        if granted {
            self.promised -= count;
        }
        match granted && !self.gone {
            true => Ok(()),
            false => Err(Refused::Closed),
        }
    }

    /// Puts a message into a slot that was taken. Who waits for it is to be woken without the lock.
    #[inline]
    fn push(&mut self, value: T) -> Option<Waker> {
        self.queue.push_back(value);
        self.receiver.take()
    }

    /// Gives slots back: to those who wait, as far as they reach.
    #[inline]
    fn give(&mut self, count: usize, returned: &Returned, wakers: &mut Wakers) {
        self.free += count;
        if !self.waiting.is_empty() {
            self.serve(returned, wakers);
        }
    }

    #[cold]
    fn serve(&mut self, returned: &Returned, wakers: &mut Wakers) {
        self.free += returned.take(true);
        while let Some(need) = self.waiting.first().filter(|need| need.count <= self.free) {
            need.granted = true;
            self.free -= need.count;
            self.promised += need.count;
            self.waiting.call_first(wakers);
        }
        self.want_no_more(returned);
    }

    /// If nobody waits any more, the receiver need not take the lock.
    fn want_no_more(&mut self, returned: &Returned) {
        if self.waiting.is_empty() {
            self.free += returned.take(false);
        }
    }

    /// Gives promised slots back unused. They may be what a closed channel has been waiting for.
    fn break_promise(&mut self, count: usize, returned: &Returned, wakers: &mut Wakers) {
        self.promised -= count;
        self.give(count, returned, wakers);
        if self.closed {
            wakers.extend(self.receiver.take());
        }
    }
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: ShortLock::new(State {
                queue: VecDeque::new(),
                free: capacity,
                promised: 0,
                waiting: Waiters::new(),
                receiver: None,
                closed: false,
                gone: false,
            }),
            senders: AtomicU64::new(1),
            weak: AtomicU64::new(0),
            capacity,
            returned: Returned::of(capacity),
            closing: Notify::new(),
        }
    }

    /// Sends if there is a free slot, and nobody waits for it.
    #[inline]
    pub(super) fn try_push(&self, value: T) -> Result<(), (Refused, T)> {
        let mut state = self.state.lock();
        if let Err(refused) = state.take(1, &self.returned, false) {
            return Err((refused, value));
        }
        let waker = state.push(value);
        drop(state);
        waker.into_iter().for_each(foreign::wake);
        Ok(())
    }

    /// Sends, as soon as there is a slot. The value is taken when it is sent.
    #[inline]
    pub(super) fn poll_push(
        &self,
        value: &mut Option<T>,
        ticket: &mut Option<Ticket>,
        context: &Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        if ticket.is_none() {
            let Some(unsent) = value.take() else {
                return Poll::Ready(Err(Refused::Closed));
            };
            match self.try_push(unsent) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err((refused, unsent)) => {
                    *value = Some(unsent);
                    if refused == Refused::Closed {
                        return Poll::Ready(Err(refused));
                    }
                }
            }
        }
        self.poll_slots(1, ticket, context, |state| {
            value.take().and_then(|value| state.push(value))
        })
    }

    /// Takes slots if they are free and nobody waits: they are promised from now on.
    pub(super) fn try_reserve(&self, count: usize) -> Result<(), Refused> {
        let mut state = self.state.lock();
        state.take(count, &self.returned, false)?;
        state.promised += count;
        Ok(())
    }

    /// Takes slots, as soon as everybody before has had theirs: they are promised from now on.
    pub(super) fn poll_reserve(
        &self,
        count: usize,
        ticket: &mut Option<Ticket>,
        context: &Context<'_>,
    ) -> Poll<Result<(), Refused>> {
        self.poll_slots(count, ticket, context, |state| {
            state.promised += count;
            None
        })
    }

    /// Takes slots, as soon as everybody before has had theirs. Under the same lock `fill` does with
    /// them what it wants, and says who is to be woken for it.
    fn poll_slots(
        &self,
        count: usize,
        ticket: &mut Option<Ticket>,
        context: &Context<'_>,
        fill: impl FnOnce(&mut State<T>) -> Option<Waker>,
    ) -> Poll<Result<(), Refused>> {
        let (mut state, taken, unused) = if ticket.is_none() {
            // Foreign code, so before the lock.
            let fresh = context.waker().clone();
            let mut state = self.state.lock();
            match state.take(count, &self.returned, true) {
                Err(Refused::Full) => {
                    let granted = false;
                    *ticket = Some(state.waiting.push(Need { count, granted }, fresh));
                    return Poll::Pending;
                }
                taken => (state, taken, Some(fresh)),
            }
        } else {
            let (mut state, unused) = ready!(self.poll_called(ticket, context));
            let left = ticket.take().map(|held| state.waiting.remove(held).note);
            let granted = left.is_some_and(|left| left.granted);
            let taken = state.take_promised(granted, count);
            (state, taken, unused)
        };
        let filled = taken.map(|()| fill(&mut state));
        drop(state);
        foreign::drop_quietly(unused);
        Poll::Ready(filled.map(|waker| waker.into_iter().for_each(foreign::wake)))
    }

    /// Looks whether a ticket was called, and comes back with the lock and a waker to be dropped
    /// without it; leaves the waker if not.
    fn poll_called(
        &self,
        ticket: &Option<Ticket>,
        context: &Context<'_>,
    ) -> Poll<(ShortGuard<'_, State<T>>, Option<Waker>)> {
        let mut fresh = None;
        loop {
            let mut state = self.state.lock();
            let Some(held) = ticket else {
                return Poll::Ready((state, fresh));
            };
            let unused = match (state.waiting.look(held, context.waker()), fresh.take()) {
                (Look::Called, unused) => return Poll::Ready((state, unused)),
                (Look::Waits, unused) => unused,
                (Look::NeedsWaker, Some(waker)) => state.waiting.set_waker(held, waker),
                (Look::NeedsWaker, None) => {
                    drop(state);
                    fresh = Some(context.waker().clone());
                    continue;
                }
            };
            drop(state);
            foreign::drop_quietly(unused);
            return Poll::Pending;
        }
    }

    /// Gives a place in the queue for slots up, and the slots that were given to it to the next.
    pub(super) fn leave(&self, ticket: Ticket) {
        let mut wakers = Wakers::new();
        let mut state = self.state.lock();
        let left = state.waiting.remove(ticket);
        match left.note.granted {
            true => state.break_promise(left.note.count, &self.returned, &mut wakers),
            // It may have been the first, and have wanted more than the next one does.
            false => state.give(0, &self.returned, &mut wakers),
        }
        state.want_no_more(&self.returned);
        drop(state);
        wakers.wake();
        foreign::drop_quietly(left.waker);
    }

    /// Sends into a slot that was promised.
    pub(super) fn push_promised(&self, value: T) {
        let mut state = self.state.lock();
        state.promised -= 1;
        if state.gone {
            drop(state);
            // Nobody will look at it, nor wait for the slot: here it ends.
            return drop(value);
        }
        let waker = state.push(value);
        drop(state);
        waker.into_iter().for_each(foreign::wake);
    }

    /// Gives promised slots back.
    pub(super) fn give_back(&self, count: usize) {
        let mut wakers = Wakers::new();
        let mut state = self.state.lock();
        state.break_promise(count, &self.returned, &mut wakers);
        drop(state);
        wakers.wake();
    }

    /// Receives what is there.
    ///
    /// `Ok(None)` if nothing will ever be, an error if nothing is.
    #[inline]
    pub(super) fn try_pop(&self, taken: &mut VecDeque<T>) -> Result<Option<T>, Empty> {
        match self.pop_taken(taken) {
            Some(value) => Ok(Some(value)),
            None => self.pop(taken, self.state.lock()).map_err(|_| Empty),
        }
    }

    /// Receives one of those that the receiver has taken before.
    #[inline]
    fn pop_taken(&self, taken: &mut VecDeque<T>) -> Option<T> {
        let value = taken.pop_front()?;
        if self.returned.add() {
            self.give_returned();
        }
        Some(value)
    }

    #[cold]
    fn give_returned(&self) {
        let mut wakers = Wakers::new();
        let mut state = self.state.lock();
        state.give(0, &self.returned, &mut wakers);
        state.want_no_more(&self.returned);
        drop(state);
        wakers.wake();
    }

    /// Receives the first, and takes the others along. The lock comes back if the channel is empty.
    #[inline]
    fn pop<'a>(
        &'a self,
        taken: &mut VecDeque<T>,
        mut state: ShortGuard<'a, State<T>>,
    ) -> Result<Option<T>, ShortGuard<'a, State<T>>> {
        let Some(value) = state.queue.pop_front() else {
            return if self.is_over(&state) {
                Ok(None)
            } else {
                Err(state)
            };
        };
        let mut wakers = Wakers::new();
        state.give(1, &self.returned, &mut wakers);
        // One alone stays: receiving it here is a lock, there an atomic step for the receiver to give
        // its slot back and one for the sender to find it. An empty one is the queue from now on.
        if state.queue.len() > 1 {
            std::mem::swap(taken, &mut state.queue);
        }
        drop(state);
        wakers.wake();
        Ok(Some(value))
    }

    /// Whether an empty channel will stay so.
    fn is_over(&self, state: &State<T>) -> bool {
        // Acquire pairs with the Release of `sender_goes`; its last sender then takes this lock.
        let nobody_sends = state.closed || self.senders.load(Ordering::Acquire) == 0;
        nobody_sends && state.promised == 0
    }

    /// Receives, or leaves the waker.
    #[inline]
    pub(super) fn poll_pop(
        &self,
        taken: &mut VecDeque<T>,
        context: &Context<'_>,
    ) -> Poll<Option<T>> {
        match self.pop_taken(taken) {
            Some(value) => Poll::Ready(Some(value)),
            None => match self.pop(taken, self.state.lock()) {
                Ok(received) => Poll::Ready(received),
                Err(state) => self.wait_for(state, context, |state| self.pop(taken, state)),
            },
        }
    }

    /// Receives up to `limit` messages at once; `Some(0)` if there will never be any.
    fn pop_many<'a>(
        &'a self,
        taken: &mut VecDeque<T>,
        mut state: ShortGuard<'a, State<T>>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Result<usize, ShortGuard<'a, State<T>>> {
        let before = taken.len().min(limit);
        let count = before + state.queue.len().min(limit - before);
        if count == 0 {
            return if self.is_over(&state) {
                Ok(0)
            } else {
                Err(state)
            };
        }
        let mut wakers = Wakers::new();
        buffer.extend(taken.drain(..before));
        buffer.extend(state.queue.drain(..count - before));
        state.give(count, &self.returned, &mut wakers);
        drop(state);
        wakers.wake();
        Ok(count)
    }

    pub(super) fn poll_pop_many(
        &self,
        taken: &mut VecDeque<T>,
        context: &Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        match self.pop_many(taken, self.state.lock(), buffer, limit) {
            Ok(count) => Poll::Ready(count),
            Err(state) => self.wait_for(state, context, |state| {
                self.pop_many(taken, state, buffer, limit)
            }),
        }
    }

    /// The receiver's way to sleep: leaves its waker, unless `again` finds something by then.
    #[cold]
    fn wait_for<'a, R>(
        &'a self,
        state: ShortGuard<'a, State<T>>,
        context: &Context<'_>,
        mut again: impl FnMut(ShortGuard<'a, State<T>>) -> Result<R, ShortGuard<'a, State<T>>>,
    ) -> Poll<R> {
        let held = state.receiver.as_ref();
        if held.is_some_and(|held| held.will_wake(context.waker())) {
            return Poll::Pending;
        }
        drop(state);
        let fresh = context.waker().clone();
        let mut state = match again(self.state.lock()) {
            Ok(found) => {
                foreign::drop_quietly(fresh);
                return Poll::Ready(found);
            }
            Err(state) => state,
        };
        let former = state.receiver.replace(fresh);
        drop(state);
        foreign::drop_quietly(former);
        Poll::Pending
    }

    /// Nobody gets a slot from now on. What is promised may still be sent.
    pub(super) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.call_all(&mut wakers, |_| {});
        drop(state);
        wakers.wake();
        self.closing.notify_waiters();
    }

    /// The receiver goes: what is there is dropped, and what still comes too.
    pub(super) fn receiver_goes(&self, taken: &mut VecDeque<T>) {
        self.close();
        let mut state = self.state.lock();
        state.gone = true;
        let unread = std::mem::take(&mut state.queue);
        let waker = state.receiver.take();
        drop(state);
        foreign::drop_quietly(waker);
        drop((std::mem::take(taken), unread));
    }

    /// Waits until the channel is closed.
    pub(super) async fn closed(&self) {
        let closing = self.closing.notified();
        if !self.is_closed() {
            closing.await;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Closed, or without senders: nothing new will come.
    pub(super) fn is_ending(&self) -> bool {
        self.is_closed() || self.sender_count() == 0
    }

    pub(super) fn free(&self) -> usize {
        let mut state = self.state.lock();
        match state.waiting.first() {
            Some(_) => 0,
            None => state.free + self.returned.count(),
        }
    }

    /// How many messages are there that the receiver has not taken.
    pub(super) fn len(&self) -> usize {
        self.state.lock().queue.len()
    }

    pub(super) fn sender_count(&self) -> u64 {
        self.senders.load(Ordering::Acquire)
    }

    /// One sender more, made from one that is there.
    pub(super) fn sender_comes(&self) {
        // Relaxed: nothing is published by it.
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// One sender more, unless there is none.
    pub(super) fn sender_comes_back(&self) -> bool {
        let more = |count| (count > 0).then_some(count + 1);
        self.senders
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .is_ok()
    }

    /// One sender fewer; the last tells the receiver.
    pub(super) fn sender_goes(&self) {
        // Release pairs with the Acquire of `is_over`.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let waker = self.state.lock().receiver.take();
            waker.into_iter().for_each(foreign::wake);
        }
    }
}

/// Nothing is there now.
#[derive(Debug)]
pub(super) struct Empty;
