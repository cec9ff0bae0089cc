//! Waiting for the last task to go.
//!
//! The lists, the pool's place and the notices are the real ones; tasks are let in and let go as an
//! executor does it.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::tasks;
use crate::closing::Closing;
use crate::executor::owned::{Owned, Watch};
use crate::tasks::TaskRef;

/// Two lists of live tasks, and somebody who waits for them to be empty.
struct House {
    lists: [Owned; 2],
    closing: Closing,
}

impl House {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lists: [Owned::new(), Owned::new()],
            closing: Closing::new(),
        })
    }

    fn admit(&self, list: usize, task: &TaskRef) {
        let admitted = self.lists[list].insert(task.clone());
        assert!(admitted.is_ok(), "it is open");
    }

    fn release(&self, list: usize, task: &TaskRef) {
        assert!(self.lists[list].remove(task).is_some());
    }

    /// As `Steps::begin`.
    fn watch(&self) {
        self.closing.watch(|few, tell| {
            for list in &self.lists {
                let tell = tell.clone();
                list.watch(Watch { few, tell });
            }
        });
    }

    /// And what follows it.
    fn wait(&self) {
        self.watch();
        block_on(self.closing.quiet(|apart| {
            // All at once.
            let held: Vec<_> = self.lists.iter().map(Owned::hold).collect();
            held.iter().map(|list| list.len()).sum::<usize>() - apart
        }));
    }

    fn left(&self) -> usize {
        self.lists.iter().map(Owned::len).sum()
    }
}

/// Broken by: a list that tells before its task has gone.
#[test]
fn the_last_task_that_goes_is_noticed() {
    loom::model(|| {
        let house = House::new();
        let tasks = tasks(2);
        house.admit(0, &tasks[0]);
        house.admit(1, &tasks[1]);
        let worker = thread::spawn({
            let (house, tasks) = (house.clone(), tasks.clone());
            move || {
                house.release(1, &tasks[1]);
                house.release(0, &tasks[0]);
            }
        });
        house.wait();
        assert_eq!(house.left(), 0);
        worker.join().unwrap();
    });
}

/// Broken by: lists that are counted one after the other.
#[test]
fn a_task_that_spawns_another_and_ends_is_never_missed() {
    loom::model(|| {
        let house = House::new();
        let tasks = tasks(2);
        house.admit(1, &tasks[0]);
        let ended = Arc::new(loom::sync::atomic::AtomicBool::new(false));
        let worker = thread::spawn({
            let (house, tasks, ended) = (house.clone(), tasks.clone(), ended.clone());
            move || {
                house.admit(0, &tasks[1]);
                house.release(1, &tasks[0]);
                ended.store(true, loom::sync::atomic::Ordering::SeqCst);
                house.release(0, &tasks[1]);
            }
        });
        house.wait();
        assert!(
            ended.load(loom::sync::atomic::Ordering::SeqCst),
            "the second is still to come"
        );
        worker.join().unwrap();
    });
}

/// One task waits for the end itself, and is set apart when somebody else waits already.
///
/// Broken by: a `set_apart` that tells nobody.
#[test]
fn who_is_set_apart_is_waited_for_no_more() {
    loom::model(|| {
        let house = House::new();
        let tasks = tasks(1);
        house.admit(0, &tasks[0]);
        let caller = thread::spawn({
            let (house, id) = (house.clone(), tasks[0].id());
            move || std::mem::forget(house.closing.set_apart(Some(id)))
        });
        house.wait();
        assert_eq!(house.left(), 1);
        caller.join().unwrap();
    });
}

/// Two tasks wait for the end, the second from a time on at which the list thinks of one, and one ends
/// by itself.
///
/// Broken by: a second who tells nobody when the list knows of it.
#[test]
fn who_ends_before_the_list_knows_of_another_who_waits_is_noticed() {
    loom::model(|| {
        let house = House::new();
        let tasks = tasks(3);
        tasks.iter().for_each(|task| house.admit(0, task));
        std::mem::forget(house.closing.set_apart(Some(tasks[0].id())));
        let second = thread::spawn({
            let (house, id) = (house.clone(), tasks[1].id());
            move || {
                std::mem::forget(house.closing.set_apart(Some(id)));
                house.watch();
            }
        });
        let ends = thread::spawn({
            let (house, task) = (house.clone(), tasks[2].clone());
            move || house.release(0, &task)
        });
        house.wait();
        assert_eq!(house.left(), 2);
        second.join().unwrap();
        ends.join().unwrap();
    });
}
