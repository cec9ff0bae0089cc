//! What the runtime promises, each by its number, on both flavours.
//!
//! The other files look at each of these from many sides; here is one test that stands for it. (P9 is
//! about child processes, which are not here yet.)

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::{fs, thread};
use tests::mpsc::channel;
use tests::sync::Mutex;

use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::time::{Duration, Instant, sleep, sleep_until};
use runtime::{Handle, Runtime};
use tests::apart::apart;
use tests::event::{Event, until};
use tests::fd;
use tests::flavours::flavours;
use tests::foreign::{self, Foreign};
use tests::panics::on_drop;

/// Keeps a runtime running until the guard is dropped, also one without workers.
fn kept_running(runtime: Runtime) -> impl Drop {
    let end = Event::new();
    let told = end.wait();
    let thread = thread::spawn(move || runtime.block_on(told));
    on_drop(move || {
        end.set();
        thread.join().unwrap();
    })
}

/// A wake that happens after a poll began leads to another poll, from any thread, at any time.
#[test]
fn p1_no_wake_is_lost() {
    flavours(|flavour| {
        const THREADS: u64 = 4;
        const WAKES: u64 = 5_000;
        let runtime = flavour.build();
        let (wakes, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (send, receive) = channel::<Waker>();
        let (told, sees) = (wakes.clone(), seen.clone());
        let task = runtime.spawn(poll_fn(move |context| {
            let _ = send.send(context.waker().clone());
            // Relaxed: the wake must publish it.
            let now = told.load(Ordering::Relaxed);
            sees.store(now, Ordering::Relaxed);
            match now {
                ALL => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        const ALL: u64 = THREADS * WAKES;
        let running = kept_running(runtime);
        let waker = receive.recv().unwrap();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..WAKES {
                        let mine = wakes.fetch_add(1, Ordering::Relaxed) + 1;
                        waker.wake_by_ref();
                        until(|| seen.load(Ordering::Relaxed) >= mine);
                    }
                });
            }
        });
        foreign::block_on(task).unwrap();
        drop(running);
        // Also after the end of all.
        waker.wake();
    });
}

/// Notices when it is polled twice at once, or after its end, and counts its drops.
struct Exclusive {
    polls_left: usize,
    inside: Arc<AtomicBool>,
    drops: Arc<AtomicUsize>,
}

impl Future for Exclusive {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        assert!(
            !self.inside.swap(true, Ordering::SeqCst),
            "polled by two at once"
        );
        assert!(self.polls_left > 0, "polled after its end");
        self.polls_left -= 1;
        context.waker().wake_by_ref();
        // Whoever is woken by that comes now, if he may come.
        thread::yield_now();
        self.inside.store(false, Ordering::SeqCst);
        match self.polls_left {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future is polled by one thread at a time, never after its end, and dropped once.
#[test]
fn p2_a_future_is_one_threads_at_a_time_and_dropped_once() {
    flavours(|flavour| {
        const TASKS: usize = 200;
        let runtime = flavour.build();
        let drops = Arc::new(AtomicUsize::new(0));
        let exclusive = |number: usize| Exclusive {
            polls_left: 1 + number % 20,
            inside: Arc::default(),
            drops: drops.clone(),
        };
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| runtime.spawn(exclusive(number)))
            .collect();
        let aborts: Vec<_> = tasks
            .iter()
            .step_by(3)
            .map(|task| task.abort_handle())
            .collect();
        let aborter = thread::spawn(move || aborts.iter().for_each(|task| task.abort()));
        runtime.block_on(async {
            for task in tasks {
                if let Err(error) = task.await {
                    assert!(error.is_cancelled(), "{error}");
                }
            }
        });
        aborter.join().unwrap();
        drop(runtime);
        assert_eq!(drops.load(Ordering::SeqCst), TASKS);
    });
}

/// After deregistration nobody who waits for the number's new owner sees an event of the old one.
#[test]
fn p3_a_new_owner_sees_no_event_of_the_old_one() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let handle = runtime.handle().clone();
            let running = kept_running(runtime);
            let entered = handle.enter();
            for _ in 0..300 {
                let (old, mut old_peer) = fd::unix_pair();
                let old = AsyncFd::new(old).unwrap();
                assert!(foreign::poll(&mut Box::pin(old.readable()), Waker::noop()).is_pending());
                // The event is on its way when the descriptor goes.
                old_peer.write_all(b"x").unwrap();
                drop(old);
                let (new, _new_peer) = fd::unix_pair();
                let new = AsyncFd::new(new).unwrap();
                let waiting = Arc::new(Foreign::new());
                let mut readable = Box::pin(new.readable());
                assert!(foreign::poll(&mut readable, &waiting.waker()).is_pending());
                // What came before has been told when this has.
                let (marker, mut marked) = fd::unix_pair();
                let marker = AsyncFd::new(marker).unwrap();
                marked.write_all(b"x").unwrap();
                foreign::block_on(marker.readable()).unwrap();
                assert_eq!(waiting.wakes(), 0);
            }
            drop((entered, running));
        });
    });
}

/// A panic in a poll, a drop, an output's drop or a waker stays in its task.
#[test]
fn p4_a_panic_stays_in_its_task() {
    struct Throws;
    impl Drop for Throws {
        fn drop(&mut self) {
            // Without the hook's text, and not beside another panic.
            if !thread::panicking() {
                resume_unwind(Box::new("dropped"));
            }
        }
    }
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let witness = Event::new();
        let alive = runtime.spawn(witness.wait());
        let hostile = Foreign::new()
            .on_wake(|| resume_unwind(Box::new("woken")))
            .armed();
        runtime.block_on(async {
            for _ in 0..20 {
                let polled = runtime::spawn(async { resume_unwind(Box::new("polled")) });
                assert!(polled.await.map(|(): ()| ()).unwrap_err().is_panic());
                drop(runtime::spawn(async { Throws }));
                let throws = Throws;
                let dropped = runtime::spawn(async move {
                    let _throws = throws;
                    pending::<()>().await;
                });
                dropped.abort();
                let _ = dropped.await;
                let go = Event::new();
                let mut woken = runtime::spawn(go.wait());
                assert!(foreign::poll(&mut woken, &hostile.waker()).is_pending());
                go.set();
                woken.await.unwrap();
            }
        });
        witness.set();
        runtime.block_on(alive).unwrap();
        until(|| handle.metrics().alive_tasks == 0);
    });
}

/// Dropping a runtime drops all tasks, joins all threads and closes all descriptors.
#[test]
fn p5_the_end_leaves_nothing_behind() {
    apart(|| {
        flavours(|flavour| {
            let threads = || fs::read_dir("/proc/self/task").unwrap().count();
            let before = (fd::all_open(), threads());
            let dropped = Arc::new(AtomicUsize::new(0));
            for _ in 0..10 {
                let runtime = flavour.build();
                for number in 0..100 {
                    let dropped = dropped.clone();
                    let guard = on_drop(move || {
                        dropped.fetch_add(1, Ordering::SeqCst);
                    });
                    runtime.spawn(async move {
                        let _guard = guard;
                        let (ours, _theirs) = fd::unix_pair();
                        let ours = AsyncFd::new(ours).unwrap();
                        match number % 3 {
                            0 => ours.readable().await.map(drop).unwrap(),
                            1 => sleep(Duration::from_secs(3600)).await,
                            _ => loop {
                                yield_now().await;
                            },
                        }
                    });
                }
                runtime.block_on(yield_now());
            }
            assert_eq!(dropped.load(Ordering::SeqCst), 1000);
            // The kernel takes a thread out of its list a moment after it was joined.
            until(|| (fd::all_open(), threads()) == before);
        });
    });
}

/// No code of the user runs with a lock of the runtime held: whatever it calls there comes back.
#[test]
fn p6_users_code_may_call_the_runtime_from_anywhere() {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    /// Uses all parts of the runtime, once at a time.
    fn busy(handle: &Handle) {
        if DEPTH.replace(1) == 0 {
            let entered = handle.enter();
            let mut slow = sleep(Duration::from_secs(3600));
            assert!(foreign::poll(&mut slow, Waker::noop()).is_pending());
            let (ours, _theirs) = fd::unix_pair();
            let ours = AsyncFd::new(ours).unwrap();
            assert!(foreign::poll(&mut Box::pin(ours.readable()), Waker::noop()).is_pending());
            runtime::spawn(async {}).abort();
            let _ = format!("{handle:?} {:?}", handle.metrics());
            drop((entered, slow, ours));
            DEPTH.set(0);
        }
    }
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let calls = || {
            let handle = handle.clone();
            move || busy(&handle)
        };
        let reentrant = Foreign::new()
            .on_clone(calls())
            .on_wake(calls())
            .on_drop(calls());
        let reentrant = reentrant.armed();
        let running = kept_running(runtime);
        let entered = handle.enter();
        for _ in 0..20 {
            // Its waker in a task, a timer, a socket and its crowd; cloned, replaced, woken, dropped.
            let (ours, mut theirs) = fd::unix_pair();
            let ours = AsyncFd::new(ours).unwrap();
            let go = Event::new();
            let guard = on_drop(calls());
            let told = go.wait();
            let mut task = runtime::spawn(async move {
                let _guard = guard;
                told.await;
            });
            let mut slow = sleep(Duration::from_millis(1));
            let mut reads = [0; 3].map(|_| Box::pin(ours.readable()));
            for _ in 0..2 {
                assert!(foreign::poll(&mut task, &reentrant.waker()).is_pending());
                let _ = foreign::poll(&mut slow, &reentrant.waker());
                for read in &mut reads {
                    assert!(foreign::poll(read, &reentrant.waker()).is_pending());
                }
            }
            go.set();
            theirs.write_all(b"x").unwrap();
            foreign::block_on(task).unwrap();
            foreign::block_on(slow);
            let [one, two, _] = reads;
            foreign::block_on(one).unwrap();
            foreign::block_on(two).unwrap();
        }
        reentrant.disarm();
        drop((entered, running));
    });
}

/// Timers are never early, whatever they are armed with and wherever.
#[test]
fn p7_no_timer_is_early_and_none_is_lost() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let far = runtime.spawn(async { sleep(Duration::MAX).await });
        let in_tasks: Vec<_> = (0..200_u64)
            .map(|number| {
                runtime.spawn(async move {
                    let (start, wanted) =
                        (Instant::now(), Duration::from_micros(number * 97 % 9000));
                    sleep(wanted).await;
                    assert!(start.elapsed() >= wanted);
                    sleep_until(start).await;
                    sleep(Duration::ZERO).await;
                })
            })
            .collect();
        let running = kept_running(runtime);
        thread::scope(|scope| {
            for thread in 1..4 {
                let handle = &handle;
                scope.spawn(move || {
                    let _entered = handle.enter();
                    for round in 0..50 {
                        let (start, wanted) =
                            (Instant::now(), Duration::from_micros(thread * round * 11));
                        foreign::block_on(sleep(wanted));
                        assert!(start.elapsed() >= wanted);
                    }
                });
            }
        });
        for task in in_tasks {
            foreign::block_on(task).unwrap();
        }
        assert!(!far.is_finished());
        drop(running);
    });
}

/// Who is ready has his turn though others never stop: tasks, sockets and timers.
#[test]
fn p8_nobody_starves() {
    flavours(|flavour| {
        flavour.block_on(async {
            let spin = || async {
                loop {
                    yield_now().await;
                }
            };
            let spinners: Vec<_> = (0..6).map(|_| runtime::spawn(spin())).collect();
            for round in 0..30 {
                assert_eq!(runtime::spawn(async move { round }).await.unwrap(), round);
                sleep(Duration::from_micros(100)).await;
                let (ours, theirs) = fd::unix_pair();
                let ours = AsyncFd::new(ours).unwrap();
                let writes = thread::spawn(move || (&theirs).write_all(b"x"));
                let read = |mut socket: &UnixStream| socket.read(&mut [0; 8]);
                let reads =
                    runtime::spawn(async move { ours.async_io(Interest::READABLE, read).await });
                assert_eq!(reads.await.unwrap().unwrap(), 1);
                writes.join().unwrap().unwrap();
            }
            spinners.iter().for_each(|task| task.abort());
        });
    });
}

/// All descriptors that the runtime makes are closed on exec, and none outlives its owner.
#[test]
fn p10_no_descriptor_is_inherited_or_left() {
    apart(|| {
        flavours(|flavour| {
            let before = fd::all_open();
            let names = Mutex::new(Vec::new());
            {
                let runtime = flavour.build();
                runtime.block_on(async { sleep(Duration::from_millis(1)).await });
                for number in fd::opened_since(&before) {
                    let what = fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
                    assert!(!fd::is_inherited(number), "{what:?}");
                    let what = what.to_string_lossy().into_owned();
                    assert!(
                        fd::never_blocks(number) || what.contains("eventpoll"),
                        "{what}"
                    );
                    names.lock().push(what);
                }
            }
            assert!(names.lock().len() >= 2);
            assert_eq!(fd::opened_since(&before), [0; 0]);
        });
    });
}
