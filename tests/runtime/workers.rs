//! Several workers: what is ready is run, wherever it was woken, and nobody waits for one that is stuck.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tests::mpsc;

use runtime::{Builder, Handle, Runtime};
use tests::apart::apart;
use tests::deadline::soon;
use tests::event::until;
use tests::foreign;
use tests::leaks::ALL_ARE_OURS;

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(count)
        .build()
        .unwrap()
}

#[test]
fn tasks_run_without_anybody_in_block_on() {
    soon(|| {
        let runtime = workers(2);
        let task = runtime.spawn(async { 6 * 7 });
        assert_eq!(foreign::block_on(task).unwrap(), 42);
    });
}

#[test]
fn two_workers_run_two_tasks_at_once() {
    soon(|| {
        let runtime = workers(2);
        let met = Arc::new(Barrier::new(2));
        let tasks =
            [met.clone(), met].map(|met| runtime.spawn(async move { met.wait().is_leader() }));
        for task in tasks {
            foreign::block_on(task).unwrap();
        }
    });
}

#[test]
fn what_one_task_spawns_is_run_by_all() {
    soon(|| {
        let runtime = workers(4);
        let threads = runtime.block_on(async {
            let met = Arc::new(Barrier::new(4));
            let spawn = |_| {
                let met = met.clone();
                runtime::spawn(async move {
                    met.wait();
                    std::thread::current().id()
                })
            };
            let tasks: Vec<_> = (0..4).map(spawn).collect();
            let mut threads = HashSet::new();
            for task in tasks {
                threads.insert(task.await.unwrap());
            }
            threads
        });
        assert_eq!(threads.len(), 4);
    });
}

#[test]
fn a_hundred_thousand_tasks_are_each_run_once() {
    soon(|| {
        let runtime = workers(3);
        let runs = Arc::new(AtomicUsize::new(0));
        runtime.block_on(async {
            let spawn = |_| {
                let runs = runs.clone();
                runtime::spawn(async move {
                    runtime::task::yield_now().await;
                    runs.fetch_add(1, Ordering::Relaxed);
                })
            };
            let tasks: Vec<_> = (0..100_000).map(spawn).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(runs.load(Ordering::Relaxed), 100_000);
        assert_eq!(runtime.handle().metrics().alive_tasks, 0);
    });
}

#[test]
fn a_task_that_never_comes_back_stops_no_other() {
    soon(|| {
        let runtime = workers(2);
        let (end, is_over) = mpsc::channel::<()>();
        let (stuck, is_stuck) = mpsc::channel();
        runtime.spawn(async move {
            for _ in 0..300 {
                runtime::spawn(async {});
            }
            stuck.send(()).unwrap();
            let _ = is_over.recv();
        });
        is_stuck.recv().unwrap();
        // Sleeps and tasks go to the workers in their turn, so to the stuck one too.
        for _ in 0..8 {
            let sleep = runtime.spawn(async {
                runtime::time::sleep(Duration::from_millis(1)).await;
            });
            foreign::block_on(sleep).unwrap();
        }
        drop(end);
    });
}

#[test]
fn in_place_others_go_on() {
    soon(|| {
        let runtime = workers(1);
        let out = runtime.block_on(async {
            let (done, is_done) = mpsc::channel();
            runtime::spawn(async move { done.send(7).unwrap() });
            let seven = runtime::task::block_in_place(|| is_done.recv().unwrap());
            runtime::time::sleep(Duration::from_millis(1)).await;
            seven + runtime::spawn(async { 1 }).await.unwrap()
        });
        assert_eq!(out, 8);
    });
}

#[test]
fn in_place_in_a_task_and_a_block_on_inside() {
    soon(|| {
        let runtime = workers(2);
        let task = runtime.spawn(async {
            let handle = Handle::current();
            for _ in 0..100 {
                runtime::task::block_in_place(|| {
                    handle.block_on(async { runtime::task::yield_now().await })
                });
                runtime::task::yield_now().await;
            }
        });
        foreign::block_on(task).unwrap();
    });
}

#[test]
fn a_runtime_dropped_in_its_own_task_ends() {
    soon(|| {
        let runtime = workers(2);
        let handle = runtime.handle().clone();
        let (ended, has_ended) = mpsc::channel::<()>();
        handle.spawn(async move {
            let _ended = ended;
            std::future::pending::<()>().await;
        });
        handle.spawn(async move { drop(runtime) });
        assert!(has_ended.recv().is_err());
        let late = handle.spawn(async {});
        assert!(foreign::block_on(late).unwrap_err().is_cancelled());
    });
}

#[test]
fn a_hundred_thousand_pending_tasks_are_dropped() {
    soon(|| {
        let runtime = workers(2);
        let kept = Arc::new(());
        for _ in 0..100_000 {
            let kept = kept.clone();
            runtime.spawn(async move {
                std::future::pending::<()>().await;
                drop(kept);
            });
        }
        drop(runtime);
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

#[test]
fn many_blocking_threads_in_block_on_of_one_runtime() {
    soon(|| {
        let runtime = Arc::new(workers(2));
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let runtime = runtime.clone();
                std::thread::spawn(move || {
                    for _ in 0..50 {
                        runtime.block_on(async {
                            runtime::time::sleep(Duration::from_micros(100)).await;
                            runtime::spawn(async { runtime::task::yield_now().await })
                                .await
                                .unwrap();
                        });
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_panic_after_in_place_leaves_the_core_where_it_is() {
    soon(|| {
        let runtime = workers(1);
        for _ in 0..20 {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(async {
                    runtime::task::yield_now().await;
                    runtime::task::block_in_place(|| ());
                    std::panic::panic_any("meant");
                })
            }));
            assert!(outcome.is_err());
            let task = runtime.spawn(async { runtime::task::yield_now().await });
            foreign::block_on(task).unwrap();
        }
    });
}

#[test]
fn an_end_without_a_worker_that_is_stuck_keeps_its_limit_and_leaks_nothing() {
    apart(|| {
        let before = tests::fd::all_open();
        let runtime = workers(2);
        let (end, is_over) = mpsc::channel::<()>();
        let (stuck, is_stuck) = mpsc::channel();
        let (gone, is_gone) = mpsc::channel::<()>();
        runtime.spawn(async move {
            let _gone = gone;
            stuck.send(()).unwrap();
            let _ = is_over.recv();
            std::future::pending::<()>().await;
        });
        is_stuck.recv().unwrap();
        // It comes back, though the task does not.
        runtime.shutdown_timeout(Duration::from_millis(50));
        drop(end);
        assert!(is_gone.recv().is_err(), "the late task is dropped");
        if ALL_ARE_OURS {
            until(|| tests::fd::opened_since(&before).is_empty());
        }
    });
}

#[test]
fn a_runtime_dropped_in_place_does_not_wait_for_itself() {
    soon(|| {
        let runtime = workers(1);
        let (ended, has_ended) = mpsc::channel::<()>();
        let handle = runtime.handle().clone();
        handle.spawn(async move {
            let _ended = ended;
            runtime::task::block_in_place(|| drop(runtime));
        });
        assert!(has_ended.recv().is_err());
    });
}
