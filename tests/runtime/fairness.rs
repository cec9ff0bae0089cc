//! Nobody keeps the worker to himself.
//!
//! Each test has somebody who never stops: a task that wakes itself, a descriptor that is always
//! ready. What the others wait for comes all the same, or the test's deadline does.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use runtime::io::{AsyncFd, Interest};
use runtime::task::{JoinHandle, spawn_local, yield_now};
use runtime::time::{Duration, Instant, sleep, sleep_until};
use tests::deadline::soon;
use tests::endless::Endless;
use tests::event::Event;
use tests::flavours::{Flavour, flavours};

/// A task that is always awake.
fn spinner() -> JoinHandle<()> {
    runtime::spawn(poll_fn(|context| {
        context.waker().wake_by_ref();
        Poll::Pending
    }))
}

async fn exchange(rounds: usize) {
    let (one, two) = UnixStream::pair().unwrap();
    let pair = [one, two].map(|socket| {
        socket.set_nonblocking(true).unwrap();
        AsyncFd::new(socket).unwrap()
    });
    let [one, two] = pair;
    let echo = runtime::spawn(async move {
        for _ in 0..rounds {
            let mut byte = [0];
            let read = |mut socket: &UnixStream| socket.read(&mut byte);
            two.async_io(Interest::READABLE, read).await.unwrap();
            let write = |mut socket: &UnixStream| socket.write(&byte);
            two.async_io(Interest::WRITABLE, write).await.unwrap();
        }
    });
    for n in 0..rounds {
        let mut byte = [n as u8];
        let write = |mut socket: &UnixStream| socket.write(&byte);
        one.async_io(Interest::WRITABLE, write).await.unwrap();
        let read = |mut socket: &UnixStream| socket.read(&mut byte);
        one.async_io(Interest::READABLE, read).await.unwrap();
        assert_eq!(byte, [n as u8]);
    }
    echo.await.unwrap();
}

#[test]
fn tasks_that_wake_themselves_starve_no_timer() {
    flavours(|flavour| {
        flavour.block_on(async {
            let _spinners = [spinner(), spinner(), spinner()];
            for _ in 0..10 {
                sleep(Duration::from_millis(1)).await;
            }
        });
    });
}

#[test]
fn tasks_that_wake_themselves_starve_no_socket() {
    flavours(|flavour| {
        flavour.block_on(async {
            let _spinners = [spinner(), spinner(), spinner()];
            exchange(50).await;
        });
    });
}

#[test]
fn tasks_that_wake_themselves_starve_no_other_task_and_no_thread() {
    flavours(|flavour| {
        flavour.block_on(async {
            let _spinner = spinner();
            for n in 0..50 {
                assert_eq!(runtime::spawn(async move { n }).await.unwrap(), n);
                let event = Event::new();
                let told = event.wait();
                let thread = thread::spawn(move || event.set());
                told.await;
                thread.join().unwrap();
            }
        });
    });
}

#[test]
fn a_main_future_that_wakes_itself_starves_nobody() {
    flavours(|flavour| {
        flavour.block_on(async {
            let served = runtime::spawn(async move {
                sleep(Duration::from_millis(2)).await;
                exchange(20).await;
            });
            while !served.is_finished() {
                yield_now().await;
            }
        });
    });
}

/// That timers and sockets are served beside a task which is never refused anything.
fn nobody_starves_beside<F: Future<Output = ()> + Send + 'static>(
    flavour: Flavour,
    greedy: impl FnOnce() -> F,
) {
    flavour.block_on(async {
        let polls = Arc::new(AtomicUsize::new(0));
        let mut inner = Box::pin(greedy());
        let count = polls.clone();
        runtime::spawn(poll_fn(move |context| {
            count.fetch_add(1, Ordering::Relaxed);
            inner.as_mut().poll(context)
        }));
        sleep(Duration::from_millis(5)).await;
        exchange(20).await;
        // It is stopped, and polled on.
        let seen = polls.load(Ordering::Relaxed);
        while polls.load(Ordering::Relaxed) < seen + 3 {
            yield_now().await;
        }
    });
}

#[test]
fn a_descriptor_that_is_always_readable_starves_nobody() {
    flavours(|flavour| {
        nobody_starves_beside(flavour, || async {
            let endless = AsyncFd::new(Endless::new()).unwrap();
            loop {
                endless
                    .async_io(Interest::READABLE, Endless::read)
                    .await
                    .unwrap();
            }
        });
    });
    flavours(|flavour| {
        nobody_starves_beside(flavour, || async {
            let endless = AsyncFd::new(Endless::new()).unwrap();
            loop {
                endless.read_with(8, Endless::read).await.unwrap();
            }
        });
    });
}

#[test]
fn a_descriptor_that_is_always_writable_starves_nobody() {
    flavours(|flavour| {
        nobody_starves_beside(flavour, || async {
            let endless = AsyncFd::new(Endless::new()).unwrap();
            loop {
                endless.write_with(Endless::write).await.unwrap();
            }
        });
    });
}

#[test]
fn a_socket_that_a_thread_keeps_full_starves_nobody() {
    flavours(|flavour| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        // It ends with an error when the reader has gone.
        let writer = thread::spawn(move || while theirs.write_all(&[0; 4096]).is_ok() {});
        nobody_starves_beside(flavour, || async {
            let ours = AsyncFd::new(ours).unwrap();
            loop {
                let read = |mut socket: &UnixStream| socket.read(&mut [0; 16]);
                ours.async_io(Interest::READABLE, read).await.unwrap();
            }
        });
        writer.join().unwrap();
    });
}

#[test]
fn sleeps_that_are_always_over_starve_nobody() {
    flavours(|flavour| {
        nobody_starves_beside(flavour, || async {
            let past = Instant::now();
            loop {
                sleep_until(past).await;
            }
        });
    });
}

#[test]
fn long_tasks_let_the_loop_look_at_its_timers() {
    soon(|| {
        const TASKS: u32 = 300;
        let ran = Rc::new(Cell::new(0));
        runtime::block_on(async {
            for _ in 0..TASKS {
                let ran = ran.clone();
                spawn_local(async move {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(1) {
                        std::hint::spin_loop();
                    }
                    ran.set(ran.get() + 1);
                });
            }
            sleep(Duration::from_millis(1)).await;
        });
        assert!(ran.get() < TASKS, "the timer came after all of them");
    });
}

/// Notes who runs, in which order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<u32>>>);

impl Log {
    fn note(&self, what: u32) {
        self.0.borrow_mut().push(what);
    }
}

#[test]
fn tasks_run_in_the_order_in_which_they_were_spawned() {
    soon(|| {
        let log = Log::default();
        runtime::block_on(async {
            let spawn = |n| {
                let log = log.clone();
                spawn_local(async move { log.note(n) })
            };
            let tasks: Vec<_> = (0..1000).map(spawn).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(log.0.borrow().iter().copied().eq(0..1000));
    });
}

/// Several workers keep the order of a line, and there are several lines.
#[test]
fn tasks_sent_by_another_thread_run_in_their_order_too() {
    soon(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let (send, receive) = tests::mpsc::channel();
        let handle = runtime.handle().clone();
        let thread = thread::spawn(move || {
            let spawn = |n| {
                let send = send.clone();
                handle.spawn(async move { send.send(n).unwrap() })
            };
            (0..1000).map(spawn).collect::<Vec<_>>()
        });
        let tasks = thread.join().unwrap();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(receive.try_iter().eq(0..1000));
    });
}

#[test]
fn who_yields_goes_behind_the_others() {
    soon(|| {
        let log = Log::default();
        runtime::block_on(async {
            let spawn = |n: u32| {
                let log = log.clone();
                spawn_local(async move {
                    for round in 0..3 {
                        log.note(round * 10 + n);
                        yield_now().await;
                    }
                })
            };
            let tasks: Vec<_> = (0..4).map(spawn).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(
            *log.0.borrow(),
            [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]
        );
    });
}
