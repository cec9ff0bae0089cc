//! One value, two ends, each of which may leave at any time.

use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::thread;

use super::{Counted, poll};
use crate::sync::oneshot::{self, error::TryRecvError};

#[test]
fn a_value_crosses() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel();
        let other = thread::spawn(move || sender.send(5));
        assert_eq!(block_on(receiver), Ok(5));
        other.join().unwrap().unwrap();
    });
}

#[test]
fn a_sender_that_leaves_is_heard() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<u32>();
        let other = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        other.join().unwrap();
    });
}

#[test]
fn a_receiver_that_waited_and_leaves_keeps_nothing() {
    loom::model(|| {
        let value = Arc::new(());
        let (sender, receiver) = oneshot::channel();
        let counted = Arc::new(Counted);
        let waker = Waker::from(counted.clone());
        let other = thread::spawn({
            let value = value.clone();
            move || sender.send(value).is_ok()
        });
        let mut receiver = Box::pin(receiver);
        let _ = poll(&mut receiver, &waker);
        drop(receiver);
        other.join().unwrap();
        drop(waker);
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

#[test]
fn two_wakers_in_turn_against_a_value() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel();
        let other = thread::spawn(move || sender.send(1).unwrap());
        let counted = Arc::new(Counted);
        let first = Waker::from(counted.clone());
        let mut receiver = Box::pin(receiver);
        match poll(&mut receiver, &first) {
            Poll::Pending => assert_eq!(block_on(receiver), Ok(1)),
            Poll::Ready(value) => assert_eq!((value, drop(receiver)), (Ok(1), ())),
        }
        other.join().unwrap();
        drop(first);
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

#[test]
fn a_value_is_with_one_of_the_two_when_the_channel_closes() {
    loom::model(|| {
        let (sender, mut receiver) = oneshot::channel();
        let other = thread::spawn(move || sender.send(3).is_ok());
        receiver.close();
        let received = receiver.try_recv();
        let sent = other.join().unwrap();
        match received {
            Ok(3) => assert!(sent),
            Err(TryRecvError::Closed) => assert!(!sent),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_sender_hears_the_closing_and_leaves() {
    loom::model(|| {
        let (mut sender, receiver) = oneshot::channel::<u32>();
        let other = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(1).is_err());
        other.join().unwrap();
    });
}

#[test]
fn both_wait_and_both_leave() {
    loom::model(|| {
        let counted = Arc::new(Counted);
        let (mut sender, receiver) = oneshot::channel::<u32>();
        let other = thread::spawn({
            let waker = Waker::from(counted.clone());
            move || {
                let mut receiver = Box::pin(receiver);
                let _ = poll(&mut receiver, &waker);
            }
        });
        let waker = Waker::from(counted.clone());
        let _ = sender.poll_closed(&mut std::task::Context::from_waker(&waker));
        drop(sender);
        drop(waker);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}
