//! The lane: its three places against a thief, and the order of what overflows.

use std::sync::Arc;

use loom::thread;

use super::{each_once, places, tasks};
use crate::executor::lane::Lane;
use crate::executor::ring::Batch;
use crate::primitive::RING;
use crate::tasks::Runnable;

/// Takes what a helper takes: what goes next, then half of the line, a few times over.
fn thief(
    victim: &Arc<Lane>,
    rounds: usize,
) -> thread::JoinHandle<(Option<Runnable>, Vec<Runnable>)> {
    let victim = victim.clone();
    thread::spawn(move || {
        let next = victim.pop_next();
        let ours = Lane::new();
        let mut taken = Vec::new();
        for _ in 0..rounds {
            let stolen = ours.steal_from(&victim);
            taken.extend(stolen.map(|stolen| stolen.first));
            taken.extend(drain(&ours));
        }
        (next, taken)
    })
}

fn run(lane: &Lane, mut batch: Batch) -> Vec<Runnable> {
    std::iter::from_fn(|| lane.pop(&mut batch)).collect()
}

/// What the owner does until nothing is left.
fn drain(lane: &Lane) -> Vec<Runnable> {
    let mut taken = Vec::new();
    while !lane.is_empty() {
        taken.extend(run(lane, lane.refill()));
        taken.extend(lane.pop_next());
    }
    taken
}

/// Broken by: a `Next::take` that loads and then stores.
#[test]
fn what_goes_next_is_taken_by_the_owner_or_a_thief() {
    loom::model(|| {
        let tasks = tasks(3);
        let lane = Arc::new(Lane::new());
        lane.push(tasks[0].runnable());
        lane.push_next(tasks[1].runnable());
        let thief = thief(&lane, 1);
        lane.push_next(tasks[2].runnable());
        let next: Vec<_> = lane.pop_next().into_iter().collect();
        let line = drain(&lane);
        let (theirs, stolen) = thief.join().unwrap();
        let takers = [
            places(&tasks, line),
            places(&tasks, next),
            places(&tasks, theirs.into_iter().collect()),
            places(&tasks, stolen),
        ];
        each_once(3, &takers);
    });
}

/// Broken by: the same as the next one.
#[test]
fn what_overflows_keeps_its_order_against_a_thief() {
    loom::model(|| {
        let count = RING as usize + 2;
        let tasks = tasks(count);
        let lane = Arc::new(Lane::new());
        for task in &tasks[..count - 1] {
            lane.push(task.runnable());
        }
        let thief = thief(&lane, 2);
        lane.push(tasks[count - 1].runnable());
        let taken = drain(&lane);
        let (_, stolen) = thief.join().unwrap();
        each_once(count, &[places(&tasks, taken), places(&tasks, stolen)]);
    });
}

/// The ring is empty at first, so both fill theirs from the overflow.
///
/// Broken by: a thief that takes its share off the length before it has the lock; an overflow that
/// gives out the second first.
#[test]
fn the_owner_and_a_thief_share_what_has_overflowed() {
    loom::model(|| {
        let count = RING as usize + 2;
        let tasks = tasks(count);
        let lane = Arc::new(Lane::new());
        let (in_ring, behind) = tasks.split_at(RING as usize);
        in_ring.iter().for_each(|task| lane.push(task.runnable()));
        let batch = lane.refill();
        behind.iter().for_each(|task| lane.push(task.runnable()));
        let mut taken = run(&lane, batch);
        let thief = thief(&lane, 1);
        taken.extend(drain(&lane));
        let (_, stolen) = thief.join().unwrap();
        each_once(count, &[places(&tasks, taken), places(&tasks, stolen)]);
    });
}

/// Broken by: a `push_behind` that does not look whether the overflow is closed.
#[test]
fn nothing_stands_behind_a_closed_lane() {
    loom::model(|| {
        let tasks = tasks(RING as usize + 1);
        let lane = Arc::new(Lane::new());
        tasks[..RING as usize]
            .iter()
            .for_each(|task| lane.push(task.runnable()));
        let closer = thread::spawn({
            let lane = lane.clone();
            move || lane.close()
        });
        lane.push(tasks[RING as usize].runnable());
        closer.join().unwrap();
        assert_eq!(lane.len(), RING);
    });
}
