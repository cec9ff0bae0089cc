//! Wakers that come back into the type that calls them: at a clone, at a wake, at a drop. And
//! values that do so when they are dropped.
//!
//! With a lock held at that moment, each of these would hang for ever.

use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime::sync::{
    Barrier, CancellationToken, Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, mpsc,
    oneshot, watch,
};
use runtime::task::TaskTracker;
use tests::deadline::soon;
use tests::foreign::{self, Foreign};

/// Wakers that do `again` at each occasion.
fn returning(again: impl Fn() + Send + Sync + Clone + 'static) -> Arc<Foreign> {
    let (at_clone, at_wake) = (again.clone(), again.clone());
    Foreign::new()
        .on_clone(at_clone)
        .on_wake(at_wake)
        .on_drop(again)
        .armed()
}

/// Waits with such a waker, then with another, is woken, and gives up: every way into the list.
fn meet<F: Future + Unpin>(wait: impl Fn() -> F, give: impl Fn(), waker: &Arc<Foreign>) {
    let other = Arc::new(Foreign::new());
    let mut replaced = wait();
    assert!(foreign::poll(&mut replaced, &waker.waker()).is_pending());
    assert!(foreign::poll(&mut replaced, &other.waker()).is_pending());
    let mut woken = wait();
    assert!(foreign::poll(&mut woken, &waker.waker()).is_pending());
    let mut left = wait();
    assert!(foreign::poll(&mut left, &waker.waker()).is_pending());
    drop(left);
    give();
    assert!(foreign::poll(&mut replaced, &waker.waker()).is_ready());
    drop(replaced);
    give();
    assert!(foreign::poll(&mut woken, &other.waker()).is_ready());
    assert!(waker.wakes() > 0);
}

#[test]
fn a_semaphore_is_come_back_into() {
    soon(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let again = {
            let semaphore = semaphore.clone();
            move || {
                drop(semaphore.try_acquire());
                semaphore.forget_permits(0);
                semaphore.add_permits(0);
            }
        };
        let wait = || {
            let semaphore = semaphore.clone();
            Box::pin(async move { semaphore.acquire().await.unwrap().forget() })
        };
        meet(wait, || semaphore.add_permits(1), &returning(again));
    });
}

#[test]
fn a_notify_is_come_back_into() {
    soon(|| {
        let notify = Arc::new(Notify::new());
        let again = {
            let notify = notify.clone();
            move || {
                let _ = foreign::poll(
                    &mut Box::pin(notify.notified()),
                    &Arc::new(Foreign::new()).waker(),
                );
            }
        };
        let wait = || Box::pin(notify.clone().notified_owned());
        meet(wait, || notify.notify_one(), &returning(again));
    });
}

#[test]
fn locks_are_come_back_into() {
    soon(|| {
        let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let again = {
            let (mutex, lock) = (mutex.clone(), lock.clone());
            move || {
                let mild = Arc::new(Foreign::new());
                drop((mutex.try_lock(), lock.try_read(), lock.try_write()));
                let _ = foreign::poll(&mut Box::pin(mutex.lock()), &mild.waker());
                let _ = foreign::poll(&mut Box::pin(lock.write()), &mild.waker());
            }
        };
        let waker = returning(again);
        let held = std::cell::Cell::new(mutex.try_lock().ok());
        let wait = || Box::pin(async { drop(mutex.clone().lock_owned().await) });
        meet(wait, || drop(held.take()), &waker);
        let held = std::cell::Cell::new(lock.try_read().ok());
        let wait = || Box::pin(async { drop(lock.clone().write_owned().await) });
        meet(wait, || drop(held.take()), &waker);
        let held = std::cell::Cell::new(lock.try_write().ok());
        let wait = || Box::pin(async { drop(lock.clone().read_owned().await) });
        meet(wait, || drop(held.take()), &waker);
    });
}

#[test]
fn a_oneshot_is_come_back_into() {
    soon(|| {
        let (sender, receiver) = oneshot::channel::<u8>();
        let other = Arc::new(std::sync::Mutex::new(Some(sender)));
        let again = {
            let other = other.clone();
            move || {
                if let Ok(sender) = other.try_lock() {
                    let _ = sender.as_ref().map(oneshot::Sender::is_closed);
                }
            }
        };
        let waker = returning(again);
        let mut receiver = receiver;
        assert!(foreign::poll(&mut receiver, &waker.waker()).is_pending());
        let sender = other.lock().unwrap().take().unwrap();
        sender.send(1).unwrap();
        assert_eq!(
            foreign::poll(&mut receiver, &waker.waker()),
            Poll::Ready(Ok(1))
        );
    });
}

#[test]
fn a_channel_is_come_back_into() {
    soon(|| {
        let (sender, mut receiver) = mpsc::channel(1);
        let waker = returning({
            let sender = sender.clone();
            move || {
                drop(sender.try_reserve());
                assert!(!sender.is_closed() && sender.capacity() < 2);
            }
        });
        let mild = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut Box::pin(receiver.recv()), &waker.waker()).is_pending());
        assert!(foreign::poll(&mut Box::pin(receiver.recv()), &mild.waker()).is_pending());
        assert!(foreign::poll(&mut Box::pin(receiver.recv()), &waker.waker()).is_pending());
        sender.try_send(0).unwrap();
        let mut first = Box::pin(sender.send(1));
        let mut second = Box::pin(sender.send(2));
        let mut third = Box::pin(sender.send(3));
        for send in [&mut first, &mut second, &mut third] {
            assert!(foreign::poll(send, &waker.waker()).is_pending());
        }
        assert!(foreign::poll(&mut first, &mild.waker()).is_pending());
        drop(third);
        assert_eq!(receiver.try_recv(), Ok(0));
        drop(first);
        assert!(foreign::poll(&mut second, &waker.waker()).is_ready());
        assert_eq!(receiver.try_recv(), Ok(2));
        assert!(waker.wakes() > 1);
    });
}

#[test]
fn a_watched_value_and_a_broadcast_are_come_back_into() {
    soon(|| {
        let (value, mut watched) = watch::channel(0);
        let (sender, mut receiver) = broadcast::channel(1);
        let waker = returning({
            let (value, sender) = (value.clone(), sender.clone());
            move || {
                drop(value.borrow());
                assert_eq!((value.receiver_count(), sender.receiver_count()), (1, 1));
                assert!(sender.len() < 2);
            }
        });
        let mild = Arc::new(Foreign::new());
        for number in 0..3 {
            let mut changed = Box::pin(watched.changed());
            let mut received = Box::pin(receiver.recv());
            assert!(foreign::poll(&mut changed, &waker.waker()).is_pending());
            assert!(foreign::poll(&mut received, &waker.waker()).is_pending());
            if number == 1 {
                assert!(foreign::poll(&mut changed, &mild.waker()).is_pending());
                assert!(foreign::poll(&mut received, &mild.waker()).is_pending());
            }
            value.send(number).unwrap();
            sender.send(number).unwrap();
            assert!(foreign::poll(&mut changed, &waker.waker()).is_ready());
            assert!(foreign::poll(&mut received, &waker.waker()).is_ready());
        }
        let mut left = Box::pin(receiver.recv());
        assert!(foreign::poll(&mut left, &waker.waker()).is_pending());
        drop(left);
        assert!(waker.wakes() > 0);
    });
}

#[test]
fn a_barrier_is_come_back_into() {
    soon(|| {
        let barrier = Arc::new(Barrier::new(4));
        let waker = returning({
            let barrier = barrier.clone();
            move || {
                let mild = Arc::new(Foreign::new());
                let _ = foreign::poll(&mut Box::pin(barrier.wait()), &mild.waker());
            }
        });
        let mut waits = Box::pin(barrier.wait());
        assert!(foreign::poll(&mut waits, &waker.waker()).is_pending());
        let mut left = Box::pin(barrier.wait());
        assert!(foreign::poll(&mut left, &waker.waker()).is_pending());
        drop(left);
        // From here on one that came in between would fill the round.
        let mild = Arc::new(Foreign::new());
        let mut others = [0, 1].map(|_| Box::pin(barrier.wait()));
        for other in &mut others {
            assert!(foreign::poll(other, &mild.waker()).is_pending());
        }
        let mut last = Box::pin(barrier.wait());
        assert!(foreign::poll(&mut last, &mild.waker()).is_ready());
        assert!(foreign::poll(&mut waits, &waker.waker()).is_ready());
    });
}

#[test]
fn a_channel_without_bound_is_come_back_into() {
    soon(|| {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let again = {
            let sender = sender.clone();
            move || {
                sender.send(0).unwrap();
                drop((sender.clone(), sender.downgrade().upgrade()));
                drop(sender.closed());
            }
        };
        let mild = Arc::new(Foreign::new());
        let waker = returning(again);
        let mut receive = Box::pin(receiver.recv());
        // A message comes in while the waker is cloned: it is seen, or the waker is woken for it.
        while foreign::poll(&mut receive, &waker.waker()).is_pending() {
            assert!(waker.wakes() > 0);
        }
        drop(receive);
        while receiver.try_recv().is_ok() {}
        let mut receive = Box::pin(receiver.recv());
        assert!(foreign::poll(&mut receive, &mild.waker()).is_pending());
        sender.send(1).unwrap();
        assert_eq!(
            foreign::poll(&mut receive, &mild.waker()),
            Poll::Ready(Some(1))
        );
    });
}

/// As [`meet`], for what is told to all at once: also to who has given up, and to another waker.
fn meet_all<F: Future + Unpin>(wait: impl Fn() -> F, give: impl FnOnce(), waker: &Arc<Foreign>) {
    let mild = Arc::new(Foreign::new());
    let mut waits: Vec<F> = (0..4).map(|_| wait()).collect();
    for wait in &mut waits {
        assert!(foreign::poll(wait, &waker.waker()).is_pending());
    }
    drop(waits.pop());
    assert!(foreign::poll(&mut waits[0], &mild.waker()).is_pending());
    give();
    assert!(waker.wakes() > 0 && mild.wakes() > 0);
    for wait in &mut waits {
        assert!(foreign::poll(wait, &waker.waker()).is_ready());
    }
}

#[test]
fn a_token_and_a_tracker_are_come_back_into() {
    soon(|| {
        let (root, tracker) = (CancellationToken::new(), TaskTracker::new());
        let child = root.child_token();
        let again = {
            let (root, child, tracker) = (root.clone(), child.clone(), tracker.clone());
            move || {
                drop((root.child_token(), child.child_token().child_token()));
                let mild = Arc::new(Foreign::new());
                let _ = foreign::poll(&mut Box::pin(child.cancelled()), &mild.waker());
                let _ = foreign::poll(&mut Box::pin(tracker.wait()), &mild.waker());
                if child.is_cancelled() {
                    root.cancel();
                }
            }
        };
        let waker = returning(again);
        let wait = || Box::pin(child.clone().cancelled_owned());
        meet_all(wait, || root.cancel(), &waker);
        let token = tracker.token();
        tracker.close();
        meet_all(|| Box::pin(tracker.wait()), || drop(token), &waker);
    });
}

#[test]
fn the_wait_for_the_other_end_is_come_back_into() {
    soon(|| {
        let (value, watched) = watch::channel(0);
        let (sender, receiver) = broadcast::channel::<u8>(1);
        let (queue, queued) = mpsc::channel::<u8>(1);
        let waker = returning({
            let (value, sender, queue) = (value.clone(), sender.clone(), queue.clone());
            move || {
                drop((value.subscribe(), sender.subscribe(), queue.try_reserve()));
                let mild = Arc::new(Foreign::new());
                let _ = foreign::poll(&mut Box::pin(queue.closed()), &mild.waker());
            }
        });
        meet_all(|| Box::pin(value.closed()), || drop(watched), &waker);
        meet_all(|| Box::pin(sender.closed()), || drop(receiver), &waker);
        meet_all(|| Box::pin(queue.closed()), || drop(queued), &waker);
    });
}

#[test]
fn the_sender_of_a_oneshot_is_come_back_to() {
    soon(|| {
        let (mut sender, receiver) = oneshot::channel::<u8>();
        let receiver = Arc::new(std::sync::Mutex::new(Some(receiver)));
        let waker = returning({
            let receiver = receiver.clone();
            move || {
                // Not while the test has it: it is dropped by hand below.
                if let Ok(mut receiver) = receiver.try_lock() {
                    let _ = receiver.as_mut().map(oneshot::Receiver::try_recv);
                }
            }
        });
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(foreign::poll(&mut Box::pin(sender.closed()), &waker.waker()).is_pending());
        assert!(sender.poll_closed(&mut context).is_pending());
        assert!(foreign::poll(&mut Box::pin(sender.closed()), &waker.waker()).is_pending());
        let taken = receiver.lock().unwrap().take();
        drop(taken);
        assert!(sender.poll_closed(&mut context).is_ready());
        assert!(waker.wakes() > 0);
    });
}

#[test]
fn a_cell_that_is_filled_once_is_come_back_into() {
    soon(|| {
        let cell = Arc::new(OnceCell::new());
        let waker = returning({
            let cell = cell.clone();
            move || {
                let mild = Arc::new(Foreign::new());
                let _ = cell.set(0);
                let make = || pending::<u32>();
                let _ = foreign::poll(&mut Box::pin(cell.get_or_init(make)), &mild.waker());
            }
        });
        let mild = Arc::new(Foreign::new());
        let mut maker = Box::pin(cell.get_or_init(pending));
        assert!(foreign::poll(&mut maker, &mild.waker()).is_pending());
        let wait = || Box::pin(cell.get_or_init(|| async { 1 }));
        let (mut first, mut left, mut last) = (wait(), wait(), wait());
        for wait in [&mut first, &mut left, &mut last] {
            assert!(foreign::poll(wait, &waker.waker()).is_pending());
        }
        assert!(foreign::poll(&mut first, &mild.waker()).is_pending());
        assert!(foreign::poll(&mut first, &waker.waker()).is_pending());
        drop(left);
        drop(maker);
        assert_eq!(foreign::poll(&mut first, &mild.waker()), Poll::Ready(&1));
        assert_eq!(foreign::poll(&mut last, &mild.waker()), Poll::Ready(&1));
        assert!(waker.wakes() > 1);
    });
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    soon(|| {
        let notify = Notify::new();
        let hostile = Foreign::new().on_wake(|| panic!("at a wake")).armed();
        let mild = Arc::new(Foreign::new());
        let mut waits: Vec<_> = [&hostile, &mild, &hostile, &mild]
            .map(|waker| {
                let mut wait = Box::pin(notify.notified());
                assert!(foreign::poll(&mut wait, &waker.waker()).is_pending());
                wait
            })
            .into();
        notify.notify_waiters();
        assert_eq!((hostile.wakes(), mild.wakes()), (2, 2));
        for wait in &mut waits {
            assert!(foreign::poll(wait, &mild.waker()).is_ready());
        }
    });
}
