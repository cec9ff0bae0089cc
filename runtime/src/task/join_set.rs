//! A set of tasks, whose results come out as they end.
//!
//! Each task's handle has a waker of its own here, which puts the task's place on a list and wakes
//! whoever waits for the set. So to find the one that has ended costs the same for ten tasks and for
//! ten thousand.
//!
//! Dropping the set aborts its tasks: a set owns what is in it.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};

use slab::Slab;

use super::{AbortHandle, Id, JoinError, JoinHandle};
use crate::primitive::{Arc, Mutex};
use crate::{coop, foreign, handle};

/// Tasks that are waited for together, and aborted together when this is dropped.
///
/// # Examples
///
/// ```
/// use runtime::task::JoinSet;
///
/// runtime::block_on(async {
///     let mut squares = JoinSet::new();
///     for number in 0..4 {
///         squares.spawn(async move { number * number });
///     }
///     let mut sum = 0;
///     while let Some(square) = squares.join_next().await {
///         sum += square.unwrap();
///     }
///     assert_eq!(sum, 14);
/// });
/// ```
pub struct JoinSet<T> {
    tasks: Slab<Member<T>>,
    woken: Arc<Woken>,
}

struct Member<T> {
    handle: JoinHandle<T>,
    waker: Waker,
}

/// The places of tasks that may have ended.
#[derive(Default)]
struct Woken {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    places: VecDeque<usize>,
    waiting: Option<Waker>,
}

impl Woken {
    fn push(&self, place: usize) {
        let mut state = self.state.lock();
        state.places.push_back(place);
        let waiting = state.waiting.take();
        drop(state);
        waiting.into_iter().for_each(foreign::wake);
    }

    /// The next place, or the waker is left.
    fn poll_pop(&self, context: &Context<'_>) -> Poll<usize> {
        if let Some(place) = self.state.lock().places.pop_front() {
            return Poll::Ready(place);
        }
        let fresh = context.waker().clone();
        let mut state = self.state.lock();
        let (polled, unused) = match state.places.pop_front() {
            Some(place) => (Poll::Ready(place), Some(fresh)),
            None => (Poll::Pending, state.waiting.replace(fresh)),
        };
        drop(state);
        foreign::drop_quietly(unused);
        polled
    }
}

/// The waker of one task's handle.
struct Place {
    place: usize,
    woken: Arc<Woken>,
}

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.push(self.place);
    }
}

impl<T> JoinSet<T> {
    /// A set without tasks.
    pub fn new() -> Self {
        Self {
            tasks: Slab::new(),
            woken: Arc::default(),
        }
    }

    /// How many tasks are in it, those included that have ended and were not taken out.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Takes a task in that was started elsewhere.
    pub fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let place = self.tasks.vacant_key();
        let waker = Waker::from(Arc::new(Place {
            place,
            woken: self.woken.clone(),
        }));
        self.tasks.insert(Member { handle, waker });
        // It is looked at when the set is: this leaves the waker with it.
        self.woken.push(place);
        abort
    }

    /// Waits for the next task that ends. `None` if none is in the set.
    ///
    /// # Cancel safety
    ///
    /// No result is lost.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|context| self.poll_join_next(context)).await
    }

    /// As [`join_next`](Self::join_next), with the number of the task.
    ///
    /// # Cancel safety
    ///
    /// No result is lost.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|context| self.poll_join_next_with_id(context)).await
    }

    /// Takes the result of a task out that has ended, if there is one.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let mut context = Context::from_waker(Waker::noop());
        match self.poll_join_next(&mut context) {
            Poll::Ready(joined) => joined,
            Poll::Pending => None,
        }
    }

    /// One step of [`join_next`](Self::join_next), for futures written by hand.
    pub fn poll_join_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T, JoinError>>> {
        let joined = ready!(self.poll_join_next_with_id(context));
        Poll::Ready(joined.map(|joined| joined.map(|(_, output)| output)))
    }

    /// One step of [`join_next_with_id`](Self::join_next_with_id), for futures written by hand.
    pub fn poll_join_next_with_id(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        while !self.tasks.is_empty() {
            // A handle asks too, and would be asked again and again once the budget is spent.
            drop(ready!(coop::poll_proceed(context)));
            let place = ready!(self.woken.poll_pop(context));
            // Its task may have been taken out since, and another one have come in.
            let Some(Member { handle, waker }) = self.tasks.get_mut(place) else {
                continue;
            };
            let mut inner = Context::from_waker(waker);
            if let Poll::Ready(output) = Pin::new(&mut *handle).poll(&mut inner) {
                let id = handle.id();
                self.tasks.remove(place);
                return Poll::Ready(Some(output.map(|output| (id, output))));
            }
        }
        Poll::Ready(None)
    }

    /// Asks all tasks to be ended; they come out of the set as cancelled.
    pub fn abort_all(&mut self) {
        self.tasks
            .iter()
            .for_each(|(_, member)| member.handle.abort());
    }

    /// Lets all tasks go on alone.
    pub fn detach_all(&mut self) {
        self.tasks.clear();
    }

    /// Aborts all tasks, and waits for their end.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks, and gives their results in the order in which they ended.
    ///
    /// # Panics
    ///
    /// If one of them panicked, with its panic, or was aborted. The others are aborted then.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(joined) = self.join_next().await {
            match joined {
                Ok(output) => outputs.push(output),
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => resume_unwind(payload),
                    Err(error) => panic!("JoinSet::join_all: {error}"),
                },
            }
        }
        outputs
    }
}

impl<T: 'static> JoinSet<T> {
    /// Starts a task in the set; see [`spawn`](crate::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime, and in a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static, // not Send? use spawn_local
        T: Send,
    {
        self.insert(super::spawn(future))
    }

    /// Starts a task in the set, by the runtime of `handle`.
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, future: F, handle: &handle::Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(future))
    }

    /// Starts a task in the set that need not be `Send`; see [`spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    ///
    /// Outside of a [`LocalRuntime`](crate::LocalRuntime).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(super::spawn_local(future))
    }

    /// Runs a closure that blocks in the set; see [`spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    ///
    /// As that does.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, closure: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(closure))
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}
