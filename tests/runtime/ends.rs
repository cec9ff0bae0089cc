//! The end of a runtime with workers, also when one of them does not come to it.

use std::future::{pending, poll_fn};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use tests::mpsc::{Sender, channel};
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::task::{AbortHandle, JoinHandle, yield_now};
use runtime::time::{Duration, sleep};
use runtime::{Builder, Runtime, StuckTask};
use tests::deadline::{soon, within};
use tests::event::{Event, until};
use tests::foreign::{self, Foreign};
use tests::panics::{on_drop, panics, unseen};

use crate::turns::catch_up;

fn workers(count: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count).build().unwrap()
}

/// A runtime that tells nobody but us who is left behind.
fn reporting(count: usize) -> (Runtime, tests::mpsc::Receiver<StuckTask>) {
    let (send, receive) = channel();
    let send = Mutex::new(send);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count);
    builder.on_stuck_task(Duration::MAX, move |task| {
        let _ = send.lock().send(task.clone());
    });
    (builder.build().unwrap(), receive)
}

/// A worker that is stuck until the sender is dropped.
fn stuck(runtime: &Runtime, after: impl FnOnce() + Send + 'static) -> (Sender<()>, JoinHandle<()>) {
    let (release, released) = channel();
    let (is_stuck, told) = channel();
    let task = runtime.spawn(async move {
        is_stuck.send(()).unwrap();
        let _ = released.recv();
        after();
    });
    told.recv().unwrap();
    (release, task)
}

#[test]
fn it_may_come_from_a_task_a_closure_or_another_thread() {
    soon(|| {
        for from in 0..4 {
            let runtime = workers(2);
            let handle = runtime.handle().clone();
            let task = handle.spawn(pending::<()>());
            let ends = move || drop(runtime);
            match from {
                0 => drop(handle.spawn(async move { ends() })),
                1 => drop(handle.spawn_blocking(ends)),
                2 => thread::spawn(ends).join().unwrap(),
                _ => workers(2).block_on(async move { ends() }),
            }
            assert!(foreign::block_on(task).unwrap_err().is_cancelled());
            until(|| handle.metrics().alive_tasks == 0);
            assert!(handle.spawn(async {}).is_finished());
        }
    });
}

#[test]
fn everything_used_after_it_says_so() {
    soon(|| {
        let runtime = workers(2);
        let entered = runtime.enter();
        let sockets: Vec<_> = (0..6)
            .map(|_| {
                let (ours, theirs) = tests::fd::unix_pair();
                (AsyncFd::new(ours).unwrap(), theirs)
            })
            .collect();
        let mut sleeps: Vec<_> = (0..6).map(|_| sleep(Duration::from_secs(3600))).collect();
        drop(entered);
        let waiting = Arc::new(Foreign::new());
        let read = |mut socket: &UnixStream| socket.read(&mut [0; 8]);
        let mut reads: Vec<_> = sockets
            .iter()
            .map(|(ours, _)| Box::pin(ours.async_io(Interest::READABLE, read)))
            .collect();
        for (read, sleep) in reads.iter_mut().zip(&mut sleeps) {
            assert!(foreign::poll(read, &waiting.waker()).is_pending());
            assert!(foreign::poll(sleep, &waiting.waker()).is_pending());
        }
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(waiting.wakes() >= 12);
        for read in reads {
            let error = foreign::block_on(read).unwrap_err();
            assert!(error.to_string().contains("runtime shut down"), "{error}");
        }
        for sleep in sleeps {
            let said = panics(|| foreign::block_on(sleep));
            assert!(said.contains("runtime shut down"), "{said}");
        }
        assert!(handle.spawn_blocking(|| ()).is_finished());
        assert_eq!(handle.block_on(async { 5 }), 5);
        let metrics = handle.metrics();
        assert_eq!((metrics.alive_tasks, metrics.armed_timers), (0, 0));
    });
}

#[test]
fn who_does_not_come_back_is_named_and_left_behind() {
    soon(|| {
        let (runtime, reports) = reporting(2);
        let (release, task) = stuck(&runtime, || ());
        let others: Vec<_> = (0..100).map(|_| runtime.spawn(pending::<()>())).collect();
        drop(runtime);
        let report = reports.try_recv().unwrap();
        assert_eq!((report.id, report.stuck_for), (Some(task.id()), None));
        assert!(reports.try_recv().is_err());
        for other in others {
            assert!(foreign::block_on(other).unwrap_err().is_cancelled());
        }
        drop(release);
        // It ends as it would have.
        let _ = foreign::block_on(task);
    });
}

/// It comes back to tasks, sockets and timers that are no more. What it must not touch is freed: the
/// address sanitizer looks at this test.
#[test]
fn a_worker_that_comes_late_touches_nothing() {
    within(Duration::from_secs(60), || {
        for _ in 0..3 {
            let runtime = workers(2);
            let dropped = Arc::new(AtomicUsize::new(0));
            let handle = runtime.handle().clone();
            let after = {
                let dropped = dropped.clone();
                move || {
                    let guard = on_drop(move || {
                        dropped.fetch_add(1, Ordering::SeqCst);
                    });
                    // It spawns, wakes itself, arms and registers, all too late.
                    let refused = runtime::spawn(async move { drop(guard) });
                    assert!(refused.is_finished());
                    let late = panics(|| foreign::block_on(sleep(Duration::from_secs(3600))));
                    assert!(late.contains("runtime shut down"), "{late}");
                    assert!(AsyncFd::new(tests::fd::unix_pair().0).is_err());
                }
            };
            let (release, task) = stuck(&runtime, after);
            let count = |dropped: &Arc<AtomicUsize>| {
                let dropped = dropped.clone();
                on_drop(move || {
                    dropped.fetch_add(1, Ordering::SeqCst);
                })
            };
            // In its inbox, in its line, and waiting.
            for _ in 0..300 {
                let guard = count(&dropped);
                handle.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
            }
            runtime.shutdown_timeout(Duration::from_millis(20));
            until(|| dropped.load(Ordering::SeqCst) == 300);
            drop(release);
            foreign::block_on(task).unwrap();
            assert_eq!(dropped.load(Ordering::SeqCst), 301);
            until(|| Arc::strong_count(&dropped) == 1);
        }
    });
}

#[test]
fn a_hundred_thousand_tasks_that_were_stolen_from_each_other_are_dropped_once() {
    within(Duration::from_secs(60), || {
        const TASKS: usize = 100_000;
        let runtime = workers(3);
        let dropped = Arc::new(AtomicUsize::new(0));
        let counts = dropped.clone();
        let spawns = runtime.spawn(async move {
            for number in 0..TASKS {
                let dropped = counts.clone();
                let guard = on_drop(move || {
                    dropped.fetch_add(1, Ordering::Relaxed);
                });
                runtime::spawn(async move {
                    let _guard = guard;
                    // Some run when the end comes, some stand in line, some sleep.
                    match number % 3 {
                        0 => loop {
                            yield_now().await;
                        },
                        1 => sleep(Duration::from_secs(3600)).await,
                        _ => pending::<()>().await,
                    }
                });
            }
        });
        foreign::block_on(spawns).unwrap();
        drop(runtime);
        assert_eq!(dropped.load(Ordering::Relaxed), TASKS);
    });
}

#[test]
fn tasks_may_spawn_wake_abort_and_panic_when_they_are_dropped() {
    soon(|| {
        const TASKS: usize = 500;
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(3).on_unseen_panic(unseen);
        let runtime = builder.build().unwrap();
        let dropped = Arc::new(AtomicUsize::new(0));
        let wakers: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let aborts: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        for number in 0..TASKS {
            let (counts, known, others) = (dropped.clone(), wakers.clone(), aborts.clone());
            let handle = runtime.handle().clone();
            let guard = on_drop(move || {
                counts.fetch_add(1, Ordering::SeqCst);
                known.lock().iter().for_each(Waker::wake_by_ref);
                others.lock().iter().for_each(AbortHandle::abort);
                assert!(handle.spawn(async {}).is_finished());
                if number % 50 == 0 {
                    panic!("number {number}");
                }
            });
            let wakers = wakers.clone();
            let task = runtime.spawn(async move {
                let _guard = guard;
                poll_fn(|context| {
                    wakers.lock().push(context.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            });
            if number < 20 {
                aborts.lock().push(task.abort_handle());
            }
        }
        catch_up(runtime.handle());
        drop(runtime);
        assert_eq!(dropped.load(Ordering::SeqCst), TASKS);
        wakers.lock().drain(..).for_each(Waker::wake);
    });
}

#[test]
fn those_in_block_on_learn_of_it() {
    soon(|| {
        for _ in 0..20 {
            let runtime = workers(2);
            let inside = Arc::new(AtomicUsize::new(0));
            let event = Event::new();
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (handle, inside, told) =
                        (runtime.handle().clone(), inside.clone(), event.wait());
                    thread::spawn(move || {
                        handle.block_on(async {
                            inside.fetch_add(1, Ordering::SeqCst);
                            let ended = runtime::spawn(pending::<()>()).await;
                            told.await;
                            ended.unwrap_err().is_cancelled()
                        })
                    })
                })
                .collect();
            until(|| inside.load(Ordering::SeqCst) == 4);
            drop(runtime);
            event.set();
            for thread in threads {
                assert!(thread.join().unwrap());
            }
        }
    });
}

/// Whoever ends the runtime does not wait for it, but the workers do for each other.
#[test]
fn a_poll_ends_in_peace_though_nobody_waits_for_the_end() {
    soon(|| {
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        let inside = Event::new();
        let says = inside.clone();
        let task = runtime.spawn(async move {
            says.set();
            until(|| format!("{handle:?}").contains("shut_down: true"));
            // Long enough for the other worker to end everything, if it did not wait; and much less
            // than the second for which it does.
            let began = std::time::Instant::now();
            while began.elapsed() < Duration::from_millis(50) {
                AsyncFd::new(nonblocking()).unwrap();
            }
        });
        inside.wait_here();
        runtime.shutdown_background();
        foreign::block_on(task).unwrap();
    });
}

fn nonblocking() -> UnixStream {
    let (ours, _) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    ours
}
