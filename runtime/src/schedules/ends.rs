//! The end of tasks, and of runtimes that are at work.

use std::future::pending;
use std::pin::pin;

use shuttle::future::block_on;
use shuttle::thread;

use super::{Live, Whole, explore, spawn, yield_now};

#[test]
fn a_task_that_is_aborted_from_outside_ends_once() {
    explore(|| {
        let whole = Whole::new(2);
        let live = Live::default();
        let one = live.one();
        let task = whole.spawn(async move {
            let _one = one;
            yield_now(1).await;
            pending::<()>().await;
        });
        let aborter = thread::spawn({
            let abort = task.abort_handle();
            move || abort.abort()
        });
        assert!(block_on(task).unwrap_err().is_cancelled());
        assert_eq!(live.count(), 0);
        aborter.join().unwrap();
        whole.end();
    });
}

/// Some tasks wait for ever, some go on and on, one thread spawns and one waits.
#[test]
fn the_end_of_a_runtime_at_work_ends_every_task() {
    explore(|| {
        let whole = Whole::new(2);
        let live = Live::default();
        for number in 0..3 {
            let one = live.one();
            whole.spawn(async move {
                let _one = one;
                match number {
                    0 => pending::<()>().await,
                    _ => yield_now(5).await,
                }
            });
        }
        let spawner = thread::spawn({
            let shared = whole.shared.clone();
            let one = live.one();
            move || {
                let task = spawn(&shared, async move {
                    let _one = one;
                    yield_now(1).await;
                });
                if let Err(error) = block_on(task) {
                    assert!(error.is_cancelled());
                }
            }
        });
        whole.end();
        spawner.join().unwrap();
        assert_eq!(live.count(), 0, "a task was forgotten");
    });
}

/// What is dropped at the end wakes another task, which is on its way to be dropped, too.
#[test]
fn a_wake_out_of_a_destructor_at_the_end_is_harmless() {
    struct WakeAtEnd(Option<std::task::Waker>);

    impl Drop for WakeAtEnd {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(std::task::Waker::wake);
        }
    }

    explore(|| {
        let whole = Whole::new(2);
        let (send, receive) = shuttle::sync::mpsc::channel();
        let first = whole.spawn(std::future::poll_fn(move |context| {
            let _ = send.send(context.waker().clone());
            std::task::Poll::<()>::Pending
        }));
        let waker = receive.recv().unwrap();
        let second = whole.spawn(async move {
            let _at_end = WakeAtEnd(Some(waker));
            pending::<()>().await;
        });
        whole.end();
        assert!(block_on(first).unwrap_err().is_cancelled());
        assert!(block_on(second).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_block_on_at_the_end_of_its_runtime_comes_back() {
    explore(|| {
        let whole = Whole::new(2);
        let visitor = thread::spawn({
            let shared = whole.shared.clone();
            move || {
                let task = spawn(&shared, yield_now(2));
                shared.block_on(pin!(async { task.await.is_ok() }))
            }
        });
        whole.end();
        visitor.join().unwrap();
    });
}
