//! The protocols of this crate under a model checker.
//!
//! Each model is a few threads and a few steps, of the real types, run in every order that the
//! memory model allows (with a bound on preemptions). What a stress test would have to hit by luck
//! is found here, or shown not to be there. `docs/testing.md` has the command.
//!
//! A lost wake is a thread that waits for ever, which the checker reports as a deadlock; or, where
//! nobody can be made to wait, a final state that is asserted not to be. A model that cannot fail
//! shows nothing: *Broken by* says of each with what change of the code it was seen to fail.

mod closing;
mod ending;
mod help;
mod hold;
mod lane;
mod left_over;
mod moving;
mod park;
mod pool;
mod ring;
mod sets;
mod short;
mod slot;
mod sync;
mod task;

use std::panic::Location;

use loom::thread;

use crate::tasks::{self, Runnable, Schedule, TaskRef};

/// The executor of tasks that only stand in line.
struct Nobody;

impl Schedule for Nobody {
    fn schedule(&self, _: Runnable) {}

    fn release(&self, _: &TaskRef) -> Option<TaskRef> {
        None
    }
}

/// Tasks to be put into lines, in the order of their numbers. They live as long as the vector.
fn tasks(count: usize) -> Vec<TaskRef> {
    let one = |_| tasks::spawn(async {}, Nobody, None, Location::caller()).0;
    (0..count).map(one).collect()
}

/// Which of `tasks` these are, by their places there.
fn places(tasks: &[TaskRef], taken: Vec<Runnable>) -> Vec<usize> {
    let place = |taken: Runnable| tasks.iter().position(|task| task.id() == taken.id());
    taken
        .into_iter()
        .map(|taken| place(taken).expect("one of ours"))
        .collect()
}

/// Fails unless each of `count` tasks was taken once. What the first taker, the owner, has taken must
/// be in order.
fn each_once(count: usize, takers: &[Vec<usize>]) {
    assert!(takers[0].is_sorted(), "out of order: {takers:?}");
    let mut all = takers.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..count), "not each once: {takers:?}");
}

/// Makes something that is too large for the stack of a checker's thread: a wheel, in the end.
fn with_room<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> T {
    let roomy = thread::Builder::new().stack_size(WORDS_OF_STACK);
    roomy.spawn(make).unwrap().join().unwrap()
}

const WORDS_OF_STACK: usize = 1 << 16;
