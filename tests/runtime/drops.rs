//! When a future is dropped, by whom, and how often: once.

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use runtime::task::{JoinHandle, yield_now};
use runtime::{Handle, LocalRuntime, Runtime};
use tests::deadline::soon;
use tests::event::{Event, until};
use tests::flavours::{flavours, flavours_within};
use tests::panics::on_drop;

use crate::turns::catch_up;

/// Counts its polls and drops; panics if it is polled when it must not be.
struct Watched {
    polls_left: usize,
    is_done: bool,
    counts: Rc<Counts>,
}

#[derive(Default)]
struct Counts {
    polls: Cell<usize>,
    drops: Cell<usize>,
}

impl Watched {
    fn new(polls: usize) -> (Self, Rc<Counts>) {
        let counts = Rc::new(Counts::default());
        let watched = Self {
            polls_left: polls,
            is_done: false,
            counts: counts.clone(),
        };
        (watched, counts)
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        assert!(!self.is_done, "it was polled after its end");
        self.counts.polls.set(self.counts.polls.get() + 1);
        // More wakes than needed, before and after the end.
        context.waker().wake_by_ref();
        context.waker().wake_by_ref();
        self.polls_left -= 1;
        self.is_done = self.polls_left == 0;
        match self.is_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.counts.drops.set(self.counts.drops.get() + 1);
    }
}

#[test]
fn a_future_is_dropped_once_and_never_polled_after_its_end() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let all: Vec<_> = (1..20)
            .map(|polls| {
                let (watched, counts) = Watched::new(polls);
                (local.spawn_local(watched), counts, polls)
            })
            .collect();
        local.block_on(async {
            for (task, counts, polls) in all {
                task.await.unwrap();
                assert_eq!((counts.polls.get(), counts.drops.get()), (polls, 1));
                yield_now().await;
                assert_eq!((counts.polls.get(), counts.drops.get()), (polls, 1));
            }
        });
    });
}

#[test]
fn a_future_is_dropped_when_it_is_done_and_not_with_its_handle() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let (watched, counts) = Watched::new(1);
        let task = local.spawn_local(watched);
        local.block_on(async {
            while !task.is_finished() {
                yield_now().await
            }
        });
        assert_eq!(counts.drops.get(), 1);
        drop(task);
        drop(local);
        assert_eq!(counts.drops.get(), 1);
    });
}

#[test]
fn an_output_is_dropped_once_by_whoever_has_it() {
    flavours(|flavour| {
        let drops = Arc::new(AtomicUsize::new(0));
        let spawn = |runtime: &Runtime| {
            let drops = drops.clone();
            let output = on_drop(move || {
                drops.fetch_add(1, Ordering::SeqCst);
            });
            runtime.spawn(async move { output })
        };
        let runtime = flavour.build();
        let (taken, left, kept) = (spawn(&runtime), spawn(&runtime), spawn(&runtime));
        drop(left);
        catch_up(runtime.handle());
        let output = runtime.block_on(taken).unwrap();
        assert_eq!(
            drops.load(Ordering::SeqCst),
            1,
            "that of the task whose handle had gone"
        );
        drop(output);
        assert_eq!(drops.load(Ordering::SeqCst), 2);
        drop(runtime);
        assert!(kept.is_finished());
        assert_eq!(drops.load(Ordering::SeqCst), 2, "the handle has it still");
        drop(kept);
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_hundred_thousand_pending_tasks_go_with_their_runtime() {
    flavours(|flavour| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = flavour.build();
        for _ in 0..100_000 {
            let dropped = dropped.clone();
            let guard = on_drop(move || {
                dropped.fetch_add(1, Ordering::Relaxed);
            });
            runtime.spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        catch_up(runtime.handle());
        let handle = runtime.handle().clone();
        // One that has ended may be counted for a moment when its handle has told of it.
        until(|| handle.metrics().alive_tasks == 100_000);
        drop(runtime);
        assert_eq!(dropped.load(Ordering::Relaxed), 100_000);
        assert_eq!(handle.metrics().alive_tasks, 0);
    });
}

#[test]
fn a_drop_may_spawn() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (spawned, handle) = (Event::new(), runtime.handle().clone());
        let says_spawned = spawned.clone();
        let task = runtime.spawn(async move {
            let _guard = on_drop(move || {
                handle.spawn(async move { says_spawned.set() });
            });
            pending::<()>().await;
        });
        catch_up(runtime.handle());
        runtime.block_on(async {
            task.abort();
            spawned.wait().await;
        });
    });
}

#[test]
fn what_a_drop_spawns_during_the_shutdown_is_cancelled() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let (send, receive) = tests::mpsc::channel::<JoinHandle<()>>();
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        runtime.spawn(async move {
            let _guard = on_drop(move || {
                let inner = on_drop(move || says_dropped.set());
                let task = handle.spawn(async move {
                    let _inner = inner;
                    unreachable!("nobody runs it");
                });
                send.send(task).unwrap();
            });
            pending::<()>().await;
        });
        catch_up(runtime.handle());
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(dropped.is_set());
        let refused = receive.recv().unwrap();
        assert!(refused.is_finished());
        assert!(
            tests::foreign::block_on(refused)
                .unwrap_err()
                .is_cancelled()
        );
        assert_eq!(handle.metrics().alive_tasks, 0);
    });
}

#[test]
fn what_a_drop_spawns_at_the_end_of_block_on_is_dropped_too() {
    soon(|| {
        let drops = Rc::new(Cell::new(0));
        /// Spawns `left` others, one by one, each when the one before is dropped.
        fn spawn_chain(handle: &Handle, drops: &Rc<Cell<u32>>, left: u32) {
            let (next, count) = (handle.clone(), drops.clone());
            let guard = on_drop(move || {
                count.set(count.get() + 1);
                if left > 0 {
                    // Local tasks are spawned in the runtime that the thread is in.
                    let _entered = next.enter();
                    spawn_chain(&next, &count, left - 1);
                }
            });
            runtime::spawn_local(async move {
                let _guard = guard;
                pending::<()>().await;
            });
        }
        let count = drops.clone();
        runtime::block_on(async move {
            spawn_chain(&Handle::current(), &count, 50);
            yield_now().await;
        });
        assert_eq!(drops.get(), 51);
    });
}

#[test]
fn a_drop_may_wake_and_abort_others() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let wakers: Arc<tests::sync::Mutex<Vec<Waker>>> = Arc::default();
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut tasks: Vec<JoinHandle<()>> = Vec::new();
        for _ in 0..100 {
            let (wakers, dropped) = (wakers.clone(), dropped.clone());
            let before = tasks.last().map(JoinHandle::abort_handle);
            tasks.push(runtime.spawn(async move {
                let known = wakers.clone();
                let _guard = on_drop(move || {
                    dropped.fetch_add(1, Ordering::SeqCst);
                    known.lock().iter().for_each(Waker::wake_by_ref);
                    if let Some(before) = before {
                        before.abort();
                    }
                });
                std::future::poll_fn(|context| {
                    wakers.lock().push(context.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            }));
        }
        catch_up(runtime.handle());
        tasks[49].abort();
        runtime.block_on(async {
            for task in tasks.drain(..50) {
                assert!(task.await.unwrap_err().is_cancelled());
            }
        });
        assert_eq!(dropped.load(Ordering::SeqCst), 50);
        drop(runtime);
        assert_eq!(dropped.load(Ordering::SeqCst), 100);
        assert!(tasks.iter().all(JoinHandle::is_finished));
    });
}

#[test]
fn a_drop_that_panics_during_the_shutdown_keeps_none_from_being_dropped() {
    flavours_within(std::time::Duration::from_secs(60), |flavour| {
        let runtime = flavour.build();
        let dropped = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..3000)
            .map(|n| {
                let dropped = dropped.clone();
                let guard = on_drop(move || {
                    dropped.fetch_add(1, Ordering::SeqCst);
                    if n % 100 == 0 {
                        panic!("number {n}");
                    }
                });
                runtime.spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                })
            })
            .collect();
        catch_up(runtime.handle());
        drop(runtime);
        assert_eq!(dropped.load(Ordering::SeqCst), 3000);
        for (n, task) in tasks.into_iter().enumerate() {
            let error = tests::foreign::block_on(task).unwrap_err();
            assert_eq!(error.is_panic(), n % 100 == 0);
        }
    });
}

#[test]
fn tasks_of_a_local_runtime_are_dropped_by_its_thread_when_that_ends() {
    soon(|| {
        let (send, receive) = tests::mpsc::channel();
        let thread = std::thread::spawn(move || {
            thread_local! {
                static LATE: Cell<Option<LocalRuntime>> = const { Cell::new(None) };
            }
            let local = LocalRuntime::new().unwrap();
            let own = Rc::new(());
            local.spawn_local(async move {
                let _own = own;
                let here = std::thread::current().id();
                let _guard = on_drop(move || {
                    send.send(here == std::thread::current().id()).unwrap();
                });
                pending::<()>().await;
            });
            catch_up(local.handle());
            LATE.set(Some(local));
        });
        thread.join().unwrap();
        assert_eq!(receive.recv(), Ok(true));
    });
}
