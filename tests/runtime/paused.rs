//! Time that stands still, and moves when there is nothing else to do.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::time::{self, Duration, Instant, sleep, sleep_until, timeout};
use runtime::{Builder, Runtime};
use tests::deadline::soon;
use tests::event::until;
use tests::fd::unix_pair;
use tests::panics::panics;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn paused() -> Runtime {
    Builder::new_current_thread()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn a_day_of_sleeps_takes_no_time_and_they_end_in_their_order() {
    soon(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        paused().block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = [5, 3, 24, 1, 12, 2]
                .map(|hours| {
                    let order = order.clone();
                    runtime::spawn(async move {
                        sleep(HOUR * hours).await;
                        assert_eq!(start.elapsed(), HOUR * hours);
                        order.lock().push(hours);
                    })
                })
                .into();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(*order.lock(), [1, 2, 3, 5, 12, 24]);
    });
}

#[test]
fn time_stands_while_there_is_work() {
    soon(|| {
        paused().block_on(async {
            let start = Instant::now();
            let mut late = std::pin::pin!(sleep(Duration::from_nanos(1)));
            for _ in 0..1000 {
                yield_now().await;
                assert_eq!(start.elapsed(), Duration::ZERO);
            }
            late.as_mut().await;
            assert_eq!(start.elapsed(), Duration::from_nanos(1));
        });
    });
}

#[test]
fn an_advance_ends_what_is_due_and_nothing_else() {
    soon(|| {
        paused().block_on(async {
            let start = Instant::now();
            let step = Duration::from_nanos(10_000_001);
            let due = runtime::spawn(sleep(step));
            let not_due = runtime::spawn(sleep(step + Duration::from_nanos(1)));
            yield_now().await;
            time::advance(step - Duration::from_nanos(1)).await;
            assert!(!due.is_finished());
            time::advance(Duration::from_nanos(1)).await;
            assert!(due.is_finished() && !not_due.is_finished());
            assert_eq!(start.elapsed(), step);
            not_due.await.unwrap();
            assert_eq!(start.elapsed(), step + Duration::from_nanos(1));
            time::advance(Duration::MAX).await;
            assert!(Instant::now() > start + DAY);
        });
    });
}

#[test]
fn a_resumed_clock_goes_on_from_where_it_stood_and_never_back() {
    soon(|| {
        runtime::block_on(async {
            let real = std::time::Instant::now();
            time::pause();
            sleep(DAY).await;
            let before = Instant::now();
            time::resume();
            let resumed = Instant::now();
            assert!(before <= resumed && resumed >= Instant::from_std(real) + DAY);
            // By now it takes its time.
            let real = std::time::Instant::now();
            sleep(Duration::from_millis(20)).await;
            assert!(real.elapsed() >= Duration::from_millis(20));
            time::pause();
            assert!(Instant::now() >= before + Duration::from_millis(20));
        });
        // The runtime of this thread is used again, and its clock runs.
        runtime::block_on(async {
            let (real, start) = (std::time::Instant::now(), Instant::now());
            sleep(Duration::from_millis(5)).await;
            assert!(real.elapsed() >= Duration::from_millis(5));
            assert!(start.elapsed() >= Duration::from_millis(5));
        });
    });
}

#[test]
fn what_is_ready_comes_before_the_next_deadline() {
    soon(|| {
        paused().block_on(async {
            let (ours, mut peer) = unix_pair();
            let ours = AsyncFd::new(ours).unwrap();
            for _ in 0..100 {
                peer.write_all(b"x").unwrap();
                let read = ours.async_io(Interest::READABLE, |mut it: &UnixStream| {
                    it.read(&mut [0; 8])
                });
                assert_eq!(timeout(DAY, read).await.unwrap().unwrap(), 1);
            }
            // And with nothing there, the time limit is what ends it.
            let read = ours.async_io(Interest::READABLE, |mut it: &UnixStream| {
                it.read(&mut [0; 8])
            });
            assert!(timeout(DAY, read).await.is_err());
        });
    });
}

/// Waits, on another thread, until the runtime that calls this has gone to sleep.
fn until_asleep() -> impl FnOnce() + Send {
    let handle = runtime::Handle::current();
    let before = handle.metrics().parks;
    move || until(|| handle.metrics().parks > before)
}

#[test]
fn a_closure_that_blocks_holds_the_time() {
    soon(|| {
        paused().block_on(async {
            let start = Instant::now();
            let slow = runtime::spawn_blocking(until_asleep());
            timeout(DAY, slow).await.unwrap().unwrap();
            assert_eq!(start.elapsed(), Duration::ZERO);
            // Nobody waits for this one, and still the time goes on after it.
            drop(runtime::spawn_blocking(until_asleep()));
            sleep(DAY).await;
        });
    });
}

#[test]
fn a_closure_that_waits_for_the_clock_lets_it_go_on() {
    soon(|| {
        paused().block_on(async {
            let handle = runtime::Handle::current();
            let start = Instant::now();
            let (say, said) = runtime::sync::oneshot::channel();
            runtime::spawn(async move {
                sleep(HOUR).await;
                say.send(start.elapsed()).unwrap();
            });
            let closure = runtime::spawn_blocking(move || {
                // For a task, and for a timer.
                let told = handle.block_on(said).unwrap();
                handle.block_on(sleep(DAY));
                told
            });
            assert_eq!(closure.await.unwrap(), HOUR);
            assert_eq!(start.elapsed(), HOUR + DAY);
        });
    });
}

/// The clock stands from the moment in which the closure is woken, though it takes a while to get up.
#[test]
fn a_closure_that_has_waited_for_the_clock_holds_it_again() {
    const ROUNDS: u32 = 500;
    soon(|| {
        paused().block_on(async {
            let handle = runtime::Handle::current();
            let start = Instant::now();
            let ticks = runtime::spawn(async {
                loop {
                    sleep(Duration::from_secs(7 * 60)).await;
                }
            });
            let closure = runtime::spawn_blocking(move || {
                for round in 1..=ROUNDS {
                    handle.block_on(sleep(HOUR));
                    thread::yield_now();
                    let now = handle.block_on(async { Instant::now() });
                    assert_eq!(now - start, HOUR * round);
                }
            });
            closure.await.unwrap();
            ticks.abort();
        });
    });
}

/// The thread that has run the tasks goes, and that of the closure runs them.
#[test]
fn a_closure_that_inherits_a_clock_that_stands_moves_it() {
    soon(|| {
        let runtime = paused();
        let start = runtime.block_on(async { Instant::now() });
        let handle = runtime.handle().clone();
        let closure = runtime.spawn_blocking(move || {
            handle.block_on(sleep(DAY));
            handle.block_on(async { Instant::now() })
        });
        assert_eq!(tests::foreign::block_on(closure).unwrap(), start + DAY);
    });
}

#[test]
fn a_waker_that_is_kept_from_a_closure_does_not_hold_the_clock() {
    soon(|| {
        paused().block_on(async {
            let handle = runtime::Handle::current();
            let closure = runtime::spawn_blocking(move || {
                handle.block_on(poll_fn(|context| Poll::Ready(context.waker().clone())))
            });
            let kept = closure.await.unwrap();
            kept.wake_by_ref();
            sleep(DAY).await;
        });
    });
}

#[test]
fn a_thread_may_wake_a_runtime_whose_time_stands() {
    soon(|| {
        paused().block_on(async {
            let (ours, mut peer) = unix_pair();
            let ours = AsyncFd::new(ours).unwrap();
            let is_asleep = until_asleep();
            let writer = thread::spawn(move || {
                is_asleep();
                peer.write_all(b"x").unwrap();
                peer
            });
            // No deadline is armed: nothing to go on to.
            ours.readable().await.unwrap();
            drop(writer.join());
        });
    });
}

#[test]
fn other_runtimes_keep_their_own_time() {
    soon(|| {
        let stands = paused();
        stands.block_on(async { sleep(DAY).await });
        let ahead = stands.block_on(async { Instant::now() });
        runtime::block_on(async move { assert!(Instant::now() < ahead) });
        assert!(Instant::now() < ahead);
    });
}

#[test]
fn sleeps_of_all_lengths_end_to_the_nanosecond() {
    soon(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        paused().block_on(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..2000_u64)
                .map(|n| {
                    let wanted = Duration::from_nanos(n * n * 977);
                    let ended = ended.clone();
                    runtime::spawn(async move {
                        sleep_until(start + wanted).await;
                        assert_eq!(start.elapsed(), wanted);
                        ended.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(ended.load(Ordering::Relaxed), 2000);
    });
}

#[test]
fn what_cannot_be_paused_is_refused_with_the_cure() {
    let said = panics(|| {
        let several = Builder::new_multi_thread().worker_threads(1).build();
        several.unwrap().block_on(async { time::pause() });
    });
    assert!(said.contains("Builder::new_current_thread"), "{said}");
    let said = panics(|| {
        Builder::new_multi_thread().start_paused(true);
    });
    assert!(said.contains("Builder::new_current_thread"), "{said}");
    let said = panics(|| runtime::block_on(async { time::resume() }));
    assert!(said.contains("time::pause"), "{said}");
    let said = panics(|| runtime::block_on(time::advance(HOUR)));
    assert!(said.contains("time::pause"), "{said}");
    let said = panics(|| paused().block_on(async { time::pause() }));
    assert!(said.contains("time::resume"), "{said}");
    let said = panics(time::pause);
    assert!(said.contains("outside of a runtime"), "{said}");
}

#[runtime::test(start_paused)]
async fn the_attribute_starts_with_a_clock_that_stands() {
    let real = std::time::Instant::now();
    sleep(DAY).await;
    assert!(real.elapsed() < DAY);
}

#[runtime::test(flavor = "current_thread", start_paused = true)]
async fn the_attribute_may_say_so_in_other_words() {
    let real = std::time::Instant::now();
    sleep(DAY).await;
    assert!(real.elapsed() < DAY);
}
