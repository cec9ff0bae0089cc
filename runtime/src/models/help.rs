//! Helping a stuck worker, against that worker's falling asleep.
//!
//! A helper takes the events out of another's epoll, the bell's and the alarm clock's among them. The
//! driver, the bell and the epoll are the real ones; only the wait itself is left out, as nobody can
//! be made to wait in the kernel here. So a worker falls asleep by name, and when all threads are done
//! its epoll must have an event for it, if there is anything to do.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{tasks, with_room};
use crate::driver::{Driver, Drivers, Scratch};
use crate::executor::inbox::{Inbox, Pushed};
use crate::sys::EventFd;
use crate::tasks::TaskRef;

/// A worker that may be stuck, and what it has to do.
struct Worker {
    driver: Driver,
    inbox: Inbox,
}

/// What has become of a worker that had nothing to run.
#[derive(PartialEq)]
enum Night {
    Asleep,
    /// It goes on: it was helped, or there was a token, or a notice.
    Up,
}

impl Worker {
    fn new() -> Arc<Self> {
        let drivers = with_room(|| Drivers::new(2, false, None).expect("descriptors"));
        Arc::new(Self {
            driver: Driver::of(&drivers, 0),
            inbox: Inbox::new(),
        })
    }

    /// As `Shell::receive`.
    fn send(&self, task: TaskRef) {
        let must_ring = match self.inbox.push(task) {
            Pushed::First => true,
            Pushed::Behind => self.driver.seems_asleep(),
            Pushed::Closed => false,
        };
        if must_ring {
            self.driver.unpark();
        }
    }

    /// The worker has nothing to run.
    fn fall_asleep(&self) -> Night {
        match self.driver.fall_asleep(None) {
            Some(sleep) if sleep.limit != Some(Duration::ZERO) => Night::Asleep,
            _ => Night::Up,
        }
    }

    /// Whether the kernel would wake it.
    fn has_events(&self) -> bool {
        self.driver.poll(&mut Scratch::new()).expect("a look") > 0
    }
}

fn helper(worker: &Arc<Worker>) -> thread::JoinHandle<usize> {
    let worker = worker.clone();
    thread::spawn(move || {
        if worker.driver.help(&mut Scratch::new()) {
            worker.inbox.take().count()
        } else {
            0
        }
    })
}

/// Broken by: a `Bed::help` that helps a sleeper too.
#[test]
fn a_helper_never_takes_a_sleepers_bell() {
    loom::model(|| {
        let worker = Worker::new();
        let tasks = tasks(1);
        let sent = tasks[0].clone();
        let sender = thread::spawn({
            let worker = worker.clone();
            move || worker.send(sent)
        });
        let helper = helper(&worker);
        let mut taken = worker.inbox.take().count();
        let night = worker.fall_asleep();
        sender.join().unwrap();
        taken += helper.join().unwrap();
        assert!(
            taken == 1 || night == Night::Up || worker.has_events(),
            "asleep, with a task in the inbox and the bell's edge taken away"
        );
    });
}

/// The alarm clock of the stuck worker rings while it is helped: the helper takes the edge, and
/// leaves a notice.
///
/// Broken by: a `fall_asleep` that does not look for notices; a `lie_down` that goes to bed while helped.
#[test]
fn an_alarm_that_a_helper_has_taken_is_heard_before_the_sleep() {
    loom::model(|| {
        let worker = Worker::new();
        let alarm = EventFd::new().expect("an eventfd");
        let reactor = worker.driver.reactor();
        reactor.watch_alarm(alarm.as_raw_fd()).expect("an epoll");
        alarm.signal();
        let helper = helper(&worker);
        let night = worker.fall_asleep();
        helper.join().unwrap();
        assert!(
            night == Night::Up || worker.has_events(),
            "asleep, with the alarm taken away and nobody to set it anew"
        );
    });
}

/// Two that would help at once: one does.
///
/// Broken by: a `Bed::help` that helps who is helped.
#[test]
fn one_helps_at_a_time() {
    loom::model(|| {
        let worker = Worker::new();
        let inside = Arc::new(loom::cell::UnsafeCell::new(0));
        let help = |worker: &Worker, inside: &loom::cell::UnsafeCell<u32>| {
            if worker.driver.park_word().help() {
                inside.with_mut(|_| {});
                worker.driver.park_word().end_help();
            }
        };
        let other = thread::spawn({
            let (worker, inside) = (worker.clone(), inside.clone());
            move || help(&worker, &inside)
        });
        help(&worker, &inside);
        if worker.fall_asleep() == Night::Asleep {
            inside.with_mut(|_| {});
        }
        other.join().unwrap();
    });
}
