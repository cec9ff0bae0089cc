//! Cores that change hands: to a `block_on`, to a thread for closures that block, and back.

use std::future::poll_fn;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use tests::mpsc::channel;

use runtime::task::{block_in_place, yield_now};
use runtime::time::{Duration, sleep};
use runtime::{Builder, Handle, Runtime};
use tests::deadline::soon;
use tests::event::{Event, until};
use tests::foreign;
use tests::panics::{on_drop, panics};

use crate::turns::catch_up;

fn workers(count: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count).build().unwrap()
}

/// That each worker has its core, or somebody who runs it, and the rest works as well.
fn check(runtime: &Runtime) {
    catch_up(runtime.handle());
    let task = runtime.spawn(async {
        sleep(Duration::from_millis(1)).await;
        5
    });
    assert_eq!(foreign::block_on(task).unwrap(), 5);
    assert_eq!(
        runtime.block_on(async { runtime::spawn(async { 6 }).await.unwrap() }),
        6
    );
}

#[test]
fn a_block_on_borrows_the_only_core_and_gives_it_back() {
    soon(|| {
        let runtime = workers(1);
        let here = thread::current().id();
        for _ in 0..100 {
            runtime.block_on(async {
                // It need not have waited long enough for a core at the first time.
                loop {
                    sleep(Duration::from_micros(50)).await;
                    let task = runtime::spawn(async { thread::current().id() });
                    if task.await.unwrap() == here {
                        break;
                    }
                }
            });
            let elsewhere = runtime.spawn(async { thread::current().id() });
            assert_ne!(foreign::block_on(elsewhere).unwrap(), here);
        }
        check(&runtime);
    });
}

#[test]
fn a_future_that_need_not_wait_borrows_nothing() {
    soon(|| {
        let runtime = workers(1);
        let (release, released) = channel::<()>();
        let (is_stuck, told) = channel();
        runtime.spawn(async move {
            is_stuck.send(()).unwrap();
            let _ = released.recv();
        });
        told.recv().unwrap();
        // Nobody could lend a core now.
        assert_eq!(runtime.block_on(async { 5 }), 5);
        let mut polls = 0;
        let woken = runtime.block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            match polls {
                10 => Poll::Ready(polls),
                _ => Poll::Pending,
            }
        }));
        assert_eq!(woken, 10);
        drop(release);
        check(&runtime);
    });
}

#[test]
fn there_may_be_more_block_ons_than_workers() {
    soon(|| {
        const THREADS: usize = 6;
        let runtime = Arc::new(workers(2));
        let all_inside = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (runtime, all_inside) = (runtime.clone(), all_inside.clone());
                thread::spawn(move || {
                    runtime.block_on(async {
                        sleep(Duration::from_millis(1)).await;
                        // All of them, though there are two cores.
                        block_in_place(|| all_inside.wait());
                        sleep(Duration::from_millis(1)).await;
                        runtime::spawn(async move { number }).await.unwrap()
                    })
                })
            })
            .collect();
        for (number, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), number);
        }
        check(&runtime);
    });
}

#[test]
fn a_block_on_that_panics_gives_its_core_back() {
    soon(|| {
        for count in [1, 2] {
            let runtime = workers(count);
            for early in [true, false] {
                let said = panics(|| {
                    runtime.block_on(async {
                        if !early {
                            sleep(Duration::from_millis(1)).await;
                        }
                        panic!("of the future");
                    })
                });
                assert_eq!(said, "of the future");
                check(&runtime);
            }
        }
    });
}

#[test]
fn in_place_may_be_nested() {
    soon(|| {
        let runtime = workers(2);
        let deep = runtime.spawn(async {
            let handle = Handle::current();
            let sum = block_in_place(|| {
                let inner = block_in_place(|| 1);
                let blocked = handle.block_on(async {
                    yield_now().await;
                    block_in_place(|| 2) + runtime::spawn(async { 3 }).await.unwrap()
                });
                inner + blocked
            });
            yield_now().await;
            sum
        });
        assert_eq!(foreign::block_on(deep).unwrap(), 6);
        check(&runtime);
    });
}

#[test]
fn in_place_may_panic() {
    soon(|| {
        for count in [1, 2] {
            let runtime = workers(count);
            for _ in 0..20 {
                let task = runtime.spawn(async { block_in_place(|| panic!("in place")) });
                let error = foreign::block_on(task).map(|(): ()| ()).unwrap_err();
                assert!(error.to_string().contains("in place"), "{error}");
            }
            let said = panics(|| {
                runtime.block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    block_in_place(|| panic!("in the main future"));
                });
            });
            assert_eq!(said, "in the main future");
            check(&runtime);
        }
    });
}

#[test]
fn in_place_lets_the_others_go_on_from_a_main_future_and_from_a_task() {
    soon(|| {
        let runtime = workers(1);
        for _ in 0..20 {
            let (send, receive) = channel();
            let answer = |send: tests::mpsc::Sender<u32>| async move {
                sleep(Duration::from_micros(100)).await;
                send.send(7).unwrap();
            };
            let (to_main, for_main) = channel();
            runtime.block_on(async {
                yield_now().await;
                runtime::spawn(answer(to_main));
                assert_eq!(block_in_place(|| for_main.recv().unwrap()), 7);
                yield_now().await;
            });
            let task = runtime.spawn(async move {
                runtime::spawn(answer(send));
                let seven = block_in_place(|| receive.recv().unwrap());
                yield_now().await;
                seven
            });
            assert_eq!(foreign::block_on(task).unwrap(), 7);
        }
        check(&runtime);
    });
}

#[test]
fn in_place_needs_no_thread_that_closures_may_have() {
    soon(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).max_blocking_threads(1);
        let runtime = builder.build().unwrap();
        for _ in 0..5 {
            // The one thread for closures, and both workers, wait for what only a task can do.
            let (releases, waits): (Vec<_>, Vec<_>) = (0..3).map(|_| channel::<()>()).unzip();
            let mut waits = waits.into_iter();
            let [closure, first, second] = std::array::from_fn(|_| waits.next().unwrap());
            let occupies = runtime.spawn_blocking(move || closure.recv());
            let in_place = [first, second]
                .map(|wait| runtime.spawn(async move { block_in_place(move || wait.recv()) }));
            until(|| runtime.handle().metrics().blocking_threads >= 3);
            let task = runtime.spawn(async move { drop(releases) });
            foreign::block_on(task).unwrap();
            foreign::block_on(occupies).unwrap().unwrap_err();
            for task in in_place {
                foreign::block_on(task).unwrap().unwrap_err();
            }
        }
        until(|| runtime.handle().metrics().blocking_threads <= 1);
        check(&runtime);
    });
}

#[test]
fn in_place_is_refused_where_nobody_could_take_over() {
    soon(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let said = runtime.block_on(async { panics(|| block_in_place(|| ())) });
        assert!(said.contains("spawn_blocking"), "{said}");
        // Outside of a runtime it is a call.
        assert_eq!(block_in_place(|| 5), 5);
    });
}

#[test]
fn a_runtime_may_end_while_a_task_is_in_place() {
    soon(|| {
        for _ in 0..20 {
            let runtime = workers(2);
            let (inside, dropped) = (Event::new(), Event::new());
            let (says_inside, says_dropped) = (inside.clone(), dropped.clone());
            let (release, released) = channel::<()>();
            runtime.spawn(async move {
                let _guard = on_drop(move || says_dropped.set());
                block_in_place(move || {
                    says_inside.set();
                    let _ = released.recv();
                });
                std::future::pending::<()>().await;
            });
            inside.wait_here();
            let handle = runtime.handle().clone();
            let ends = thread::spawn(move || drop(runtime));
            until(|| format!("{handle:?}").contains("shut_down: true"));
            drop(release);
            ends.join().unwrap();
            dropped.wait_here();
        }
    });
}

/// Has the only core run by a substitute, and calls `inside` on it.
fn on_a_substitute<R: Send + 'static>(inside: impl FnOnce() -> R + Send + 'static) -> R {
    let runtime = workers(1);
    let (release, released) = channel::<()>();
    let here = thread::current().id();
    let outer = runtime.spawn(async move { block_in_place(move || released.recv()) });
    let inner = runtime.spawn(async move {
        assert_ne!(thread::current().id(), here);
        inside()
    });
    let result = foreign::block_on(inner).unwrap();
    drop(release);
    assert!(foreign::block_on(outer).unwrap().is_err());
    check(&runtime);
    result
}

#[test]
fn in_place_lets_the_others_go_on_from_a_substitute_too() {
    soon(|| {
        on_a_substitute(|| {
            let (send, receive) = channel();
            runtime::spawn(async move { send.send(()).unwrap() });
            block_in_place(|| receive.recv().unwrap());
        });
        let five = on_a_substitute(|| {
            let handle = Handle::current();
            block_in_place(|| {
                handle.block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    runtime::spawn(async { 5 }).await.unwrap()
                })
            })
        });
        assert_eq!(five, 5);
    });
}

#[test]
fn a_block_on_in_a_task_is_refused_by_a_substitute_too() {
    soon(|| {
        let said = on_a_substitute(|| panics(|| Handle::current().block_on(async {})));
        assert!(said.contains("inside a task"), "{said}");
    });
}

#[test]
fn a_runtime_may_end_while_a_task_is_in_place_on_a_thread_that_is_no_worker() {
    soon(|| {
        for wakes_itself in [false, true] {
            let runtime = Arc::new(workers(1));
            let handle = runtime.handle().clone();
            let (inside, dropped) = (Event::new(), Event::new());
            let (says_inside, says_dropped) = (inside.clone(), dropped.clone());
            let (release, released) = channel::<()>();
            let visits = thread::spawn(move || {
                handle.block_on(async move {
                    yield_now().await;
                    let here = thread::current().id();
                    let mut released = Some(released);
                    // It need not be run by this thread at the first time.
                    while let Some(mine) = released.take() {
                        sleep(Duration::from_micros(50)).await;
                        let (says_inside, says_dropped) =
                            (says_inside.clone(), says_dropped.clone());
                        let (back, came_back) = channel();
                        let task = runtime::spawn(async move {
                            if thread::current().id() != here {
                                back.send(mine).unwrap();
                                return;
                            }
                            let _guard = on_drop(move || says_dropped.set());
                            block_in_place(move || {
                                says_inside.set();
                                let _ = mine.recv();
                            });
                            if wakes_itself {
                                yield_now().await;
                            }
                            std::future::pending::<()>().await;
                        });
                        match task.await {
                            Ok(()) => released = Some(came_back.recv().unwrap()),
                            Err(error) => assert!(error.is_cancelled()),
                        }
                    }
                });
            });
            inside.wait_here();
            // Its worker has its core back: nobody waits for the task.
            drop(runtime);
            drop(release);
            dropped.wait_here();
            visits.join().unwrap();
        }
    });
}
