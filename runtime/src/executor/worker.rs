//! The run loop.
//!
//! A [`Core`] is everything that one worker works with: tasks to run, an inbox for those that other
//! threads wake, a reactor and timers. A thread *runs* a core:
//!
//! ```text
//!   +-> run the tasks that stand in line, then those that they woke, until 61 polls
//!   |   nothing left? take some from another worker
//!   |   look at the reactor and the timers: asleep if nothing is left to run, else in passing
//!   +-- take in what other threads have sent
//! ```
//!
//! The same loop serves a core that is alone and one of several; they differ in where tasks stand in
//! line. A core that is alone has a [queue](super::queue) that no other thread sees; one of several
//! has a [lane](super::lane) that thieves take from, and looks after the others.
//!
//! The dangers are two. *Starvation*: tasks that wake each other, or themselves, would keep the loop
//! from ever looking at its sockets. So a turn ends with the batch in which it has made 61 polls,
//! sooner when its tasks are long, and each poll has a [budget](crate::coop). *Sleeping on work*: the
//! core sleeps only with nothing in line, and whoever pushes first into its empty inbox unparks it.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::Weak;

use super::context;
use super::crew::Crew;
use super::lane::Lane;
use super::queue::Queue;
use super::ring::Batch;
use super::sentinel::Sentinel;
use super::shell::Shell;
use super::turn::Turn;
use crate::coop;
use crate::driver::Scratch;
use crate::faults::Faults;
use crate::primitive::{Arc, Ordering};
use crate::sys::Moment;
use crate::tasks::{Outside, Runnable, TaskRef};

/// What a wake on the running thread reaches.
pub(super) struct Local {
    itself: Weak<Local>,
    pub(super) crew: Arc<Crew>,
    pub(super) shell: Arc<Shell>,
    /// What stands in line, if the core is alone.
    pub(super) queue: Queue,
    /// How many more tasks may go before all others, of those that are woken now.
    may_go_next: Cell<u32>,
    /// A task is being polled, which may lend the core out.
    is_polling: Cell<bool>,
    /// Since it got up, another worker's alarm clock was seen to be set.
    is_looked_after: Cell<bool>,
    sentinel: RefCell<Sentinel>,
    /// If the runtime has a seed.
    faults: Option<Arc<Faults>>,
}

/// What the thread that runs a core does beside running its tasks.
pub(crate) trait Main {
    /// Does it, if there is a reason to; true when it is done.
    fn turn(&mut self) -> bool;

    /// Whether there is a reason.
    fn is_woken(&self) -> bool;

    /// Gives it a reason.
    fn wake(&self);
}

/// Why a thread stops running a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// What it does beside is done.
    Done,
    /// The runtime ends.
    Closed,
    /// A task has lent the core out: another thread runs it by now.
    Lent,
}

impl Local {
    pub(super) fn new(crew: &Arc<Crew>, index: usize) -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            crew: crew.clone(),
            shell: crew.shell(index).clone(),
            queue: Queue::new(),
            may_go_next: Cell::new(0),
            is_polling: Cell::new(false),
            is_looked_after: Cell::new(false),
            faults: crew.drivers().faults().cloned(),
            sentinel: RefCell::new(Sentinel::new(crew.shells().len())),
        })
    }

    /// For another thread to run, which begins anew, if a task of several cores' is being polled.
    pub(super) fn leave(&self) -> Option<Arc<Self>> {
        let is_lent = self.is_polling.get() && self.shell.lane.is_some();
        let local = is_lent.then(|| self.itself.upgrade()).flatten()?;
        self.is_polling.set(false);
        self.may_go_next.set(0);
        Some(local)
    }

    pub(super) fn entered<R>(&self, inside: impl FnOnce() -> R) -> R {
        let fleet = self.crew.drivers().fleet();
        let here = fleet.enter(self.shell.index);
        let result = context::enter(self, inside);
        drop(here);
        result
    }

    pub(super) fn run(&self, scratch: &mut Scratch, main: &mut dyn Main) -> io::Result<Ended> {
        // What was spawned while nobody was here comes before what the main future spawns.
        self.take_inbox_of(&self.shell);
        self.is_looked_after.set(false);
        let mut turn = Turn::begin();
        loop {
            if self.shell.lane.is_some() {
                self.beat(main.is_woken());
                self.is_polling.set(true);
            }
            if main.turn() {
                // It may have lent the core out in its last poll.
                if context::is_lent() {
                    return Ok(Ended::Lent);
                }
                self.is_polling.set(false);
                return Ok(Ended::Done);
            }
            turn.polls += 1;
            if self.run_batch(&mut turn) == Some(Lent) {
                return Ok(Ended::Lent);
            }
            if let Some(faults) = &self.faults {
                if faults.once_in(WAKES_FOR_NOTHING) {
                    main.wake();
                }
            }
            self.is_polling.set(false);
            if self.crew.is_closing() {
                return Ok(Ended::Closed);
            }
            let has_work = main.is_woken() || self.has_tasks();
            if has_work && !turn.is_over() {
                continue;
            }
            self.count(&turn);
            if has_work || self.steal() {
                self.look(scratch)?;
            } else {
                self.sleep(scratch)?;
            }
            self.take_inbox_of(&self.shell);
            turn = Turn::begin();
        }
    }

    fn has_tasks(&self) -> bool {
        match &self.shell.lane {
            None => !self.queue.is_empty(),
            Some(lane) => !lane.is_empty(),
        }
    }

    /// Looks at the reactor and the timers in passing.
    fn look(&self, scratch: &mut Scratch) -> io::Result<()> {
        let events = self.shell.driver.poll(scratch)?;
        self.note_events(events, scratch);
        Ok(())
    }

    fn sleep(&self, scratch: &mut Scratch) -> io::Result<()> {
        self.shell.counts.parks.add(1);
        self.is_looked_after.set(false);
        let events = self.shell.driver.park(scratch)?;
        self.note_events(events, scratch);
        // Before anything of its own: the one who woke it expects that, and nobody else is woken until
        // then.
        if self.shell.recruited.load(Ordering::Relaxed) {
            self.steal();
        }
        Ok(())
    }

    /// Shows that this worker goes on. Somebody must look after one that polls, if there is anybody
    /// else; one that gets up only to look round itself needs nobody.
    #[inline]
    fn beat(&self, is_main_woken: bool) {
        if is_main_woken {
            self.shell.pulse.beat(0);
        } else {
            self.shell.pulse.turn();
        }
        if !self.is_looked_after.get() && (is_main_woken || self.has_tasks()) {
            self.is_looked_after.set(true);
            self.crew.see_to_a_sentinel(&self.shell);
        }
    }

    #[inline]
    fn note_events(&self, events: usize, scratch: &mut Scratch) {
        self.shell.counts.harvests.add(1);
        self.shell.counts.events.add(events as u64);
        let notices = self.shell.driver.take_notices();
        if !notices.is_empty() {
            self.sentinel.borrow_mut().attend(self, scratch, notices);
        }
    }

    fn steal(&self) -> bool {
        self.shell.lane.is_some() && self.crew.steal(&self.shell)
    }

    #[inline]
    fn count(&self, turn: &Turn) {
        let refusals = coop::take_refusals();
        if refusals > 0 {
            self.shell.counts.budget_yields.add(refusals);
        }
        if turn.tasks > 0 {
            if let Some(began) = turn.began_exactly {
                self.shell.pace.note(began, turn.tasks);
            }
        }
    }

    fn run_batch(&self, turn: &mut Turn) -> Option<Lent> {
        match &self.shell.lane {
            None => {
                match &self.faults {
                    None => self.run_alone(turn),
                    Some(faults) => self.run_by_seed(faults, turn),
                }
                None
            }
            // The future of a `block_on` may have lent the core out.
            Some(_) if context::is_lent() => Some(Lent),
            Some(lane) => self.run_among_several(lane, turn),
        }
    }

    /// Runs what stands in the queue now; what these wake is for the next batch.
    fn run_alone(&self, turn: &mut Turn) {
        let batch = self.queue.take();
        let outside = Outside::remember();
        let mut until_look = POLLS_BETWEEN_LOOKS;
        while let Some(task) = batch.pop() {
            coop::renew();
            task.run(&outside);
            until_look -= 1;
            if until_look == 0 {
                until_look = POLLS_BETWEEN_LOOKS;
                turn.polls += POLLS_BETWEEN_LOOKS;
                if turn.is_long() {
                    // What was to run comes before what was woken meanwhile.
                    self.queue.put_before(&batch);
                    break;
                }
            }
        }
        turn.polls += POLLS_BETWEEN_LOOKS - until_look;
    }

    /// Runs some of what is ready, in any order. The look comes after it, whatever the clock says.
    #[cold]
    fn run_by_seed(&self, faults: &Faults, turn: &mut Turn) {
        if faults.once_in(WAKES_FOR_NOTHING) {
            let place = faults.below(self.shell.owned.places().max(1));
            let chosen = self.shell.owned.at(place..place + 1);
            chosen.iter().for_each(TaskRef::wake);
        }
        let outside = Outside::remember();
        let mut ready = Vec::new();
        for _ in 0..faults.batch() {
            ready.extend(std::iter::from_fn(|| self.queue.pop()));
            let Some(task) = faults.draw(&mut ready) else {
                break;
            };
            coop::renew();
            task.run(&outside);
        }
        ready.into_iter().for_each(|task| self.queue.push(task));
        turn.end();
    }

    /// Runs what stands in the lane now, and in between what each task wakes to go next.
    fn run_among_several(&self, lane: &Lane, turn: &mut Turn) -> Option<Lent> {
        let mut batch = lane.refill();
        if batch.is_empty() && lane.is_empty() {
            return None;
        }
        if turn.began_exactly.is_none() {
            turn.began_exactly = Some(Moment::now());
        }
        self.crew.balance(&self.shell, lane.len());
        self.may_go_next.set(NEXT_IN_A_ROW);
        let shell = &*self.shell;
        let outside = Outside::remember();
        let mut polls = 0;
        while let Some(task) = self.take_one(lane, &mut batch) {
            task.set_core(shell.index);
            shell.pulse.beat(task.id().number());
            coop::renew();
            task.run(&outside);
            if context::is_lent() {
                return Some(Lent);
            }
            polls += 1;
            let is_time_to_ask = polls % POLLS_BETWEEN_LOOKS == 0;
            if is_time_to_ask && (turn.is_long() || self.crew.is_closing()) {
                break;
            }
        }
        self.may_go_next.set(0);
        turn.polls += polls;
        turn.tasks += polls;
        None
    }

    /// The task to run: one that goes next, but for a few times in a row only; else the first in line,
    /// if the batch is not over.
    #[inline]
    fn take_one(&self, lane: &Lane, batch: &mut Batch) -> Option<Runnable> {
        if lane.has_next() && self.may_go_next.get() > 0 {
            if let Some(task) = lane.pop_next() {
                self.may_go_next.set(self.may_go_next.get() - 1);
                return Some(task);
            }
        }
        self.may_go_next.set(NEXT_IN_A_ROW);
        lane.pop(batch)
    }

    /// Takes in what was sent to a core: to this one, or to one whose worker is stuck.
    pub(super) fn take_inbox_of(&self, shell: &Shell) {
        for task in shell.inbox.take() {
            // A task that `drop_tasks` has ended may still arrive.
            if !task.is_done() {
                self.push(task.runnable());
            }
        }
    }

    /// Puts a task at the end of the line.
    #[inline]
    pub(super) fn push(&self, task: Runnable) {
        match &self.shell.lane {
            None => self.queue.push(task),
            Some(lane) => lane.push(task),
        }
    }

    /// A task that was woken here.
    #[inline]
    pub(super) fn push_woken(&self, task: Runnable) {
        match &self.shell.lane {
            None => self.queue.push(task),
            Some(lane) if self.may_go_next.get() > 0 => lane.push_next(task),
            Some(lane) => lane.push(task),
        }
    }

    /// A task that was spawned here. One poll may spawn any number: others need not wait for its end.
    #[inline]
    pub(super) fn push_new(&self, task: Runnable) {
        match &self.shell.lane {
            None => self.queue.push(task),
            Some(lane) => {
                lane.push(task);
                let waiting = lane.len();
                if waiting % SPAWNS_BETWEEN_LOOKS == 0 {
                    self.crew.balance(&self.shell, waiting);
                }
            }
        }
    }
}

/// The core is another thread's by now: nothing of it may be touched.
#[derive(PartialEq)]
struct Lent;

/// Within a batch; between two batches the clock is always read.
const POLLS_BETWEEN_LOOKS: u32 = 16;
const SPAWNS_BETWEEN_LOOKS: u32 = 64;
/// Two tasks that wake each other let the others in after this many polls.
const NEXT_IN_A_ROW: u32 = 3;
/// With a seed: batches to one task that is polled though nobody has woken it.
const WAKES_FOR_NOTHING: usize = 8;
