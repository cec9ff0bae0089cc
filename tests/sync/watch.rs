//! A value that is watched: the latest is seen, and a newer one is waited for.

use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::Mutex;
use runtime::sync::watch::{self, channel};
use tests::panics::panics;

use crate::steps::{Step, ready};

#[test]
fn a_change_wakes_and_the_latest_is_seen() {
    let (sender, mut receiver) = channel(0);
    let changed = Step::waiting(receiver.changed());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    changed.woken().unwrap();
    assert_eq!(*receiver.borrow(), 2);
    drop(Step::waiting(receiver.changed()));
}

#[test]
fn the_last_value_is_seen_before_the_end() {
    let (sender, mut receiver) = channel(0);
    sender.send(1).unwrap();
    let another = sender.clone();
    drop(sender);
    assert_eq!(receiver.has_changed(), Ok(true));
    drop(another);
    assert!(receiver.has_changed().is_err());
    ready(receiver.changed()).unwrap();
    assert!(ready(receiver.changed()).is_err());
    let waits = channel(5).1;
    assert!(ready(waits.clone().wait_for(|value| *value == 6)).is_err());
    assert!(ready(waits.clone().wait_for(|value| *value == 5)).is_ok());
}

#[test]
fn who_waits_for_a_value_gets_that_one() {
    let (sender, mut receiver) = channel(0);
    let mut wait = Step::waiting(async {
        let found = receiver.wait_for(|value| *value > 2).await;
        found.map(|it| (*it, it.has_changed()))
    });
    sender.send_modify(|value| *value += 1);
    assert!(wait.poll().is_pending());
    assert!(sender.send_if_modified(|value| {
        *value = 3;
        true
    }));
    assert_eq!(wait.woken(), Ok((3, true)));
}

#[test]
fn nobody_is_told_of_what_did_not_change() {
    let (sender, mut receiver) = channel(0);
    let mut waits = Step::waiting(receiver.changed());
    assert!(!sender.send_if_modified(|_| false));
    waits.assert_waits();
    let said = panics(|| {
        sender.send_modify(|value| {
            *value = 9;
            panic!("in a change");
        })
    });
    assert_eq!(said, "in a change");
    waits.assert_waits();
    assert_eq!(
        *sender.borrow(),
        9,
        "a panic leaves the value as it is by then"
    );
}

#[test]
fn a_sender_without_receivers_keeps_what_it_is_told_to() {
    let sender = watch::Sender::new(1);
    assert_eq!(sender.send(2).unwrap_err().0, 2);
    assert_eq!(sender.send_replace(3), 1);
    let receiver = sender.subscribe();
    assert_eq!((*receiver.borrow(), receiver.has_changed()), (3, Ok(false)));
    let closed = Step::waiting(sender.closed());
    drop(receiver);
    closed.woken();
}

proptest! {
    #[test]
    fn it_agrees_with_a_value_and_a_number(steps in prop::collection::vec(0_u8..7, 0..60)) {
        let (sender, mut receiver) = channel(0);
        let (mut value, mut seen) = (0, 0);
        for step in steps {
            match step {
                0 | 1 => {
                    value += 1;
                    sender.send(value).unwrap();
                }
                2 => prop_assert_eq!(*receiver.borrow(), value),
                3 => {
                    let look = receiver.borrow_and_update();
                    prop_assert_eq!((*look, look.has_changed()), (value, value != seen));
                    seen = value;
                }
                4 => {
                    let polled = Step::new(receiver.changed()).poll();
                    let expected = if value == seen { Poll::Pending } else { Poll::Ready(Ok(())) };
                    prop_assert_eq!(polled, expected);
                    seen = value;
                }
                5 => {
                    receiver.mark_unchanged();
                    seen = value;
                }
                _ => {
                    receiver = receiver.clone();
                    prop_assert_eq!(receiver.has_changed(), Ok(value != seen));
                }
            }
        }
    }

    /// Seen to fail with a last sender that wakes nobody, and with a change that wakes one.
    #[test]
    fn who_waits_agrees_with_a_value_and_a_number_each(
        steps in prop::collection::vec((0_u8..6, 0_usize..32), 0..60),
    ) {
        let (sender, first) = channel(0);
        let mut sender = Some(sender);
        let (mut value, mut seen) = (0, [0; 3]);
        let receivers = [first.clone(), first.clone(), first].map(Mutex::new);
        let changed = async |at: usize| {
            let mut receiver = receivers[at].try_lock().unwrap();
            receiver.changed().await.map(|()| *receiver.borrow())
        };
        let mut waits = [const { None }; 3];
        for (step, which) in steps {
            let at = which % 3;
            match (step, &sender) {
                (0 | 1, Some(sender)) => {
                    value += 1;
                    sender.send(value).unwrap();
                }
                (5, _) if which == 0 => sender = None,
                (4, _) => waits[at] = None,
                _ if waits[at].is_none() => waits[at] = Some(Step::new(changed(at))),
                _ => {}
            }
            for (wait, seen) in waits.iter_mut().zip(&mut seen) {
                let Some(waiting) = wait else { continue };
                let expected = match (*seen != value, &sender) {
                    (true, _) => Poll::Ready(true),
                    (false, None) => Poll::Ready(false),
                    _ => Poll::Pending,
                };
                prop_assert!(waiting.was_new() || (waiting.wakes() > 0) == expected.is_ready());
                let polled = waiting.poll();
                prop_assert_eq!(polled.map(|it| it.is_ok()), expected);
                if let Poll::Ready(received) = polled {
                    prop_assert!(received.is_err() || received == Ok(value));
                    *seen = value;
                    *wait = None;
                }
            }
        }
    }
}
