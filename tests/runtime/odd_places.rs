//! A runtime is dropped where nobody expects it: all its tasks are dropped, and nobody waits for himself.

use std::cell::RefCell;
use std::future::pending;
use std::panic;
use std::sync::{Arc, OnceLock};
use std::task::Wake;
use std::thread;

use runtime::Runtime;
use runtime::task::block_in_place;
use runtime::time::{Duration, sleep};
use tests::event::{Event, until};
use tests::flavours::{Flavour, flavours};
use tests::foreign;
use tests::panics::on_drop;
use tests::sync::Mutex;

use crate::turns::catch_up;

const HOUR: Duration = Duration::from_secs(3600);

/// A runtime with a task that waits, and what says that this was dropped.
fn occupied(flavour: Flavour) -> (Runtime, Event) {
    occupy(flavour.build())
}

fn occupy(runtime: Runtime) -> (Runtime, Event) {
    let dropped = Event::new();
    let says_dropped = dropped.clone();
    let waiting = runtime.spawn(async move {
        let _guard = on_drop(move || says_dropped.set());
        sleep(HOUR).await;
    });
    catch_up(runtime.handle());
    drop(waiting);
    (runtime, dropped)
}

/// A place for a runtime that is filled later.
type Place = Arc<Mutex<Option<Runtime>>>;

thread_local! {
    static LAST: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

#[test]
fn in_a_closure_of_its_own() {
    flavours(|flavour| {
        let (runtime, dropped) = occupied(flavour);
        let handle = runtime.handle().clone();
        let closure = handle.spawn_blocking(move || drop(runtime));
        foreign::block_on(closure).unwrap();
        dropped.wait_here();
        until(|| handle.metrics().alive_tasks == 0);
    });
}

#[test]
fn in_place_of_a_task_of_its_own() {
    let (runtime, dropped) = occupied(Flavour::Steal);
    let handle = runtime.handle().clone();
    let task = handle.spawn(async move {
        block_in_place(move || drop(runtime));
        5
    });
    // It ends by itself, or is dropped when its poll is over.
    assert!(foreign::block_on(task).is_ok_and(|five| five == 5));
    dropped.wait_here();
}

#[test]
fn by_the_destructor_of_a_threads_own() {
    flavours(|flavour| {
        let (runtime, dropped) = occupied(flavour);
        let thread = thread::spawn(move || LAST.with(|last| last.replace(Some(runtime))));
        drop(thread.join().unwrap());
        dropped.wait_here();
    });
}

/// The thread has nothing to do for a while, and goes.
#[test]
fn by_the_destructor_of_what_the_thread_of_a_closure_has_kept() {
    flavours(|flavour| {
        let mut builder = flavour.builder();
        let brief = builder.thread_keep_alive(Duration::from_millis(1));
        let (runtime, dropped) = occupy(brief.build().unwrap());
        let handle = runtime.handle().clone();
        let closure = handle.spawn_blocking(move || LAST.with(|last| last.replace(Some(runtime))));
        drop(foreign::block_on(closure).unwrap());
        dropped.wait_here();
    });
}

/// The thread in `block_on` calls them when it runs a core.
#[test]
fn in_its_own_hooks_of_a_thread_in_block_on() {
    flavours(|flavour| {
        for is_at_start in [true, false] {
            let place = Place::default();
            let (has_core, left_behind) = (Event::new(), Event::new());
            let main = thread::current().id();
            let take = move |place: &Place| {
                let is_main = thread::current().id() == main;
                is_main.then(|| place.lock().take()).flatten()
            };
            let (at_start, at_stop) = (place.clone(), place.clone());
            let (says_core, says_left) = (has_core.clone(), left_behind.clone());
            let mut builder = flavour.builder();
            builder
                .on_stuck_task(HOUR, move |_| says_left.set())
                .on_thread_start(move || {
                    let Some(runtime) = take(&at_start) else {
                        return;
                    };
                    if is_at_start {
                        drop(runtime);
                    } else {
                        *at_start.lock() = Some(runtime);
                    }
                    says_core.set();
                })
                .on_thread_stop(move || drop(take(&at_stop)));
            let (runtime, dropped) = occupy(builder.build().unwrap());
            let handle = runtime.handle().clone();
            *place.lock() = Some(runtime);
            handle.block_on(has_core.wait());
            assert!(!left_behind.is_set(), "it has waited for itself");
            assert!(place.lock().is_none());
            dropped.wait_here();
        }
    });
}

runtime::task_local! {
    static KEPT: Arc<Mutex<Option<Runtime>>>;
}

#[test]
fn with_what_one_of_its_tasks_had_for_its_own() {
    flavours(|flavour| {
        let (runtime, dropped) = occupied(flavour);
        let handle = runtime.handle().clone();
        let place: Place = Arc::new(Mutex::new(Some(runtime)));
        let task =
            handle.spawn(KEPT.scope(place, async { KEPT.with(|kept| kept.lock().is_some()) }));
        assert!(handle.block_on(task).unwrap());
        dropped.wait_here();
        until(|| handle.metrics().alive_tasks == 0);
    });
}

/// The hook is the process's: it is for the panic of this test only.
#[test]
fn in_the_hook_of_a_panic_of_its_own_task() {
    static PLACE: OnceLock<Mutex<Option<Runtime>>> = OnceLock::new();
    const MARK: &str = "the hook drops the runtime";
    let place = PLACE.get_or_init(Mutex::default);
    let former = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref() == Some(&MARK) {
            drop(place.lock().take());
        } else {
            former(info);
        }
    }));
    flavours(move |flavour| {
        let (runtime, dropped) = occupied(flavour);
        let handle = runtime.handle().clone();
        *place.lock() = Some(runtime);
        let task = handle.spawn(async { panic::panic_any(MARK) });
        assert!(handle.block_on(task).unwrap_err().is_panic());
        dropped.wait_here();
    });
}

/// The end of one wakes what drops the other.
#[test]
fn by_the_waker_that_the_end_of_another_wakes() {
    struct Ends(Mutex<Option<Runtime>>);

    impl Wake for Ends {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().take());
        }
    }

    flavours(|flavour| {
        let first = flavour.build();
        let (second, dropped) = occupied(flavour);
        let waker = Arc::new(Ends(Mutex::new(Some(second)))).into();
        let entered = first.enter();
        let mut sleep = sleep(HOUR);
        drop(entered);
        assert!(foreign::poll(&mut sleep, &waker).is_pending());
        drop(waker);
        drop(first);
        dropped.wait_here();
    });
}

/// One in a closure of the other, and so on.
#[test]
fn one_inside_the_other_from_the_outside_in_and_from_the_inside_out() {
    flavours(|flavour| {
        for is_outer_first in [true, false] {
            let (outer, outer_dropped) = occupied(flavour);
            let (inner, inner_dropped) = occupied(flavour);
            let (says, is_inside) = tests::mpsc::channel();
            let go = Event::new();
            let told = go.wait();
            let closure = outer.spawn_blocking(move || {
                let deep = inner.spawn_blocking(|| runtime::block_on(async { 5 }));
                assert_eq!(inner.block_on(deep).unwrap(), 5);
                inner.block_on(async {
                    says.send(()).unwrap();
                    told.await;
                });
                drop(inner);
            });
            is_inside.recv().unwrap();
            if is_outer_first {
                drop(outer);
                outer_dropped.wait_here();
                go.set();
                foreign::block_on(closure).unwrap();
            } else {
                go.set();
                outer.block_on(closure).unwrap();
                drop(outer);
            }
            inner_dropped.wait_here();
            outer_dropped.wait_here();
        }
    });
}

#[test]
fn by_a_task_of_its_own_that_the_end_of_another_drops() {
    flavours(|flavour| {
        let (inner, dropped) = occupied(flavour);
        let outer = flavour.build();
        drop(outer.spawn(async move {
            let _kept = inner;
            pending::<()>().await;
        }));
        catch_up(outer.handle());
        drop(outer);
        dropped.wait_here();
    });
}
