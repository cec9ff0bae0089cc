//! Whole runtimes under a scheduler that picks who goes on next.
//!
//! The models in `models` look at one protocol in every order. Here all of them work together: real
//! cores with the real run loop, on threads that a checker runs one at a time, in orders drawn at
//! random and by priorities that change at a few points (PCT). Only the kernel is not real; see
//! [`kernel`](crate::sys). A lost wake is a deadlock, which the checker reports, with the schedule
//! that leads there: `shuttle::replay` runs it again.
//!
//! All accesses are taken as sequentially consistent: what is found here is wrong in its logic.

mod clocks;
mod ends;
mod running;

use std::env;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use crate::blocking::Pool;
use crate::executor::Crew;
use crate::shared::{Hooks, Shared};
use crate::tasks::{JoinHandle, Panics};

/// Runs a model in many schedules of both kinds.
fn explore(model: impl Fn() + Send + Sync + Clone + 'static) {
    let schedules = env::var("SCHEDULES").map_or(SCHEDULES, |text| text.parse().unwrap());
    run(RandomScheduler::new(schedules), model.clone());
    run(PctScheduler::new(PRIORITY_CHANGES, schedules), model);
}

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    // A wheel is large.
    config.stack_size = 1 << 18;
    Runner::new(scheduler, config).run(model);
}

/// A runtime with its worker threads.
struct Whole {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Whole {
    fn new(workers: usize) -> Self {
        let crew = Crew::new(workers, true, None, None, &Arc::new(Panics::new(None))).unwrap();
        let hooks = Hooks {
            thread_name: None,
            on_start: None,
            on_stop: None,
        };
        let pool = Pool::new(1, Duration::MAX, Arc::new(Panics::new(None)));
        let shared = Shared::new(crew, hooks, pool, None, true);
        // A checker's time does not pass, and its schedules are long.
        shared.set_limit(Duration::from_secs(7200));
        let start = |index| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.work(index);
                shared.leave();
            })
        };
        let threads = (0..workers).map(start).collect();
        Self { shared, threads }
    }

    fn spawn<F: Future + Send + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        spawn(&self.shared, future)
    }

    /// Ends the runtime; all tasks must be gone.
    fn end(self) {
        self.shared.shut_down();
        assert!(self.shared.wait_for_workers());
        for thread in self.threads {
            thread.join().unwrap();
        }
        assert_eq!(self.shared.crew().tasks(), 0);
    }
}

fn spawn<F: Future + Send + 'static>(shared: &Shared, future: F) -> JoinHandle<F::Output> {
    shared.spawn(future, None, Location::caller())
}

/// Lets the others go first, a few times.
async fn yield_now(times: usize) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counts how many of its clones live.
#[derive(Clone, Default)]
struct Live(Arc<AtomicUsize>);

impl Live {
    fn one(&self) -> OneLive {
        self.0.fetch_add(1, Ordering::Relaxed);
        OneLive(self.0.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct OneLive(Arc<AtomicUsize>);

impl Drop for OneLive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Of each kind, for each model.
const SCHEDULES: usize = 100_000;
const PRIORITY_CHANGES: usize = 3;
