//! Deadlines of one core, and who is to be woken at them.
//!
//! A [`Timers`] is a [wheel](wheel) behind a lock, a [clock](clock), and the core's [`Park`]. Its
//! own worker takes the lock without contention; another thread that arms a timer for a sleeping
//! core wakes it if the new deadline comes before the one it sleeps for.
//!
//! The danger is that race. A core that is about to sleep writes under the lock how long, and only
//! then changes its park word; who arms a timer reads that under the same lock, so either the core
//! has seen the new deadline or the other sees a core to be woken.
//!
//! No waker is cloned, woken or dropped with the lock held: wakers may be anybody's code.

mod clock;
mod wheel;

use std::task::Waker;
use std::time::{Duration, Instant};

use self::clock::Clock;
pub(crate) use self::wheel::Key;
use self::wheel::Wheel;
use crate::foreign;
use crate::here::Fleet;
use crate::park::Park;
use crate::primitive::{Arc, Mutex};

/// The timers of all cores of a runtime.
pub(crate) struct AllTimers {
    fleet: Arc<Fleet>,
    all: Box<[Timers]>,
}

impl AllTimers {
    pub(crate) fn new(fleet: Arc<Fleet>, parks: &[Arc<Park>]) -> Self {
        let all = parks.iter().map(|park| Timers::new(park.clone()));
        Self {
            fleet,
            all: all.collect(),
        }
    }

    /// The core whose timers are at hand.
    #[inline]
    pub(crate) fn here(&self) -> usize {
        self.fleet.here_or_any()
    }

    #[inline]
    pub(crate) fn at(&self, core: usize) -> &Timers {
        &self.all[core]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timers> {
        self.all.iter()
    }
}

/// The timers of one core.
pub(crate) struct Timers {
    clock: Clock,
    park: Arc<Park>,
    state: Mutex<State>,
}

struct State {
    wheel: Wheel,
    /// While the core sleeps: until when. [`AWAKE`] otherwise.
    asleep_until: u64,
    closed: bool,
}

/// What a timer that is looked at says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// The deadline has passed.
    Fired,
    /// Not yet; the waker is stored.
    Pending,
    /// The runtime has gone.
    ShutDown,
}

impl Timers {
    pub(crate) fn new(park: Arc<Park>) -> Self {
        Self {
            clock: Clock::start(),
            park,
            state: Mutex::new(State {
                wheel: Wheel::new(),
                asleep_until: AWAKE,
                closed: false,
            }),
        }
    }

    /// Arms a timer, unless its deadline has passed already.
    pub(crate) fn arm(&self, deadline: Instant, waker: &Waker) -> Result<Key, Polled> {
        if deadline <= Instant::now() {
            return Err(Polled::Fired);
        }
        let deadline = self.clock.read_as(deadline);
        let waker = waker.clone();
        let mut state = self.state.lock();
        if state.closed {
            return Err(Polled::ShutDown);
        }
        let key = state.wheel.insert(deadline, waker);
        let oversleeps = deadline < state.asleep_until;
        drop(state);
        if oversleeps {
            self.park.unpark();
        }
        Ok(key)
    }

    /// Looks at an armed timer and leaves `waker` there.
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> Polled {
        let mut fresh = None;
        loop {
            let mut state = self.state.lock();
            if state.closed {
                return Polled::ShutDown;
            }
            match state.wheel.poll(key, waker) {
                wheel::Polled::Fired => return Polled::Fired,
                wheel::Polled::Current => return Polled::Pending,
                wheel::Polled::Stale => {}
            }
            if let Some(fresh) = fresh.take() {
                let replaced = state.wheel.set_waker(key, fresh);
                drop(state);
                foreign::drop_quietly(replaced);
                return Polled::Pending;
            }
            drop(state);
            fresh = Some(waker.clone());
        }
    }

    /// Moves an armed timer.
    pub(crate) fn reset(&self, key: Key, deadline: Instant) {
        let deadline = self.clock.read_as(deadline);
        let mut state = self.state.lock();
        state.wheel.reset(key, deadline);
        let oversleeps = deadline < state.asleep_until;
        drop(state);
        if oversleeps {
            self.park.unpark();
        }
    }

    /// Disarms a timer.
    pub(crate) fn disarm(&self, key: Key) {
        let left = self.state.lock().wheel.remove(key);
        foreign::drop_quietly(left);
    }

    /// Says how long the core may sleep, and remembers it.
    pub(crate) fn prepare_sleep(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        let next = state.wheel.next_deadline();
        state.asleep_until = next.unwrap_or(NEVER);
        drop(state);
        let next = next?;
        Some(Duration::from_nanos(next.saturating_sub(self.clock.now())))
    }

    /// The core is awake: wakes whose deadline has passed. `due` is room to work in.
    pub(crate) fn fire(&self, due: &mut Vec<Waker>) {
        let mut state = self.state.lock();
        state.asleep_until = AWAKE;
        if state.wheel.is_empty() {
            return;
        }
        state.wheel.advance(self.clock.now(), due);
        drop(state);
        due.drain(..).for_each(foreign::wake);
    }

    /// No timer from now on.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// After [`close`](Self::close): all that wait learn that the runtime has gone.
    pub(crate) fn shut(&self) {
        let mut due = Vec::new();
        let mut state = self.state.lock();
        state.wheel.drain(&mut due);
        drop(state);
        due.into_iter().for_each(foreign::wake);
    }

    /// Timers armed now.
    pub(crate) fn armed(&self) -> usize {
        self.state.lock().wheel.pending()
    }
}

/// Earlier than any deadline: nobody need wake a core that is awake.
const AWAKE: u64 = 0;
const NEVER: u64 = u64::MAX;
