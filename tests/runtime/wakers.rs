//! What a task's waker may be used for: anything, anywhere, at any time.
//!
//! The danger is a wake that is lost: the task then sleeps for ever, and the test's deadline ends it.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use tests::mpsc::{Sender, channel};
use tests::sync::Mutex;

use runtime::Runtime;
use runtime::task::{JoinHandle, yield_now};
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::{Flavour, flavours, flavours_within};
use tests::panics::on_drop;

use crate::turns::catch_up;

/// A task that counts its polls and sends its waker at the first. It ends when `end` has happened.
fn watched(runtime: &Runtime, end: &Event) -> (JoinHandle<()>, Arc<AtomicUsize>, Waker) {
    let polls = Arc::new(AtomicUsize::new(0));
    let (send, receive) = channel();
    let (count, end) = (polls.clone(), end.clone());
    let task = runtime.spawn(poll_fn(move |context| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            send.send(context.waker().clone()).unwrap();
        }
        match end.is_set() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }));
    catch_up(runtime.handle());
    (task, polls, receive.recv().unwrap())
}

#[test]
fn a_wake_after_the_end_does_nothing() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let end = Event::new();
        let (task, polls, waker) = watched(&runtime, &end);
        end.set();
        waker.wake_by_ref();
        runtime.block_on(task).unwrap();
        let seen = polls.load(Ordering::SeqCst);
        for _ in 0..3 {
            waker.wake_by_ref();
            waker.wake_by_ref();
            catch_up(runtime.handle());
        }
        thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
        catch_up(runtime.handle());
        assert_eq!(polls.load(Ordering::SeqCst), seen);
    });
}

#[test]
fn a_wake_after_the_shutdown_does_nothing() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (task, polls, waker) = watched(&runtime, &Event::new());
        drop(runtime);
        waker.wake_by_ref();
        thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
        assert_eq!(polls.load(Ordering::SeqCst), 1);
        assert!(tests::foreign::block_on(task).unwrap_err().is_cancelled());
        waker.wake();
    });
}

#[test]
fn a_waker_kept_past_the_end_keeps_no_future() {
    flavours(|flavour| {
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        let kept = Arc::new(Mutex::new(None::<Waker>));
        let keeps = kept.clone();
        flavour.block_on(async {
            let task = runtime::spawn(async move {
                let _guard = on_drop(move || says_dropped.set());
                poll_fn(|context| {
                    *keeps.lock() = Some(context.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            });
            while kept.lock().is_none() {
                yield_now().await;
            }
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert!(kept.lock().is_some());
        assert!(dropped.is_set());
    });
}

/// A worker may run it between two wakes.
#[test]
fn wakes_of_one_task_before_its_turn_are_one_poll() {
    soon(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let end = Event::new();
        let (task, polls, waker) = watched(&runtime, &end);
        for _ in 0..10 {
            waker.wake_by_ref();
        }
        catch_up(runtime.handle());
        catch_up(runtime.handle());
        assert_eq!(polls.load(Ordering::SeqCst), 2);
        end.set();
        waker.wake();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_wake_during_the_poll_leads_to_another() {
    flavours(|flavour| {
        flavour.block_on(async {
            let mut polls = 0;
            let task = runtime::spawn(poll_fn(move |context| {
                polls += 1;
                let waker = context.waker().clone();
                waker.wake();
                match polls {
                    100 => Poll::Ready(polls),
                    _ => Poll::Pending,
                }
            }));
            assert_eq!(task.await.unwrap(), 100);
        });
    });
}

#[test]
fn a_wake_from_another_thread_during_the_poll_leads_to_another() {
    flavours(|flavour| {
        flavour.block_on(async {
            let mut polls = 0;
            let task = runtime::spawn(poll_fn(move |context| {
                polls += 1;
                let waker = context.waker().clone();
                // It has been woken before this poll ends.
                thread::spawn(move || waker.wake()).join().unwrap();
                match polls {
                    50 => Poll::Ready(polls),
                    _ => Poll::Pending,
                }
            }));
            assert_eq!(task.await.unwrap(), 50);
        });
    });
}

#[test]
fn a_wake_from_another_thread_wakes_a_sleeping_core() {
    flavours(|flavour| {
        flavour.block_on(async {
            let (send, receive) = channel::<(Waker, Event)>();
            let waking = thread::spawn(move || {
                while let Ok((waker, event)) = receive.recv() {
                    event.set();
                    waker.wake();
                }
            });
            let task = runtime::spawn(async move {
                for _ in 0..500 {
                    let event = Event::new();
                    let mut sent = false;
                    poll_fn(|context| {
                        if event.is_set() {
                            return Poll::Ready(());
                        }
                        if !sent {
                            let waker = context.waker().clone();
                            send.send((waker, event.clone())).unwrap();
                            sent = true;
                        }
                        Poll::Pending
                    })
                    .await;
                }
            });
            task.await.unwrap();
            waking.join().unwrap();
        });
    });
}

#[test]
fn a_task_is_woken_by_the_drop_of_another() {
    flavours(|flavour| {
        flavour.block_on(async {
            let event = Event::new();
            let waiting = runtime::spawn(event.wait());
            let guard = on_drop(move || event.set());
            let dropping = runtime::spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            yield_now().await;
            dropping.abort();
            waiting.await.unwrap();
        });
    });
}

#[test]
fn a_task_is_woken_by_the_destructor_of_a_thread_local() {
    struct Wakes(Waker, Event);
    impl Drop for Wakes {
        fn drop(&mut self) {
            self.1.set();
            self.0.wake_by_ref();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Wakes>> = const { RefCell::new(None) };
    }
    flavours(|flavour| {
        let runtime = flavour.build();
        let (end, elsewhere) = (Event::new(), Event::new());
        let (task, _, waker) = watched(&runtime, &end);
        // On a thread that has never seen a runtime, and on one that has run one.
        let bare = Wakes(waker.clone(), elsewhere);
        thread::spawn(move || LAST.set(Some(bare))).join().unwrap();
        assert!(!task.is_finished());
        let used = Wakes(waker, end);
        let thread = thread::spawn(move || {
            LAST.set(Some(used));
            flavour.block_on(yield_now());
        });
        runtime.block_on(task).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn a_join_handle_may_be_dropped_by_the_destructor_of_a_thread_local() {
    thread_local! {
        static LAST: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) };
    }
    flavours(|flavour| {
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        thread::spawn(move || {
            LAST.set(None);
            let guard = on_drop(move || says_dropped.set());
            let held = flavour.block_on(async {
                // An output that holds the handle of another task, which is done too.
                let inner = Some(runtime::spawn(async move { guard }));
                let outer = runtime::spawn(async move { (inner, 0) });
                while !outer.is_finished() {
                    yield_now().await;
                }
                Some(outer)
            });
            LAST.set(Some(Box::new(held)));
        })
        .join()
        .unwrap();
        assert!(dropped.is_set());
    });
}

/// Each wake bumps a counter first, so a task that sleeps must have seen the final count.
fn no_wake_is_lost(flavour: Flavour, wait_for_progress: bool) {
    const THREADS: u64 = 4;
    const WAKES: u64 = 20_000;
    let counter = Arc::new(AtomicU64::new(0));
    let seen = Arc::new(AtomicU64::new(0));
    let (count, sees) = (counter.clone(), seen.clone());
    let (send, receive): (Sender<Waker>, _) = channel();
    let runtime = flavour.build();
    let mut sent = false;
    let task = runtime.spawn(poll_fn(move |context| {
        let now = count.load(Ordering::Relaxed);
        sees.store(now, Ordering::Relaxed);
        if !sent {
            send.send(context.waker().clone()).unwrap();
            sent = true;
        }
        match now {
            ALL => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }));
    const ALL: u64 = THREADS * WAKES;
    let threads = thread::spawn(move || {
        let waker = receive.recv().unwrap();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..WAKES {
                        // Relaxed: the wake itself must publish it.
                        let mine = counter.fetch_add(1, Ordering::Relaxed) + 1;
                        waker.wake_by_ref();
                        while wait_for_progress && seen.load(Ordering::Relaxed) < mine {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
    });
    runtime.block_on(task).unwrap();
    threads.join().unwrap();
}

#[test]
fn no_wake_of_four_threads_is_lost() {
    flavours_within(Duration::from_secs(60), |flavour| {
        no_wake_is_lost(flavour, false)
    });
}

#[test]
fn every_wake_of_four_threads_leads_to_a_poll_that_sees_it() {
    flavours_within(Duration::from_secs(120), |flavour| {
        no_wake_is_lost(flavour, true)
    });
}
