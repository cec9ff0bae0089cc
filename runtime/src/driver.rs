//! One core's reactor and timers, and the sleep they share.
//!
//! A worker with nothing to run [parks](Driver::park) here: one wait in the kernel ends when a
//! descriptor is ready, when the first timer is due, or when another thread rings. A busy worker
//! [polls](Driver::poll) between two batches of tasks: the same, without sleeping.
//!
//! This is also where sockets and sleeps learn which runtime they belong to: [`current`] is the
//! driver of the runtime that this thread has entered. They hold on to it, so that what is dropped
//! after its runtime is inert and not dangling.

use std::cell::RefCell;
use std::io;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use crate::park::Park;
use crate::primitive::Arc;
use crate::reactor::{self, Reactor};
use crate::sys::Events;
use crate::timer::Timers;

/// What a core waits with.
pub(crate) struct Driver {
    reactor: Arc<Reactor>,
    timers: Arc<Timers>,
    park: Arc<Park>,
}

/// Room to work in, used again at every wait.
pub(crate) struct Scratch {
    events: Events,
    due: Vec<Waker>,
}

impl Driver {
    pub(crate) fn new() -> io::Result<Self> {
        let reactor = Arc::new(Reactor::new()?);
        let park = Arc::new(Park::new()?);
        reactor.watch_bell(park.bell())?;
        let timers = Arc::new(Timers::new(park.clone()));
        Ok(Self {
            reactor,
            timers,
            park,
        })
    }

    pub(crate) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    pub(crate) fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Makes the worker look for work.
    pub(crate) fn unpark(&self) {
        self.park.unpark();
    }

    /// Sleeps until something happens, and wakes whom it concerns.
    pub(crate) fn park(&self, scratch: &mut Scratch) -> io::Result<()> {
        self.check_process()?;
        let limit = self.timers.prepare_sleep();
        let limit = if self.park.prepare() {
            limit
        } else {
            Some(Duration::ZERO)
        };
        let waited = self.reactor.wait(&mut scratch.events, limit);
        self.park.resume();
        self.deal(scratch);
        waited
    }

    /// Looks what has happened, without sleeping, and wakes whom it concerns.
    pub(crate) fn poll(&self, scratch: &mut Scratch) -> io::Result<()> {
        self.check_process()?;
        let waited = self.reactor.wait(&mut scratch.events, Some(Duration::ZERO));
        self.deal(scratch);
        waited
    }

    /// # Errors
    ///
    /// In a forked child, which must not take its parent's events.
    pub(crate) fn check_process(&self) -> io::Result<()> {
        if self.reactor.is_child() {
            return Err(reactor::forked());
        }
        Ok(())
    }

    fn deal(&self, scratch: &mut Scratch) {
        self.reactor.dispatch(&scratch.events);
        self.timers.fire(&mut scratch.due);
    }

    /// Nothing is registered or armed from now on, and everybody who waits learns why.
    pub(crate) fn shut(&self) {
        self.reactor.shut();
        self.timers.shut();
    }
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            events: Events::with_capacity(EVENTS_A_HARVEST),
            due: Vec::new(),
        }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Driver>>> = const { RefCell::new(None) };
}

/// Makes `driver` the current one of this thread; returns the one before, to be put back.
pub(crate) fn replace_current(driver: Option<Arc<Driver>>) -> Option<Arc<Driver>> {
    // A thread that is being torn down has no current driver and needs none.
    CURRENT
        .try_with(|current| std::mem::replace(&mut *current.borrow_mut(), driver))
        .unwrap_or(None)
}

/// The driver of the runtime that this thread has entered. `call` is what the user called, and
/// `caller` from where: both stand in the error.
pub(crate) fn current(call: &str, caller: &Location<'_>) -> io::Result<Arc<Driver>> {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    let Some(driver) = current.ok().flatten() else {
        return Err(io::Error::other(outside(call, caller)));
    };
    driver.check_process()?;
    Ok(driver)
}

/// The text that everybody meets who forgets the runtime.
pub(crate) fn outside(call: &str, caller: &Location<'_>) -> String {
    format!(
        "{call} was called at {caller}, outside of a runtime: call it in a future that \
         #[runtime::main] or Runtime::block_on runs, or hold the guard of Handle::enter"
    )
}

/// What became of a runtime whose timer is used.
pub(crate) fn gone() -> io::Error {
    reactor::shut_down()
}

/// 3 KiB: more events at once have shown no gain.
const EVENTS_A_HARVEST: usize = 256;
