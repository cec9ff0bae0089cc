//! Barriers, and cells that are filled once.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::pending;
use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::{Barrier, OnceCell, SetError, oneshot};
use tests::panics::panics;

use crate::steps::{Step, ready};

#[test]
fn a_barrier_opens_when_all_have_come_and_begins_anew() {
    let barrier = Barrier::new(3);
    for _ in 0..3 {
        let waits = [0, 1].map(|_| Step::waiting(barrier.wait()));
        assert!(ready(barrier.wait()).is_leader());
        for wait in waits {
            assert!(!wait.woken().is_leader());
        }
    }
    assert!(ready(Barrier::new(0).wait()).is_leader());
}

#[test]
fn who_gives_up_does_not_count() {
    let barrier = Barrier::new(2);
    drop(Step::waiting(barrier.wait()));
    let waits = Step::waiting(barrier.wait());
    assert!(ready(barrier.wait()).is_leader());
    // It was let through, and leaves without knowing: the next round is not its own.
    drop(waits);
    drop(Step::waiting(barrier.wait()));
}

#[test]
fn a_cell_is_filled_once() {
    let cell = OnceCell::new();
    assert_eq!(cell.get(), None);
    assert_eq!(*ready(cell.get_or_init(|| async { 1 })), 1);
    assert_eq!(*ready(cell.get_or_init(|| async { 2 })), 1);
    assert!(matches!(
        cell.set(3),
        Err(SetError::AlreadyInitializedError(3))
    ));
    let mut copy = cell.clone();
    assert_eq!(copy, cell);
    assert_eq!(copy.take(), Some(1));
    assert!(copy.set(4).is_ok());
    assert_eq!(copy.into_inner(), Some(4));
}

#[test]
fn a_maker_that_fails_panics_or_goes_leaves_it_to_the_next() {
    let cell = OnceCell::<u32>::new();
    let failed = ready(cell.get_or_try_init(|| async { Err("no") }));
    assert_eq!(failed, Err("no"));
    panics(|| ready(cell.get_or_init(|| async { panic!("in the making") })));
    let makes = Step::waiting(cell.get_or_init(pending));
    assert!(cell.set(1).unwrap_err().is_initializing_err());
    let next = Step::waiting(cell.get_or_init(|| async { 2 }));
    let last = Step::waiting(cell.get_or_init(|| async { 3 }));
    drop(makes);
    assert_eq!(*next.woken(), 2);
    assert_eq!(*last.woken(), 2);
}

proptest! {
    #[test]
    fn a_barrier_agrees_with_a_count(
        steps in prop::collection::vec((any::<bool>(), 0_usize..8), 0..60),
    ) {
        const SIZE: usize = 4;
        let barrier = Barrier::new(SIZE);
        let mut waits: Vec<Step<'_, _>> = Vec::new();
        for (comes, which) in steps {
            if comes {
                let mut wait = Step::new(barrier.wait());
                let polled = wait.poll();
                prop_assert_eq!(polled.is_ready(), waits.len() + 1 == SIZE);
                if polled.is_pending() {
                    waits.push(wait);
                } else {
                    for wait in waits.drain(..) {
                        prop_assert!(!wait.woken().is_leader());
                    }
                }
            } else if !waits.is_empty() {
                drop(waits.remove(which % waits.len()));
            }
        }
    }

    /// Seen to fail with a `set` that does not ask whether somebody makes the value, and with a maker
    /// that fails and closes the permits.
    #[test]
    fn a_cell_agrees_with_a_queue_of_makers(
        steps in prop::collection::vec((0_u8..8, 0_usize..32), 0..60),
    ) {
        let cell = OnceCell::new();
        let gates = RefCell::new(Vec::<(usize, oneshot::Sender<usize>)>::new());
        let mut value = None;
        // Who waits, in the order of coming; the first makes the value, at its gate.
        let mut queue: VecDeque<(usize, Step<'_, Result<&usize, ()>>)> = VecDeque::new();
        for (who, (step, which)) in steps.into_iter().enumerate() {
            match step {
                0..=3 => {
                    let gates = &gates;
                    let make = move || {
                        let (sender, receiver) = oneshot::channel();
                        gates.borrow_mut().push((who, sender));
                        async move { receiver.await.map_err(drop) }
                    };
                    let mut wait = Step::new(cell.get_or_try_init(make));
                    match wait.poll() {
                        Poll::Ready(made) => prop_assert_eq!(made.ok(), value.as_ref()),
                        Poll::Pending => queue.push_back((who, wait)),
                    }
                }
                4 if !queue.is_empty() => drop(queue.remove(which % queue.len())),
                5 => {
                    let expected = value.is_none() && queue.is_empty();
                    let set = cell.set(who);
                    prop_assert_eq!(set.is_ok(), expected);
                    if let Err(refused) = set {
                        prop_assert_eq!(refused.is_initializing_err(), value.is_none());
                    }
                    value = value.or(expected.then_some(who));
                }
                6 if !gates.borrow().is_empty() => {
                    let (maker, gate) = gates.borrow_mut().remove(0);
                    prop_assert_eq!(maker, queue[0].0);
                    gate.send(who).unwrap();
                    prop_assert_eq!(queue.pop_front().unwrap().1.woken(), Ok(&who));
                    value = Some(who);
                    for (_, wait) in queue.drain(..) {
                        prop_assert_eq!(wait.woken(), Ok(&who));
                    }
                }
                7 if !gates.borrow().is_empty() => {
                    drop(gates.borrow_mut().remove(0));
                    prop_assert_eq!(queue.pop_front().unwrap().1.woken(), Err(()));
                }
                _ => {}
            }
            if let Some((maker, wait)) = queue.front_mut() {
                prop_assert!(wait.poll().is_pending());
                gates.borrow_mut().retain(|(who, _)| who == maker);
                prop_assert_eq!(gates.borrow().len(), 1, "who is first makes it");
            } else {
                gates.borrow_mut().clear();
            }
            prop_assert_eq!(cell.get(), value.as_ref());
        }
    }
}
