//! Each message to each receiver, and a lag that is not an end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::Mutex;
use runtime::sync::broadcast::error::{Lagged, RecvError, TryRecvError};
use runtime::sync::broadcast::{self, channel};
use tests::panics::panics;

use crate::steps::{Step, ready};

#[test]
fn each_message_reaches_each_receiver() {
    let (sender, mut one) = channel(4);
    let mut other = sender.subscribe();
    assert_eq!(sender.send(1), Ok(2));
    let mut late = one.resubscribe();
    assert_eq!(sender.send(2), Ok(3));
    for receiver in [&mut one, &mut other] {
        assert_eq!(ready(receiver.recv()), Ok(1));
        assert_eq!(ready(receiver.recv()), Ok(2));
    }
    assert_eq!(ready(late.recv()), Ok(2));
    assert!(sender.is_empty());
    let waits = [&mut one, &mut late].map(|receiver| Step::waiting(receiver.recv()));
    sender.send(3).unwrap();
    assert_eq!(waits.map(Step::woken), [Ok(3), Ok(3)]);
    drop(sender);
    assert_eq!(ready(one.recv()), Err(RecvError::Closed));
    assert_eq!(other.try_recv(), Ok(3));
    assert_eq!(other.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_lag_is_told_and_not_an_end() {
    let (sender, mut receiver) = channel(2);
    for number in 0..5 {
        sender.send(number).unwrap();
    }
    assert_eq!(receiver.len(), 5);
    assert_eq!(ready(receiver.next()), Some(Err(Lagged(3))));
    assert_eq!(ready(receiver.next()), Some(Ok(3)));
    for number in 5..8 {
        sender.send(number).unwrap();
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!(receiver.try_recv(), Ok(6));
    drop(sender);
    assert_eq!(ready(receiver.next()), Some(Ok(7)));
    assert_eq!(ready(receiver.next()), None);
}

#[test]
fn weak_senders_do_not_keep_it_open() {
    let (sender, mut receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    let second = weak.upgrade().unwrap();
    assert_eq!((sender.strong_count(), weak.clone().weak_count()), (2, 2));
    drop(sender);
    let mut waits = Step::waiting(receiver.recv());
    waits.assert_waits();
    drop(second);
    assert_eq!(waits.woken(), Err(RecvError::Closed));
    assert!(weak.upgrade().is_none());
    assert_eq!((weak.strong_count(), weak.weak_count()), (0, 1));
}

#[test]
fn without_receivers_a_message_comes_back() {
    let sender = broadcast::Sender::new(1);
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    let receiver = sender.subscribe();
    let closed = Step::waiting(sender.closed());
    drop(receiver);
    closed.woken();
    assert!(panics(|| channel::<u8>(0)).contains("broadcast::channel"));
}

#[test]
fn the_last_reader_gets_the_message_itself() {
    #[derive(Debug)]
    struct Counts(Arc<AtomicUsize>);
    impl Clone for Counts {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::SeqCst);
            Self(self.0.clone())
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let (sender, mut one) = channel(2);
    let mut other = sender.subscribe();
    sender.send(Counts(clones.clone())).unwrap();
    drop((one.try_recv().unwrap(), other.try_recv().unwrap()));
    assert_eq!(clones.load(Ordering::SeqCst), 1);
    assert_eq!(Arc::strong_count(&clones), 1);
    sender.send(Counts(clones.clone())).unwrap();
    drop(one);
    assert_eq!(Arc::strong_count(&clones), 2, "the other has not read it");
    drop(other);
    assert_eq!(Arc::strong_count(&clones), 1, "nobody will");
}

#[test]
fn a_clone_may_use_the_channel() {
    #[derive(Debug)]
    struct Returns(broadcast::Sender<Returns>);
    impl Clone for Returns {
        fn clone(&self) -> Self {
            assert!(self.0.receiver_count() > 0);
            Self(self.0.clone())
        }
    }
    let (sender, mut one) = channel(1);
    let _other = sender.subscribe();
    sender.send(Returns(sender.clone())).unwrap();
    drop(one.try_recv().unwrap());
    sender.send(Returns(sender.clone())).unwrap();
}

proptest! {
    #[test]
    fn it_agrees_with_a_list_a_receiver(
        steps in prop::collection::vec((0_u8..6, 0_usize..16), 0..100),
    ) {
        const ROOM: usize = 3;
        let sender = broadcast::Sender::new(ROOM);
        // What each has not read of all that was sent, and how much of that it has missed.
        let mut receivers: Vec<(broadcast::Receiver<usize>, Vec<usize>)> = Vec::new();
        for (number, (step, which)) in steps.into_iter().enumerate() {
            match step {
                0 if receivers.len() < 4 => receivers.push((sender.subscribe(), Vec::new())),
                1 | 2 => {
                    prop_assert_eq!(sender.send(number).is_ok(), !receivers.is_empty());
                    for (_, unread) in &mut receivers {
                        unread.push(number);
                    }
                }
                3 | 4 if !receivers.is_empty() => {
                    let at = which % receivers.len();
                    let (receiver, unread) = &mut receivers[at];
                    prop_assert_eq!(receiver.len(), unread.len());
                    let missed = unread.len().saturating_sub(ROOM);
                    unread.drain(..missed);
                    let expected = match (missed, unread.is_empty()) {
                        (0, true) => Err(TryRecvError::Empty),
                        (0, false) => Ok(unread.remove(0)),
                        _ => Err(TryRecvError::Lagged(missed as u64)),
                    };
                    prop_assert_eq!(receiver.try_recv(), expected);
                }
                5 if !receivers.is_empty() => drop(receivers.remove(which % receivers.len())),
                _ => {}
            }
            let kept = receivers.iter().map(|(_, unread)| unread.len().min(ROOM)).max();
            prop_assert_eq!(sender.len(), kept.unwrap_or(0));
        }
    }

    /// Seen to fail with a `send` that wakes one, and with a last sender that wakes nobody.
    #[test]
    fn who_waits_agrees_with_a_list_each(
        steps in prop::collection::vec((0_u8..6, 0_usize..32), 0..60),
    ) {
        const ROOM: usize = 2;
        let (sender, first) = broadcast::channel(ROOM);
        let receivers = [first.resubscribe(), first.resubscribe(), first].map(Mutex::new);
        let receive = async |at: usize| receivers[at].try_lock().unwrap().recv().await;
        let mut sender = Some(sender);
        let mut unread: [VecDeque<usize>; 3] = Default::default();
        let mut waits = [const { None }; 3];
        for (number, (step, which)) in steps.into_iter().enumerate() {
            let at = which % 3;
            match (step, &sender) {
                (0 | 1, Some(sender)) => {
                    prop_assert_eq!(sender.send(number), Ok(3));
                    unread.iter_mut().for_each(|unread| unread.push_back(number));
                }
                (5, _) if which == 0 => sender = None,
                (4, _) => waits[at] = None,
                _ if waits[at].is_none() => waits[at] = Some(Step::new(receive(at))),
                _ => {}
            }
            for (wait, unread) in waits.iter_mut().zip(&mut unread) {
                let Some(waiting) = wait else { continue };
                let missed = unread.len().saturating_sub(ROOM);
                unread.drain(..missed);
                let expected = match (missed, unread.front(), &sender) {
                    (0, None, Some(_)) => Poll::Pending,
                    (0, None, None) => Poll::Ready(Err(RecvError::Closed)),
                    (0, Some(_), _) => Poll::Ready(Ok(unread.pop_front().unwrap())),
                    _ => Poll::Ready(Err(RecvError::Lagged(missed as u64))),
                };
                prop_assert!(waiting.was_new() || (waiting.wakes() > 0) == expected.is_ready());
                prop_assert_eq!(waiting.poll(), expected);
                if expected.is_ready() {
                    *wait = None;
                }
            }
        }
    }
}
