//! What is always ready keeps no other task from running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use runtime::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use runtime::task::coop::{cooperative, has_budget_remaining};
use runtime::task::{consume_budget, unconstrained};
use tests::deadline::soon;
use tests::once::once;
use tests::panics::panics;

/// Does `step` until another task, spawned before, has run.
fn others_run_beside<F: Future>(step: impl Fn() -> F) {
    let stop = Arc::new(AtomicBool::new(false));
    runtime::block_on(async {
        runtime::spawn({
            let stop = stop.clone();
            async move { stop.store(true, Ordering::Relaxed) }
        });
        while !stop.load(Ordering::Relaxed) {
            step().await;
        }
    });
}

#[test]
fn locks_permits_and_notices_yield() {
    soon(|| {
        let (mutex, lock, semaphore) = (Mutex::new(()), RwLock::new(()), Semaphore::new(1));
        others_run_beside(|| async { drop(mutex.lock().await) });
        others_run_beside(|| async { drop(lock.read().await) });
        others_run_beside(|| async { drop(lock.write().await) });
        others_run_beside(|| async { drop(semaphore.acquire().await) });
        let notify = Notify::new();
        others_run_beside(|| async {
            notify.notify_one();
            notify.notified().await;
        });
    });
}

#[test]
fn a_oneshot_yields() {
    soon(|| {
        others_run_beside(|| async {
            let (sender, receiver) = oneshot::channel();
            let _ = sender.send(());
            let _ = receiver.await;
        });
    });
}

#[test]
fn a_channel_yields_at_both_ends() {
    soon(|| {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = Mutex::new(receiver);
        others_run_beside(|| async {
            // The lock is asked without its budget, so that only the channel's counts.
            let mut receiver = receiver.try_lock().unwrap();
            sender.send(()).await.unwrap();
            receiver.try_recv().unwrap();
        });
        others_run_beside(|| async {
            let mut receiver = receiver.try_lock().unwrap();
            let _ = sender.try_send(());
            receiver.recv().await.unwrap();
        });
    });
}

#[test]
fn values_and_meetings_yield() {
    soon(|| {
        let (sender, receiver) = watch::channel(0);
        let receiver = Mutex::new(receiver);
        others_run_beside(|| async {
            sender.send(1).unwrap();
            receiver.try_lock().unwrap().changed().await.unwrap();
        });
        let (sender, receiver) = broadcast::channel(1);
        let receiver = Mutex::new(receiver);
        others_run_beside(|| async {
            sender.send(1).unwrap();
            receiver.try_lock().unwrap().recv().await.unwrap();
        });
        let (barrier, cell) = (Barrier::new(1), OnceCell::from(1));
        others_run_beside(|| async { assert!(barrier.wait().await.is_leader()) });
        others_run_beside(|| async { assert_eq!(cell.get_or_init(|| async { 2 }).await, &1) });
    });
}

#[test]
fn what_a_program_adds_yields_too_if_it_asks() {
    soon(|| {
        others_run_beside(consume_budget);
        others_run_beside(|| cooperative(std::future::ready(())));
    });
}

#[runtime::test]
async fn what_is_unconstrained_is_not_put_off_and_what_is_beside_it_counts_as_before() {
    let semaphore = Semaphore::new(1);
    let take = async || drop(semaphore.acquire().await);
    let mut all = Box::pin(async {
        unconstrained(async {
            for _ in 0..1000 {
                take().await;
            }
            assert!(has_budget_remaining());
        })
        .await;
        let mut count = 0;
        while has_budget_remaining() {
            take().await;
            count += 1;
        }
        // Used up: a step is put off, but not in here.
        unconstrained(take()).await;
        assert!(!has_budget_remaining());
        count
    });
    match once(all.as_mut()).await {
        Poll::Ready(count) => assert!((1..1000).contains(&count), "{count}"),
        Poll::Pending => panic!("it was put off"),
    }
}

#[test]
fn a_thread_must_not_block_in_what_is_unconstrained_either() {
    let blocks = || {
        runtime::block_on(unconstrained(async {
            drop(Mutex::new(()).blocking_lock())
        }));
    };
    assert!(panics(blocks).contains("Mutex::blocking_lock"));
}
