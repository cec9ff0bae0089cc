//! The wheel against a model that cannot be wrong: a sorted set of deadlines.
//!
//! The danger in such a test is that the model repeats the wheel's own thinking.
//! So the model has no ticks, levels or slots: it holds nanoseconds, and asks of
//! each `advance` only what a user may ask: nothing early, nothing lost, nothing
//! later than one tick, in order. Each entry's waker writes the entry's name to
//! a log when woken, so that a waker mixed up with another's is found as well.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

type Log = Arc<Mutex<Vec<usize>>>;

struct Probe {
    name: usize,
    log: Log,
}

impl Wake for Probe {
    fn wake(self: Arc<Self>) {
        self.log.lock().expect("no probe panics").push(self.name);
    }
}

/// The wheel and the model side by side; a name is an index into `keys`.
struct Pair {
    wheel: Wheel,
    log: Log,
    now: u64,
    /// A run loop asleep, which looks again only if it is told to.
    sleeping_until: Option<u64>,
    keys: Vec<Option<Key>>,
    deadlines: BTreeSet<(u64, usize)>,
    deadline_of: Vec<Option<u64>>,
    /// When a pending entry was filed: one that was overdue then may fire later than a tick.
    filed_at: Vec<u64>,
}

impl Pair {
    fn at(uptime: u64) -> Self {
        let mut wheel = Wheel::new();
        wheel.advance(uptime, &mut Vec::new());
        Self {
            wheel,
            log: Log::default(),
            now: uptime,
            sleeping_until: None,
            keys: Vec::new(),
            deadlines: BTreeSet::new(),
            deadline_of: Vec::new(),
            filed_at: Vec::new(),
        }
    }

    fn waker(&self, name: usize) -> Waker {
        let log = Arc::clone(&self.log);
        Waker::from(Arc::new(Probe { name, log }))
    }

    fn insert(&mut self, deadline: u64) -> usize {
        let name = self.keys.len();
        let before = self.wheel.next_deadline();
        let key = self.wheel.insert(deadline, self.waker(name));
        if before.is_none_or(|before| deadline < before) {
            self.sleeping_until = self.wheel.next_deadline();
        }
        self.keys.push(Some(key));
        self.deadlines.insert((deadline, name));
        self.deadline_of.push(Some(deadline));
        self.filed_at.push(self.now);
        name
    }

    fn reset(&mut self, name: usize, deadline: u64) {
        let Some(key) = self.keys[name] else { return };
        if self.wheel.reset(key, deadline) {
            self.sleeping_until = self.wheel.next_deadline();
        }
        match self.deadline_of[name].replace(deadline) {
            Some(former) => assert!(self.deadlines.remove(&(former, name))),
            None => {
                let stored = self.wheel.set_waker(key, self.waker(name));
                assert!(matches!(stored, Ok(None)));
            }
        }
        self.deadlines.insert((deadline, name));
        self.filed_at[name] = self.now;
    }

    fn remove(&mut self, name: usize) {
        let Some(key) = self.keys[name].take() else {
            return;
        };
        let waker = self.wheel.remove(key);
        let deadline = self.deadline_of[name].take();
        assert_eq!(waker.is_some(), deadline.is_some());
        if let Some(deadline) = deadline {
            assert!(self.deadlines.remove(&(deadline, name)));
        }
    }

    fn advance(&mut self, now: u64) -> usize {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        self.wheel.advance(now, &mut due);
        due.into_iter().for_each(Waker::wake);
        self.sleeping_until = self.wheel.next_deadline();
        let fired = std::mem::take(&mut *self.log.lock().expect("no probe panics"));
        let mut latest = 0;
        for name in &fired {
            let deadline = self.deadline_of[*name]
                .take()
                .expect("fired once, while pending");
            let is_beyond_rounding = deadline > LAST_DEADLINE;
            assert!(
                deadline <= self.now || is_beyond_rounding,
                "{deadline} fired early at {now}"
            );
            assert!(self.deadlines.remove(&(deadline, *name)));
            let tick = deadline.max(self.filed_at[*name]).saturating_add(TICK);
            assert!(latest <= tick, "fired out of order");
            latest = latest.max(deadline);
        }
        if let Some((first, _)) = self.deadlines.first() {
            let is_waiting = first
                .checked_add(TICK - 1)
                .is_none_or(|limit| self.now < limit);
            assert!(is_waiting, "{first} is lost or late at {now}");
        }
        fired.len()
    }

    fn check(&self) {
        assert_eq!(self.wheel.pending(), self.deadlines.len());
        assert_eq!(self.wheel.is_empty(), self.deadlines.is_empty());
        if let Some((first, _)) = self.deadlines.first() {
            let limit = first.max(&self.now).saturating_add(TICK);
            for next in [self.wheel.next_deadline(), self.sleeping_until] {
                assert!(
                    next.is_some_and(|next| next < limit),
                    "{next:?} would miss {first}"
                );
            }
        } else {
            assert_eq!(self.wheel.next_deadline(), None);
        }
    }

    /// Sleeps from one `next_deadline` to the next, as the run loop does; returns the number of wake-ups.
    fn run_until_empty(&mut self) -> usize {
        let mut wake_ups = 0;
        while let Some(next) = self.wheel.next_deadline() {
            self.advance(next);
            self.check();
            wake_ups += 1;
        }
        wake_ups
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64),
    Reset(usize, u64),
    Remove(usize),
    Advance(u64),
    AdvanceToNext,
}

/// From nothing to centuries, each order of magnitude as likely as another.
fn any_span() -> impl Strategy<Value = u64> {
    (0..=u64::BITS, any::<u64>()).prop_map(|(bits, value)| value.checked_shr(bits).unwrap_or(0))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any_span().prop_map(Step::Insert),
        3 => (any::<usize>(), any_span()).prop_map(|(name, span)| Step::Reset(name, span)),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => any_span().prop_map(Step::Advance),
        3 => Just(Step::AdvanceToNext),
    ]
}

fn perform(pair: &mut Pair, step: &Step) {
    let count = pair.keys.len();
    match *step {
        Step::Insert(span) => {
            pair.insert(pair.now.saturating_add(span));
        }
        Step::Reset(name, span) if count > 0 => {
            pair.reset(name % count, pair.now.saturating_add(span));
        }
        Step::Remove(name) if count > 0 => pair.remove(name % count),
        Step::Advance(span) => {
            pair.advance(pair.now.saturating_add(span));
        }
        Step::AdvanceToNext => {
            let next = pair.wheel.next_deadline().unwrap_or(pair.now);
            pair.advance(next);
        }
        Step::Reset(..) | Step::Remove(..) => {}
    }
    pair.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_sorted_set(
        uptime in any_span(),
        steps in proptest::collection::vec(any_step(), 1..120),
    ) {
        let mut pair = Pair::at(uptime);
        for step in &steps {
            perform(&mut pair, step);
        }
        pair.run_until_empty();
        prop_assert!(pair.deadlines.is_empty());
    }
}

/// Seeded, so that every run is the same run.
struct XorShift(u64);

impl XorShift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Mostly under a second, at times up to an hour: what a busy server files.
    fn span(&mut self) -> u64 {
        let bits = 12 + self.next() % 30;
        self.next() % (1 << bits)
    }
}

/// A long walk at each of the uptimes at which counters of 30, 31, 32, 36 and 42 bits of milliseconds
/// come round, beside a timer that is never reached. `docs/testing.md` tells of the longer one.
#[test]
fn a_long_walk_agrees_with_a_sorted_set_at_every_uptime() {
    let asked = |name: &str| std::env::var(name).ok()?.parse().ok();
    let steps: u64 = asked("TIMER_STEPS").unwrap_or(1_000_000);
    let seed: u64 = asked("TIMER_SEED").unwrap_or(1);
    println!("TIMER_STEPS={steps} TIMER_SEED={seed}");
    let mut random = XorShift(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let uptimes = [0, 1 << 30, 1 << 31, 1 << 32, 1 << 36, 1 << 42].map(|it| it * MILLISECOND);
    let mut fired = 0;
    for uptime in uptimes {
        let mut pair = Pair::at(uptime.saturating_sub(5_000 * MILLISECOND));
        let far = pair.insert(u64::MAX);
        for step in 0..steps / uptimes.len() as u64 {
            fired += walk(&mut pair, &mut random, step, far);
        }
        assert!(pair.now > uptime, "it walked past {uptime}");
        let pending = pair.deadlines.len();
        let mut left = 0;
        while pair.deadlines.len() > 1 {
            let next = pair
                .wheel
                .next_deadline()
                .expect("more than one is pending");
            left += pair.advance(next);
            pair.check();
        }
        assert_eq!(left + 1, pending, "all but the far one");
        assert!(pair.deadline_of[far].is_some());
    }
    println!("{steps} steps, {fired} of them fired on the way");
}

/// One step of the walk, which leaves the `far` one alone; how many fired.
fn walk(pair: &mut Pair, random: &mut XorShift, step: u64, far: usize) -> usize {
    let span = random.span();
    // Young names: the old ones are mostly gone.
    let back = 1 + random.next() as usize % 4096;
    let name = pair.keys.len().saturating_sub(back).max(far + 1);
    let is_there = name < pair.keys.len();
    let pending = pair.deadlines.len();
    match random.next() % 16 {
        9..=11 if is_there => perform(pair, &Step::Remove(name)),
        5..=8 if is_there => perform(pair, &Step::Reset(name, span)),
        12 if pending > 1 => {
            perform(pair, &Step::AdvanceToNext);
            return pending - pair.deadlines.len();
        }
        13.. => {
            // Mostly two milliseconds, at times up to an hour.
            let time = if step % 4096 == 0 {
                span
            } else {
                random.next() % (1 << 21)
            };
            perform(pair, &Step::Advance(time));
            return pending - pair.deadlines.len();
        }
        _ => perform(pair, &Step::Insert(span)),
    }
    0
}

#[test]
fn short_timers_are_right_at_every_uptime_beside_a_far_one() {
    for bits in [20, 30, 31, 32, 36, 42] {
        let uptime = MILLISECOND << bits;
        for offset in [0, 1, TICK - 1, TICK, 63 * TICK, 64 * TICK, 4095 * TICK] {
            let mut pair = Pair::at(uptime.saturating_sub(offset));
            pair.insert(u64::MAX);
            pair.insert(uptime.saturating_mul(2));
            for milliseconds in 1..200 {
                pair.insert(pair.now + milliseconds * MILLISECOND);
            }
            let mut fired = 0;
            for milliseconds in 1..=200 {
                let now = uptime.saturating_sub(offset) + milliseconds * MILLISECOND + TICK;
                fired += pair.advance(now);
                assert_eq!(fired as u64, milliseconds.min(199), "uptime 2^{bits} ms");
                pair.check();
            }
            pair.run_until_empty();
        }
    }
}

#[test]
fn the_extremes_of_a_duration_are_deadlines_like_others() {
    let mut pair = Pair::at(0);
    pair.insert(0);
    pair.insert(1);
    let last = pair.insert(u64::MAX);
    assert_eq!(pair.wheel.next_deadline(), Some(0));
    assert_eq!(pair.advance(0), 1);
    assert_eq!(pair.advance(TICK - 1), 0);
    assert_eq!(pair.advance(TICK), 1);
    assert_eq!(pair.advance(LAST_DEADLINE - 1), 0);
    pair.reset(last, 1);
    assert_eq!(
        pair.advance(0),
        1,
        "overdue: fires even when time runs backwards"
    );
    pair.reset(last, u64::MAX);
    assert_eq!(pair.advance(u64::MAX), 1);
    let late = pair.insert(u64::MAX);
    assert_eq!(pair.advance(u64::MAX), 1);
    pair.remove(late);
    assert!(pair.wheel.is_empty());
}

#[test]
fn an_overdue_deadline_fires_at_the_next_advance() {
    let mut pair = Pair::at(100 * TICK + 5);
    for deadline in [0, 99 * TICK, 100 * TICK] {
        pair.insert(deadline);
        assert_eq!(pair.wheel.next_deadline(), Some(100 * TICK));
        assert_eq!(pair.advance(100 * TICK + 5), 1);
    }
}

#[test]
fn one_far_timer_costs_one_wake_up() {
    for span in [
        MILLISECOND,
        100 * MILLISECOND,
        3_600_000 * MILLISECOND,
        u64::MAX / 2,
    ] {
        let mut pair = Pair::at(987_654_321);
        pair.insert(pair.now + span);
        assert_eq!(pair.run_until_empty(), 1, "{span} ns");
    }
}

#[test]
fn a_crowd_of_far_timers_costs_one_wake_up() {
    let mut pair = Pair::at(987_654_321);
    for _ in 0..1000 {
        pair.insert(pair.now + 3_600_000 * MILLISECOND);
    }
    assert_eq!(pair.run_until_empty(), 1);
}

#[test]
fn a_reset_wakes_a_sleeper_only_for_a_deadline_before_the_first() {
    let mut pair = Pair::at(0);
    let names = [10, 20, 30].map(|second| pair.insert(second * 1000 * MILLISECOND));
    let key = pair.keys[names[2]].expect("inserted");
    for (second, is_sooner) in [(25, false), (11, false), (40, false), (9, true), (5, true)] {
        assert_eq!(
            pair.wheel.reset(key, second * 1000 * MILLISECOND),
            is_sooner,
            "{second} s"
        );
    }
}

#[test]
fn a_timer_moved_later_again_and_again_fires_once_and_in_time() {
    let mut pair = Pair::at(0);
    let name = pair.insert(30_000 * MILLISECOND);
    let mut wake_ups = 0;
    for milliseconds in 1..100_000 {
        let now = milliseconds * MILLISECOND;
        wake_ups += usize::from(pair.wheel.next_deadline().is_some_and(|next| next <= now));
        assert_eq!(pair.advance(now), 0);
        pair.reset(name, now + 30_000 * MILLISECOND);
    }
    assert!(
        wake_ups <= 20,
        "{wake_ups} wake-ups for an idle timeout that never passed"
    );
    pair.run_until_empty();
    assert!(pair.now - 129_999 * MILLISECOND < TICK);
}

#[test]
fn a_timer_moved_later_then_back_keeps_the_moved_deadline() {
    let mut pair = Pair::at(0);
    let name = pair.insert(10 * MILLISECOND);
    for milliseconds in [5000, 400, 9, 11, 1] {
        pair.reset(name, milliseconds * MILLISECOND);
        pair.check();
    }
    assert!(pair.wheel.reset(pair.keys[name].expect("inserted"), 0));
    pair.reset(name, 20 * MILLISECOND);
    assert_eq!(pair.advance(20 * MILLISECOND - 1), 0);
    assert_eq!(pair.advance(20 * MILLISECOND + TICK), 1);
}

#[test]
fn a_hundred_thousand_entries_at_one_deadline_take_linear_time() {
    let started = Instant::now();
    let mut pair = Pair::at(5 * MILLISECOND);
    let deadline = 60_000 * MILLISECOND;
    for _ in 0..100_000 {
        pair.insert(deadline);
    }
    for name in (0..100_000).step_by(2) {
        pair.remove(name);
    }
    for name in (1..100_000).step_by(4) {
        pair.reset(name, deadline + MILLISECOND);
    }
    assert_eq!(pair.advance(deadline - 1), 0);
    assert_eq!(pair.advance(deadline + TICK), 25_000);
    assert_eq!(pair.advance(deadline + MILLISECOND + TICK), 25_000);
    // A walk of half the list for each removal would be 10^9 steps and more.
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn years_of_idle_time_are_one_step() {
    let mut pair = Pair::at(0);
    for year in 1..500 {
        pair.advance(year * 365 * 86_400_000 * MILLISECOND);
        pair.insert(pair.now + MILLISECOND);
    }
    assert_eq!(pair.advance(u64::MAX), 1);
}

#[test]
fn drain_fires_everything_and_leaves_a_wheel_that_works() {
    let mut pair = Pair::at(77);
    for bits in 0..64 {
        pair.insert(1 << bits);
    }
    let mut due = Vec::new();
    pair.wheel.drain(&mut due);
    assert_eq!((due.len(), pair.wheel.pending()), (64, 0));
    assert_eq!(pair.wheel.next_deadline(), None);
    let key = pair.keys[3].expect("inserted");
    assert_eq!(pair.wheel.poll(key, Waker::noop()), Polled::Fired);
    assert!(pair.wheel.remove(key).is_none());
    assert!(
        pair.wheel
            .reset(pair.keys[4].expect("inserted"), MILLISECOND)
    );
    pair.wheel.advance(MILLISECOND + TICK, &mut due);
    assert_eq!(
        (due.len(), pair.wheel.pending()),
        (64, 0),
        "it fired, but has no waker"
    );
}

#[test]
fn a_waker_is_moved_in_and_out_but_never_cloned_woken_or_dropped() {
    let probe = Arc::new(Probe {
        name: 0,
        log: Log::default(),
    });
    let waker = Waker::from(Arc::clone(&probe));
    let mut wheel = Wheel::new();
    let key = wheel.insert(TICK, waker.clone());
    let other = wheel.insert(TICK, waker.clone());
    assert_eq!(wheel.poll(key, &waker), Polled::Current);
    assert_eq!(wheel.poll(key, Waker::noop()), Polled::Stale);
    let replaced = wheel.set_waker(key, waker.clone()).expect("it is pending");
    let mut due = Vec::new();
    wheel.advance(TICK, &mut due);
    let refused = wheel
        .set_waker(key, waker.clone())
        .expect_err("it has fired");
    assert_eq!(wheel.poll(key, &waker), Polled::Fired);
    assert!(wheel.reset(other, u64::MAX));
    assert_eq!(wheel.poll(other, &waker), Polled::Stale);
    assert!(matches!(wheel.set_waker(other, waker.clone()), Ok(None)));
    let removed = wheel.remove(other);
    due.extend([replaced, removed, Some(refused)].into_iter().flatten());
    assert_eq!(due.len(), 5, "as many as went in");
    assert_eq!(Arc::strong_count(&probe), 2 + 5);
    assert!(probe.log.lock().expect("no probe panics").is_empty());
}

const TICK: u64 = 1 << TICK_BITS;

/// Later deadlines cannot be rounded up to a tick.
const LAST_DEADLINE: u64 = LAST_TICK << TICK_BITS;

const MILLISECOND: u64 = 1_000_000;
