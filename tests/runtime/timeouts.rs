//! Giving up after a time.

use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use runtime::Handle;
use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::time::{Duration, Elapsed, Instant, sleep, timeout, timeout_at};
use tests::endless::Endless;
use tests::event::Event;
use tests::flavours::flavours;
use tests::foreign;
use tests::panics::{on_drop, panics};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn what_is_ready_is_never_too_late() {
    flavours(|flavour| {
        flavour.block_on(async {
            assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
            let past = Instant::now();
            assert_eq!(timeout_at(past, async { 2 }).await, Ok(2));
            assert_eq!(timeout(HOUR, async { 3 }).await, Ok(3));
            assert_eq!(timeout(Duration::MAX, async { 4 }).await, Ok(4));
            assert_eq!(Handle::current().metrics().armed_timers, 0);
        });
    });
}

#[test]
fn what_becomes_ready_in_time_wins() {
    flavours(|flavour| {
        flavour.block_on(async {
            let slow = async {
                sleep(Duration::from_millis(2)).await;
                yield_now().await;
                7
            };
            assert_eq!(timeout(HOUR, slow).await, Ok(7));
            assert_eq!(Handle::current().metrics().armed_timers, 0);
        });
    });
}

#[test]
fn what_is_not_ready_in_time_is_given_up_and_not_before() {
    flavours(|flavour| {
        flavour.block_on(async {
            let (start, limit) = (Instant::now(), Duration::from_millis(3));
            let elapsed = timeout(limit, pending::<()>()).await.unwrap_err();
            assert!(start.elapsed() >= limit);
            assert_eq!(elapsed.to_string(), "deadline has elapsed");
            let start = Instant::now();
            assert!(timeout_at(start + limit, pending::<()>()).await.is_err());
            assert!(start.elapsed() >= limit);
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        });
    });
}

#[test]
fn what_is_given_up_is_dropped_with_the_timeout() {
    flavours(|flavour| {
        flavour.block_on(async {
            let dropped = Event::new();
            let says_dropped = dropped.clone();
            let late = timeout(Duration::from_millis(1), async move {
                let _guard = on_drop(move || says_dropped.set());
                pending::<()>().await;
            });
            let mut late = Box::pin(late);
            assert!(late.as_mut().await.is_err());
            assert!(!dropped.is_set());
            drop(late);
            assert!(dropped.is_set());
        });
    });
}

#[test]
fn the_inner_of_two_limits_comes_first() {
    flavours(|flavour| {
        flavour.block_on(async {
            let inner = timeout(Duration::from_millis(1), pending::<()>());
            let both: Result<Result<(), Elapsed>, Elapsed> = timeout(HOUR, inner).await;
            assert!(matches!(both, Ok(Err(_))));
            let inner = timeout(HOUR, pending::<()>());
            assert!(timeout(Duration::from_millis(1), inner).await.is_err());
        });
    });
}

#[test]
fn a_future_that_uses_up_every_budget_is_given_up_in_time() {
    flavours(|flavour| {
        flavour.block_on(async {
            let endless = AsyncFd::new(Endless::new()).unwrap();
            let greedy = async {
                loop {
                    endless
                        .async_io(Interest::READABLE, Endless::read)
                        .await
                        .unwrap();
                }
            };
            let late: Result<(), Elapsed> = timeout(Duration::from_millis(3), greedy).await;
            assert!(late.is_err());
            // In a task too, and with the greedy one outside of the limit.
            let task = runtime::spawn(async {
                let endless = AsyncFd::new(Endless::new()).unwrap();
                let mut limit = Box::pin(timeout(Duration::from_millis(3), pending::<()>()));
                let mut greedy = Box::pin(async move {
                    loop {
                        endless.write_with(Endless::write).await.unwrap();
                    }
                });
                poll_fn(|context| {
                    // The budget is gone when the limit is looked at: in turn it must come first.
                    let limited = limit.as_mut().poll(context);
                    let greedy: Poll<()> = greedy.as_mut().poll(context);
                    assert!(greedy.is_pending());
                    limited
                })
                .await
            });
            assert!(task.await.unwrap().is_err());
        });
    });
}

#[test]
fn a_limit_works_in_an_executor_that_is_not_ours() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let end = Event::new();
        let told_end = end.wait();
        let thread = std::thread::spawn(move || runtime.block_on(told_end));
        let late = {
            let _entered = handle.enter();
            timeout(Duration::from_millis(2), pending::<()>())
        };
        assert!(foreign::block_on(late).is_err());
        end.set();
        thread.join().unwrap();
    });
}

#[test]
fn a_panic_inside_comes_out_and_disarms_the_timer() {
    flavours(|flavour| {
        flavour.block_on(async {
            let task = runtime::spawn(timeout(HOUR, async {
                sleep(Duration::from_millis(1)).await;
                panic!("inside");
            }));
            let error = task.await.map(|_: Result<(), _>| ()).unwrap_err();
            assert!(error.is_panic());
            assert_eq!(Handle::current().metrics().armed_timers, 0);
        });
    });
}

#[test]
fn the_future_inside_can_be_reached() {
    flavours(|flavour| {
        flavour.block_on(async {
            let mut limited = timeout(HOUR, ready(5));
            assert!(format!("{limited:?}").contains("Timeout"));
            let _: (&std::future::Ready<i32>, ()) = (limited.get_ref(), ());
            *limited.get_mut() = ready(6);
            assert_eq!(Pin::new(&mut limited).await, Ok(6));
            let inner = timeout(Duration::ZERO, ready(7)).into_inner();
            assert_eq!(inner.await, 7);
        });
    });
}

#[test]
fn elapsed_becomes_an_io_error_of_its_kind() {
    async fn asks() -> io::Result<()> {
        timeout(Duration::ZERO, pending::<()>()).await?;
        Ok(())
    }
    flavours(|flavour| {
        let error = flavour.block_on(asks()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.get_ref().unwrap().is::<Elapsed>());
    });
}

#[test]
fn a_limit_of_a_runtime_that_has_gone_fails_and_does_not_hang() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let mut late = {
            let _entered = runtime.enter();
            timeout(HOUR, Box::pin(pending::<()>()))
        };
        assert!(foreign::poll(&mut late, std::task::Waker::noop()).is_pending());
        drop(runtime);
        let message = panics(|| foreign::block_on(late));
        assert!(message.contains("runtime shut down"), "{message}");
    });
}
