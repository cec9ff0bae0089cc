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
    /// How long it may take in all, if that was said.
    limit: Option<Duration>,
    /// The workers that have stopped, by their numbers.
    stopped: Vec<usize>,
    dropped: usize,
    gone: usize,
}

impl Ending {
    pub(crate) fn new(crew: usize) -> Self {
        Self {
            crew,
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        }
    }

    /// How long the end may take.
    pub(crate) fn set_limit(&self, limit: Duration) {
        self.state.lock().limit = Some(limit);
    }

    /// This worker has stopped running tasks. True if all have; false if some did not within the
    /// grace.
    pub(crate) fn meet_stopped(&self, worker: usize) -> bool {
        self.state.lock().stopped.push(worker);
        self.changed.notify_all();
        let mut state = self.state.lock();
        while state.stopped.len() < self.crew {
            let left = state.grace().saturating_sub(state.elapsed());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_for(state, left).0;
        }
        true
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

    /// Waits until all workers have left that have stopped within the grace, or until the limit. True
    /// if that was all of them.
    pub(crate) fn wait_for_all(&self) -> bool {
        let mut state = self.state.lock();
        while state.gone < self.crew {
            let elapsed = state.elapsed();
            let patience = state.grace().min(state.limit.unwrap_or(GRACE));
            let until = if elapsed < patience {
                Some(patience)
            } else if state.gone < state.stopped.len() {
                // They drop tasks, and will come to the end of it.
                state.limit
            } else {
                return false;
            };
            state = match until.map(|until| until.saturating_sub(elapsed)) {
                None => self.changed.wait(state),
                Some(Duration::ZERO) => return false,
                Some(left) => self.changed.wait_for(state, left).0,
            };
        }
        true
    }
}

impl State {
    /// How long the workers wait for one that is stuck: half of the limit at most, as dropping takes its
    /// time too. But who waits for the end but a moment does not make a poll end badly that takes longer:
    /// the workers wait on without him.
    fn grace(&self) -> Duration {
        let half = |limit: Duration| GRACE.min(limit / 2).max(SHORTEST_GRACE);
        self.limit.map_or(GRACE, half)
    }

    /// Since the beginning of the end.
    fn elapsed(&mut self) -> Duration {
        self.began.get_or_insert_with(Instant::now).elapsed()
    }
}

/// Long enough for a poll that computes, or a busy machine; short enough for a person.
const GRACE: Duration = Duration::from_secs(1);
/// Long enough for a poll that does not block.
const SHORTEST_GRACE: Duration = Duration::from_millis(100);

#[cfg(test)]
impl Ending {
    /// As if it had begun so long ago that the grace is over, whatever it is.
    pub(crate) fn began_long_ago(&self) {
        self.state.lock().began = Instant::now().checked_sub(2 * GRACE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_drops_tasks_is_waited_for_however_long_it_takes() {
        let ending = Ending::new(1);
        ending.began_long_ago();
        assert!(ending.meet_stopped(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(ending.meet_dropped());
                ending.leave();
            });
            assert!(ending.wait_for_all());
        });
    }

    #[test]
    fn who_is_stuck_is_not_waited_for_and_named() {
        let ending = Ending::new(2);
        ending.began_long_ago();
        assert!(!ending.meet_stopped(1));
        assert!(ending.meet_dropped());
        ending.leave();
        assert!(!ending.wait_for_all());
        assert_eq!(ending.missing(), [0]);
    }

    #[test]
    fn a_short_limit_leaves_the_workers_the_time_to_end_their_polls() {
        let ending = Ending::new(1);
        ending.set_limit(Duration::from_millis(1));
        assert_eq!(ending.state.lock().grace(), SHORTEST_GRACE);
        assert!(!ending.wait_for_all(), "who has the limit keeps to it");
        ending.set_limit(GRACE);
        assert_eq!(ending.state.lock().grace(), GRACE / 2);
    }

    #[test]
    fn a_limit_is_one_for_dropping_too() {
        let ending = Ending::new(1);
        ending.set_limit(Duration::ZERO);
        assert!(ending.meet_stopped(0));
        assert!(!ending.wait_for_all());
    }
}
