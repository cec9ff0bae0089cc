//! The future of one operation on a descriptor, and its leave-taking.
//!
//! A future that waits may be dropped at any time. Where it was alone nothing need be done: its
//! waker is overwritten by the next waiter, or woken once for nothing. Where it stood in the crowd
//! behind another waiter it must leave, or futures that come and go would pile up there.

use std::future::Future;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::AsyncFd;
use crate::reactor::{Direction, Registered, Slot, Source, Ticket};

/// Where a future waits beside others. Mostly it waits alone, and there is nothing to remember.
pub(super) type Tickets = Option<Box<[Option<Ticket>; 2]>>;

/// An operation on `fd`, whose steps are `step`'s.
struct Operation<'a, T: AsFd, S> {
    fd: &'a AsyncFd<T>,
    tickets: Tickets,
    step: S,
}

/// Makes a future of the steps of an operation.
pub(super) fn operation<'a, T, R, S>(
    fd: &'a AsyncFd<T>,
    step: S,
) -> impl Future<Output = R> + use<'a, T, R, S>
where
    T: AsFd,
    S: FnMut(&AsyncFd<T>, &mut Context<'_>, Waits<'_>) -> Poll<R>,
{
    Operation {
        fd,
        tickets: None,
        step,
    }
}

impl<T, R, S> Future for Operation<'_, T, S>
where
    T: AsFd,
    S: FnMut(&AsyncFd<T>, &mut Context<'_>, Waits<'_>) -> Poll<R>,
{
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        (this.step)(this.fd, context, Waits::AsFuture(&mut this.tickets))
    }
}

/// Nothing in it is ever pinned: the steps are called by reference.
impl<T: AsFd, S> Unpin for Operation<'_, T, S> {}

impl<T: AsFd, S> Drop for Operation<'_, T, S> {
    #[inline]
    fn drop(&mut self) {
        if let Some(tickets) = self.tickets.take() {
            leave(&self.fd.source, *tickets);
        }
    }
}

#[cold]
fn leave(source: &Source, tickets: [Option<Ticket>; 2]) {
    for ticket in tickets.into_iter().flatten() {
        if let Some(slot) = source.slot() {
            slot.leave(ticket);
        }
    }
}

/// Who waits, for the case that others do too.
pub(super) enum Waits<'a> {
    /// A future, which leaves when it is dropped.
    AsFuture(&'a mut Tickets),
    /// A caller of a poll function: the latest one counts.
    AsWaker,
}

impl Waits<'_> {
    #[cold]
    pub(super) fn join_crowd(
        &mut self,
        slot: &Slot,
        direction: Direction,
        waker: &Waker,
    ) -> Registered {
        let ticket = match self {
            Self::AsFuture(tickets) => {
                Some(&mut tickets.get_or_insert_default()[direction as usize])
            }
            Self::AsWaker => None,
        };
        slot.join_crowd(direction, waker, ticket)
    }
}
