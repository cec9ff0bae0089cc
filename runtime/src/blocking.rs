//! Threads for calls that block.
//!
//! A task must not block its worker. What blocks is given to this pool as a closure; it becomes a
//! task like any other, a future that is polled once, so its handle, its panics and its end are
//! those of all tasks. Threads are made when there is more to do than idle ones can take, up to a
//! limit; beyond that closures wait in a queue. A thread that has nothing to do for a while goes.
//! What runs a core in a worker's place is *urgent*: it goes first, and does not count for the limit,
//! or closures that wait for tasks would keep the tasks from running.
//!
//! The danger is at the end: a closure may never return, and a runtime that waited for it would
//! never end. So closing drops what is queued, tells the idle threads to go, and leaves the running
//! ones alone. Whoever wants to wait says for how long.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::primitive::{Arc, Condvar, Mutex};
use crate::tasks::{self, JoinHandle, Outside, Panics, Runnable, Schedule, TaskRef};

/// The threads of one runtime for calls that block.
pub(crate) struct Pool {
    state: Mutex<State>,
    /// There is something in the queue, or the pool was closed.
    called: Condvar,
    /// A thread has gone.
    left: Condvar,
    most_threads: usize,
    keep_alive: Duration,
    panics: Arc<Panics>,
}

struct State {
    urgent: VecDeque<TaskRef>,
    queue: VecDeque<TaskRef>,
    /// Urgent closures that wait or run: so many more threads there may be.
    extra: usize,
    running: Vec<TaskRef>,
    /// Told when a closure has ended, if somebody waits for that.
    watch: Option<Arc<dyn Fn() + Send + Sync>>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(most_threads: usize, keep_alive: Duration, panics: Arc<Panics>) -> Self {
        Self {
            state: Mutex::new(State {
                urgent: VecDeque::new(),
                extra: 0,
                queue: VecDeque::new(),
                running: Vec::new(),
                watch: None,
                threads: 0,
                idle: 0,
                closed: false,
            }),
            called: Condvar::new(),
            left: Condvar::new(),
            most_threads,
            keep_alive,
            panics,
        }
    }

    /// Gives a closure to the pool. `after` is called when it has ended, and its handle was told;
    /// `is_urgent`: it is a thread's work in a worker's place; `start` makes a thread that calls [`serve`](Self::serve).
    ///
    /// # Panics
    ///
    /// If there is no thread, and none can be made.
    pub(crate) fn spawn<F, R>(
        self: &Arc<Self>,
        closure: F,
        spawned_at: &'static Location<'static>,
        after: Option<After>,
        is_urgent: bool,
        start: impl FnOnce() -> io::Result<()>,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let once = Once(Some(closure));
        let scheduler = Queued {
            after,
            panics: self.panics.clone(),
        };
        let (task, handle) = tasks::spawn(once, scheduler, None, spawned_at);
        self.submit(task, is_urgent, spawned_at, start);
        handle
    }

    fn submit(
        &self,
        task: TaskRef,
        is_urgent: bool,
        spawned_at: &Location<'_>,
        start: impl FnOnce() -> io::Result<()>,
    ) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            task.cancel();
            return;
        }
        if is_urgent {
            state.extra += 1;
            state.urgent.push_back(task);
        } else {
            state.queue.push_back(task);
        }
        if state.idle >= state.waiting() {
            drop(state);
            self.called.notify_one();
            return;
        }
        if state.threads >= self.most_threads + state.extra {
            // The first thread that is done takes it.
            return;
        }
        state.threads += 1;
        drop(state);
        if let Err(error) = start() {
            self.could_not_start(&error, spawned_at);
        }
    }

    #[cold]
    fn could_not_start(&self, error: &io::Error, spawned_at: &Location<'_>) {
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return;
        }
        let stranded = state.take_waiting();
        drop(state);
        stranded.iter().for_each(TaskRef::cancel);
        panic!(
            "spawn_blocking at {spawned_at}: the system makes no more threads ({error}): raise the \
             limit (ulimit -u, or the container's pids limit), or have fewer threads with \
             Builder::max_blocking_threads"
        );
    }

    /// What each thread of the pool does.
    pub(crate) fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            let urgent = state.urgent.pop_front();
            let is_urgent = urgent.is_some();
            if let Some(task) = urgent.or_else(|| state.queue.pop_front()) {
                state.running.push(task.clone());
                drop(state);
                task.runnable().run(&Outside::remember());
                self.has_ended(task);
                state = self.state.lock();
                state.extra -= usize::from(is_urgent);
                if state.threads > self.most_threads + state.extra {
                    // The others take what waits.
                    break;
                }
                continue;
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let (guard, timed_out) = self.called.wait_for(state, self.keep_alive);
            state = guard;
            state.idle -= 1;
            if timed_out && state.waiting() == 0 {
                break;
            }
        }
        state.threads -= 1;
        drop(state);
        self.left.notify_all();
    }

    fn has_ended(&self, task: TaskRef) {
        let mut state = self.state.lock();
        let running = &mut state.running;
        let place = running.iter().position(|it| it.id() == task.id());
        let kept = place.map(|place| running.swap_remove(place));
        let watch = state.watch.clone();
        drop(state);
        drop((task, kept));
        watch.into_iter().for_each(|tell| tell());
    }

    /// Takes nothing more. What is queued is run still.
    pub(crate) fn admit_no_more(&self) {
        self.state.lock().closed = true;
    }

    /// Takes nothing more, drops what is queued, and lets idle threads go. Waits for nobody. Gives what
    /// was dropped.
    pub(crate) fn close(&self) -> Vec<TaskRef> {
        let mut state = self.state.lock();
        state.closed = true;
        let queued = state.take_waiting();
        drop(state);
        self.called.notify_all();
        queued.iter().for_each(TaskRef::cut);
        queued.iter().for_each(TaskRef::cancel);
        queued
    }

    /// Waits until all threads have gone, for `limit` at most.
    pub(crate) fn wait(&self, limit: Duration) {
        let started = Instant::now();
        let mut state = self.state.lock();
        while state.threads > 0 {
            let rest = limit.saturating_sub(started.elapsed());
            if rest.is_zero() {
                return;
            }
            state = self.left.wait_for(state, rest).0;
        }
    }

    /// Tells of each closure that ends.
    pub(crate) fn watch(&self, tell: Arc<dyn Fn() + Send + Sync>) {
        let former = self.state.lock().watch.replace(tell);
        drop(former);
    }

    /// How many closures run, or wait for a thread.
    pub(crate) fn busy(&self) -> usize {
        let state = self.state.lock();
        state.waiting() + state.running.len()
    }

    /// The closures that run, or wait for a thread.
    pub(crate) fn live(&self) -> Vec<TaskRef> {
        let state = self.state.lock();
        let waiting = state.urgent.iter().chain(&state.queue);
        waiting.chain(&state.running).cloned().collect()
    }

    /// Those that run.
    pub(crate) fn running(&self) -> Vec<TaskRef> {
        self.state.lock().running.clone()
    }

    /// Threads that live, and closures that wait for one.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.threads, state.waiting())
    }
}

impl State {
    fn waiting(&self) -> usize {
        self.urgent.len() + self.queue.len()
    }

    fn take_waiting(&mut self) -> Vec<TaskRef> {
        self.extra -= self.urgent.len();
        self.urgent.drain(..).chain(self.queue.drain(..)).collect()
    }
}

/// A closure as a future: ready at its first poll.
struct Once<F>(Option<F>);

impl<F: FnOnce() -> R, R> Future for Once<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        let closure = self
            .0
            .take()
            .expect("a task is not polled after it was ready");
        Poll::Ready(closure())
    }
}

/// Nothing in it is ever pinned: the closure is moved out and called.
impl<F> Unpin for Once<F> {}

/// The executor of such a task: it is in the queue from the start and is never woken.
struct Queued {
    after: Option<After>,
    panics: Arc<Panics>,
}

/// What is called at a closure's end.
pub(crate) type After = Box<dyn Fn() + Send + Sync>;

impl Schedule for Queued {
    fn schedule(&self, _: Runnable) {}

    fn release(&self, _: &TaskRef) -> Option<TaskRef> {
        self.after.iter().for_each(|after| after());
        None
    }

    fn panics(&self) -> Option<&Panics> {
        Some(&self.panics)
    }
}
