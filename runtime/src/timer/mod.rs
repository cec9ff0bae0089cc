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
//! A clock that stands still shows what a tick hides. The wheel fires all that is due within a tick;
//! where [the clock was paused](clock) a timer that comes up too early by that waits in a list, and
//! fires at its deadline, to the nanosecond: what a test sees does not depend on when it was started.
//!
//! No waker is cloned, woken or dropped with the lock held: wakers may be anybody's code.

mod clock;
mod wheel;

use std::task::Waker;
use std::time::{Duration, Instant};

use self::clock::ALMOST_A_TICK;
pub(crate) use self::clock::{Clock, is_any_paused};
pub(crate) use self::wheel::Key;
use self::wheel::Wheel;
use crate::foreign;
use crate::here::Fleet;
use crate::park::Park;
use crate::primitive::{Arc, Mutant, Mutex, is_planted};

/// The timers of all cores of a runtime.
pub(crate) struct AllTimers {
    fleet: Arc<Fleet>,
    clock: Arc<Clock>,
    all: Box<[Timers]>,
}

impl AllTimers {
    /// `may_pause`: the clock may be stopped, as there are no worker threads.
    pub(crate) fn new(fleet: Arc<Fleet>, parks: &[Arc<Park>], may_pause: bool) -> Self {
        let clock = Arc::new(Clock::start(may_pause));
        let all = parks
            .iter()
            .map(|park| Timers::new(park.clone(), clock.clone()));
        Self {
            fleet,
            all: all.collect(),
            clock,
        }
    }

    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.clock
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
    clock: Arc<Clock>,
    park: Arc<Park>,
    state: Mutex<State>,
}

struct State {
    wheel: Wheel,
    /// While the core sleeps: until when. [`AWAKE`] otherwise.
    asleep_until: u64,
    closed: bool,
    /// Timers that the wheel has fired within the tick of their deadline, but before it.
    early: Vec<Early>,
}

struct Early {
    key: Key,
    deadline: u64,
    waker: Waker,
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
    pub(crate) fn new(park: Arc<Park>, clock: Arc<Clock>) -> Self {
        Self {
            clock,
            park,
            state: Mutex::new(State {
                wheel: Wheel::new(),
                asleep_until: AWAKE,
                closed: false,
                early: Vec::new(),
            }),
        }
    }

    /// Arms a timer, unless its deadline has passed already.
    pub(crate) fn arm(&self, deadline: Instant, waker: &Waker) -> Result<Key, Polled> {
        if deadline <= self.clock.now() {
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
        if oversleeps && !is_planted(Mutant::EarlierTimerNotRung) {
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

    /// A timer has fired: has its time come? If not, `waker` is woken when it has.
    pub(crate) fn is_due(&self, key: Key, deadline: Instant, waker: &Waker) -> bool {
        if !self.clock.was_paused() || self.clock.now() >= deadline {
            return true;
        }
        let waker = waker.clone();
        let deadline = self.clock.read_as(deadline);
        let mut state = self.state.lock();
        let known = state.early.iter().position(|early| early.key == key);
        let former = known.map(|at| state.early.swap_remove(at));
        state.early.push(Early {
            key,
            deadline,
            waker,
        });
        drop(state);
        foreign::drop_quietly(former.map(|early| early.waker));
        false
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
        let next = state.next_deadline();
        state.asleep_until = next.unwrap_or(NEVER);
        drop(state);
        let next = next?;
        Some(Duration::from_nanos(
            next.saturating_sub(self.clock.count()),
        ))
    }

    /// Moves a clock that stands to where the first timer is due. False if there is none, if the clock
    /// runs, or if it is held.
    pub(crate) fn leap(&self) -> bool {
        let state = self.state.lock();
        let early = state.early.iter().map(|early| early.deadline).min();
        // To the first moment that counts as this tick: then the deadlines within it are looked at.
        let tick = state.wheel.next_deadline();
        let tick = tick.map(|tick| tick.saturating_sub(ALMOST_A_TICK));
        drop(state);
        let next = early.into_iter().chain(tick).min();
        next.is_some_and(|next| self.clock.leap_to(next))
    }

    /// The core is awake: wakes whose deadline has passed, and returns how many. `due` is room to work
    /// in.
    pub(crate) fn fire(&self, due: &mut Vec<Waker>) -> usize {
        let mut state = self.state.lock();
        state.asleep_until = AWAKE;
        if state.wheel.is_empty() && state.early.is_empty() {
            return 0;
        }
        state.wheel.advance(self.clock.count(), due);
        if !state.early.is_empty() {
            let now = self.clock.read_as(self.clock.now());
            let all = std::mem::take(&mut state.early).into_iter();
            let (ripe, early) = all.partition::<Vec<_>, _>(|early| early.deadline <= now);
            state.early = early;
            due.extend(ripe.into_iter().map(|early| early.waker));
        }
        drop(state);
        let count = due.len();
        due.drain(..).for_each(foreign::wake);
        count
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
        due.extend(state.early.drain(..).map(|early| early.waker));
        drop(state);
        due.into_iter().for_each(foreign::wake);
    }

    /// Timers armed now.
    pub(crate) fn armed(&self) -> usize {
        self.state.lock().wheel.pending()
    }
}

impl State {
    fn next_deadline(&self) -> Option<u64> {
        let early = self.early.iter().map(|early| early.deadline);
        early.chain(self.wheel.next_deadline()).min()
    }
}

/// Earlier than any deadline: nobody need wake a core that is awake.
const AWAKE: u64 = 0;
const NEVER: u64 = u64::MAX;
