//! Who is woken.
//!
//! An edge wakes everybody who waits for its direction, in whatever order they came, whoever has
//! gone away since, and whatever a waker of somebody else's does. Those who have gone leave nothing
//! behind.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::task::JoinHandle;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;

use crate::{pair_with_std, run_local};

/// A descriptor of ours and its peer.
fn unix() -> (Rc<AsyncFd<UnixStream>>, UnixStream) {
    let (ours, theirs) = fd::unix_pair();
    (Rc::new(AsyncFd::new(ours).unwrap()), theirs)
}

/// Tasks that wait until the descriptor is readable, and do wait.
async fn readers(fd: &Rc<AsyncFd<UnixStream>>, count: usize) -> Vec<JoinHandle<()>> {
    let wait = |fd: Rc<AsyncFd<UnixStream>>| async move { fd.readable().await.unwrap() };
    let tasks = (0..count).map(|_| runtime::spawn_local(wait(fd.clone())));
    let tasks = tasks.collect();
    // Each has been polled when the last has, and this task's turn comes again after that.
    runtime::task::yield_now().await;
    tasks
}

/// Writes until there is no room, and says how much there was.
async fn fill(fd: &AsyncFd<UnixStream>) -> usize {
    // Until it is known that there is room, it is known that there is none.
    fd.writable().await.unwrap();
    let mut written = 0;
    while let Ok(count) = fd.try_write_with(|mut socket| socket.write(&[7; 4096])) {
        written += count;
    }
    assert!(written > 0);
    written
}

#[test]
fn one_edge_wakes_all_who_wait_for_its_direction() {
    run_local(async || {
        let (fd, mut peer) = unix();
        for reader in {
            let readers = readers(&fd, 5).await;
            peer.write_all(b"x").unwrap();
            readers
        } {
            reader.await.unwrap();
        }
    });
}

#[test]
fn one_edge_wakes_all_writers() {
    run_local(async || {
        let (fd, mut peer) = unix();
        let written = fill(&fd).await;
        let wait = |fd: Rc<AsyncFd<UnixStream>>| async move { fd.writable().await.unwrap() };
        let tasks: Vec<_> = (0..4)
            .map(|_| runtime::spawn_local(wait(fd.clone())))
            .collect();
        runtime::task::yield_now().await;
        assert!(tasks.iter().all(|task| !task.is_finished()));
        peer.read_exact(&mut vec![0; written]).unwrap();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn whoever_of_three_is_aborted_the_others_are_woken() {
    run_local(async || {
        for gone in 0..3 {
            let (fd, mut peer) = unix();
            let mut tasks = readers(&fd, 3).await;
            let aborted = tasks.remove(gone);
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
            peer.write_all(b"x").unwrap();
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
}

#[test]
fn who_is_aborted_after_the_edge_takes_nobodys_wake_along() {
    run_local(async || {
        for gone in 0..3 {
            let (fd, mut peer) = unix();
            let mut tasks = readers(&fd, 3).await;
            peer.write_all(b"x").unwrap();
            // Another descriptor that became ready later: the edge of the first was seen before.
            let (marker, mut marked) = pair_with_std().await;
            marked.write_all(b"x").unwrap();
            let aborted = tasks.remove(gone);
            marker.readable().await.unwrap();
            aborted.abort();
            for task in tasks {
                task.await.unwrap();
            }
        }
    });
}

#[test]
fn waiters_come_again_after_each_edge() {
    run_local(async || {
        let (fd, mut peer) = unix();
        for _ in 0..50 {
            let tasks = readers(&fd, 3).await;
            peer.write_all(b"x").unwrap();
            for task in tasks {
                task.await.unwrap();
            }
            let read = fd.async_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]));
            assert_eq!(read.await.unwrap(), 1);
            let dry = fd.try_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]));
            dry.unwrap_err();
        }
    });
}

#[test]
fn two_futures_of_one_task_wait_for_one_descriptor() {
    run_local(async || {
        let (fd, mut peer) = unix();
        let mut one = pin!(fd.readable());
        let mut other = pin!(fd.ready(Interest::READABLE));
        assert!(once(one.as_mut()).await.is_pending());
        assert!(once(other.as_mut()).await.is_pending());
        peer.write_all(b"x").unwrap();
        other.await.unwrap();
        one.await.unwrap();
    });
}

#[test]
fn a_future_that_moves_to_another_waker_wakes_the_new_one() {
    run_local(async || {
        let (fd, mut peer) = unix();
        let first = Foreign::new().armed();
        let later = Foreign::new().armed();
        for crowded in [false, true] {
            let mut ahead = pin!(fd.readable());
            if crowded {
                assert!(once(ahead.as_mut()).await.is_pending());
            }
            let mut moved = pin!(fd.readable());
            assert!(foreign::poll(&mut moved, &first.waker()).is_pending());
            assert!(foreign::poll(&mut moved, &later.waker()).is_pending());
            let woken = later.wakes();
            peer.write_all(b"x").unwrap();
            fd.readable().await.unwrap();
            assert!(later.wakes() > woken);
            let read = fd.try_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]));
            assert_eq!(read.unwrap(), 1);
            let dry = fd.try_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]));
            dry.unwrap_err();
        }
    });
}

/// The first waiter's waker may stay, as its task mostly comes again; the others' must not.
#[test]
fn a_thousand_futures_that_come_and_go_leave_no_wakers_behind() {
    run_local(async || {
        for interest in [
            Interest::READABLE,
            Interest::WRITABLE,
            Interest::READABLE | Interest::WRITABLE,
        ] {
            let (fd, _peer) = unix();
            fill(&fd).await;
            let wakers: Vec<Arc<Foreign>> = (0..1000).map(|_| Foreign::new().armed()).collect();
            for waker in &wakers {
                let mut future = pin!(fd.ready(interest));
                assert!(foreign::poll(&mut future, &waker.waker()).is_pending());
            }
            let kept = |wakers: &[Arc<Foreign>]| {
                let held = wakers
                    .iter()
                    .map(Arc::strong_count)
                    .filter(|held| *held > 1);
                held.count()
            };
            assert!(
                kept(&wakers) <= 2,
                "{interest:?}: {} wakers are kept",
                kept(&wakers)
            );
            drop(fd);
            assert_eq!(kept(&wakers), 0, "{interest:?}");
        }
    });
}

#[test]
fn a_future_of_the_crowd_that_goes_takes_its_own_waker_only() {
    run_local(async || {
        let (fd, mut peer) = unix();
        let wakers: Vec<Arc<Foreign>> = (0..4).map(|_| Foreign::new().armed()).collect();
        let poll = |index: usize, future: &mut _| {
            assert!(foreign::poll(future, &wakers[index].waker()).is_pending());
        };
        let mut first = Box::pin(fd.readable());
        poll(0, &mut first);
        let mut second = Box::pin(fd.readable());
        poll(1, &mut second);
        drop(second);
        // In the place of the one that has gone.
        let mut third = Box::pin(fd.readable());
        poll(2, &mut third);
        let mut fourth = Box::pin(fd.readable());
        poll(3, &mut fourth);
        drop(first);
        peer.write_all(b"x").unwrap();
        fd.readable().await.unwrap();
        let wakes = wakers.iter().skip(1).map(|waker| waker.wakes());
        assert_eq!(wakes.collect::<Vec<_>>(), [0, 1, 1]);
    });
}

#[test]
fn a_waker_that_panics_ends_nobodys_wait_but_its_own() {
    run_local(async || {
        for alone in [true, false] {
            let (fd, mut peer) = unix();
            let (next, mut next_peer) = unix();
            let panics = Foreign::new()
                .on_wake(|| panic!("a wanted panic of a waker"))
                .armed();
            let waker = panics.waker();
            let mut hostile = pin!(fd.readable());
            assert!(foreign::poll(&mut hostile, &waker).is_pending());
            let beside = match alone {
                true => Vec::new(),
                false => readers(&fd, 2).await,
            };
            let elsewhere = readers(&next, 1).await;
            // One batch, the hostile one first.
            peer.write_all(b"x").unwrap();
            next_peer.write_all(b"x").unwrap();
            for reader in beside.into_iter().chain(elsewhere) {
                reader.await.unwrap();
            }
            assert_eq!(panics.wakes(), 1);
            // The place is free again.
            assert!(foreign::poll(&mut hostile, &waker).is_ready());
        }
    });
}

/// A wake runs foreign code, which may drop other descriptors and register new ones.
#[test]
fn a_wake_may_replace_the_descriptor_whose_event_is_next_in_the_batch() {
    run_local(async || {
        let (first, mut first_peer) = unix();
        let (second, mut second_peer) = fd::unix_pair();
        let (third, mut third_peer) = fd::unix_pair();
        let second = AsyncFd::new(second).unwrap();
        let stale_before = runtime::Handle::current().metrics().stale_events;
        let held = Arc::new(Mutex::new((Some(second), Some(third))));
        let replaces = Foreign::new().on_wake({
            let held = held.clone();
            move || {
                let mut held = held.lock();
                drop(held.0.take());
                // Gets the slot that has just become free.
                held.0 = held.1.take().map(|third| AsyncFd::new(third).unwrap());
            }
        });
        let replaces = replaces.armed();
        let mut waits = pin!(first.readable());
        assert!(foreign::poll(&mut waits, &replaces.waker()).is_pending());
        first_peer.write_all(b"x").unwrap();
        second_peer.write_all(b"x").unwrap();
        first.readable().await.unwrap();
        let third = held.lock().0.take().unwrap();
        let stale = runtime::Handle::current().metrics().stale_events - stale_before;
        assert_eq!(stale, 1, "the event of the one that was dropped");
        let mut waits = pin!(third.readable());
        assert!(once(waits.as_mut()).await.is_pending());
        third_peer.write_all(b"x").unwrap();
        waits.await.unwrap();
    });
}
