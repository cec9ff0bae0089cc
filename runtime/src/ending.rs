//! Where the workers of a runtime meet at its end.
//!
//! A worker's line may hold tasks of any other's, and holds no reference to them. So nobody drops a
//! task before all have stopped running tasks, and nobody tells the left-over waiters before all tasks
//! are dropped: two meetings. A worker that is stuck comes to neither. The others wait for it for a
//! while, the *grace*, and go on without it; whoever goes on says so, and the memory of the dead is then
//! kept for the late one.

use std::time::{Duration, Instant};

use crate::primitive::{Condvar, Mutex};

/// The meetings of `crew` workers.
pub(crate) struct Ending {
    crew: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Set by the first to begin.
    began: Option<Instant>,
    /// How long it may take in all.
    limit: Duration,
    /// The workers that have stopped, by their numbers.
    stopped: Vec<usize>,
    dropped: usize,
    gone: usize,
}

impl Ending {
    pub(crate) fn new(crew: usize) -> Self {
        Self {
            crew,
            state: Mutex::new(State {
                limit: 2 * GRACE,
                ..State::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// How long the end may take.
    pub(crate) fn set_limit(&self, limit: Duration) {
        self.state.lock().limit = limit;
    }

    /// This worker has stopped running tasks. True if all have; false if some did not within the
    /// grace.
    pub(crate) fn meet_stopped(&self, worker: usize) -> bool {
        self.state.lock().stopped.push(worker);
        self.changed.notify_all();
        let all_have = |state: &State, crew| state.stopped.len() == crew;
        // Half of the limit, as dropping takes its time too.
        self.wait_until(|limit| GRACE.min(limit / 2), all_have)
    }

    /// The workers that have not stopped.
    pub(crate) fn missing(&self) -> Vec<usize> {
        let state = self.state.lock();
        let all = 0..self.crew;
        all.filter(|worker| !state.stopped.contains(worker))
            .collect()
    }

    /// This worker has dropped its tasks. True for one of them: it does what comes after.
    pub(crate) fn meet_dropped(&self) -> bool {
        let mut state = self.state.lock();
        state.dropped += 1;
        let is_last_of_those_here = state.dropped >= state.stopped.len();
        drop(state);
        self.changed.notify_all();
        is_last_of_those_here
    }

    /// The workers from `first` on are not there, and never were.
    pub(crate) fn give_up_on(&self, first: usize) {
        let mut state = self.state.lock();
        state.stopped.extend(first..self.crew);
        state.dropped += self.crew - first;
        state.gone += self.crew - first;
    }

    /// This worker's thread is about to end.
    pub(crate) fn leave(&self) {
        self.state.lock().gone += 1;
        self.changed.notify_all();
    }

    /// Waits until all workers have left. False if some did not within the limit.
    pub(crate) fn wait_for_all(&self) -> bool {
        self.wait_until(|limit| limit, |state, crew| state.gone == crew)
    }

    fn wait_until(
        &self,
        patience: impl Fn(Duration) -> Duration,
        done: impl Fn(&State, usize) -> bool,
    ) -> bool {
        let mut state = self.state.lock();
        let began = *state.began.get_or_insert_with(Instant::now);
        let patience = patience(state.limit);
        while !done(&state, self.crew) {
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_for(state, left).0;
        }
        true
    }
}

/// Long enough for a poll that computes, or a busy machine; short enough for a person.
const GRACE: Duration = Duration::from_secs(1);
