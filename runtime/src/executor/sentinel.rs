//! Looking after workers that are stuck.
//!
//! A task that computes for long, or blocks, holds its worker up, and with it everything that waits
//! in that worker's epoll, timers and line. The others would not notice: nobody waits for a worker.
//! So each sleeping worker has an alarm clock, and while any worker is up one other's is set. When it
//! rings, its owner goes round: a worker that is up, has not slept and has not begun a new poll since
//! the last round, is stuck. Rounds are few when all is well, so one that meets somebody up is followed
//! by another soon: a long poll is found a moment after the first round that falls into it, not a whole
//! pause later. The one who finds it does its work: takes its line and its inbox over, looks into
//! its reactor and its timers, and goes on doing so until it moves again. Meanwhile the reactor of the
//! stuck worker is watched as a descriptor in the helper's own, so its events are served at once.
//!
//! The danger is that all alarm clocks are off while somebody is up. Whoever gets up, and has
//! something to poll, makes sure that another's clock is set. Whoever turns its clock off looks, after that, whether anybody is up. Both
//! words are written before the other is read, in one total order, so one of the two sees the other.
//! Setting a clock is one system call and wakes nobody; it is needed about once a tenth of a second
//! while there is work. When all have slept for that long the clocks are off, and the process is
//! silent.

use std::time::{Duration, Instant};

use super::StuckTask;
use super::crew::Crew;
use super::pulse::Beats;
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
    /// The last round met somebody up, and the next one comes soon to see whether it has moved.
    looks_again: bool,
    /// Since when nobody has polled anything.
    silent_since: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
struct Watched {
    beats: Beats,
    /// How often it had slept, if it was up.
    nights: Option<u32>,
    /// If it was stuck at the last round: since when it has been seen so.
    stuck_since: Option<Instant>,
    reported: bool,
    /// Its reactor is watched in ours.
    adopted: bool,
}

impl Sentinel {
    pub(super) fn new(cores: usize) -> Self {
        Self {
            others: vec![Watched::default(); cores],
            calm: 0,
            looks_again: false,
            silent_since: None,
        }
    }

    /// The owner's alarm has rung, or a reactor that it has adopted has events.
    #[cold]
    pub(super) fn attend(&mut self, local: &Local, scratch: &mut Scratch, notices: Notices) {
        for core in notices.adopted() {
            let stuck = local.crew.shell(core);
            let is_stuck = self.others[core].beats == stuck.pulse.look() && stuck.driver.is_up();
            if is_stuck && self.take_charge(local, stuck) {
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
        let mut anybody_polled = false;
        let mut anybody_up = false;
        for other in local.crew.others(local.shell.index) {
            let watched = &mut self.others[other.index];
            let beats = other.pulse.look();
            let before = std::mem::replace(&mut watched.beats, beats);
            anybody_polled |= beats.has_polled_since(before);
            let nights = other.driver.nights();
            anybody_up |= nights.is_some();
            let was_up = std::mem::replace(&mut watched.nights, nights);
            if beats != before || nights.is_none() || nights != was_up {
                self.let_go(local, other);
                continue;
            }
            anybody_stuck = true;
            watched.stuck_since.get_or_insert(now);
            if self.take_charge(local, other) {
                self.adopt(local, other);
                help(local, other, scratch);
                self.report(local, other, now);
            }
        }
        self.calm = if anybody_stuck { 0 } else { self.calm + 1 };
        self.looks_again = anybody_up && !self.looks_again;
        if anybody_stuck || anybody_polled {
            self.silent_since = None;
        }
        self.set_alarm(local, now);
    }

    /// The next round; none if it has been silent for long.
    fn set_alarm(&mut self, local: &Local, now: Instant) {
        let silent_since = *self.silent_since.get_or_insert(now);
        if now.duration_since(silent_since) < SILENCE {
            let is_soon = self.looks_again || self.calm < CALM;
            let pause = if is_soon { SHORT } else { LONG };
            return local.shell.driver.set_alarm(pause);
        }
        if local.crew.dismiss_a_sentinel(&local.shell) {
            self.silent_since = None;
            self.looks_again = false;
            self.calm = 0;
        }
    }

    /// One helper at a time, unless that one is stuck as well. True if it is us.
    fn take_charge(&self, local: &Local, stuck: &Shell) -> bool {
        let us = local.shell.index as u32 + 1;
        let before = stuck.helper.load(Ordering::Acquire);
        if before == us {
            return true;
        }
        let is_free = match before {
            NOBODY => true,
            other => self.others[other as usize - 1].stuck_since.is_some(),
        };
        is_free
            && stuck
                .helper
                .compare_exchange(before, us, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    fn adopt(&mut self, local: &Local, stuck: &Shell) {
        let watched = &mut self.others[stuck.index];
        if !std::mem::replace(&mut watched.adopted, true) {
            local.shell.driver.adopt(&stuck.driver);
        }
    }

    /// It moves again, or sleeps: it looks after itself.
    fn let_go(&mut self, local: &Local, other: &Shell) {
        let watched = Watched {
            beats: other.pulse.look(),
            nights: other.driver.nights(),
            ..Watched::default()
        };
        let before = std::mem::replace(&mut self.others[other.index], watched);
        if before.adopted {
            local.shell.driver.release(&other.driver);
        }
        // If another has taken our place as its helper, this leaves it there.
        let us = local.shell.index as u32 + 1;
        let _ = other
            .helper
            .compare_exchange(us, NOBODY, Ordering::AcqRel, Ordering::Relaxed);
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
        if let Some(task) = StuckTask::find(&local.crew, stuck, watched.beats, Some(took)) {
            watched.reported = true;
            foreign::call(&|| (on_stuck.hook)(&task));
        }
    }
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
    // Half at a time, and not for as long as there is any: two workers that take each other for stuck
    // would hand the same tasks to and fro.
    for _ in 0..HALVINGS {
        let Some(stolen) = ours.steal_from(theirs) else {
            break;
        };
        local.push(stolen.first);
    }
}

impl Crew {
    /// A worker that has slept is about to poll something: another's clock must be set, lest this one
    /// gets stuck unseen.
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

    /// A worker turns its clock off. False if it is not to, as somebody is up.
    pub(crate) fn dismiss_a_sentinel(&self, sentinel: &Shell) -> bool {
        let index = sentinel.index;
        // SeqCst, with `Bed::get_up`: see the head of this file.
        self.alarms.fetch_and(!bit(index), Ordering::SeqCst);
        let is_anybody_up = self.others(index).any(|other| other.driver.is_up());
        if is_anybody_up {
            self.alarms.fetch_or(bit(index), Ordering::SeqCst);
            // Two whose clocks ring at the same time would find each other up for ever.
            let apart = SHORT * index as u32;
            sentinel.driver.set_alarm(LONG + apart);
        }
        !is_anybody_up
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
        match candidates().find(|other| !other.driver.is_up()) {
            Some(sleeper) => self.post(sleeper),
            // All are up. One of them may be stuck already, or get stuck, so it is not to be the only
            // one.
            None => candidates().for_each(|other| self.post(other)),
        }
    }

    fn post(&self, sentinel: &Shell) {
        let bit = bit(sentinel.index);
        if self.alarms.fetch_or(bit, Ordering::SeqCst) & bit == 0 {
            sentinel.driver.set_alarm(SHORT);
        }
    }
}

fn bit(core: usize) -> u64 {
    if core < CLOCKS { 1 << core } else { 0 }
}

/// Workers beyond these are looked after, and look after nobody.
const CLOCKS: usize = 64;
/// Between two rounds, at first, while somebody is stuck, and to look again.
const SHORT: Duration = Duration::from_millis(1);
/// Between two rounds when all has been well for long.
const LONG: Duration = Duration::from_millis(10);
/// Rounds until all has been well for long.
const CALM: u32 = 50;
/// What a full ring takes.
const HALVINGS: u32 = 9;
const SILENCE: Duration = Duration::from_millis(100);
