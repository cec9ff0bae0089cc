//! Many senders, one receiver, and slots that are fewer than messages.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::mpsc;

#[test]
fn a_message_wakes_who_falls_asleep() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let other = thread::spawn(move || {
            let sent = block_on(sender.send(1));
            assert!(sent.is_ok());
        });
        assert_eq!(block_on(receiver.recv()), Some(1));
        assert_eq!(block_on(receiver.recv()), None);
        other.join().unwrap();
    });
}

#[test]
fn two_senders_share_one_slot() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let threads = [1, 2].map(|number| {
            let sender = sender.clone();
            thread::spawn(move || block_on(sender.send(number)).is_ok())
        });
        drop(sender);
        let mut sum = 0;
        while let Some(number) = block_on(receiver.recv()) {
            sum += number;
        }
        assert_eq!(sum, 3);
        for thread in threads {
            assert!(thread.join().unwrap());
        }
    });
}

#[test]
fn a_sender_that_gives_up_loses_no_slot() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        assert!(sender.try_send(0).is_ok());
        let fickle = thread::spawn({
            let sender = sender.clone();
            move || drop(try_once(sender.reserve()))
        });
        let other = thread::spawn(move || block_on(sender.send(1)).is_ok());
        assert_eq!(block_on(receiver.recv()), Some(0));
        assert_eq!(block_on(receiver.recv()), Some(1));
        assert_eq!(block_on(receiver.recv()), None);
        fickle.join().unwrap();
        assert!(other.join().unwrap());
    });
}

#[test]
fn a_message_is_with_one_of_the_two_when_the_receiver_goes() {
    loom::model(|| {
        let message = Arc::new(());
        let (sender, receiver) = mpsc::channel(1);
        let other = thread::spawn({
            let message = message.clone();
            move || block_on(sender.send(message)).is_ok()
        });
        drop(receiver);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn closing_waits_for_what_was_promised() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let other = thread::spawn(move || match block_on(sender.reserve()) {
            Ok(permit) => {
                permit.send(1);
                true
            }
            Err(_) => false,
        });
        receiver.close();
        let received = block_on(receiver.recv());
        assert_eq!(received.is_some(), other.join().unwrap());
    });
}

#[test]
fn closing_against_a_sender_that_waits() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        assert!(sender.try_send(0).is_ok());
        let other = thread::spawn(move || block_on(sender.send(1)).is_ok());
        receiver.close();
        assert_eq!(block_on(receiver.recv()), Some(0));
        assert_eq!(block_on(receiver.recv()), None);
        assert!(!other.join().unwrap());
    });
}

#[test]
fn a_receive_that_was_given_up_takes_no_message_along() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let other = thread::spawn(move || block_on(sender.send(1)).is_ok());
        let received = match try_once(receiver.recv()) {
            Some(received) => received,
            None => block_on(receiver.recv()),
        };
        assert_eq!(received, Some(1));
        assert_eq!(block_on(receiver.recv()), None);
        assert!(other.join().unwrap());
    });
}

#[test]
fn without_bound_a_message_and_the_end_wake_who_falls_asleep() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let threads = [1, 2].map(|number| {
            let sender = sender.clone();
            thread::spawn(move || sender.send(number).is_ok())
        });
        drop(sender);
        let first = try_once(receiver.recv());
        let mut sum = first.map_or(0, |first| first.unwrap_or(0));
        while let Some(number) = block_on(receiver.recv()) {
            sum += number;
        }
        assert_eq!(sum, 3);
        for thread in threads {
            assert!(thread.join().unwrap());
        }
    });
}

#[test]
fn without_bound_a_message_is_received_or_comes_back_when_it_closes() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let other = thread::spawn(move || sender.send(1).is_ok());
        receiver.close();
        let received = block_on(receiver.recv());
        assert_eq!(received.is_some(), other.join().unwrap());
    });
}

/// Seen to fail with a sender that does not say that it waits, and with one that says so and does not
/// look what had come back by then.
#[test]
fn a_slot_that_comes_back_without_the_lock_reaches_who_begins_to_wait() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(3);
        assert!((0..3).all(|number| sender.try_send(number).is_ok()));
        // With the first, the other two are the receiver's own.
        assert_eq!(receiver.try_recv(), Ok(0));
        assert!(sender.try_send(3).is_ok());
        let other = thread::spawn(move || block_on(sender.send(4)).is_ok());
        assert_eq!(receiver.try_recv(), Ok(1));
        // The others stay: this slot must do.
        assert!(other.join().unwrap());
        for number in [2, 3, 4] {
            assert_eq!(receiver.try_recv(), Ok(number));
        }
    });
}

#[test]
fn many_slots_that_come_back_one_by_one_reach_who_wants_them_all() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(2);
        assert!((0..2).all(|number| sender.try_send(number).is_ok()));
        let fickle = thread::spawn({
            let sender = sender.clone();
            move || drop(try_once(sender.reserve()))
        });
        let other = thread::spawn(move || block_on(sender.reserve_many(2)).map(drop).is_ok());
        assert_eq!(receiver.try_recv(), Ok(0));
        assert_eq!(receiver.try_recv(), Ok(1));
        fickle.join().unwrap();
        assert!(other.join().unwrap());
        assert_eq!(receiver.capacity(), 2);
    });
}

/// Broken by: a `serve` that sends what waits, without its sender; a `leave` that keeps a promised slot.
#[test]
fn a_send_that_is_dropped_has_not_sent_and_one_that_is_done_has() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        assert!(sender.try_send(0).is_ok());
        let fickle = thread::spawn({
            let sender = sender.clone();
            move || try_once(sender.send(1)).is_some()
        });
        let other = thread::spawn(move || block_on(sender.send(2)).is_ok());
        let mut received = Vec::new();
        while let Some(number) = block_on(receiver.recv()) {
            received.push(number);
        }
        assert_eq!(received.contains(&1), fickle.join().unwrap());
        assert!(other.join().unwrap());
        received.retain(|number| *number != 1);
        assert_eq!(received, [0, 2]);
        assert_eq!(receiver.capacity(), 1);
    });
}
