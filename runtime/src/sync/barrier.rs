//! Waiting for each other.
//!
//! The danger is one who comes and does not stay: were it counted all the same, the others would go
//! on without it, or, in the next round, wait for one who has been counted before. Who gives up
//! before the round is full is taken out of the count.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{Look, Ticket, Waiters, Wakers};
use crate::primitive::Mutex;
use crate::{coop, foreign};

/// Lets tasks go on when so many have come; then it begins anew.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Barrier;
///
/// runtime::block_on(async {
///     let start = Arc::new(Barrier::new(2));
///     let other = {
///         let start = start.clone();
///         runtime::spawn(async move { start.wait().await.is_leader() })
///     };
///     let leads = start.wait().await.is_leader();
///     assert_ne!(leads, other.await.unwrap(), "one of them leads");
/// });
/// ```
#[derive(Debug)]
pub struct Barrier {
    size: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    arrived: usize,
    waiting: Waiters<()>,
}

impl Barrier {
    /// A barrier for `size` tasks; 0 is the same as 1.
    pub fn new(size: usize) -> Self {
        Self {
            size: size.max(1),
            state: Mutex::new(State {
                arrived: 0,
                waiting: Waiters::new(),
            }),
        }
    }

    /// Waits until so many have come. One of them is the leader: the one that came last.
    ///
    /// # Cancel safety
    ///
    /// Who gives up before the round is full does not count.
    pub async fn wait(&self) -> BarrierWaitResult {
        let wait = Wait {
            barrier: self,
            ticket: None,
        };
        wait.await
    }

    /// Comes last, or gets a ticket.
    fn arrive(&self, context: &Context<'_>) -> Option<Ticket> {
        let mut wakers = Wakers::new();
        let waker = context.waker().clone();
        let mut state = self.state.lock();
        if state.arrived + 1 < self.size {
            state.arrived += 1;
            return Some(state.waiting.push((), waker));
        }
        state.arrived = 0;
        state.waiting.call_all(&mut wakers, |()| {});
        drop(state);
        wakers.wake();
        foreign::drop_quietly(waker);
        None
    }
}

struct Wait<'a> {
    barrier: &'a Barrier,
    ticket: Option<Ticket>,
}

impl Future for Wait<'_> {
    type Output = BarrierWaitResult;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(context));
        let is_leader = self.ticket.is_none();
        if is_leader {
            self.ticket = self.barrier.arrive(context);
            if self.ticket.is_some() {
                return Poll::Pending;
            }
        } else {
            ready!(self.look(context));
        }
        progress.made();
        Poll::Ready(BarrierWaitResult(is_leader))
    }
}

impl Wait<'_> {
    fn look(&mut self, context: &Context<'_>) -> Poll<()> {
        let fresh = context.waker().clone();
        let mut state = self.barrier.state.lock();
        let Some(held) = &self.ticket else {
            unreachable!("a look is made with a ticket");
        };
        let (polled, unused) = match state.waiting.look(held, context.waker()) {
            Look::Called => (Poll::Ready(()), Some(fresh)),
            Look::Waits => (Poll::Pending, Some(fresh)),
            Look::NeedsWaker => (Poll::Pending, state.waiting.set_waker(held, fresh)),
        };
        if polled.is_ready() {
            self.ticket
                .take()
                .map(|ticket| state.waiting.remove(ticket));
        }
        drop(state);
        foreign::drop_quietly(unused);
        polled
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let mut state = self.barrier.state.lock();
            let left = state.waiting.remove(ticket);
            if left.waker.is_some() {
                state.arrived -= 1;
            }
            drop(state);
            foreign::drop_quietly(left.waker);
        }
    }
}

/// Whether one was the last to come.
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// True for one of each round.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}
