//! What keeps a clock that stands from going on by itself.
//!
//! While a runtime's clock is paused, a closure on one of its threads for blocking calls takes real
//! time, and holds the clock for as long as it runs. But while it waits, in a `block_on`, for the tasks
//! and timers of the same runtime, it is no more than a task that waits: then it lets the clock go.
//!
//! The danger is the moment of its waking. Whoever wakes it may be the thread that moves the clock, and
//! would move it on before the closure has got up. So the waker takes the hold back, in the
//! closure's name, before it does anything else; a lock decides between it and a closure that is about
//! to let go.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::primitive::{Arc, Mutex, thread_local};

/// The hold of one closure.
pub(crate) struct Hold {
    /// The fleet of cores whose clock it is.
    fleet: u32,
    is_held: AtomicBool,
    /// Holds the clock, or no longer.
    change: Box<dyn Fn(bool) + Send + Sync>,
}

/// A `block_on` of a closure that holds its runtime's clock.
pub(crate) struct Waiting {
    hold: Arc<Hold>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_woken: bool,
    /// A waker that somebody has kept changes nothing any more.
    is_over: bool,
}

thread_local! {
    /// That of the closure which this thread runs.
    static HERE: RefCell<Option<Arc<Hold>>> = const { RefCell::new(None) };
}

impl Hold {
    /// Holds the clock, by `change`.
    pub(crate) fn begin(fleet: u32, change: impl Fn(bool) + Send + Sync + 'static) -> Arc<Self> {
        ANY.store(true, Ordering::Relaxed);
        change(true);
        Arc::new(Self {
            fleet,
            is_held: AtomicBool::new(true),
            change: Box::new(change),
        })
    }

    pub(crate) fn let_go(&self) {
        if self.is_held.swap(false, Ordering::AcqRel) {
            (self.change)(false);
        }
    }

    fn take_back(&self) {
        if !self.is_held.swap(true, Ordering::AcqRel) {
            (self.change)(true);
        }
    }

    /// The closure begins, on this thread.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        Entered(HERE.with(|here| here.replace(Some(self.clone()))))
    }
}

/// Puts back what was there before the closure.
pub(crate) struct Entered(Option<Arc<Hold>>);

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| here.replace(self.0.take()));
    }
}

impl Waiting {
    /// If this thread runs a closure that holds the clock of these cores.
    pub(crate) fn here(fleet: u32) -> Option<Self> {
        // Relaxed: set before this thread was given the closure.
        if !ANY.load(Ordering::Relaxed) {
            return None;
        }
        let here = HERE.try_with(|here| here.borrow().clone()).ok().flatten();
        let hold = here.filter(|hold| hold.fleet == fleet)?;
        Some(Self {
            hold,
            state: Mutex::new(State::default()),
        })
    }

    /// The future waits: lets the clock go, unless somebody has just woken it.
    pub(crate) fn rests(&self) {
        let state = self.state.lock();
        if !state.is_woken {
            self.hold.let_go();
        }
    }

    /// Before the future is woken.
    pub(crate) fn is_woken(&self) {
        let mut state = self.state.lock();
        if !state.is_over {
            state.is_woken = true;
            self.hold.take_back();
        }
    }

    /// The future is polled.
    pub(crate) fn goes_on(&self) {
        let mut state = self.state.lock();
        state.is_woken = false;
        self.hold.take_back();
    }

    /// The closure goes on.
    pub(crate) fn is_over(&self) {
        let mut state = self.state.lock();
        state.is_over = true;
        self.hold.take_back();
    }
}

/// Whether any clock of this process was ever held.
static ANY: AtomicBool = AtomicBool::new(false);
