//! Closures that block, on threads of their own.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use tests::mpsc::{channel, sync_channel};

use runtime::Handle;
use runtime::task::spawn_blocking;
use runtime::time::Duration;
use tests::event::{Event, until};
use tests::flavours::flavours;

#[test]
fn a_closure_runs_on_another_thread_and_gives_its_result() {
    flavours(|flavour| {
        let here = thread::current().id();
        let there =
            flavour.block_on(async { spawn_blocking(|| thread::current().id()).await.unwrap() });
        assert_ne!(here, there);
    });
}

#[test]
fn a_closure_that_blocks_holds_up_no_task() {
    flavours(|flavour| {
        flavour.block_on(async {
            let (release, released) = channel();
            let blocked = spawn_blocking(move || released.recv().unwrap());
            let task = runtime::spawn(async { "goes on" });
            assert_eq!(task.await.unwrap(), "goes on");
            release.send("released").unwrap();
            assert_eq!(blocked.await.unwrap(), "released");
        });
    });
}

#[test]
fn a_panic_in_a_closure_is_its_own() {
    flavours(|flavour| {
        flavour.block_on(async {
            let error = spawn_blocking(|| panic!("inside")).await.unwrap_err();
            assert!(error.is_panic());
            assert_eq!(spawn_blocking(|| 1).await.unwrap(), 1);
        });
    });
}

#[test]
fn a_closure_is_in_the_runtime_and_may_spawn_and_block_on() {
    flavours(|flavour| {
        flavour.block_on(async {
            let sum = spawn_blocking(|| {
                let task = runtime::spawn(async { 40 });
                Handle::current().block_on(async { task.await.unwrap() + 2 })
            });
            assert_eq!(sum.await.unwrap(), 42);
        });
    });
}

#[test]
fn there_are_never_more_threads_than_allowed() {
    flavours(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(2).build().unwrap();
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let both = Arc::new(Barrier::new(2));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (running, most, both) = (running.clone(), most.clone(), both.clone());
                runtime.spawn_blocking(move || {
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    // Two run at once: neither goes on without the other.
                    both.wait();
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_thread_with_nothing_to_do_goes() {
    flavours(|flavour| {
        let gone = Event::new();
        let runtime = flavour
            .builder()
            .thread_keep_alive(Duration::from_millis(1))
            .on_thread_stop({
                let gone = gone.clone();
                move || {
                    if thread::current().name() == Some("blocking") {
                        gone.set();
                    }
                }
            })
            .build()
            .unwrap();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        gone.wait_here();
        until(|| runtime.handle().metrics().blocking_threads == 0);
    });
}

#[test]
fn a_closure_in_the_queue_can_be_aborted_and_one_that_runs_cannot() {
    flavours(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (begun, has_begun) = sync_channel(0);
        let (release, released) = channel();
        let first = runtime.spawn_blocking(move || {
            begun.send(()).unwrap();
            released.recv().unwrap()
        });
        let second = runtime.spawn_blocking(|| panic!("it is aborted before it runs"));
        has_begun.recv().unwrap();
        assert_eq!(runtime.handle().metrics().blocking_queue_depth, 1);
        first.abort();
        second.abort();
        release.send("it ran").unwrap();
        runtime.block_on(async {
            assert_eq!(first.await.unwrap(), "it ran");
            assert!(second.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn the_end_of_the_runtime_waits_for_no_closure_and_drops_those_in_the_queue() {
    flavours(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (begun, has_begun) = sync_channel(0);
        let (release, released) = channel::<()>();
        let endless = runtime.spawn_blocking(move || {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        has_begun.recv().unwrap();
        let queued = runtime.spawn_blocking(|| ());
        let handle = runtime.handle().clone();
        drop(runtime);
        assert!(!endless.is_finished());
        assert!(queued.is_finished());
        assert!(handle.spawn_blocking(|| ()).is_finished());
        drop(release);
        flavour.block_on(async {
            endless.await.unwrap();
            assert!(queued.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_shutdown_with_a_limit_waits_for_what_runs_but_not_for_ever() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (begun, has_begun) = sync_channel(0);
        let done = Arc::new(AtomicUsize::new(0));
        let task = runtime.spawn_blocking({
            let done = done.clone();
            move || {
                begun.send(()).unwrap();
                done.store(1, Ordering::SeqCst);
            }
        });
        has_begun.recv().unwrap();
        runtime.shutdown_timeout(Duration::MAX);
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert!(task.is_finished());

        let runtime = flavour.build();
        let (release, released) = channel::<()>();
        runtime.spawn_blocking(move || released.recv());
        runtime.shutdown_timeout(Duration::from_millis(1));
        drop(release);
    });
}

#[test]
fn settings_that_no_thread_could_have_are_refused() {
    flavours(|flavour| {
        let name = catch_unwind(|| {
            flavour.builder().thread_name("a\0b");
        });
        assert!(name.is_err());
        let none = catch_unwind(|| {
            flavour.builder().max_blocking_threads(0);
        });
        assert!(none.is_err());
    });
}
