//! A worker that is stuck in a task: the others do its work, and name the task.
//!
//! The stuck task blocks its thread until the test lets it go, so that nothing here depends on time.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use tests::mpsc::{Receiver, Sender, channel};
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::time::{Duration, sleep};
use runtime::{Builder, Handle, Runtime, StuckTask};
use tests::deadline::soon;
use tests::event::Event;
use tests::{fd, foreign};

fn workers(count: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count).build().unwrap()
}

/// A runtime that reports at once who is stuck.
fn reporting(count: usize) -> (Runtime, Receiver<StuckTask>) {
    let (send, receive) = channel();
    let send = Mutex::new(send);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count);
    builder.on_stuck_task(Duration::from_millis(2), move |task| {
        let _ = send.lock().send(task.clone());
    });
    (builder.build().unwrap(), receive)
}

/// Blocks this thread until the sender has gone.
fn block(until: &Receiver<()>) {
    let _ = until.recv();
}

/// A worker that is stuck, with whatever `before` left to it, until the sender is dropped.
fn stuck(runtime: &Runtime, before: impl FnOnce() + Send + 'static) -> Sender<()> {
    let (release, released) = channel();
    let (is_stuck, told) = channel();
    runtime.spawn(async move {
        before();
        is_stuck.send(()).unwrap();
        block(&released);
    });
    told.recv().unwrap();
    release
}

async fn read(fd: &AsyncFd<UnixStream>) -> usize {
    let read = |mut socket: &UnixStream| socket.read(&mut [0; 64]);
    fd.async_io(Interest::READABLE, read).await.unwrap()
}

#[test]
fn its_sockets_are_served() {
    soon(|| {
        let runtime = workers(2);
        let (ours, mut theirs) = fd::unix_pair();
        let (registered, gets_stuck) = (Event::new(), Event::new());
        let (says_registered, told) = (registered.clone(), gets_stuck.wait());
        let (release, released) = channel();
        // The socket's home is the worker that then gets stuck: both are in one task.
        let (share, shared) = channel();
        let task = runtime.spawn(async move {
            let ours = Arc::new(AsyncFd::new(ours).unwrap());
            share.send(ours).unwrap();
            says_registered.set();
            told.await;
            block(&released);
        });
        registered.wait_here();
        let ours = shared.recv().unwrap();
        gets_stuck.set();
        for _ in 0..50 {
            let ours = ours.clone();
            let reading = runtime.spawn(async move { read(&ours).await });
            theirs.write_all(b"x").unwrap();
            assert_eq!(foreign::block_on(reading).unwrap(), 1);
        }
        drop(release);
        foreign::block_on(task).unwrap();
    });
}

#[test]
fn its_timers_are_served() {
    soon(|| {
        let runtime = workers(2);
        let (armed, fired) = (Event::new(), Event::new());
        let handle = runtime.handle().clone();
        let (says_armed, says_fired) = (armed.clone(), fired.clone());
        let (keep, kept) = channel();
        let release = stuck(&runtime, move || {
            // Armed on this worker.
            let _entered = handle.enter();
            let mut slow = Box::pin(sleep(Duration::from_millis(5)));
            let waker = foreign::Foreign::new()
                .on_wake(move || says_fired.set())
                .armed();
            assert!(foreign::poll(&mut slow, &waker.waker()).is_pending());
            keep.send(slow).unwrap();
            says_armed.set();
        });
        armed.wait_here();
        fired.wait_here();
        drop((kept, release));
    });
}

#[test]
fn its_line_is_run_the_first_and_the_overflow_too() {
    soon(|| {
        const TASKS: usize = 1000;
        let runtime = workers(2);
        let (send, receive) = channel();
        // More than the ring holds.
        let release = stuck(&runtime, move || {
            for number in 0..TASKS {
                let send = send.clone();
                runtime::spawn(async move { send.send(number).unwrap() });
            }
        });
        let mut all: Vec<usize> = receive.iter().take(TASKS).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..TASKS));
        drop(release);
    });
}

#[test]
fn the_task_that_it_was_to_run_next_is_run() {
    soon(|| {
        let runtime = workers(2);
        let (go, ran) = (Event::new(), Event::new());
        let (told, says_ran) = (go.wait(), ran.clone());
        runtime.spawn(async move {
            told.await;
            says_ran.set();
        });
        // Woken by the task that then blocks.
        let release = stuck(&runtime, move || go.set());
        ran.wait_here();
        drop(release);
    });
}

#[test]
fn what_is_sent_to_it_is_run() {
    soon(|| {
        let runtime = workers(2);
        let release = stuck(&runtime, || {});
        // To the workers in their turn.
        for number in 0..20 {
            let task = runtime.spawn(async move { number });
            assert_eq!(foreign::block_on(task).unwrap(), number);
        }
        drop(release);
    });
}

#[test]
fn a_task_that_it_ran_last_is_woken_from_outside() {
    soon(|| {
        let runtime = workers(2);
        let (send, receive) = channel::<Waker>();
        let mut polls = 0;
        let (release, released) = channel::<()>();
        let mut released = Some(released);
        // One task, polled by one worker at first; then the other must take it over.
        let task = runtime.spawn(poll_fn(move |context| {
            polls += 1;
            send.send(context.waker().clone()).unwrap();
            match polls {
                3 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        let waker = receive.recv().unwrap();
        let handle = runtime.handle().clone();
        let blocks = runtime.spawn(async move { block(&released.take().unwrap()) });
        for _ in 0..2 {
            waker.wake_by_ref();
            receive.recv().unwrap();
        }
        foreign::block_on(task).unwrap();
        assert!(handle.metrics().alive_tasks >= 1);
        drop(release);
        foreign::block_on(blocks).unwrap();
    });
}

#[test]
fn the_hook_names_the_task_once_a_poll() {
    soon(|| {
        let (runtime, reports) = reporting(2);
        let entered = runtime.enter();
        let (first, first_released) = channel();
        let (second, second_released) = channel();
        let builder = runtime::task::Builder::new().name("sleeper");
        let line = line!() + 1;
        let task = builder.spawn(async move {
            block(&first_released);
            runtime::task::yield_now().await;
            block(&second_released);
        });
        drop(entered);
        for release in [first, second] {
            let report = reports.recv().unwrap();
            assert_eq!(report.id, Some(task.id()));
            assert_eq!(report.name.as_deref(), Some("sleeper"));
            let place = report.spawned_at.unwrap();
            assert_eq!((place.file(), place.line()), (file!(), line));
            assert!(report.stuck_for.unwrap() >= Duration::from_millis(2));
            assert!(report.worker < 2);
            let text = report.to_string();
            assert!(
                text.contains("sleeper") && text.contains("one poll"),
                "{text}"
            );
            // Rounds go on, and the other worker works, but nobody is named again.
            for _ in 0..5 {
                let slept = runtime.spawn(async { sleep(Duration::from_millis(2)).await });
                foreign::block_on(slept).unwrap();
            }
            let said = reports.try_recv();
            assert!(said.is_err(), "it is named twice: {said:?}");
            drop(release);
        }
        foreign::block_on(task).unwrap();
    });
}

#[test]
fn two_of_three_may_be_stuck() {
    soon(|| {
        let (runtime, reports) = reporting(3);
        let releases = [stuck(&runtime, || {}), stuck(&runtime, || {})];
        let mut named = [reports.recv().unwrap(), reports.recv().unwrap()].map(|it| it.worker);
        named.sort_unstable();
        named
            .windows(2)
            .for_each(|pair| assert!(pair[0] < pair[1], "{named:?}"));
        for number in 0..30_u64 {
            let task = runtime.spawn(async move {
                sleep(Duration::from_micros(number * 50)).await;
                runtime::spawn(async move { number }).await.unwrap()
            });
            assert_eq!(foreign::block_on(task).unwrap(), number);
        }
        drop(releases);
    });
}

#[test]
fn the_future_of_a_block_on_may_be_stuck() {
    soon(|| {
        let (runtime, reports) = reporting(2);
        let (release, released) = channel();
        let (inside, told) = channel();
        let handle = runtime.handle().clone();
        let main = thread::spawn(move || {
            handle.block_on(async move {
                // It has borrowed a core by the second poll.
                sleep(Duration::from_millis(1)).await;
                for number in 0..300_u32 {
                    runtime::spawn(async move { number });
                }
                inside.send(Handle::current()).unwrap();
                block(&released);
            });
        });
        told.recv().unwrap();
        let report = reports.recv().unwrap();
        assert_eq!((report.id, report.name), (None, None));
        for _ in 0..10 {
            let slept = runtime.spawn(async { sleep(Duration::from_millis(1)).await });
            foreign::block_on(slept).unwrap();
        }
        tests::event::until(|| runtime.handle().metrics().alive_tasks == 0);
        drop(release);
        main.join().unwrap();
    });
}
