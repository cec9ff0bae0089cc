//! The run loop.
//!
//! A [`Core`] is everything that one worker works with: a queue of tasks to run, an inbox for those
//! that other threads wake, a reactor and timers. A thread *runs* a core:
//!
//! ```text
//!   +-> run the tasks that stand in the queue, then those that they woke, until 61 polls
//!   |   look at the reactor and the timers: asleep if nothing is left to run, else in passing
//!   +-- take in what other threads have sent
//! ```
//!
//! The dangers are two. *Starvation*: tasks that wake each other, or themselves, would keep the loop
//! from ever looking at its sockets. So a turn ends with the batch in which it has made 61 polls,
//! sooner when its tasks are long, and each poll has a [budget](crate::coop). *Sleeping on work*: the
//! core sleeps only with an empty queue, and whoever pushes first into its empty inbox unparks it.

use std::io;

use super::context;
use super::inbox::{Inbox, Pushed};
use super::owned::Owned;
use super::queue::Queue;
use crate::coop;
use crate::driver::{Driver, Scratch};
use crate::primitive::{Arc, AtomicBool, Ordering};
use crate::sys::CoarseInstant;
use crate::tasks::{Runnable, Schedule, TaskRef};

/// The part of a core that every thread may touch, and that its tasks keep alive.
pub(crate) struct Shell {
    inbox: Inbox,
    owned: Owned,
    driver: Arc<Driver>,
    closed: AtomicBool,
}

/// The part of a core that only the thread which runs it touches.
pub(crate) struct Core {
    local: Local,
    scratch: Scratch,
}

/// What a wake on the running thread reaches.
pub(super) struct Local {
    pub(super) shell: Arc<Shell>,
    queue: Queue,
}

/// The future of a `block_on`, which is no task: it may borrow, and it is polled by the loop.
pub(crate) trait Main {
    /// Polls it if it was woken; true when it is done.
    fn turn(&mut self) -> bool;

    /// Whether it was woken since.
    fn is_woken(&self) -> bool;
}

impl Core {
    pub(crate) fn new() -> io::Result<Self> {
        let shell = Arc::new(Shell {
            inbox: Inbox::new(),
            owned: Owned::new(),
            driver: Arc::new(Driver::new()?),
            closed: AtomicBool::new(false),
        });
        Ok(Self {
            local: Local {
                shell,
                queue: Queue::new(),
            },
            scratch: Scratch::new(),
        })
    }

    pub(crate) fn shell(&self) -> &Arc<Shell> {
        &self.local.shell
    }

    /// Runs tasks until `main` is done. False if the core was closed before that.
    pub(crate) fn run(&mut self, main: &mut dyn Main) -> io::Result<bool> {
        let Self { local, scratch } = self;
        context::enter(local, || local.run(scratch, main))
    }

    /// Drops all tasks, those too that are spawned by the dropping. The core can go on afterwards.
    pub(crate) fn drop_tasks(&mut self) {
        let local = &self.local;
        context::enter(local, || local.drop_tasks());
    }

    /// The end: everything fails from now on, tasks are dropped, waiters told.
    pub(crate) fn shut(&mut self) {
        let shell = self.shell().clone();
        shell.closed.store(true, Ordering::Release);
        shell.owned.close();
        shell.driver.shut();
        self.drop_tasks();
        drop(shell.inbox.close());
    }
}

impl Local {
    fn run(&self, scratch: &mut Scratch, main: &mut dyn Main) -> io::Result<bool> {
        let driver = &*self.shell.driver;
        // What was spawned while nobody was here comes before what the main future spawns.
        self.take_inbox();
        let mut turn = Turn::begin();
        loop {
            if main.turn() {
                return Ok(true);
            }
            turn.polls += 1;
            self.run_batch(&mut turn);
            if self.shell.is_closed() {
                return Ok(false);
            }
            let has_work = main.is_woken() || !self.queue.is_empty();
            if has_work && !turn.is_over() {
                continue;
            }
            if has_work {
                driver.poll(scratch)?;
            } else {
                driver.park(scratch)?;
            }
            self.take_inbox();
            turn = Turn::begin();
        }
    }

    /// Runs what stands in the queue now; what these wake is for the next batch.
    fn run_batch(&self, turn: &mut Turn) {
        let batch = self.queue.take();
        let mut until_look = POLLS_BETWEEN_LOOKS;
        while let Some(task) = batch.pop() {
            coop::renew();
            task.run();
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

    fn take_inbox(&self) {
        for task in self.shell.inbox.take() {
            // A task that `drop_tasks` has ended may still arrive.
            if !task.is_done() {
                self.queue.push(task.runnable());
            }
        }
    }

    fn drop_tasks(&self) {
        // The queue does not keep its tasks: it is emptied before any of them is dropped.
        self.queue.clear();
        let mut again = true;
        while std::mem::take(&mut again) {
            let places = self.shell.owned.places();
            for from in (0..places).step_by(TASKS_TO_DROP_AT_ONCE) {
                let until = places.min(from + TASKS_TO_DROP_AT_ONCE);
                for task in &self.shell.owned.at(from..until) {
                    task.cancel();
                    // What the dropping has woken may be next to be dropped, and what it has spawned
                    // may be at a place that was passed.
                    again |= !self.queue.is_empty();
                    self.queue.clear();
                }
            }
        }
        self.shell.owned.shrink();
        // What another thread has spawned meanwhile stays. Waiting until it stops could take for
        // ever.
        self.take_inbox();
    }
}

/// How long the loop has not looked at its sockets and timers.
///
/// Time is read off the coarse clock, which costs a quarter of the fine one. That it has ticked says
/// that the turn may have lasted some milliseconds; if it has not, the look comes early, once a tick.
struct Turn {
    began: CoarseInstant,
    polls: u32,
}

impl Turn {
    fn begin() -> Self {
        Self {
            began: CoarseInstant::now(),
            polls: 0,
        }
    }

    /// Whether the coarse clock has moved on since the beginning.
    #[cold]
    fn is_long(&self) -> bool {
        CoarseInstant::now() != self.began
    }

    /// Whether it is time to look, though there is work.
    fn is_over(&self) -> bool {
        self.polls >= SHORTEST_TURN || self.is_long()
    }
}

impl Shell {
    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire pairs with the Release of whoever closes.
        self.closed.load(Ordering::Acquire)
    }

    /// Asks the thread that runs the core to end it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.driver.unpark();
    }

    /// Live tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.owned.len()
    }

    /// Whether the calling thread runs this core.
    #[inline]
    pub(crate) fn is_run_here(&self) -> bool {
        context::with(|local| local.is_some_and(|local| std::ptr::eq(&*local.shell, self)))
    }

    /// Keeps a task that was just made, and lets it run. A core that is closed ends it instead.
    pub(crate) fn admit(&self, task: TaskRef) {
        let runnable = task.runnable();
        match self.owned.insert(task) {
            Ok(()) => self.enqueue(runnable),
            Err(task) => task.cancel(),
        }
    }

    #[inline]
    fn enqueue(&self, task: Runnable) {
        context::with(|local| match local {
            Some(local) if std::ptr::eq(&*local.shell, self) => local.queue.push(task),
            _ => self.send(task),
        });
    }

    /// From another thread: through the inbox.
    #[cold]
    fn send(&self, task: Runnable) {
        match self.inbox.push(task.task()) {
            Pushed::First => self.driver.unpark(),
            Pushed::Behind | Pushed::Closed => {}
        }
    }
}

impl Schedule for Arc<Shell> {
    #[inline]
    fn schedule(&self, task: Runnable) {
        self.enqueue(task);
    }

    fn release(&self, task: &TaskRef) -> Option<TaskRef> {
        self.owned.remove(task)
    }
}

/// A look costs as much as ten polls of small tasks: two tasks that wake each other pay it now and
/// then.
const SHORTEST_TURN: u32 = 61;
/// Within a batch; between two batches the clock is always read.
const POLLS_BETWEEN_LOOKS: u32 = 16;
const TASKS_TO_DROP_AT_ONCE: usize = 1024;
