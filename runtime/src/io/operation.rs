//! The future of one operation on a descriptor, and its leave-taking.
//!
//! A future that waits may be dropped at any time. Where it was alone nothing need be done: its
//! waker is overwritten by the next waiter, or woken once for nothing. Where it stood in the crowd
//! behind another waiter it must leave, or futures that come and go would pile up there.

use std::future::Future;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::AsyncFd;
use crate::reactor::{Direction, Source, Ticket};

/// Where a future waits, a place a direction.
pub(super) struct Waits<'a> {
    source: &'a Source,
    tickets: [Option<Ticket>; 2],
}

/// An operation on `fd`, whose steps are `step`'s.
struct Operation<'a, T: AsFd, S> {
    fd: &'a AsyncFd<T>,
    waits: Option<Waits<'a>>,
    step: S,
}

/// Makes a future of the steps of an operation.
pub(super) fn operation<'a, T, R, S>(
    fd: &'a AsyncFd<T>,
    step: S,
) -> impl Future<Output = R> + use<'a, T, R, S>
where
    T: AsFd,
    S: FnMut(&AsyncFd<T>, &mut Context<'_>, &mut Option<Waits<'_>>) -> Poll<R>,
{
    Operation {
        fd,
        waits: Some(Waits {
            source: &fd.source,
            tickets: [None; 2],
        }),
        step,
    }
}

impl<T, R, S> Future for Operation<'_, T, S>
where
    T: AsFd,
    S: FnMut(&AsyncFd<T>, &mut Context<'_>, &mut Option<Waits<'_>>) -> Poll<R>,
{
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        (this.step)(this.fd, context, &mut this.waits)
    }
}

/// Nothing in it is ever pinned: the steps are called by reference.
impl<T: AsFd, S> Unpin for Operation<'_, T, S> {}

impl Waits<'_> {
    pub(super) fn ticket(&mut self, direction: Direction) -> &mut Option<Ticket> {
        &mut self.tickets[direction as usize]
    }
}

impl Drop for Waits<'_> {
    #[inline]
    fn drop(&mut self) {
        for ticket in self.tickets.into_iter().flatten() {
            if let Some(slot) = self.source.slot() {
                slot.leave(ticket);
            }
        }
    }
}
