//! Wakers that panic, or come back into the runtime, when they are cloned, woken or dropped.
//!
//! They belong to an executor that is not ours, and wait for our tasks, timers and sockets. What
//! they do is their executor's affair: the runtime's other tasks go on.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tests::mpsc::channel;

use runtime::Runtime;
use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::time::{Duration, Instant, sleep, sleep_until};
use tests::apart::apart;
use tests::event::{Event, until};
use tests::flavours::flavours;
use tests::foreign::{self, Foreign};
use tests::panics::panics;

use crate::turns::catch_up;

fn pair() -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (AsyncFd::new(ours).unwrap(), theirs)
}

fn poll_read(fd: &AsyncFd<UnixStream>, waker: &Waker) -> Poll<std::io::Result<usize>> {
    let mut context = Context::from_waker(waker);
    fd.poll_io(&mut context, Interest::READABLE, |mut socket| {
        socket.read(&mut [0; 64])
    })
}

fn check(runtime: &Runtime) {
    let task = runtime.spawn(async {
        sleep(Duration::from_millis(1)).await;
        "alive"
    });
    assert_eq!(runtime.block_on(task).unwrap(), "alive");
}

#[test]
fn a_join_waker_may_panic_at_its_wake() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let hostile = Foreign::new().on_wake(|| panic!("at a wake")).armed();
        let go = Event::new();
        let told_go = go.wait();
        let mut task = runtime.spawn(async move {
            told_go.await;
            5
        });
        assert!(foreign::poll(&mut task, &hostile.waker()).is_pending());
        go.set();
        let after = runtime.spawn(async { 6 });
        assert_eq!(runtime.block_on(after).unwrap(), 6);
        until(|| hostile.wakes() == 1);
        assert_eq!(runtime.block_on(task).unwrap(), 5);
        check(&runtime);
    });
}

#[test]
fn a_join_waker_may_panic_at_its_clone() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let hostile = Foreign::new().on_clone(|| panic!("at a clone")).armed();
        let go = Event::new();
        let told_go = go.wait();
        let mut task = runtime.spawn(async move {
            told_go.await;
            5
        });
        assert_eq!(
            panics(|| foreign::poll(&mut task, &hostile.waker())),
            "at a clone"
        );
        go.set();
        // The one who polled has the panic; the handle is as it was.
        assert_eq!(runtime.block_on(task).unwrap(), 5);
        check(&runtime);
    });
}

#[test]
fn a_join_waker_may_panic_at_its_drop() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let hostile = Arc::new(Foreign::new().on_drop(|| panic!("at a drop")));
        let mild = Arc::new(Foreign::new());
        let go = Event::new();
        let (told_go, told_too) = (go.wait(), go.wait());
        // Replaced by another waker.
        let mut replaced = runtime.spawn(told_go);
        assert!(foreign::poll(&mut replaced, &hostile.waker()).is_pending());
        // Dropped with the handle.
        let mut left = runtime.spawn(told_too);
        assert!(foreign::poll(&mut left, &hostile.waker()).is_pending());
        hostile.arm();
        assert!(foreign::poll(&mut replaced, &mild.waker()).is_pending());
        drop(left);
        assert_eq!(hostile.drops(), 4, "two of ours and two of the handles'");
        go.set();
        catch_up(runtime.handle());
        assert_eq!(mild.wakes(), 1);
        runtime.block_on(replaced).unwrap();
        check(&runtime);
    });
}

#[test]
fn a_join_waker_left_behind_by_a_panic_does_not_end_the_worker() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let told_go = go.wait();
        let mut task = runtime.spawn(told_go);
        let hostile = Arc::new(Foreign::new().on_drop(|| panic!("at the very last drop")));
        assert!(foreign::poll(&mut task, &hostile.waker()).is_pending());
        hostile.arm();
        // This waker was to replace that one, and panics while it is cloned.
        let clumsy = Foreign::new().on_clone(|| panic!("at a clone")).armed();
        assert_eq!(
            panics(|| foreign::poll(&mut task, &clumsy.waker())),
            "at a clone"
        );
        // So the first is still there when the handle has gone, and the task is freed with it.
        drop(task);
        let after = runtime.spawn(async { "after" });
        go.set();
        assert_eq!(runtime.block_on(after).unwrap(), "after");
        until(|| Arc::strong_count(&hostile) == 1);
        check(&runtime);
    });
}

#[test]
fn a_timer_waker_may_panic_at_its_wake() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let hostile = Foreign::new().on_wake(|| panic!("at a wake")).armed();
        let entered = runtime.enter();
        let deadline = Instant::now() + Duration::from_millis(5);
        let mut sleeps: Vec<_> = (0..20).map(|_| sleep_until(deadline)).collect();
        drop(entered);
        for sleep in &mut sleeps {
            assert!(foreign::poll(sleep, &hostile.waker()).is_pending());
        }
        let last = runtime.spawn(async move { sleep_until(deadline).await });
        runtime.block_on(last).unwrap();
        until(|| hostile.wakes() == 20);
        for sleep in &mut sleeps {
            assert!(foreign::poll(sleep, &hostile.waker()).is_ready());
        }
        check(&runtime);
    });
}

#[test]
fn a_timer_waker_may_panic_at_its_clone_and_its_drop() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let mut clumsy = sleep(Duration::from_secs(3600));
        let mut dropping = sleep(Duration::from_secs(3600));
        let mut replacing = sleep(Duration::from_secs(3600));
        drop(entered);
        let at_clone = Foreign::new().on_clone(|| panic!("at a clone")).armed();
        assert_eq!(
            panics(|| foreign::poll(&mut clumsy, &at_clone.waker())),
            "at a clone"
        );
        let at_drop = Arc::new(Foreign::new().on_drop(|| panic!("at a drop")));
        let mild = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut dropping, &at_drop.waker()).is_pending());
        assert!(foreign::poll(&mut replacing, &at_drop.waker()).is_pending());
        at_drop.arm();
        drop(dropping);
        assert!(foreign::poll(&mut replacing, &mild.waker()).is_pending());
        assert_eq!(at_drop.drops(), 4, "two of ours and two of the timers'");
        drop((clumsy, replacing));
        assert_eq!(runtime.handle().metrics().armed_timers, 0);
        check(&runtime);
    });
}

#[test]
fn a_timer_waker_may_use_the_timers_when_it_is_dropped() {
    flavours(|flavour| {
        let runtime = Arc::new(flavour.build());
        let entered = runtime.enter();
        let mut slow = sleep(Duration::from_millis(2));
        drop(entered);
        assert!(foreign::poll(&mut slow, Waker::noop()).is_pending());
        let (inside, handle) = (runtime.clone(), runtime.handle().clone());
        let deadline = slow.deadline() + Duration::from_millis(1);
        let hostile = Foreign::new()
            // The timer fires while the waker that is to be left there is being made.
            .on_clone(move || {
                let task = inside.spawn(async move { sleep_until(deadline).await });
                inside.block_on(task).unwrap();
            })
            .on_drop(move || assert_eq!(handle.metrics().armed_timers, 0))
            .armed();
        assert!(foreign::poll(&mut slow, &hostile.waker()).is_ready());
        hostile.disarm();
        drop(slow);
        check(&runtime);
    });
}

#[test]
fn a_socket_waker_may_panic_at_its_wake() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let mut sockets: Vec<_> = (0..8).map(|_| pair()).collect();
        let (quiet, mut theirs) = pair();
        drop(entered);
        let hostile = Foreign::new().on_wake(|| panic!("at a wake")).armed();
        for (ours, _) in &sockets {
            assert!(poll_read(ours, &hostile.waker()).is_pending());
        }
        let reading = runtime.spawn(async move {
            let read = |mut socket: &UnixStream| socket.read(&mut [0; 8]);
            quiet.async_io(Interest::READABLE, read).await
        });
        catch_up(runtime.handle());
        // All in one harvest, the one that counts last.
        for (_, theirs) in &mut sockets {
            theirs.write_all(b"x").unwrap();
        }
        theirs.write_all(b"last").unwrap();
        assert_eq!(runtime.block_on(reading).unwrap().unwrap(), 4);
        until(|| hostile.wakes() == 8);
        for (ours, _) in &sockets {
            assert!(matches!(
                poll_read(ours, &hostile.waker()),
                Poll::Ready(Ok(1))
            ));
        }
        check(&runtime);
    });
}

#[test]
fn a_socket_waker_may_panic_at_its_clone_and_its_drop() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let ((ours, mut theirs), (leaving, _peer)) = (pair(), pair());
        drop(entered);
        let at_clone = Foreign::new().on_clone(|| panic!("at a clone")).armed();
        assert_eq!(panics(|| poll_read(&ours, &at_clone.waker())), "at a clone");
        let at_drop = Arc::new(Foreign::new().on_drop(|| panic!("at a drop")));
        assert!(poll_read(&leaving, &at_drop.waker()).is_pending());
        at_drop.arm();
        drop(leaving);
        assert_eq!(at_drop.drops(), 2, "ours and the socket's");
        // The socket whose waker could not be cloned is as good as new.
        let reading = runtime
            .spawn(async move { poll_fn(|context| poll_read(&ours, context.waker())).await });
        catch_up(runtime.handle());
        theirs.write_all(b"abc").unwrap();
        assert_eq!(runtime.block_on(reading).unwrap().unwrap(), 3);
        check(&runtime);
    });
}

/// Readiness that is put back wakes whoever has begun to wait meanwhile: here, a hostile waker.
fn put_back_beside(hostile: &Arc<Foreign>, ours: &AsyncFd<UnixStream>, ending: fn()) {
    let waker = hostile.waker();
    let used = ours.try_io(Interest::READABLE, |_| {
        assert!(
            poll_read(ours, &waker).is_pending(),
            "the readiness is taken"
        );
        ending();
        Ok(())
    });
    used.unwrap();
}

fn readable(runtime: &Runtime) -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, mut theirs) = runtime.block_on(async { pair() });
    theirs.write_all(b"something").unwrap();
    runtime.block_on(ours.readable()).unwrap();
    (ours, theirs)
}

#[test]
fn a_socket_waker_that_panics_does_not_end_another_users_call() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (ours, _theirs) = readable(&runtime);
        let hostile = Foreign::new()
            .on_wake(|| panic!("in another's call"))
            .armed();
        let call = || put_back_beside(&hostile, &ours, || {});
        let outcome = catch_unwind(AssertUnwindSafe(call));
        assert_eq!(hostile.wakes(), 1);
        assert!(outcome.is_ok(), "the waker's panic came out of try_io");
        check(&runtime);
    });
}

#[test]
fn a_socket_waker_that_panics_beside_a_call_that_panics_does_not_abort() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let (ours, _theirs) = readable(&runtime);
            let hostile = Foreign::new().on_wake(|| panic!("the waker")).armed();
            let message = panics(|| put_back_beside(&hostile, &ours, || panic!("the call")));
            assert_eq!((message.as_str(), hostile.wakes()), ("the call", 1));
            check(&runtime);
        })
    });
}

#[test]
fn wakers_that_panic_do_not_stop_a_shutdown() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let hostile = Foreign::new().on_wake(|| panic!("at the end")).armed();
        let entered = runtime.enter();
        let (sockets, mut sleeps): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| (pair(), sleep(Duration::from_secs(3600))))
            .unzip();
        drop(entered);
        for (ours, _) in &sockets {
            assert!(poll_read(ours, &hostile.waker()).is_pending());
        }
        for sleep in &mut sleeps {
            assert!(foreign::poll(sleep, &hostile.waker()).is_pending());
        }
        let mut task = runtime.spawn(std::future::pending::<()>());
        assert!(foreign::poll(&mut task, &hostile.waker()).is_pending());
        let outcome = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
        assert!(
            outcome.is_ok(),
            "a waker's panic came out of the runtime's drop"
        );
        assert!(task.is_finished(), "the tasks were not dropped");
        assert_eq!(hostile.wakes(), 4 + 4 + 1, "not everybody was told");
    });
}

#[test]
fn a_waker_may_come_back_into_the_runtime() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let (send, receive) = channel();
        let busy = Foreign::new()
            .on_wake(move || {
                let entered = handle.enter();
                let (sleeping, (ours, _theirs)) = (sleep(Duration::from_secs(3600)), pair());
                send.send(runtime::spawn(async move { drop((sleeping, ours)) }))
                    .unwrap();
                assert!(handle.metrics().registered_fds >= 1);
                drop(entered);
            })
            .armed();
        let entered = runtime.enter();
        let (ours, mut theirs) = pair();
        let mut sleeping = sleep(Duration::from_millis(1));
        drop(entered);
        let go = Event::new();
        let told_go = go.wait();
        let mut task = runtime.spawn(told_go);
        assert!(poll_read(&ours, &busy.waker()).is_pending());
        assert!(foreign::poll(&mut sleeping, &busy.waker()).is_pending());
        assert!(foreign::poll(&mut task, &busy.waker()).is_pending());
        go.set();
        theirs.write_all(b"x").unwrap();
        runtime.block_on(async {
            for _ in 0..3 {
                let spawned = loop {
                    match receive.try_recv() {
                        Ok(spawned) => break spawned,
                        Err(_) => yield_now().await,
                    }
                };
                spawned.await.unwrap();
            }
        });
        assert_eq!(busy.wakes(), 3);
        check(&runtime);
    });
}
