//! Sleeps: never early, never lost, in order.
//!
//! Nothing here says how late a sleep may be: the machine is noisy, and a test that hangs is ended
//! by its deadline.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use tests::sync::Mutex;

use runtime::Handle;
use runtime::task::yield_now;
use runtime::time::{Duration, Instant, Sleep, sleep, sleep_until};
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::{Flavour, flavours};
use tests::foreign::{self, Foreign};

const HOUR: Duration = Duration::from_secs(3600);

/// Numbers that look random, the same at each run.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn armed() -> usize {
    Handle::current().metrics().armed_timers
}

/// Polls a sleep once, for this task.
async fn is_ready(sleep: &mut Sleep) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(foreign::poll(sleep, context.waker()).is_ready())
    })
    .await
}

#[test]
fn no_sleep_ends_early() {
    flavours(|flavour| {
        let mut random = numbers(1);
        flavour.block_on(async {
            let tasks: Vec<_> = (0..3000)
                .map(|_| {
                    let duration = Duration::from_nanos(random(40_000_000));
                    runtime::spawn(async move {
                        let start = std::time::Instant::now();
                        sleep(duration).await;
                        (start.elapsed(), duration)
                    })
                })
                .collect();
            for task in tasks {
                let (took, wanted) = task.await.unwrap();
                assert!(took >= wanted, "{wanted:?} took {took:?}");
            }
            // One after the other too, with a core that sleeps in between.
            for _ in 0..100 {
                let (start, wanted) = (Instant::now(), Duration::from_nanos(random(2_000_000)));
                sleep(wanted).await;
                assert!(start.elapsed() >= wanted);
            }
            assert_eq!(armed(), 0);
        });
    });
}

#[test]
fn a_sleep_of_nothing_and_one_into_the_past_are_over_at_the_first_poll() {
    flavours(|flavour| {
        flavour.block_on(async {
            let now = Instant::now();
            let past = now.checked_sub(Duration::from_millis(10)).unwrap_or(now);
            for mut over in [sleep(Duration::ZERO), sleep_until(past), sleep_until(now)] {
                assert!(is_ready(&mut over).await);
                assert!(over.is_elapsed());
                assert!(is_ready(&mut over).await, "and it stays over");
            }
            assert_eq!(armed(), 0);
        });
    });
}

#[test]
fn sleeps_beyond_all_counting_never_end_and_disturb_none() {
    flavours(|flavour| {
        flavour.block_on(async {
            let mut far: Vec<_> = [
                Duration::MAX,
                Duration::from_secs(u64::MAX),
                Duration::from_secs(i64::MAX as u64),
                Duration::from_secs(i64::MAX as u64 / 2),
                Duration::from_nanos(u64::MAX),
                Duration::from_nanos(u64::MAX - 1),
                Duration::from_nanos(i64::MAX as u64),
                Duration::from_secs(u64::from(u32::MAX)),
                Duration::from_millis(i32::MAX as u64 + 1),
            ]
            .map(sleep)
            .into();
            far.push(sleep_until(Instant::far_future()));
            for sleep in &mut far {
                assert!(!is_ready(sleep).await);
            }
            assert_eq!(armed(), far.len());
            for _ in 0..5 {
                sleep(Duration::from_millis(1)).await;
            }
            for sleep in &mut far {
                assert!(!is_ready(sleep).await && !sleep.is_elapsed(), "{sleep:?}");
            }
            // From there they can be brought back.
            for sleep in &mut far {
                sleep.reset(Instant::now() + Duration::from_millis(1));
            }
            for sleep in far {
                sleep.await;
            }
        });
    });
}

#[test]
fn a_sleep_may_be_moved_at_any_time() {
    flavours(|flavour| {
        flavour.block_on(async {
            // Before it is armed, and after.
            for is_armed in [false, true] {
                let mut moved = sleep(HOUR);
                assert!(!is_armed || !is_ready(&mut moved).await);
                let start = Instant::now();
                moved.reset(start + Duration::from_millis(3));
                assert_eq!(moved.deadline(), start + Duration::from_millis(3));
                (&mut moved).await;
                assert!(start.elapsed() >= Duration::from_millis(3));
            }
            let mut moved = sleep(Duration::from_millis(1));
            (&mut moved).await;
            // After it has fired: it begins anew.
            moved.reset(Instant::now());
            (&mut moved).await;
            let start = Instant::now();
            moved.reset(start + Duration::from_millis(3));
            assert!(!moved.is_elapsed() || start.elapsed() >= Duration::from_millis(3));
            (&mut moved).await;
            assert!(start.elapsed() >= Duration::from_millis(3));
            // To the past.
            moved.reset(Instant::now() + HOUR);
            assert!(!is_ready(&mut moved).await);
            moved.reset(start);
            (&mut moved).await;
        });
    });
}

#[test]
fn a_sleep_moved_later_does_not_end_at_its_old_deadline() {
    flavours(|flavour| {
        flavour.block_on(async {
            let start = Instant::now();
            let mut idle = sleep(Duration::from_millis(2));
            let mut ticks = 0;
            // As an idle timeout does: moved at each message.
            for n in 1..=20 {
                let deadline = idle.deadline();
                assert!(!is_ready(&mut idle).await || Instant::now() >= deadline);
                idle.reset(start + Duration::from_millis(2 + n));
                sleep(Duration::from_micros(500)).await;
                ticks += 1;
            }
            idle.reset(start + Duration::from_millis(40));
            idle.await;
            assert!(start.elapsed() >= Duration::from_millis(40));
            assert_eq!(ticks, 20);
        });
    });
}

#[test]
fn a_sleep_moved_by_another_task_wakes_the_one_that_waits() {
    soon(|| {
        runtime::block_on(async {
            let shared = Rc::new(std::cell::RefCell::new(Box::pin(sleep(HOUR))));
            let waiting = shared.clone();
            let task = runtime::spawn_local(std::future::poll_fn(move |context| {
                waiting.borrow_mut().as_mut().poll(context)
            }));
            yield_now().await;
            shared
                .borrow_mut()
                .reset(Instant::now() + Duration::from_millis(1));
            task.await.unwrap();
        });
    });
}

#[test]
fn a_sleep_goes_with_the_task_that_polls_it_last() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let mut moved = sleep(Duration::from_millis(5));
        drop(entered);
        let first = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut moved, &first.waker()).is_pending());
        runtime.block_on(moved);
        assert_eq!(first.wakes(), 0);
        assert_eq!(Arc::strong_count(&first), 1);
    });
}

/// A runtime on a thread of its own, which sleeps, with no timer of its own to wake it.
fn beside_a_sleeping_core(flavour: Flavour, test: impl FnOnce(&Handle)) {
    let runtime = flavour.build();
    let handle = runtime.handle().clone();
    let end = Event::new();
    let told_end = end.wait();
    let thread = thread::spawn(move || runtime.block_on(told_end));
    test(&handle);
    end.set();
    thread.join().unwrap();
}

#[test]
fn a_timer_of_another_thread_wakes_a_sleeping_core() {
    flavours(|flavour| {
        beside_a_sleeping_core(flavour, |handle| {
            let _entered = handle.enter();
            for n in 0..100 {
                let start = Instant::now();
                let wanted = Duration::from_micros(n * 20);
                foreign::block_on(sleep(wanted));
                assert!(start.elapsed() >= wanted);
            }
        });
    });
}

#[test]
fn an_earlier_timer_of_another_thread_wakes_a_core_that_sleeps_for_a_later_one() {
    flavours(|flavour| {
        beside_a_sleeping_core(flavour, |handle| {
            let _entered = handle.enter();
            let mut later = sleep(HOUR);
            assert!(foreign::poll(&mut later, Waker::noop()).is_pending());
            for _ in 0..50 {
                foreign::block_on(sleep(Duration::from_micros(300)));
            }
            for _ in 0..50 {
                later.reset(Instant::now() + HOUR);
                assert!(foreign::poll(&mut later, Waker::noop()).is_pending());
                later.reset(Instant::now() + Duration::from_micros(300));
                foreign::block_on(&mut later);
            }
        });
    });
}

/// Arms sleeps until the given times after a beginning, each with a waker that notes its index.
async fn arm_all(after: &[Duration]) -> (Vec<Sleep>, Instant, Arc<Mutex<Vec<usize>>>) {
    let mut lead = Duration::from_millis(250);
    loop {
        let fired = Arc::new(Mutex::new(Vec::new()));
        let beginning = Instant::now() + lead;
        let mut sleeps: Vec<_> = after
            .iter()
            .map(|after| sleep_until(beginning + *after))
            .collect();
        for (index, sleep) in sleeps.iter_mut().enumerate() {
            let fired = fired.clone();
            let noting = Foreign::new()
                .on_wake(move || fired.lock().push(index))
                .armed();
            let _ = foreign::poll(sleep, &noting.waker());
        }
        if Instant::now() < beginning {
            return (sleeps, beginning, fired);
        }
        // The machine was too slow to arm them all before the first was due. Those that were due have
        // used up the budget of this poll.
        lead *= 2;
        runtime::task::yield_now().await;
    }
}

/// Of one wheel; workers have one each.
#[test]
fn ten_thousand_sleeps_end_in_the_order_of_their_deadlines() {
    const TICK: Duration = Duration::from_nanos(1 << 16);
    soon(|| {
        let mut random = numbers(2);
        let after: Vec<_> = (0..10_000)
            .map(|_| Duration::from_nanos(random(300_000_000)))
            .collect();
        runtime::block_on(async {
            let (sleeps, beginning, fired) = arm_all(&after).await;
            assert_eq!(armed(), sleeps.len());
            while fired.lock().len() < sleeps.len() {
                sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(armed(), 0);
            let order = fired.lock();
            let mut latest = Duration::ZERO;
            for index in order.iter() {
                assert!(
                    after[*index] + TICK > latest,
                    "{:?} came after {latest:?}",
                    after[*index]
                );
                latest = latest.max(after[*index]);
            }
            assert!(beginning.elapsed() >= latest);
            let mut all: Vec<_> = order.clone();
            all.sort();
            assert!(all.into_iter().eq(0..sleeps.len()), "each exactly once");
        });
    });
}

#[test]
fn dropped_sleeps_leave_nothing_armed() {
    flavours(|flavour| {
        flavour.block_on(async {
            let mut random = numbers(3);
            let mut sleeps: Vec<_> = (0..5000)
                .map(|n| sleep(HOUR + Duration::from_millis(n)))
                .collect();
            for sleep in &mut sleeps {
                assert!(!is_ready(sleep).await);
            }
            assert_eq!(armed(), 5000);
            while !sleeps.is_empty() {
                let index = random(sleeps.len() as u64) as usize;
                drop(sleeps.swap_remove(index));
                assert_eq!(armed(), sleeps.len());
            }
            let task = runtime::spawn(sleep(HOUR));
            while armed() == 0 {
                yield_now().await;
            }
            assert_eq!(armed(), 1);
            task.abort();
            let _ = task.await;
            assert_eq!(armed(), 0);
        });
    });
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    flavours(|flavour| {
        flavour.block_on(async {
            let waiting = Arc::new(Foreign::new());
            let mut gone = sleep(Duration::from_millis(1));
            assert!(foreign::poll(&mut gone, &waiting.waker()).is_pending());
            let deadline = gone.deadline();
            drop(gone);
            sleep_until(deadline + Duration::from_millis(1)).await;
            assert_eq!(waiting.wakes(), 0);
        });
    });
}

#[test]
fn sleeps_of_many_threads_all_end() {
    flavours(|flavour| {
        beside_a_sleeping_core(flavour, |handle| {
            let ended = AtomicUsize::new(0);
            thread::scope(|scope| {
                let sleepers = [0, 1, 2, 3].map(|seed| {
                    let ended = &ended;
                    scope.spawn(move || {
                        let _entered = handle.enter();
                        let mut random = numbers(seed);
                        for _ in 0..200 {
                            let start = Instant::now();
                            let wanted = Duration::from_nanos(random(500_000));
                            foreign::block_on(sleep(wanted));
                            assert!(start.elapsed() >= wanted);
                            ended.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                });
                sleepers.into_iter().for_each(|it| it.join().unwrap());
            });
            assert_eq!(ended.load(Ordering::Relaxed), 800);
        });
    });
}

#[test]
fn a_far_sleep_keeps_no_core_awake() {
    soon(|| {
        runtime::block_on(async {
            let turns = Rc::new(Cell::new(0));
            let count = turns.clone();
            let _far = runtime::spawn(sleep(HOUR));
            let mut inner = Box::pin(sleep(Duration::from_millis(50)));
            // The main future is polled when it is woken: twice, were it not for lost budgets.
            std::future::poll_fn(move |context| {
                count.set(count.get() + 1);
                inner.as_mut().poll(context)
            })
            .await;
            assert_eq!(turns.get(), 2);
        });
    });
}
