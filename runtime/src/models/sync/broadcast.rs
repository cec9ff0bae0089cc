//! Messages and the end, against receivers that fall asleep, lag and leave.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::broadcast::{self, error::RecvError};

#[test]
fn a_message_reaches_both() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let mut second = sender.subscribe();
        let other = thread::spawn(move || block_on(second.recv()));
        let sends = thread::spawn(move || sender.send(7).is_ok());
        assert_eq!(block_on(receiver.recv()), Ok(7));
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        assert_eq!(other.join().unwrap(), Ok(7));
        assert!(sends.join().unwrap());
    });
}

#[test]
fn who_lags_is_told_and_goes_on() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let other = thread::spawn(move || {
            let _ = sender.send(1);
            let _ = sender.send(2);
        });
        let first = block_on(receiver.recv());
        match first {
            Ok(1) => {}
            Err(RecvError::Lagged(1)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(block_on(receiver.recv()), Ok(2));
        assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
        other.join().unwrap();
    });
}

#[test]
fn who_leaves_keeps_no_message() {
    loom::model(|| {
        let message = Arc::new(());
        let (sender, mut receiver) = broadcast::channel(2);
        let other = thread::spawn({
            let message = message.clone();
            move || drop(sender.send(message))
        });
        drop(try_once(receiver.recv()));
        drop(receiver);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn who_gives_up_waiting_keeps_nobody_from_the_message() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let mut second = sender.subscribe();
        let fickle = thread::spawn(move || try_once(second.recv()));
        let other = thread::spawn(move || sender.send(7).is_ok());
        assert_eq!(block_on(receiver.recv()), Ok(7));
        fickle.join().unwrap();
        assert!(other.join().unwrap());
    });
}

#[test]
fn the_last_receivers_going_is_heard() {
    loom::model(|| {
        let (sender, receiver) = broadcast::channel::<u8>(1);
        let other = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(1).is_err());
        other.join().unwrap();
    });
}
