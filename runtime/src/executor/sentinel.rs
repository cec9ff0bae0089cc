//! Looking after workers that are stuck.
//!
//! A task that computes for long, or blocks, holds its worker up, and with it everything that waits
//! in that worker's epoll, timers and line. The others would not notice: nobody waits for a worker.
//! So each sleeping worker has an alarm clock, and while any worker is up one other's is set. When it
//! rings, its owner goes round: a worker that is up, and has not begun a new poll since the last
//! round, is stuck. The one who finds it does its work: takes its line and its inbox over, looks into
//! its reactor and its timers, and goes on doing so until it moves again. Meanwhile the reactor of the
//! stuck worker is watched as a descriptor in the helper's own, so its events are served at once.
//!
//! The danger is that all alarm clocks are off while somebody is up. Whoever gets up makes sure that
//! another's clock is set. Whoever turns its clock off looks, after that, whether anybody is up. Both
//! words are written before the other is read, in one total order, so one of the two sees the other.
//! Setting a clock is one system call and wakes nobody; it is needed about once a tenth of a second
//! while there is work. When all have slept for that long the clocks are off, and the process is
//! silent.

use std::time::{Duration, Instant};

use super::StuckTask;
use super::crew::Crew;
use super::shell::{NOBODY, Shell};
use super::worker::Local;
use crate::driver::{Notices, Scratch};
use crate::foreign;
use crate::primitive::Ordering;

/// What a worker remembers of the others between two rounds.
#[derive(Debug)]
pub(super) struct Sentinel {
    others: Vec<Watched>,
    /// Rounds, running, in which nobody was stuck.
    calm: u32,
    /// Since when nobody has moved.
    silent_since: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
struct Watched {
    polls: u64,
    /// If it was stuck at the last round: since when it has been seen so.
    stuck_since: Option<Instant>,
    reported: bool,
}

impl Sentinel {
    pub(super) fn new(cores: usize) -> Self {
        Self {
            others: vec![Watched::default(); cores],
            calm: 0,
            silent_since: None,
        }
    }

    /// The owner's alarm has rung, or a reactor that it has adopted has events.
    #[cold]
    pub(super) fn attend(&mut self, local: &Local, scratch: &mut Scratch, notices: Notices) {
        for core in notices.adopted() {
            let stuck = local.crew.shell(core);
            let is_stuck = self.others[core].polls == stuck.pulse.polls() && stuck.driver.is_up();
            if is_stuck {
                help(local, stuck, scratch);
            } else {
                self.let_go(local, stuck);
            }
        }
        if notices.alarm() {
            self.go_round(local, scratch);
        }
    }

    fn go_round(&mut self, local: &Local, scratch: &mut Scratch) {
        let now = Instant::now();
        let mut anybody_stuck = false;
        let mut anybody_moved = false;
        for other in local.crew.others(local.shell.index) {
            let watched = &mut self.others[other.index];
            let polls = other.pulse.polls();
            let has_moved = std::mem::replace(&mut watched.polls, polls) != polls;
            anybody_moved |= has_moved;
            if has_moved || !other.driver.is_up() {
                self.let_go(local, other);
                continue;
            }
            anybody_stuck = true;
            watched.stuck_since.get_or_insert(now);
            if take_charge(local, other) {
                help(local, other, scratch);
                self.report(local, other, now);
            }
        }
        self.calm = if anybody_stuck { 0 } else { self.calm + 1 };
        if anybody_stuck || anybody_moved {
            self.silent_since = None;
        }
        self.set_alarm(local, now);
    }

    /// The next round; none if it has been silent for long.
    fn set_alarm(&mut self, local: &Local, now: Instant) {
        let silent_since = *self.silent_since.get_or_insert(now);
        if now.duration_since(silent_since) < SILENCE {
            let pause = if self.calm < CALM { SHORT } else { LONG };
            return local.shell.driver.set_alarm(pause);
        }
        self.silent_since = None;
        self.calm = 0;
        local.crew.dismiss_a_sentinel(&local.shell);
    }

    /// It moves again, or sleeps: it looks after itself.
    fn let_go(&mut self, local: &Local, other: &Shell) {
        self.others[other.index] = Watched {
            polls: other.pulse.polls(),
            ..Watched::default()
        };
        let us = local.shell.index as u32 + 1;
        let was_ours =
            other
                .helper
                .compare_exchange(us, NOBODY, Ordering::AcqRel, Ordering::Relaxed);
        if was_ours.is_ok() {
            local.shell.driver.release(&other.driver);
        }
    }

    /// Names the task, once, if it has been stuck for long enough.
    fn report(&mut self, local: &Local, stuck: &Shell, now: Instant) {
        let watched = &mut self.others[stuck.index];
        let Some(on_stuck) = &local.crew.on_stuck else {
            return;
        };
        let since = watched.stuck_since.unwrap_or(now);
        let took = now.duration_since(since);
        if watched.reported || took < on_stuck.after {
            return;
        }
        if let Some(task) = StuckTask::find(&local.crew, stuck, watched.polls, Some(took)) {
            watched.reported = true;
            foreign::call(&|| (on_stuck.hook)(&task));
        }
    }
}

/// One helper at a time. True if it is us.
fn take_charge(local: &Local, stuck: &Shell) -> bool {
    let us = local.shell.index as u32 + 1;
    let before = stuck
        .helper
        .compare_exchange(NOBODY, us, Ordering::AcqRel, Ordering::Relaxed);
    if before.is_ok() {
        local.shell.driver.adopt(&stuck.driver);
    }
    before.is_ok() || before == Err(us)
}

/// Does the work of a stuck worker: what is ready there is run here.
fn help(local: &Local, stuck: &Shell, scratch: &mut Scratch) {
    if !stuck.driver.help(scratch) {
        return;
    }
    local.shell.counts.rescues.add(1);
    local.take_inbox_of(stuck);
    let (Some(ours), Some(theirs)) = (&local.shell.lane, &stuck.lane) else {
        return;
    };
    if let Some(next) = theirs.pop_next() {
        local.push(next);
    }
    // Half at a time, as long as there is room.
    while ours.steal_from(theirs) > 0 {}
}

impl Crew {
    /// A worker has got up: another's clock must be set, lest this one gets stuck unseen.
    #[inline]
    pub(crate) fn see_to_a_sentinel(&self, awake: &Shell) {
        // SeqCst, with the turning off of a clock: see the head of this file.
        let set = self.alarms.load(Ordering::SeqCst) & !bit(awake.index);
        let enough = match self.shells().len() {
            1 => true,
            // Of two, the other one; if that is stuck there is nobody left.
            2 => set != 0,
            _ => self.is_any_asleep(set),
        };
        if !enough {
            self.post_a_sentinel(awake);
        }
    }

    /// A worker turns its clock off, unless anybody is up.
    pub(crate) fn dismiss_a_sentinel(&self, sentinel: &Shell) {
        let bit = bit(sentinel.index);
        // SeqCst, with `Bed::get_up`: see the head of this file.
        self.alarms.fetch_and(!bit, Ordering::SeqCst);
        let mut others = self.others(sentinel.index);
        if others.any(|other| other.driver.is_up()) {
            self.alarms.fetch_or(bit, Ordering::SeqCst);
            sentinel.driver.set_alarm(LONG);
        }
    }

    fn is_any_asleep(&self, set: u64) -> bool {
        let mut numbered = self.shells().iter().take(CLOCKS).enumerate();
        numbered.any(|(core, shell)| set & bit(core) != 0 && !shell.driver.is_up())
    }

    #[cold]
    fn post_a_sentinel(&self, awake: &Shell) {
        let candidates = || {
            let others = self.others(awake.index);
            others.filter(|other| other.index < CLOCKS)
        };
        let asleep = candidates().find(|other| !other.driver.is_up());
        if let Some(chosen) = asleep.or_else(|| candidates().next()) {
            self.alarms.fetch_or(bit(chosen.index), Ordering::SeqCst);
            chosen.driver.set_alarm(SHORT);
        }
    }
}

fn bit(core: usize) -> u64 {
    if core < CLOCKS { 1 << core } else { 0 }
}

/// Workers beyond these are looked after, and look after nobody.
const CLOCKS: usize = 64;
/// Between two rounds, at first, and while somebody is stuck.
const SHORT: Duration = Duration::from_millis(1);
/// Between two rounds when all has been well for long.
const LONG: Duration = Duration::from_millis(10);
/// Rounds until all has been well for long.
const CALM: u32 = 50;
const SILENCE: Duration = Duration::from_millis(100);
