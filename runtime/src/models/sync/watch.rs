//! A change, or the end, against a look that falls asleep.

use std::sync::Arc;
use std::task::Waker;

use loom::future::block_on;
use loom::thread;

use super::{Counted, poll};
use crate::sync::watch;

#[test]
fn a_change_at_any_time_is_seen_and_then_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let other = thread::spawn(move || sender.send(1).is_ok());
        assert!(block_on(receiver.changed()).is_ok());
        assert_eq!(*receiver.borrow_and_update(), 1);
        assert!(block_on(receiver.changed()).is_err());
        assert!(other.join().unwrap());
    });
}

#[test]
fn two_changes_are_seen_once_or_twice_and_the_last_is() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let other = thread::spawn(move || {
            sender.send_replace(1);
            sender.send_replace(2);
        });
        let last = block_on(async { receiver.wait_for(|value| *value == 2).await.map(|it| *it) });
        assert_eq!(last, Ok(2));
        other.join().unwrap();
    });
}

#[test]
fn the_last_receivers_going_is_heard() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let other = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(1).is_err());
        other.join().unwrap();
    });
}

/// Seen to fail with a `changed` that looks at the version once, before it waits.
#[test]
fn who_gives_up_keeps_nobody_from_the_change_and_leaves_no_waker() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let counted = Arc::new(Counted);
        let fickle = thread::spawn({
            let (mut receiver, waker) = (receiver.clone(), Waker::from(counted.clone()));
            move || poll(&mut Box::pin(receiver.changed()), &waker).is_ready()
        });
        let other = thread::spawn(move || sender.send(1).is_ok());
        assert!(block_on(receiver.changed()).is_ok());
        fickle.join().unwrap();
        assert!(other.join().unwrap());
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}
