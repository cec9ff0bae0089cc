//! Wakers that come back into the type that calls them: at a clone, at a wake, at a drop. And
//! values that do so when they are dropped.
//!
//! With a lock held at that moment, each of these would hang for ever.

use std::sync::Arc;
use std::task::{Context, Poll};

use runtime::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
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
                drop(mutex.try_lock());
                drop(lock.try_read());
            }
        };
        let waker = returning(again);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let (held, read) = (mutex.try_lock().unwrap(), lock.try_read().unwrap());
        let mut next = Box::pin(mutex.lock());
        let mut writer = Box::pin(lock.write());
        assert!(foreign::poll(&mut next, &waker.waker()).is_pending());
        assert!(foreign::poll(&mut writer, &waker.waker()).is_pending());
        drop((held, read));
        assert!(next.as_mut().poll(&mut context).is_ready());
        assert!(writer.as_mut().poll(&mut context).is_ready());
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
