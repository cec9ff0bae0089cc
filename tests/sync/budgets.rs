//! What is always ready keeps no other task from running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use runtime::sync::{Mutex, Notify, RwLock, Semaphore, oneshot};
use tests::deadline::soon;

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
