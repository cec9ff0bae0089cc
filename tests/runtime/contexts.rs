//! Which runtime a thread is in, and what those hear who are in none.

use std::future::pending;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::thread;

use runtime::io::AsyncFd;
use runtime::task::yield_now;
use runtime::time::{Duration, Instant, sleep, sleep_until, timeout, timeout_at};
use runtime::{Builder, Handle, LocalRuntime};
use tests::deadline::soon;
use tests::flavours::flavours;
use tests::panics::{panics, unseen};

/// What `call` says outside of a runtime, which must name it, its place, and a cure.
#[track_caller]
fn says_how(call: &str, message: &str) {
    let place = format!("{}:{}:", file!(), Location::caller().line());
    assert!(
        message.starts_with(&format!("{call} was called at ")),
        "{message}"
    );
    assert!(message.contains(&place), "not {place}: {message}");
    for cure in ["#[runtime::main]", "Runtime::block_on", "Handle::enter"] {
        assert!(message.contains(cure), "{message}");
    }
}

#[test]
#[rustfmt::skip] // Each call stands in the line that is looked for.
fn outside_of_a_runtime_everything_says_how_to_get_into_one() {
    soon(|| {
        let ready = || pending::<()>();
        says_how("spawn", &panics(|| runtime::spawn(async {})));
        says_how("spawn_local", &panics(|| runtime::spawn_local(async {})));
        says_how("task::Builder::spawn", &panics(|| runtime::task::Builder::new().spawn(async {})));
        says_how("task::Builder::spawn_local", &panics(|| runtime::task::Builder::new().spawn_local(async {})));
        says_how("Handle::current", &panics(|| Handle::current()));
        says_how("Handle::try_current", &Handle::try_current().unwrap_err().to_string());
        says_how("time::sleep", &panics(|| sleep(Duration::ZERO)));
        says_how("time::sleep_until", &panics(|| sleep_until(Instant::now())));
        says_how("time::timeout", &panics(|| timeout(Duration::ZERO, ready())));
        says_how("time::timeout_at", &panics(|| timeout_at(Instant::now(), ready())));
        let socket = || { let (socket, _) = UnixStream::pair().unwrap(); socket.set_nonblocking(true).unwrap(); socket };
        says_how("AsyncFd::new", &AsyncFd::new(socket()).unwrap_err().to_string());
        says_how("AsyncFd::with_interest", &AsyncFd::with_interest(socket(), runtime::io::Interest::READABLE).unwrap_err().to_string());
    });
}

#[test]
fn a_local_task_in_a_shared_runtime_hears_what_it_needs() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (message, line) =
            runtime.block_on(async { (panics(|| runtime::spawn_local(async {})), line!()) });
        let place = format!("spawn_local was called at {}:{line}:", file!());
        assert!(message.starts_with(&place), "{message}");
        assert!(message.contains("outside of a LocalRuntime"), "{message}");
        assert!(message.contains("#[runtime::main(single)]"), "{message}");
    });
}

#[test]
fn a_local_task_on_a_guests_thread_is_refused() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let handle = local.handle().clone();
        let guest = thread::spawn(move || {
            let _entered = handle.enter();
            panics(|| runtime::spawn_local(async {}))
        });
        let message = guest.join().unwrap();
        assert!(message.contains("outside of a LocalRuntime"), "{message}");
        assert_eq!(local.handle().metrics().alive_tasks, 0);
    });
}

#[test]
fn a_handle_spawns_from_other_threads() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let total: u32 = runtime.block_on(async {
            let handle = Handle::current();
            let threads: Vec<_> = (0..4_u32)
                .map(|thread| {
                    let handle = handle.clone();
                    thread::spawn(move || {
                        let spawn = |n| handle.spawn(async move { thread * 100 + n });
                        (0..100).map(spawn).collect::<Vec<_>>()
                    })
                })
                .collect();
            let mut total = 0;
            for thread in threads {
                for task in thread.join().unwrap() {
                    total += task.await.unwrap();
                }
            }
            total
        });
        assert_eq!(total, (0..400).sum());
    });
}

#[test]
fn a_spawn_from_another_thread_wakes_a_sleeping_core() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let done = tests::event::Event::new();
        let (says_done, told_done) = (done.clone(), done.wait());
        let (send, receive) = tests::mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            receive.recv().unwrap();
            handle.spawn(async move { says_done.set() });
        });
        runtime.block_on(async {
            send.send(()).unwrap();
            told_done.await;
        });
        thread.join().unwrap();
    });
}

#[test]
fn a_guard_makes_a_runtime_current_and_puts_the_former_back() {
    flavours(|flavour| {
        let (outer, inner) = (flavour.build(), flavour.build());
        let alive = || Handle::current().metrics().alive_tasks;
        outer.spawn(pending::<()>());
        for _ in 0..2 {
            inner.spawn(pending::<()>());
        }
        assert!(Handle::try_current().is_err());
        let in_outer = outer.enter();
        assert_eq!(alive(), 1);
        let in_inner = inner.handle().enter();
        assert_eq!(alive(), 2);
        let again = outer.enter();
        assert_eq!(alive(), 1);
        drop(again);
        assert_eq!(alive(), 2);
        drop(in_inner);
        assert_eq!(alive(), 1);
        drop(in_outer);
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn a_guard_ends_with_a_panic() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let message = panics(|| {
            let _entered = runtime.enter();
            panic!("inside");
        });
        assert_eq!(message, "inside");
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn a_block_on_inside_a_guard_has_its_own_runtime_current() {
    flavours(|flavour| {
        let (entered, used) = (flavour.build(), flavour.build());
        entered.spawn(pending::<()>());
        let guard = entered.enter();
        let alive = used.block_on(async { Handle::current().metrics().alive_tasks });
        assert_eq!(alive, 0);
        assert_eq!(Handle::current().metrics().alive_tasks, 1);
        drop(guard);
    });
}

#[test]
fn a_task_has_its_runtime_current_on_whatever_thread_it_runs() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let task = runtime.spawn(async {
            let nested = runtime::spawn(async { Handle::try_current().is_ok() });
            nested.await.unwrap()
        });
        let thread = thread::spawn(move || runtime.block_on(task).unwrap());
        assert!(thread.join().unwrap());
    });
}

#[test]
fn metrics_count_what_lives() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let handle = local.handle().clone();
        assert_eq!(handle.metrics().alive_tasks, 0);
        local.block_on(async {
            let (ours, _theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let before = handle.metrics().registered_fds;
            let fd = AsyncFd::new(ours).unwrap();
            assert_eq!(handle.metrics().registered_fds, before + 1);
            let shared = Rc::new(());
            let held = shared.clone();
            let task = runtime::spawn_local(async move {
                let _held = held;
                sleep(Duration::from_secs(3600)).await;
            });
            yield_now().await;
            let metrics = handle.metrics();
            assert_eq!((metrics.alive_tasks, metrics.armed_timers), (1, 1));
            task.abort();
            let _ = task.await;
            drop(fd);
            assert_eq!(Rc::strong_count(&shared), 1);
            let metrics = handle.metrics();
            assert_eq!((metrics.alive_tasks, metrics.armed_timers), (0, 0));
            assert_eq!(metrics.registered_fds, before);
        });
        assert!(format!("{handle:?}").contains("alive_tasks: 0"));
        assert!(format!("{handle:?}").contains("shut_down: false"));
        drop(local);
        assert!(format!("{handle:?}").contains("shut_down: true"));
    });
}

#[test]
fn a_guard_that_a_task_keeps_too_long_leaves_no_thread_in_a_runtime() {
    soon(|| {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.on_unseen_panic(unseen).build_local().unwrap();
        let outcome = runtime.block_on(async {
            let handle = Handle::current();
            let keeps = runtime::spawn_local(async move {
                let _guard = handle.enter();
                std::future::pending::<()>().await;
            });
            runtime::task::yield_now().await;
            drop(keeps);
            42
        });
        drop(runtime);
        assert_eq!(outcome, 42);
        assert!(Handle::try_current().is_err());
    });
}

#[test]
fn guards_dropped_in_the_wrong_order_are_told_and_undone() {
    flavours(|flavour| {
        let (first, second) = (flavour.build(), flavour.build());
        let outer = first.enter();
        let inner = second.enter();
        let told = catch_unwind(AssertUnwindSafe(|| drop(outer)));
        assert!(told.is_err());
        let told = catch_unwind(AssertUnwindSafe(|| drop(inner)));
        assert!(told.is_err());
        assert!(Handle::try_current().is_err());
    });
}
