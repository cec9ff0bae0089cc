//! One core's reactor and timers, and the sleep they share.
//!
//! A worker with nothing to run [parks](Driver::park) here: one wait in the kernel ends when a
//! descriptor is ready, when the first timer is due, or when another thread rings. A busy worker
//! [polls](Driver::poll) between two batches of tasks: the same, without sleeping.
//!
//! While the clock is paused, a worker with nothing to run does not sleep until the first timer: it
//! [moves](Driver::park_in_paused_time) the clock there, if nothing has happened that is to be served
//! first.
//!
//! This is also where sockets and sleeps learn which runtime they belong to: [`current`] is the
//! drivers of the runtime that this thread has entered, one a core. They hold on to them, so that what is dropped
//! after its runtime is inert and not dangling.

use std::cell::RefCell;
use std::io;
use std::panic::Location;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::faults::Faults;
use crate::here::Fleet;
use crate::hold::Hold;
use crate::park::Park;
use crate::primitive::{Arc, Mutant, is_planted, thread_local};
use crate::reactor::{self, ALARM, Reactor, Reactors};
use crate::sys::{Event, Events};
use crate::timer::{self, AllTimers, Timers};

/// What the cores of a runtime wait with.
pub(crate) struct Drivers {
    fleet: Arc<Fleet>,
    /// If the runtime has a seed.
    faults: Option<Arc<Faults>>,
    reactors: Arc<Reactors>,
    timers: Arc<AllTimers>,
    parks: Box<[Arc<Park>]>,
}

/// What one core waits with.
pub(crate) struct Driver {
    core: usize,
    all: Arc<Drivers>,
}

/// Room to work in, used again at every wait.
pub(crate) struct Scratch {
    events: Events,
    due: Vec<Waker>,
    /// What a seed holds back.
    held: Vec<Held>,
}

/// An event, and for how many more looks it is held back.
struct Held {
    looks: u32,
    event: Event,
}

/// A sleep that has been prepared.
pub(crate) struct Sleep {
    /// After which time it ends; `None`: when somebody ends it.
    pub(crate) limit: Option<Duration>,
}

/// What a worker is told beside its events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notices(u64);

impl Drivers {
    /// `may_pause`: the clock may be stopped, as there are no worker threads.
    pub(crate) fn new(cores: usize, may_pause: bool, seed: Option<u64>) -> io::Result<Arc<Self>> {
        let fleet = Arc::new(Fleet::new(cores));
        let faults = seed.map(|seed| Arc::new(Faults::new(seed)));
        let reactors = Reactors::new(fleet.clone(), faults.clone())?;
        let parks = reactors.iter().map(|reactor| {
            let park = match cores {
                1 => Park::new()?,
                _ => Park::new_watched()?,
            };
            reactor.watch_bell(park.bell())?;
            park.alarm().map_or(Ok(()), |fd| reactor.watch_alarm(fd))?;
            Ok(Arc::new(park))
        });
        let parks = parks.collect::<io::Result<Box<[_]>>>()?;
        Ok(Arc::new(Self {
            timers: Arc::new(AllTimers::new(fleet.clone(), &parks, may_pause)),
            reactors: Arc::new(reactors),
            parks,
            fleet,
            faults,
        }))
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// What the runtime's seed decides, if it has one.
    pub(crate) fn faults(&self) -> Option<&Arc<Faults>> {
        self.faults.as_ref()
    }

    pub(crate) fn reactors(&self) -> &Arc<Reactors> {
        &self.reactors
    }

    pub(crate) fn timers(&self) -> &Arc<AllTimers> {
        &self.timers
    }

    /// Something begins that takes real time: a clock that stands is not to go on by itself while it is
    /// held. None if the clock runs.
    pub(crate) fn hold_paused_time(self: &Arc<Self>) -> Option<Arc<Hold>> {
        if !self.timers.clock().is_paused() {
            return None;
        }
        let drivers = self.clone();
        Some(Hold::begin(self.fleet.number(), move |is_held| {
            let clock = drivers.timers.clock();
            if is_held {
                clock.hold();
            } else {
                clock.end_hold();
                // A core that sleeps may let the time go on now.
                drivers.parks.iter().for_each(|park| park.unpark());
            }
        }))
    }

    /// # Errors
    ///
    /// In a forked child, which must not take its parent's events.
    pub(crate) fn check_process(&self) -> io::Result<()> {
        if self.reactors.at(0).is_child() {
            return Err(reactor::forked());
        }
        Ok(())
    }

    /// Nothing is registered or armed from now on.
    pub(crate) fn close(&self) {
        self.reactors.iter().for_each(Reactor::close);
        self.timers.iter().for_each(Timers::close);
    }

    /// After [`close`](Self::close): everybody who waits learns why.
    pub(crate) fn shut(&self) {
        self.reactors.iter().for_each(Reactor::shut);
        self.timers.iter().for_each(Timers::shut);
    }
}

impl Driver {
    /// The driver of one core of several.
    pub(crate) fn of(all: &Arc<Drivers>, core: usize) -> Self {
        Self {
            core,
            all: all.clone(),
        }
    }

    #[inline]
    pub(crate) fn reactor(&self) -> &Reactor {
        self.all.reactors.at(self.core)
    }

    #[inline]
    pub(crate) fn timers(&self) -> &Timers {
        self.all.timers.at(self.core)
    }

    #[inline]
    pub(crate) fn park_word(&self) -> &Park {
        &self.all.parks[self.core]
    }

    /// A guess, for who looks for a sleeper to wake.
    pub(crate) fn seems_asleep(&self) -> bool {
        self.park_word().seems_asleep()
    }

    /// Whether the worker, one of several, is not asleep, nor about to be.
    pub(crate) fn is_up(&self) -> bool {
        self.nights().is_some()
    }

    /// How often it has slept, if it is up.
    pub(crate) fn nights(&self) -> Option<u32> {
        self.park_word().nights()
    }

    /// The worker is to have a notice after this time.
    pub(crate) fn set_alarm(&self, after: Duration) {
        self.park_word().set_alarm(after);
    }

    /// Makes the worker look for work.
    pub(crate) fn unpark(&self) {
        self.park_word().unpark();
    }

    /// Sleeps until something happens, and wakes whom it concerns. Returns how many events came.
    pub(crate) fn park(&self, scratch: &mut Scratch) -> io::Result<usize> {
        self.all.check_process()?;
        if self.all.timers.clock().was_paused() {
            return self.park_in_paused_time(scratch);
        }
        self.sleep(scratch, None)
    }

    /// `at_most`: for how long, though no timer is armed.
    fn sleep(&self, scratch: &mut Scratch, at_most: Option<Duration>) -> io::Result<usize> {
        let Some(sleep) = self.fall_asleep(at_most) else {
            return self.poll(scratch);
        };
        let waited = self.reactor().wait(&mut scratch.events, sleep.limit);
        self.park_word().resume();
        self.deal(scratch);
        waited.map(|()| scratch.events.len())
    }

    /// All that comes before the wait itself, which is to last `at_most` so long though no timer is
    /// armed. None if another worker is helping this one: it must not
    /// sleep.
    pub(crate) fn fall_asleep(&self, at_most: Option<Duration>) -> Option<Sleep> {
        let park = self.park_word();
        if !park.lie_down() {
            return None;
        }
        let limit = self.timers().prepare_sleep();
        // A helper may have taken the alarm's event out of the epoll, and left a notice.
        let may_sleep = park.prepare() && !self.reactor().has_notices();
        Some(Sleep {
            limit: if may_sleep {
                limit.or(at_most)
            } else {
                Some(Duration::ZERO)
            },
        })
    }

    /// Time does not pass: what has happened comes first, and if that is nothing the clock goes on to
    /// the next timer. Only where that is not to be, as nothing is armed, or real time is needed, the
    /// core sleeps.
    #[cold]
    fn park_in_paused_time(&self, scratch: &mut Scratch) -> io::Result<usize> {
        if is_planted(Mutant::TimeBeforeEvents) && self.timers().leap() {
            self.timers().fire(&mut scratch.due);
            return Ok(0);
        }
        let nothing = Some(Duration::ZERO);
        self.reactor().wait(&mut scratch.events, nothing)?;
        let is_work = self.deal(scratch) > 0 || !scratch.events.is_empty();
        // A token announces what another thread has sent.
        let has_token = !self.park_word().prepare();
        self.park_word().resume();
        if is_work || has_token || !scratch.held.is_empty() {
            return Ok(scratch.events.len());
        }
        if self.timers().leap() {
            self.timers().fire(&mut scratch.due);
            return Ok(0);
        }
        match self.all.faults {
            Some(_) => self.sleep_by_seed(scratch),
            None => self.sleep(scratch, None),
        }
    }

    /// A test that waits for ever is to fail, and tell its seed.
    fn sleep_by_seed(&self, scratch: &mut Scratch) -> io::Result<usize> {
        let began = Instant::now();
        let events = self.sleep(scratch, Some(PATIENCE))?;
        if events == 0 && began.elapsed() >= PATIENCE {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "everybody waits: no task is ready, no timer armed, and nothing came from outside \
                 for ten seconds. A wake was lost, or the test waits for what never comes",
            ));
        }
        Ok(events)
    }

    /// Looks what has happened, without sleeping, and wakes whom it concerns. Returns how many events
    /// came.
    pub(crate) fn poll(&self, scratch: &mut Scratch) -> io::Result<usize> {
        self.all.check_process()?;
        let nothing = Some(Duration::ZERO);
        let waited = self.reactor().wait(&mut scratch.events, nothing);
        self.deal(scratch);
        waited.map(|()| scratch.events.len())
    }

    /// Does what the worker of this core would do, if it were not stuck: looks what has happened,
    /// and wakes whom it concerns. `scratch` is the helper's. Nothing is done for a sleeper.
    pub(crate) fn help(&self, scratch: &mut Scratch) -> bool {
        let park = self.park_word();
        if !park.help() {
            return false;
        }
        // It fails as the stuck worker's own wait would; that one will report it.
        let _ = self.poll(scratch);
        park.end_help();
        true
    }

    /// Returns how many timers were due.
    fn deal(&self, scratch: &mut Scratch) -> usize {
        if let Some(faults) = &self.all.faults {
            self.rearrange(faults, scratch);
        }
        self.reactor().dispatch(&scratch.events);
        self.timers().fire(&mut scratch.due)
    }

    /// Holds some events back, puts the others into another order, and reports readiness that is not
    /// there.
    #[cold]
    fn rearrange(&self, faults: &Faults, scratch: &mut Scratch) {
        for held in &mut scratch.held {
            held.looks -= 1;
        }
        let fresh = scratch.events.iter().map(|event| Held {
            looks: faults.delay(),
            event,
        });
        scratch.held.extend(fresh);
        let all = std::mem::take(&mut scratch.held).into_iter();
        let (mut ripe, held) = all.partition::<Vec<_>, _>(|held| held.looks == 0);
        scratch.held = held;
        let drawn = std::iter::from_fn(|| faults.draw(&mut ripe).map(|held| held.event));
        scratch.events.replace(drawn);
        if faults.once_in(PRETENCES) {
            self.reactor().pretend(faults);
        }
    }

    /// What was noticed since the last call.
    #[inline]
    pub(crate) fn take_notices(&self) -> Notices {
        Notices(self.reactor().take_notices())
    }

    /// From now on this core has a notice while the other, which is stuck, has events. It may fail,
    /// and then has to look from time to time.
    pub(crate) fn adopt(&self, other: &Self) {
        if other.core < ALARM as usize {
            let _ = self.reactor().adopt(other.reactor(), other.core as u32);
        }
    }

    /// Ends an adoption.
    pub(crate) fn release(&self, other: &Self) {
        self.reactor().release(other.reactor());
    }
}

impl Notices {
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The alarm clock has rung.
    pub(crate) fn alarm(self) -> bool {
        self.0 & 1 << ALARM != 0
    }

    /// The adopted cores that have events.
    pub(crate) fn adopted(self) -> impl Iterator<Item = usize> {
        let mut left = self.0 & !(1 << ALARM);
        std::iter::from_fn(move || {
            let core = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (core < u64::BITS).then_some(core as usize)
        })
    }
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            events: Events::with_capacity(EVENTS_A_HARVEST),
            due: Vec::new(),
            held: Vec::new(),
        }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Drivers>>> = const { RefCell::new(None) };
}

/// Makes `drivers` the current ones of this thread; returns those before, to be put back.
pub(crate) fn replace_current(drivers: Option<Arc<Drivers>>) -> Option<Arc<Drivers>> {
    // A thread that is being torn down has no current runtime and needs none.
    CURRENT
        .try_with(|current| std::mem::replace(&mut *current.borrow_mut(), drivers))
        .unwrap_or(None)
}

/// The drivers of the runtime that this thread has entered. `call` is what the user called, and
/// `caller` from where: both stand in the error.
pub(crate) fn current(call: &str, caller: &Location<'_>) -> io::Result<Arc<Drivers>> {
    let current = CURRENT.try_with(|current| current.borrow().clone());
    let Some(drivers) = current.ok().flatten() else {
        return Err(io::Error::other(outside(call, caller)));
    };
    drivers.check_process()?;
    Ok(drivers)
}

/// The time, by the clock of the runtime that this thread has entered: the kernel's, unless a test
/// has paused it.
#[inline]
pub(crate) fn now() -> Instant {
    if timer::is_any_paused() {
        return now_here();
    }
    Instant::now()
}

#[cold]
fn now_here() -> Instant {
    let now = |drivers: &Arc<Drivers>| drivers.timers.clock().now();
    let here = CURRENT.try_with(|current| current.borrow().as_ref().map(now));
    here.ok().flatten().unwrap_or_else(Instant::now)
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

/// How long a runtime with a seed waits for what is outside of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Looks to one event that never was.
const PRETENCES: usize = 8;
/// 3 KiB: more events at once have shown no gain.
const EVENTS_A_HARVEST: usize = 256;
