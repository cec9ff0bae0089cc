//! Falling asleep against those who have work: the inbox, and a timer armed from elsewhere.
//!
//! Nobody can sleep in a kernel under the checker. So a worker goes to sleep by name only, and when
//! all threads are done it must not be found asleep with nobody having rung while there is work.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use loom::thread;

use super::task::Executor;
use super::with_room;
use crate::executor::inbox::{Inbox, Pushed};
use crate::park::{Park, ParkWord};
use crate::tasks::TaskRef;
use crate::timer::{Clock, Timers};

struct Core {
    inbox: Inbox,
    park: ParkWord,
}

impl Core {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inbox: Inbox::new(),
            park: ParkWord::new(),
        })
    }

    /// As `Shell::receive`. Returns whether it rang.
    fn send(&self, task: TaskRef) -> bool {
        match self.inbox.push(task) {
            Pushed::First => self.park.unpark(),
            Pushed::Behind => self.park.seems_parked() && self.park.unpark(),
            Pushed::Closed => false,
        }
    }

    /// One turn: takes what is there, then goes to sleep. Returns how much there was, and whether
    /// it sleeps.
    fn turn(&self) -> (usize, bool) {
        let taken = self.inbox.take().count();
        (taken, self.park.prepare())
    }
}

fn task() -> TaskRef {
    Executor::new().spawn(async {}).0
}

#[test]
fn a_worker_never_sleeps_on_what_was_sent() {
    loom::model(|| {
        let core = Core::new();
        let sent = task();
        let sender = thread::spawn({
            let core = core.clone();
            move || core.send(sent)
        });
        let (taken, asleep) = core.turn();
        let rung = sender.join().unwrap();
        assert!(
            taken == 1 || !asleep || rung,
            "asleep, with a task in the inbox and nobody to ring"
        );
    });
}

#[test]
fn two_senders_wake_a_sleeper_at_least_once() {
    loom::model(|| {
        let core = Core::new();
        let senders: Vec<_> = [task(), task()]
            .map(|sent| {
                let core = core.clone();
                thread::spawn(move || core.send(sent))
            })
            .into();
        let (taken, asleep) = core.turn();
        let rung = senders
            .into_iter()
            .fold(false, |rung, sender| sender.join().unwrap() | rung);
        assert!(taken == 2 || !asleep || rung);
        core.park.resume();
        assert_eq!(taken + core.inbox.take().count(), 2);
    });
}

/// The first sender is held up before it comes to ringing: the second one rings for a sleeper.
///
/// Broken by: a second sender that leaves it to the first.
#[test]
fn a_sender_that_is_held_up_holds_up_no_other() {
    loom::model(|| {
        let core = Core::new();
        assert!(core.park.prepare());
        let (held_up, sent) = (task(), task());
        let first = thread::spawn({
            let core = core.clone();
            move || drop(core.inbox.push(held_up))
        });
        let rung = core.send(sent);
        first.join().unwrap();
        assert!(rung, "asleep, with a task in the inbox");
    });
}

#[test]
fn what_is_sent_to_a_core_that_ends_is_not_kept() {
    loom::model(|| {
        let core = Core::new();
        let sent = task();
        let sender = thread::spawn({
            let core = core.clone();
            move || core.send(sent)
        });
        drop(core.inbox.close());
        sender.join().unwrap();
        assert_eq!(core.inbox.take().count(), 0);
    });
}

#[test]
fn a_timer_armed_from_elsewhere_shortens_the_sleep() {
    loom::model(|| {
        let park = Arc::new(Park::new().expect("an eventfd"));
        let timers = with_room({
            let park = park.clone();
            || Arc::new(Timers::new(park, Arc::new(Clock::start(false))))
        });
        let armer = thread::spawn({
            let timers = timers.clone();
            let deadline = Instant::now() + Duration::from_secs(3600);
            move || drop(timers.arm(deadline, Waker::noop()))
        });
        let limit = timers.prepare_sleep();
        let asleep = park.prepare();
        armer.join().unwrap();
        assert!(
            limit.is_some() || !asleep || !park.is_parked(),
            "asleep for ever, with a timer armed and nobody to ring"
        );
    });
}
