//! The end of a runtime: everybody who waits for it learns of it, and nobody waits for ever.

use std::future::pending;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use tests::mpsc::channel;
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::time::{Duration, Instant, sleep};
use runtime::{Handle, LocalRuntime};
use tests::deadline::{soon, within};
use tests::event::{Event, until};
use tests::flavours::{Flavour, flavours};
use tests::foreign::{self, Foreign};
use tests::panics::{on_drop, panics};

use crate::turns::catch_up;

const HOUR: Duration = Duration::from_secs(3600);

fn socket() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn says_shut_down<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it works after the end"),
        Err(error) => assert!(error.to_string().contains("runtime shut down"), "{error}"),
    }
}

#[test]
fn a_task_spawned_after_the_end_is_cancelled_and_dropped() {
    soon(|| {
        let handles = [
            Flavour::Single.build().handle().clone(),
            Flavour::Steal.build().handle().clone(),
            LocalRuntime::new().unwrap().handle().clone(),
        ];
        for handle in handles {
            let dropped = Event::new();
            let says_dropped = dropped.clone();
            let guard = on_drop(move || says_dropped.set());
            let task = handle.spawn(async move {
                let _guard = guard;
                unreachable!("nobody polls it");
            });
            assert!(dropped.is_set());
            assert!(task.is_finished());
            assert!(foreign::block_on(task).unwrap_err().is_cancelled());
            assert_eq!(handle.metrics().alive_tasks, 0);
            let _entered = handle.enter();
            assert!(runtime::spawn(async {}).is_finished());
        }
    });
}

#[test]
fn a_block_on_after_the_end_still_polls_its_future() {
    flavours(|flavour| {
        let handle = flavour.build().handle().clone();
        assert_eq!(handle.block_on(async { 5 }), 5);
        let error = handle.block_on(async { runtime::spawn(async {}).await.unwrap_err() });
        assert!(error.is_cancelled());
        let event = Event::new();
        let sets = event.clone();
        let thread = thread::spawn(move || sets.set());
        handle.block_on(event.wait());
        thread.join().unwrap();
    });
}

#[test]
fn all_tasks_are_dropped_and_their_handles_told() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let drops = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::new(Foreign::new());
        let spawn = |n| {
            let drops = drops.clone();
            let guard = on_drop(move || {
                drops.fetch_add(1, Ordering::SeqCst);
            });
            runtime.spawn(async move {
                let _guard = guard;
                if n % 2 == 0 {
                    sleep(HOUR).await;
                }
                pending::<()>().await;
            })
        };
        let mut tasks: Vec<_> = (0..25).map(spawn).collect();
        catch_up(runtime.handle());
        // These are never polled.
        tasks.extend((25..50).map(spawn));
        for task in &mut tasks {
            assert!(foreign::poll(task, &waiting.waker()).is_pending());
        }
        drop(runtime);
        assert_eq!(drops.load(Ordering::SeqCst), 50);
        assert_eq!(waiting.wakes(), 50);
        for task in tasks {
            assert!(foreign::block_on(task).unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_runtime_may_be_dropped_by_one_of_its_own_tasks() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let dropped = Event::new();
        let says_dropped = dropped.clone();
        handle.spawn(async move {
            let _guard = on_drop(move || says_dropped.set());
            pending::<()>().await;
        });
        catch_up(&handle);
        let outcome = handle.block_on(async {
            let task = runtime::spawn(async move {
                yield_now().await;
                drop(runtime);
                // This poll goes on to its end.
                (runtime::spawn(async {}).is_finished(), 3)
            });
            task.await.unwrap()
        });
        assert_eq!(outcome.1, 3);
        dropped.wait_here();
        until(|| handle.metrics().alive_tasks == 0);
        assert!(handle.spawn(async {}).is_finished());
    });
}

#[test]
fn a_task_that_drops_its_runtime_and_waits_is_dropped_there() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let outcome = handle.block_on(async {
            let task = runtime::spawn(async move {
                drop(runtime);
                pending::<()>().await;
            });
            task.await
        });
        assert!(outcome.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_main_future_may_drop_its_runtime() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let task = runtime.spawn(pending::<()>());
        let outcome = handle.block_on(async move {
            drop(runtime);
            task.await
        });
        assert!(outcome.unwrap_err().is_cancelled());
    });
}

/// Drops a runtime on this thread while another is inside, which is there for `inside`.
fn dropped_from_outside<R: Send + 'static>(
    flavour: Flavour,
    inside: impl AsyncFnOnce() -> R + Send + 'static,
) -> thread::Result<R> {
    let runtime = flavour.build();
    let handle = runtime.handle().clone();
    let (send, receive) = channel::<()>();
    let thread = thread::spawn(move || {
        handle.block_on(async {
            send.send(()).unwrap();
            inside().await
        })
    });
    receive.recv().unwrap();
    drop(runtime);
    thread.join()
}

#[test]
fn a_thread_that_waits_for_a_task_learns_of_the_end() {
    flavours(|flavour| {
        for _ in 0..20 {
            let outcome =
                dropped_from_outside(flavour, async || runtime::spawn(pending::<()>()).await);
            assert!(outcome.unwrap().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn a_thread_that_waits_for_a_socket_learns_of_the_end() {
    flavours(|flavour| {
        for _ in 0..20 {
            let outcome = dropped_from_outside(flavour, async || {
                let (ours, _theirs) = socket();
                let ours = AsyncFd::new(ours)?;
                let read = |mut socket: &UnixStream| socket.read(&mut [0; 8]);
                ours.async_io(Interest::READABLE, read).await
            });
            says_shut_down(outcome.unwrap());
        }
    });
}

#[test]
fn a_thread_that_waits_for_a_timer_learns_of_the_end() {
    flavours(|flavour| {
        for _ in 0..5 {
            let payload = dropped_from_outside(flavour, async || sleep(HOUR).await).unwrap_err();
            let message = tests::panics::message(&*payload);
            // It was in the sleep, or had not yet come so far as to make one.
            assert!(message.contains("runtime shut down"), "{message}");
        }
    });
}

#[test]
fn a_thread_that_waits_for_something_else_goes_on_waiting() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let (event, inside) = (Event::new(), Event::new());
        let (told, says_inside) = (event.wait(), inside.clone());
        let alive = runtime.spawn(pending::<()>());
        let thread = thread::spawn(move || {
            handle.block_on(async {
                says_inside.set();
                told.await;
                8
            })
        });
        inside.wait_here();
        drop(runtime);
        // The thread has ended the runtime, and still waits.
        assert!(foreign::block_on(alive).unwrap_err().is_cancelled());
        event.set();
        assert_eq!(thread.join().unwrap(), 8);
    });
}

#[test]
fn sockets_fail_after_the_end() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let ((ours, _theirs), (idle, mut peer), (late, _other)) = (socket(), socket(), socket());
        let (ours, idle) = (AsyncFd::new(ours).unwrap(), AsyncFd::new(idle).unwrap());
        drop(entered);
        let read = |mut socket: &UnixStream| socket.read(&mut [0; 8]);
        let mut reading = Box::pin(ours.async_io(Interest::READABLE, read));
        let mut both = Box::pin(ours.readable());
        let waiting = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut reading, &waiting.waker()).is_pending());
        assert!(foreign::poll(&mut both, &waiting.waker()).is_pending());
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(waiting.wakes() >= 1);
        says_shut_down(foreign::block_on(reading));
        says_shut_down(foreign::block_on(both));
        io::Write::write_all(&mut peer, b"x").unwrap();
        says_shut_down(foreign::block_on(idle.readable()));
        says_shut_down(foreign::block_on(idle.writable()));
        says_shut_down(foreign::block_on(idle.read_with(8, read)));
        says_shut_down(idle.try_io(Interest::READABLE, read));
        let _entered = handle.enter();
        says_shut_down(AsyncFd::new(late));
        drop((ours, idle));
        assert_eq!(handle.metrics().registered_fds, 0);
    });
}

#[test]
fn timers_fail_after_the_end() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let entered = runtime.enter();
        let (mut armed, fresh) = (sleep(HOUR), sleep(HOUR));
        let mut moved = sleep(HOUR);
        drop(entered);
        let waiting = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut armed, &waiting.waker()).is_pending());
        assert!(foreign::poll(&mut moved, &waiting.waker()).is_pending());
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(waiting.wakes(), 2);
        moved.reset(Instant::now() + HOUR);
        for sleep in [armed, fresh, moved] {
            let message = panics(|| foreign::block_on(sleep));
            assert!(message.contains("runtime shut down"), "{message}");
        }
        assert_eq!(handle.metrics().armed_timers, 0);
    });
}

/// Workers end their runtime by themselves.
#[test]
fn a_runtime_that_is_left_and_dropped_at_once_is_ended_by_somebody() {
    const ROUNDS: u32 = 30_000;
    within(std::time::Duration::from_secs(60), || {
        let (send, receive) = channel::<Handle>();
        let (left, has_left) = channel();
        let leaver = thread::spawn(move || {
            for handle in receive {
                handle.block_on(async {});
                drop(handle);
                left.send(()).unwrap();
            }
        });
        for round in 0..ROUNDS {
            // The hook is called on the way out; the drop shall come at every moment after it.
            let leaving = Arc::new(AtomicBool::new(false));
            let says_leaving = leaving.clone();
            let runtime = runtime::Builder::new_current_thread()
                .on_thread_stop(move || {
                    says_leaving.store(true, Ordering::SeqCst);
                    (0..round % 16).for_each(|_| std::hint::spin_loop());
                })
                .build()
                .unwrap();
            let mut task = runtime.spawn(pending::<()>());
            send.send(runtime.handle().clone()).unwrap();
            while !leaving.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            drop(runtime);
            has_left.recv().unwrap();
            let told = foreign::poll(&mut task, Waker::noop());
            assert!(
                told.is_ready(),
                "nobody has dropped the task of round {round}"
            );
        }
        drop(send);
        leaver.join().unwrap();
    });
}

#[test]
fn a_runtime_may_be_dropped_inside_another() {
    flavours(|flavour| {
        let outer = flavour.build();
        let inner = flavour.build();
        let dropped = Event::new();
        let (says_dropped, told_dropped) = (dropped.clone(), dropped.wait());
        inner.spawn(async move {
            let _guard = on_drop(move || says_dropped.set());
            pending::<()>().await;
        });
        catch_up(inner.handle());
        outer.block_on(async {
            let waiting = runtime::spawn(told_dropped);
            yield_now().await;
            runtime::spawn(async move { drop(inner) }).await.unwrap();
            waiting.await.unwrap();
        });
    });
}

#[test]
fn spawning_threads_and_the_end_agree_on_every_task() {
    flavours(|flavour| {
        for _ in 0..20 {
            let runtime = flavour.build();
            let (made, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let tasks = Arc::new(Mutex::new(Vec::new()));
            let go = Event::new();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (handle, go): (Handle, _) = (runtime.handle().clone(), go.clone());
                    let (made, dropped, tasks) = (made.clone(), dropped.clone(), tasks.clone());
                    thread::spawn(move || {
                        for n in 0..100 {
                            let dropped = dropped.clone();
                            let guard = on_drop(move || {
                                dropped.fetch_add(1, Ordering::SeqCst);
                            });
                            made.fetch_add(1, Ordering::SeqCst);
                            let task = handle.spawn(async move {
                                let _guard = guard;
                                pending::<()>().await;
                            });
                            tasks.lock().push(task);
                            if n == 20 {
                                go.set();
                            }
                        }
                    })
                })
                .collect();
            runtime.block_on(go.wait());
            drop(runtime);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            assert_eq!(made.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
            for task in tasks.lock().drain(..) {
                assert!(foreign::block_on(task).unwrap_err().is_cancelled());
            }
        }
    });
}
