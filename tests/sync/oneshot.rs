//! One value, from one end to the other.

use std::sync::Arc;
use std::task::Poll;
use std::thread;

use proptest::prelude::*;
use runtime::sync::oneshot::{channel, error::TryRecvError};
use tests::deadline::soon;
use tests::foreign::block_on;
use tests::panics::{on_drop, panics};

use crate::steps::{Step, ready};

#[test]
fn a_value_waits_or_is_waited_for() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    assert_eq!(ready(receiver), Ok(1));
    let (sender, mut receiver) = channel();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    let mut waits = Step::waiting(&mut receiver);
    waits.assert_waits();
    sender.send(2).unwrap();
    assert_eq!(waits.woken(), Ok(2));
    assert!(receiver.is_terminated());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(
        ready(&mut receiver).is_err(),
        "polled again after it was ready"
    );
}

#[test]
fn a_sender_that_goes_is_an_error() {
    let (sender, receiver) = channel::<u8>();
    let waits = Step::waiting(receiver);
    drop(sender);
    assert_eq!(waits.woken().unwrap_err().to_string(), "channel closed");
}

#[test]
fn what_is_not_wanted_comes_back() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send("mine"), Err("mine"));
    let (sender, mut receiver) = channel();
    receiver.close();
    assert_eq!(sender.send(1), Err(1));
    assert!(ready(receiver).is_err());
}

#[test]
fn what_was_sent_before_the_close_is_received() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert!(!receiver.is_empty() && !receiver.is_terminated());
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn a_sender_hears_that_nobody_waits() {
    let (mut sender, receiver) = channel::<u8>();
    let mut closed = Step::waiting(sender.closed());
    closed.assert_waits();
    drop(receiver);
    closed.woken();
}

#[test]
fn a_value_is_dropped_once_and_not_kept() {
    let value = Arc::new(());
    let (sender, receiver) = channel();
    sender.send(value.clone()).unwrap();
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    let (sender, receiver) = channel();
    sender.send(value.clone()).unwrap();
    let got = ready(receiver).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(got);
    let (sender, receiver) = channel();
    let hostile = on_drop(|| panic!("in a destructor"));
    assert!(sender.send(hostile).is_ok());
    assert_eq!(panics(move || drop(receiver)), "in a destructor");
}

#[test]
fn a_thread_may_wait_and_send() {
    soon(|| {
        let (sender, receiver) = channel();
        let waits = thread::spawn(move || receiver.blocking_recv());
        sender.send(9).unwrap();
        assert_eq!(waits.join().unwrap(), Ok(9));
        for number in 0..1000 {
            let (sender, receiver) = channel();
            let sends = thread::spawn(move || sender.send(number));
            assert_eq!(block_on(receiver), Ok(number));
            sends.join().unwrap().unwrap();
        }
    });
}

/// What a one-shot channel is, plainly.
#[derive(Default)]
struct Model {
    sent: Option<u32>,
    over: bool,
    closed: bool,
}

proptest! {
    #[test]
    fn it_agrees_with_a_place_for_a_value(steps in prop::collection::vec(0_u8..6, 0..12)) {
        let (sender, mut receiver) = channel();
        let mut sender = Some(sender);
        let mut model = Model::default();
        for step in steps {
            match step {
                0 => if let Some(sender) = sender.take() {
                    prop_assert_eq!(sender.send(5).is_ok(), !model.closed);
                    model.sent = (!model.closed).then_some(5);
                    model.over = true;
                },
                1 => {
                    model.over |= sender.is_some();
                    drop(sender.take());
                }
                2 => {
                    receiver.close();
                    model.closed = true;
                }
                3 => if let Some(sender) = &mut sender {
                    prop_assert_eq!(Step::new(sender.closed()).poll().is_ready(), model.closed);
                },
                4 => {
                    let polled = Step::new(&mut receiver).poll();
                    let expected = match model.sent.take() {
                        Some(value) => Poll::Ready(Some(value)),
                        None if model.over || model.closed => Poll::Ready(None),
                        None => Poll::Pending,
                    };
                    prop_assert_eq!(polled.map(Result::ok), expected);
                }
                _ => prop_assert_eq!(receiver.try_recv().ok(), model.sent.take()),
            }
            prop_assert_eq!(receiver.is_empty(), model.sent.is_none());
        }
    }
}
