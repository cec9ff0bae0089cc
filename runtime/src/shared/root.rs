//! The root future: the one that a `block_on` was called with.
//!
//! It is polled by the thread that called, between the tasks of the core that this one runs, or
//! without a core. Whoever wakes it must find that thread wherever it sleeps: in a core's epoll, or
//! *outside*, on the bench.
//!
//! The danger is a wake between the last look and the sleep. Every change of `woken` is a swap, so of
//! a wake and a turn one sees the other: either the turn finds it set, or the wake sees where the turn
//! said it would sleep.
//!
//! What is woken outlives the call, in wakers that others have kept, so it is allocated. A thread
//! keeps it for its next `block_on`, if nobody else has kept a waker.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Wake, Waker};

use super::Shared;
use crate::coop;
use crate::executor::Main;
use crate::hold::Waiting;
use crate::primitive::{Arc, AtomicBool, AtomicU32, Ordering, thread_local};

/// A root future and what it has come to.
pub(crate) struct Root<'a, F: Future> {
    future: Pin<&'a mut F>,
    shared: &'a Shared,
    /// There until the root is dropped.
    bell: Option<Bell>,
    output: Option<F::Output>,
}

/// What a `block_on` is woken by: the same signal twice, once to be read and once to be given away.
struct Bell {
    signal: Arc<Signal>,
    waker: Waker,
}

/// What wakes the thread of a `block_on`.
struct Signal {
    woken: AtomicBool,
    /// The core that the thread runs, or [`OUTSIDE`].
    at: AtomicU32,
    shared: Weak<Shared>,
    /// If it is a closure's that holds the runtime's clock.
    waiting: Option<Waiting>,
}

thread_local! {
    /// That of the last `block_on`.
    static KEPT: Cell<Option<Bell>> = const { Cell::new(None) };
}

impl<'a, F: Future> Root<'a, F> {
    /// Not woken before it has been polled for the first time, which it is to be at once.
    pub(crate) fn new(future: Pin<&'a mut F>, shared: &'a Arc<Shared>) -> Self {
        let waiting = Waiting::here(shared.crew().drivers().fleet().number());
        let bell = match Bell::kept(shared) {
            Some(bell) if waiting.is_none() => bell,
            _ => Bell::new(shared, waiting),
        };
        Self {
            future,
            shared,
            bell: Some(bell),
            output: None,
        }
    }

    /// # Panics
    ///
    /// If it is not done.
    pub(crate) fn into_output(mut self) -> F::Output {
        let output = self.output.take();
        output.expect("the loop ends when the future has given its output")
    }

    pub(crate) fn is_done(&self) -> bool {
        self.output.is_some()
    }

    /// The thread runs a core from now on.
    pub(crate) fn moves_to(&self, core: usize) {
        // Release pairs with the Acquire of a wake; the swaps of `woken` order the two.
        self.signal().at.store(core as u32, Ordering::Release);
    }

    /// The thread runs no core any more.
    pub(crate) fn moves_outside(&self) {
        self.signal().at.store(OUTSIDE, Ordering::Release);
    }

    /// There may be something new, though nobody has woken it.
    pub(crate) fn look_again(&self) {
        self.signal().woken.swap(true, Ordering::AcqRel);
    }

    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.signal().waiting.iter()
    }

    fn bell(&self) -> &Bell {
        self.bell.as_ref().expect("it is there until the end")
    }

    fn signal(&self) -> &Arc<Signal> {
        &self.bell().signal
    }
}

impl<F: Future> Main for Root<'_, F> {
    fn turn(&mut self) -> bool {
        if self.signal().woken.swap(false, Ordering::AcqRel) {
            self.waiting().for_each(Waiting::goes_on);
            coop::renew();
            let bell = self.bell.as_ref().expect("it is there until the end");
            let mut context = Context::from_waker(&bell.waker);
            let polled = self.future.as_mut().poll(&mut context);
            if let Poll::Ready(output) = polled {
                self.output = Some(output);
                return true;
            }
        }
        self.waiting().for_each(Waiting::rests);
        // A core that it runs goes back to its worker, before it runs a task that never comes back.
        self.shared.must_run_without_core()
    }

    fn is_woken(&self) -> bool {
        self.signal().woken.load(Ordering::Acquire)
    }

    fn wake(&self) {
        self.signal().wake_by_ref();
    }
}

impl<F: Future> Drop for Root<'_, F> {
    fn drop(&mut self) {
        self.waiting().for_each(Waiting::is_over);
        // A closure's holds on to the runtime.
        let bell = self
            .bell
            .take()
            .filter(|bell| bell.signal.waiting.is_none());
        // A thread that is being torn down keeps nothing.
        let _ = KEPT.try_with(|kept| kept.set(bell));
    }
}

impl Bell {
    fn new(shared: &Arc<Shared>, waiting: Option<Waiting>) -> Self {
        let signal = Arc::new(Signal {
            woken: AtomicBool::new(true),
            at: AtomicU32::new(OUTSIDE),
            shared: Arc::downgrade(shared),
            waiting,
        });
        Self {
            waker: Waker::from(signal.clone()),
            signal,
        }
    }

    /// The one that this thread has kept, as new, if it is of this runtime and nobody else has it. One
    /// that was a closure's is not used again.
    fn kept(shared: &Arc<Shared>) -> Option<Self> {
        let bell = KEPT.try_with(Cell::take).ok()??;
        let signal = &bell.signal;
        let is_ours = Arc::strong_count(signal) == OUR_REFERENCES;
        let is_of = |shared| std::ptr::eq(signal.shared.as_ptr(), Arc::as_ptr(shared));
        if !is_ours || !is_of(shared) {
            return None;
        }
        // Relaxed: nobody else has it, and all that those who had it did was to wake, as is done here.
        signal.woken.store(true, Ordering::Relaxed);
        signal.at.store(OUTSIDE, Ordering::Relaxed);
        Some(bell)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First: the turn that sees the swap may let the clock go again.
        self.waiting.iter().for_each(Waiting::is_woken);
        if self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let at = self.at.load(Ordering::Acquire);
        // Its call has returned, if the runtime has gone.
        if let Some(shared) = self.shared.upgrade() {
            shared.ring((at != OUTSIDE).then_some(at as usize));
        }
    }
}

const OUTSIDE: u32 = u32::MAX;
/// Those of a [`Bell`].
const OUR_REFERENCES: usize = 2;
