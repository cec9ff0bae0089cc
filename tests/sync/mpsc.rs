//! Many senders, one receiver: order, room, ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use proptest::prelude::*;
use runtime::sync::mpsc::error::{SendTimeoutError, TryRecvError, TrySendError};
use runtime::sync::mpsc::{channel, unbounded_channel};
use runtime::time::Duration;
use tests::deadline::soon;
use tests::foreign::block_on;
use tests::once::once;
use tests::panics::{on_drop, panics};

use crate::steps::{Step, ready};

#[test]
fn messages_come_in_order_and_then_the_end() {
    let (sender, mut receiver) = channel(4);
    for number in 0..4 {
        ready(sender.send(number)).unwrap();
    }
    drop(sender);
    for number in 0..4 {
        assert_eq!(ready(receiver.recv()), Some(number));
    }
    assert_eq!(ready(receiver.recv()), None);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn senders_wait_for_room_in_the_order_of_coming() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let first = Step::waiting(sender.send(1));
    let mut second = Step::waiting(sender.send(2));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(ready(receiver.recv()), Some(0));
    assert_eq!(
        sender.try_send(3),
        Err(TrySendError::Full(3)),
        "the room is the first one's"
    );
    second.assert_waits();
    first.woken().unwrap();
    assert_eq!(ready(receiver.recv()), Some(1));
    second.woken().unwrap();
    assert_eq!(ready(receiver.recv()), Some(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn a_sender_that_was_called_and_leaves_passes_the_room_on() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let called = Step::waiting(sender.send(1));
    let next = Step::waiting(sender.send(2));
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(called);
    next.woken().unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_send_that_is_dropped_has_not_sent() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let dropped = Step::waiting(sender.send(1));
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(dropped);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.try_send(2), Ok(()), "its slot is free");
    let next = Step::waiting(sender.send(3));
    assert_eq!(receiver.try_recv(), Ok(2));
    next.woken().unwrap();
    assert_eq!(receiver.try_recv(), Ok(3));
    drop(sender);
    assert_eq!(
        ready(receiver.recv()),
        None,
        "the message was seen by nobody"
    );
}

#[test]
fn a_message_comes_back_if_the_receiver_goes_before_its_sender_runs() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    let promised = Step::waiting(sender.send(1));
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(receiver);
    assert_eq!(promised.woken().unwrap_err().0, 1);
}

#[test]
fn a_waiting_receiver_is_woken_by_a_message_and_by_the_end() {
    let (sender, mut receiver) = channel(1);
    let mut waits = Step::waiting(receiver.recv());
    waits.assert_waits();
    sender.try_send(1).unwrap();
    assert_eq!(waits.woken(), Some(1));
    let waits = Step::waiting(receiver.recv());
    drop(sender);
    assert_eq!(waits.woken(), None);
}

#[test]
fn permits_are_slots() {
    let (sender, mut receiver) = channel(4);
    let permit = ready(sender.reserve()).unwrap();
    let mut permits = ready(sender.reserve_many(2)).unwrap();
    let owned = sender.clone().try_reserve_owned().unwrap();
    assert_eq!(sender.capacity(), 0);
    assert!(sender.try_reserve().is_err());
    permits.next().unwrap().send(1);
    permit.send(2);
    owned.send(3);
    drop(permits);
    assert_eq!(sender.capacity(), 1);
    let mut batch = Vec::new();
    assert_eq!(ready(receiver.recv_many(&mut batch, 9)), 3);
    assert_eq!(batch, [1, 2, 3]);
    assert_eq!(sender.capacity(), 4);
    assert!(
        ready(sender.reserve_many(5)).is_err(),
        "more than there are"
    );
    let sender = sender.try_reserve_owned().unwrap().release();
    assert_eq!(sender.capacity(), 4);
}

#[test]
fn a_closed_channel_takes_nothing_but_what_was_promised() {
    let (sender, mut receiver) = channel(2);
    sender.try_send(1).unwrap();
    let permit = sender.try_reserve().unwrap();
    let waits = Step::waiting(sender.send(3));
    receiver.close();
    assert_eq!(waits.woken().unwrap_err().0, 3, "the message comes back");
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    assert_eq!(ready(receiver.recv()), Some(1));
    let mut end = Step::waiting(receiver.recv());
    end.assert_waits();
    permit.send(2);
    assert_eq!(end.woken(), Some(2));
    assert_eq!(ready(receiver.recv()), None);
}

#[test]
fn a_promise_that_is_broken_ends_a_closed_channel() {
    let (sender, mut receiver) = channel::<u8>(1);
    let permit = sender.try_reserve().unwrap();
    receiver.close();
    let end = Step::waiting(receiver.recv());
    drop(permit);
    assert_eq!(end.woken(), None);
}

#[test]
fn a_receiver_that_goes_is_heard_and_drops_what_is_there() {
    let message = Arc::new(());
    let (sender, receiver) = channel(2);
    sender.try_send(message.clone()).unwrap();
    let permit = sender.try_reserve().unwrap();
    let closed = Step::waiting(sender.closed());
    drop(receiver);
    closed.woken();
    assert!(sender.is_closed());
    assert_eq!(Arc::strong_count(&message), 1);
    permit.send(message.clone());
    assert_eq!(Arc::strong_count(&message), 1);
}

#[test]
fn weak_senders_do_not_keep_it_open() {
    let (sender, mut receiver) = unbounded_channel::<u8>();
    let weak = sender.downgrade();
    let again = weak.upgrade().unwrap();
    assert!(again.same_channel(&sender));
    assert_eq!((weak.strong_count(), weak.weak_count()), (2, 1));
    drop((sender, again));
    assert!(weak.upgrade().is_none());
    assert_eq!(ready(receiver.recv()), None);
}

#[test]
fn recv_many_takes_what_is_there_and_waits_for_the_first() {
    let (sender, mut receiver) = unbounded_channel();
    let mut batch = Vec::new();
    assert_eq!(ready(receiver.recv_many(&mut batch, 0)), 0);
    let waits = Step::waiting(receiver.recv_many(&mut batch, 2));
    for number in 0..3 {
        sender.send(number).unwrap();
    }
    assert_eq!(waits.woken(), 2);
    drop(sender);
    assert_eq!(ready(receiver.recv_many(&mut batch, 9)), 1);
    assert_eq!(ready(receiver.recv_many(&mut batch, 9)), 0);
    assert_eq!(batch, [0, 1, 2]);
}

#[test]
fn a_send_with_a_limit_gives_the_message_back_and_its_place_up() {
    soon(|| {
        runtime::block_on(async {
            let (sender, mut receiver) = channel(1);
            sender.try_send(1).unwrap();
            let (short, long) = (Duration::from_millis(1), Duration::from_secs(60));
            let late = sender.send_timeout(2, short).await;
            assert_eq!(late, Err(SendTimeoutError::Timeout(2)));
            let mut waits = Box::pin(sender.send_timeout(3, long));
            assert!(once(waits.as_mut()).await.is_pending());
            assert_eq!(receiver.recv().await, Some(1));
            assert_eq!(waits.await, Ok(()));
            receiver.close();
            let closed = sender.send_timeout(4, long).await;
            assert_eq!(closed, Err(SendTimeoutError::Closed(4)));
            assert_eq!(closed.unwrap_err().into_inner(), 4);
        });
    });
}

#[test]
fn permits_know_their_channel() {
    let ((one, _one), (other, _other)) = (channel::<u8>(2), channel::<u8>(1));
    let [first, second] = [(); 2].map(|()| one.clone().try_reserve_owned().unwrap());
    let strange = other.clone().try_reserve_owned().unwrap();
    assert!(first.same_channel(&second) && !first.same_channel(&strange));
    assert!(first.same_channel_as_sender(&one) && !first.same_channel_as_sender(&other));
}

#[test]
fn a_destructor_may_use_the_channel_that_drops_it() {
    soon(|| {
        let (sender, receiver) = unbounded_channel::<Box<dyn Send>>();
        let again = sender.clone();
        let message = on_drop(move || assert!(again.is_closed()));
        assert!(sender.send(Box::new(message)).is_ok());
        drop(receiver);
    });
}

#[test]
fn a_capacity_of_nothing_is_refused_by_name() {
    assert!(panics(|| channel::<u8>(0)).contains("mpsc::channel"));
}

#[test]
fn threads_send_and_receive() {
    soon(|| {
        let (sender, mut receiver) = channel(3);
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let sender = sender.clone();
                thread::spawn(move || {
                    for number in 0..500_u32 {
                        sender.blocking_send((thread, number)).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        let mut next = [0; 4];
        while let Some((thread, number)) = receiver.blocking_recv() {
            assert_eq!(number, next[thread]);
            next[thread] += 1;
        }
        assert_eq!(next, [500; 4]);
        threads.into_iter().for_each(|it| it.join().unwrap());
    });
}

#[test]
fn tasks_and_a_thread_meet() {
    soon(|| {
        let (sender, mut receiver) = channel(2);
        let (echo, mut echoed) = channel(2);
        let other = thread::spawn(move || {
            block_on(async {
                while let Some(number) = receiver.recv().await {
                    let _ = echo.send(number).await;
                }
            });
        });
        runtime::block_on(async {
            let sends = runtime::spawn(async move {
                for number in 0..1000 {
                    sender.send(number).await.unwrap();
                }
            });
            for number in 0..1000 {
                assert_eq!(echoed.recv().await, Some(number));
            }
            sends.await.unwrap();
        });
        other.join().unwrap();
    });
}

/// A channel, plainly: what is in it, and who wants in.
#[derive(Default)]
struct Model {
    queue: VecDeque<usize>,
    waiting: VecDeque<usize>,
    called: Vec<usize>,
    closed: bool,
}

const ROOM: usize = 3;

impl Model {
    fn serve(&mut self) {
        while self.queue.len() + self.called.len() < ROOM && !self.waiting.is_empty() {
            self.called.extend(self.waiting.pop_front());
        }
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_queue(steps in prop::collection::vec((0_u8..8, 0_usize..32), 0..100)) {
        let (sender, mut receiver) = channel(ROOM);
        let mut model = Model::default();
        let mut sends: Vec<(usize, Step<'_, _>)> = Vec::new();
        for (number, (step, which)) in steps.into_iter().enumerate() {
            match step {
                0..=2 => {
                    let mut send = Step::new(sender.send(number));
                    let has_room = model.queue.len() + model.called.len() < ROOM;
                    match send.poll() {
                        Poll::Ready(Err(_)) => prop_assert!(model.closed),
                        Poll::Ready(Ok(())) => {
                            prop_assert!(!model.closed && has_room && model.waiting.is_empty());
                            model.queue.push_back(number);
                        }
                        Poll::Pending => {
                            prop_assert!(!model.closed);
                            sends.push((number, send));
                            model.waiting.push_back(number);
                        }
                    }
                }
                3 | 4 => {
                    let expected = model.queue.pop_front();
                    prop_assert_eq!(receiver.try_recv().ok(), expected);
                }
                5 if !sends.is_empty() => {
                    let (gone, _) = sends.remove(which % sends.len());
                    model.waiting.retain(|it| *it != gone);
                    model.called.retain(|it| *it != gone);
                }
                6 if !sends.is_empty() => {
                    let at = which % sends.len();
                    let number = sends[at].0;
                    match sends[at].1.poll() {
                        Poll::Ready(Ok(())) => {
                            prop_assert!(model.called.contains(&number));
                            model.called.retain(|it| *it != number);
                            model.queue.push_back(number);
                            sends.remove(at);
                        }
                        Poll::Ready(Err(_)) => {
                            prop_assert!(model.closed && !model.called.contains(&number));
                            sends.remove(at);
                        }
                        Poll::Pending => prop_assert!(model.waiting.contains(&number)),
                    }
                }
                7 if which == 0 => {
                    receiver.close();
                    model.closed = true;
                    model.waiting.clear();
                }
                _ => {}
            }
            model.serve();
            prop_assert_eq!(receiver.len(), model.queue.len());
            let free = ROOM - model.queue.len() - model.called.len();
            let can_be_had = if model.waiting.is_empty() { free } else { 0 };
            prop_assert_eq!((sender.capacity(), receiver.capacity()), (can_be_had, can_be_had));
        }
    }

    /// Seen to fail with a close that forgets what was there, and with a last sender that wakes nobody.
    #[test]
    fn without_bound_it_agrees_with_a_queue(
        steps in prop::collection::vec((0_u8..8, 0_usize..32), 0..100),
    ) {
        let (sender, mut receiver) = unbounded_channel();
        let weak = sender.downgrade();
        let mut senders = vec![sender];
        let (mut queue, mut closed) = (VecDeque::new(), false);
        for (number, (step, which)) in steps.into_iter().enumerate() {
            let at = which % senders.len().max(1);
            match step {
                0 | 1 if !senders.is_empty() => {
                    prop_assert_eq!(senders[at].send(number).is_ok(), !closed);
                    queue.extend((!closed).then_some(number));
                }
                2 => prop_assert_eq!(receiver.try_recv().ok(), queue.pop_front()),
                3 | 4 => {
                    let is_over = closed || senders.is_empty();
                    let mut receive = Step::new(receiver.recv());
                    match (receive.poll(), queue.pop_front()) {
                        (Poll::Ready(received), expected) => {
                            prop_assert_eq!(received, expected);
                            prop_assert!(received.is_some() || is_over);
                        }
                        (Poll::Pending, expected) => {
                            prop_assert!(expected.is_none() && !is_over);
                            if step == 3 {
                                senders[at].send(number).unwrap();
                                prop_assert_eq!(receive.woken(), Some(number));
                            } else if which % 2 == 0 {
                                senders.clear();
                                prop_assert_eq!(receive.woken(), None);
                            }
                        }
                    }
                }
                5 => {
                    let upgraded = weak.upgrade();
                    prop_assert_eq!(upgraded.is_some(), !senders.is_empty());
                    senders.extend(upgraded);
                }
                6 if !senders.is_empty() => drop(senders.swap_remove(at)),
                7 if which == 0 => {
                    receiver.close();
                    closed = true;
                }
                _ => {}
            }
            prop_assert_eq!(receiver.len(), queue.len());
            prop_assert_eq!(receiver.sender_strong_count(), senders.len());
        }
    }
}
