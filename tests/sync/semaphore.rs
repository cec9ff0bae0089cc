//! Permits: taken in the order of coming, and never lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::{Semaphore, TryAcquireError};
use tests::panics::panics;

use crate::steps::{Step, ready};

#[test]
fn permits_go_to_who_waits_in_the_order_of_coming() {
    let semaphore = Semaphore::new(1);
    let held = ready(semaphore.acquire()).unwrap();
    let first = Step::waiting(semaphore.acquire());
    let mut second = Step::waiting(semaphore.acquire());
    drop(held);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits,
        "it is the first one's"
    );
    let held = first.woken().unwrap();
    second.assert_waits();
    drop(held);
    drop(second.woken());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn who_wants_many_is_not_overtaken() {
    let semaphore = Semaphore::new(0);
    let mut many = Step::waiting(semaphore.acquire_many(3));
    let mut one = Step::waiting(semaphore.acquire());
    semaphore.add_permits(2);
    many.assert_waits();
    one.assert_waits();
    semaphore.add_permits(2);
    assert_eq!(many.woken().unwrap().num_permits(), 3);
    drop(one.woken());
}

#[test]
fn who_leaves_from_the_front_lets_the_next_have_what_was_saved() {
    let semaphore = Semaphore::new(2);
    let many = Step::waiting(semaphore.acquire_many(3));
    let mut one = Step::waiting(semaphore.acquire());
    one.assert_waits();
    drop(many);
    one.woken().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn who_was_called_and_leaves_passes_it_on() {
    let semaphore = Semaphore::new(0);
    let called = Step::waiting(semaphore.acquire());
    let next = Step::waiting(semaphore.acquire());
    semaphore.add_permits(1);
    assert_eq!(called.wakes(), 1);
    drop(called);
    drop(next.woken());
}

#[test]
fn closing_ends_every_wait_and_leaves_permits_good() {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.clone().try_acquire_owned().unwrap();
    let waits = Step::waiting(semaphore.acquire());
    semaphore.close();
    assert_eq!(waits.woken().unwrap_err().to_string(), "semaphore closed");
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    drop(held);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn permits_are_split_merged_and_forgotten() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut permit = semaphore.clone().try_acquire_many_owned(4).unwrap();
    let part = permit.split(3).unwrap();
    assert!(permit.split(2).is_none());
    permit.merge(part);
    assert_eq!(permit.num_permits(), 4);
    permit.forget();
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.forget_permits(3), 1);
    let other = Semaphore::new(1);
    let mut permit = other.try_acquire().unwrap();
    semaphore.add_permits(1);
    let strange = semaphore.try_acquire().unwrap();
    assert!(panics(move || permit.merge(strange)).contains("two semaphores"));
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn too_many_permits_are_refused_and_leave_it_as_it_was() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    assert!(panics(|| semaphore.add_permits(1)).contains("MAX_PERMITS"));
    assert!(panics(|| semaphore.add_permits(usize::MAX)).contains("MAX_PERMITS"));
    drop(semaphore.try_acquire().unwrap());
    let semaphore = Semaphore::new(0);
    let mut waits = Step::waiting(semaphore.acquire_many(u32::MAX));
    assert!(panics(|| semaphore.add_permits(usize::MAX)).contains("MAX_PERMITS"));
    waits.assert_waits();
}

/// The plainest semaphore: a number, and a queue of who wants how many.
#[derive(Default)]
struct Model {
    free: usize,
    queue: VecDeque<(usize, usize)>,
    held: Vec<(usize, usize)>,
}

impl Model {
    fn serve(&mut self) {
        while let Some(&(who, count)) = self.queue.front() {
            if count > self.free {
                return;
            }
            self.free -= count;
            self.queue.pop_front();
            self.held.push((who, count));
        }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_number_and_a_queue(
        steps in prop::collection::vec((0_u8..6, 0_usize..32, 0_u32..4), 0..80),
    ) {
        let semaphore = Semaphore::new(3);
        let mut model = Model { free: 3, ..Model::default() };
        let mut waits: Vec<(usize, Step<'_, _>)> = Vec::new();
        let mut held = Vec::new();
        for (who, (step, which, count)) in steps.into_iter().enumerate() {
            match step {
                0 | 1 => {
                    waits.push((who, Step::new(semaphore.acquire_many(count))));
                    model.queue.push_back((who, count as usize));
                }
                2 if !waits.is_empty() => {
                    let (who, _) = waits.remove(which % waits.len());
                    model.queue.retain(|(waiting, _)| *waiting != who);
                    if let Some(at) = model.held.iter().position(|(holds, _)| *holds == who) {
                        model.free += model.held.remove(at).1;
                    }
                }
                3 if !held.is_empty() => {
                    let (who, permit) = held.remove(which % held.len());
                    drop(permit);
                    let at = model.held.iter().position(|(holds, _)| *holds == who).unwrap();
                    model.free += model.held.remove(at).1;
                }
                4 => {
                    semaphore.add_permits(count as usize);
                    model.free += count as usize;
                }
                5 => {
                    let expected = model.queue.is_empty() && model.free >= count as usize;
                    prop_assert_eq!(semaphore.try_acquire_many(count).is_ok(), expected);
                }
                _ => {}
            }
            model.serve();
            let mut at = 0;
            while at < waits.len() {
                let (who, wait) = &mut waits[at];
                let who = *who;
                let has = model.held.iter().any(|(holds, _)| *holds == who);
                match wait.poll() {
                    Poll::Ready(permit) => {
                        prop_assert!(has);
                        held.push((who, permit.unwrap()));
                        waits.remove(at);
                    }
                    Poll::Pending => {
                        prop_assert!(!has);
                        at += 1;
                    }
                }
            }
            let free = if model.queue.is_empty() { model.free } else { 0 };
            prop_assert_eq!(semaphore.available_permits(), free);
        }
    }
}
