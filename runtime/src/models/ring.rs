//! The ring: an owner that comes round, and thieves.
//!
//! The ring has four places under the checker. It is filled and half emptied beforehand, so that the
//! owner's next tasks go where a thief may be reading.

use std::sync::Arc;

use loom::thread;

use super::{each_once, places, tasks};
use crate::executor::ring::{Next, Ring};
use crate::primitive::RING;
use crate::tasks::{Runnable, TaskRef};

/// A ring whose first places were used, with `tasks` in it.
fn used(tasks: &[TaskRef]) -> Arc<Ring> {
    let ring = Ring::new();
    let former = super::tasks(2);
    for task in &former {
        assert!(push(&ring, task).is_ok());
        assert!(pop(&ring).is_some());
    }
    for task in tasks {
        assert!(push(&ring, task).is_ok());
    }
    Arc::new(ring)
}

/// As a lane does it: looks for room only when what it has seen is used up.
fn push(ring: &Ring, task: &TaskRef) -> Result<(), Runnable> {
    ring.push(task.runnable()).or_else(|task| {
        ring.look_for_room();
        ring.push(task)
    })
}

fn pop(ring: &Ring) -> Option<Runnable> {
    ring.pop(&mut ring.batch())
}

fn thief(victim: &Arc<Ring>) -> thread::JoinHandle<Vec<Runnable>> {
    let victim = victim.clone();
    thread::spawn(move || {
        let ours = Ring::new();
        let Some(stolen) = victim.steal_into(&ours) else {
            return Vec::new();
        };
        let mut taken = drain(&ours);
        assert_eq!(taken.len(), stolen.behind as usize);
        taken.push(stolen.first);
        taken
    })
}

fn drain(ring: &Ring) -> Vec<Runnable> {
    let mut taken = Vec::new();
    loop {
        let mut batch = ring.batch();
        if batch.is_empty() {
            return taken;
        }
        taken.extend(std::iter::from_fn(|| ring.pop(&mut batch)));
    }
}

/// Broken by: room for one more in `look_for_room`.
#[test]
fn an_owner_that_wraps_and_two_thieves_take_each_task_once() {
    loom::model(|| {
        let tasks = tasks(5);
        let ring = used(&tasks[..3]);
        let thieves = [thief(&ring), thief(&ring)];
        let mut taken = Vec::new();
        let mut next = 3;
        while next < 5 {
            match push(&ring, &tasks[next]) {
                Ok(()) => next += 1,
                Err(_) => taken.extend(pop(&ring)),
            }
        }
        taken.extend(drain(&ring));
        let mut takers = vec![places(&tasks, taken)];
        takers.extend(thieves.map(|thief| places(&tasks, thief.join().unwrap())));
        each_once(5, &takers);
    });
}

/// Broken by: a thief's swap that comes before it has read the places; an owner's pop by a store.
#[test]
fn a_full_ring_is_halved_while_its_owner_goes_on() {
    loom::model(|| {
        let tasks = tasks(RING as usize + 1);
        let ring = used(&tasks[..RING as usize]);
        let other = thief(&ring);
        let mut taken: Vec<_> = pop(&ring).into_iter().collect();
        while let Err(_) = push(&ring, &tasks[RING as usize]) {
            taken.extend(pop(&ring));
        }
        taken.extend(drain(&ring));
        let takers = [places(&tasks, taken), places(&tasks, other.join().unwrap())];
        each_once(tasks.len(), &takers);
    });
}

/// Broken by: a thief's tail that is stored before its places are written.
#[test]
fn what_was_stolen_can_be_stolen_again() {
    loom::model(|| {
        let tasks = tasks(3);
        let first = used(&tasks);
        let second = Arc::new(Ring::new());
        let last = thief(&second);
        let stolen = first.steal_into(&second).unwrap();
        assert_eq!(stolen.behind, 1);
        let mut takers = vec![places(&tasks, drain(&first))];
        takers.push(places(&tasks, vec![stolen.first]));
        takers.push(places(&tasks, drain(&second)));
        takers.push(places(&tasks, last.join().unwrap()));
        each_once(3, &takers);
    });
}

/// Broken by: a `take` that loads and then stores.
#[test]
fn the_place_for_the_next_task_gives_each_out_once() {
    loom::model(|| {
        let tasks = tasks(2);
        let next = Arc::new(Next::new());
        assert!(next.replace(tasks[0].runnable()).is_none());
        let thief = thread::spawn({
            let next = next.clone();
            move || next.take().into_iter().collect()
        });
        let former = next.replace(tasks[1].runnable());
        let taken = former.into_iter().chain(next.take()).collect();
        let takers = [places(&tasks, taken), places(&tasks, thief.join().unwrap())];
        each_once(2, &takers);
    });
}
