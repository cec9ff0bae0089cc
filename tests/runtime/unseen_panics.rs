//! Panics that nobody looks at are told of, once, and the others are not.

use std::env;
use std::future::pending;
use std::panic::resume_unwind;
use std::process::Command;
use std::sync::Arc;
use std::task::Waker;
use std::thread;

use runtime::task::{
    AbortOnDropHandle, JoinSet, TaskPanic, TaskTracker, scope, spawn_blocking, yield_now,
};
use runtime::{Handle, Runtime};
use tests::event::{Event, until};
use tests::flavours::{Flavour, flavours};
use tests::foreign;
use tests::panics::on_drop;
use tests::sync::Mutex;

use crate::turns::catch_up;

/// What was told.
type Told = Arc<Mutex<Vec<TaskPanic>>>;

fn listening(flavour: Flavour) -> (Runtime, Told) {
    let told = Told::default();
    let tell = told.clone();
    let mut builder = flavour.builder();
    builder.on_unseen_panic(move |panic| tell.lock().push(panic.clone()));
    (builder.build().unwrap(), told)
}

fn messages(told: &Told) -> Vec<String> {
    let mut all: Vec<_> = told
        .lock()
        .iter()
        .map(|panic| panic.message.clone().unwrap())
        .collect();
    all.sort();
    all
}

#[test]
fn one_whose_handle_was_dropped_is_told_whenever_that_was() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        drop(runtime.spawn(async { panic!("before") }));
        let after = runtime.spawn(async { panic!("after") });
        catch_up(runtime.handle());
        until(|| after.is_finished());
        until(|| messages(&told) == ["before"]);
        drop(after);
        assert_eq!(messages(&told), ["after", "before"]);
        drop(runtime);
        assert_eq!(messages(&told).len(), 2);
    });
}

#[test]
fn one_that_was_awaited_is_not() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        runtime.block_on(async {
            let task = runtime::spawn(async { panic!("seen") });
            assert!(task.await.unwrap_err().is_panic());
            let mut set = JoinSet::new();
            set.spawn(async { panic!("seen") });
            set.join_next().await.unwrap().unwrap_err();
            let closure = spawn_blocking(|| panic!("seen"));
            closure.await.unwrap_err();
            let failed = scope(|tasks| async move {
                tasks.spawn::<_, ()>(async { panic!("seen") });
                Ok::<_, String>(())
            });
            failed.await.unwrap_err();
            // These end without one.
            drop(runtime::spawn(async {}));
            runtime::spawn(pending::<()>()).abort();
        });
        catch_up(runtime.handle());
        drop(runtime);
        assert_eq!(messages(&told), [""; 0]);
    });
}

#[test]
fn one_in_a_group_that_nobody_asks_is_told() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        runtime.block_on(async {
            let mut set = JoinSet::new();
            set.spawn(async { panic!("set") });
            let tracker = TaskTracker::new();
            drop(tracker.spawn(async { panic!("tracker") }));
            tracker.close();
            tracker.wait().await;
            let aborted = AbortOnDropHandle::new(runtime::spawn(async { panic!("abort on drop") }));
            until_told_idle().await;
            drop((set, aborted));
        });
        until(|| messages(&told) == ["abort on drop", "set", "tracker"]);
    });
}

/// Until all other tasks have ended.
async fn until_told_idle() {
    while Handle::current().metrics().alive_tasks > 0 {
        yield_now().await;
    }
}

/// The second is not what has ended the scope, and is in no error.
#[test]
fn a_scope_tells_of_the_panics_that_its_error_does_not_hold() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        let error = runtime.block_on(scope(|tasks| async move {
            for number in 1..=2 {
                let stop = tasks.token().clone();
                tasks.spawn::<_, ()>(async move {
                    if number == 2 {
                        stop.cancelled().await;
                    }
                    panic!("number {number}")
                });
            }
            Ok::<_, String>(())
        }));
        assert!(error.unwrap_err().to_string().ends_with("number 1"));
        assert_eq!(messages(&told), ["number 2"]);
    });
}

#[test]
fn closures_and_destructors_are_tasks_too() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        drop(runtime.spawn_blocking(|| panic!("closure")));
        until(|| messages(&told) == ["closure"]);
        let guard = on_drop(|| panic!("destructor"));
        drop(runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        catch_up(runtime.handle());
        drop(runtime);
        assert_eq!(messages(&told), ["closure", "destructor"]);
    });
}

#[test]
fn it_says_which_task_it_was_and_whose() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        let (parent, line) = runtime.block_on(async {
            let parent = runtime::spawn(async {
                let line = line!() + 3;
                let child = runtime::task::Builder::new()
                    .name("reader")
                    .spawn(async { resume_unwind(Box::new(5)) });
                drop(child);
                line
            });
            let id = parent.id();
            (id, parent.await.unwrap())
        });
        catch_up(runtime.handle());
        until(|| !told.lock().is_empty());
        let panic = told.lock()[0].clone();
        assert_eq!(panic.task.name.as_deref(), Some("reader"));
        assert_eq!(panic.task.parent, Some(parent));
        assert_eq!(panic.task.spawned_at.line(), line);
        assert_eq!(panic.message, None);
        let id = panic.task.id;
        assert_eq!(
            panic.to_string(),
            format!(
                "task {id} `reader`, spawned at {} by task {parent}, panicked",
                panic.task.spawned_at
            )
        );
    });
}

/// A thread that runs no tasks has none to be the parent, whatever it ran before.
#[test]
fn parents_are_tasks_and_closures_and_nobody_else() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        let panicking = || drop(runtime::spawn(async { panic!("child") }));
        let count = |expected: usize| until(|| told.lock().len() == expected);
        runtime.block_on(async {
            yield_now().await;
            panicking();
            until_told_idle().await;
        });
        count(1);
        let entered = runtime.enter();
        panicking();
        drop(entered);
        catch_up(runtime.handle());
        count(2);
        let closure = runtime.spawn_blocking(panicking);
        let id = closure.id();
        foreign::block_on(closure).unwrap();
        catch_up(runtime.handle());
        count(3);
        // By a destructor, when the task is ended from outside of it.
        let guard = on_drop(panicking);
        let task = runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        task.abort();
        catch_up(runtime.handle());
        catch_up(runtime.handle());
        count(4);
        let parents: Vec<_> = told.lock().iter().map(|panic| panic.task.parent).collect();
        assert_eq!(parents, [None, None, Some(id), Some(task.id())]);
    });
}

#[test]
fn a_hook_may_panic_and_use_the_runtime() {
    flavours(|flavour| {
        let event = Event::new();
        let sets = event.clone();
        let mut builder = flavour.builder();
        builder.on_unseen_panic(move |_| {
            let sets = sets.clone();
            drop(runtime::spawn(async move { sets.set() }));
            panic!("in the hook");
        });
        let runtime = builder.build().unwrap();
        // A task that is done before its handle goes is told of here, where the hook spawns too.
        let entered = runtime.enter();
        drop(runtime.spawn(async { panic!("in the task") }));
        drop(entered);
        catch_up(runtime.handle());
        runtime.block_on(event.wait());
    });
}

/// The handle of a task that has panicked is in the output of another, and so on.
#[test]
fn a_chain_of_dropped_handles_tells_of_the_last() {
    flavours(|flavour| {
        let (runtime, told) = listening(flavour);
        let mut chain = runtime.spawn(async { panic!("deep") });
        catch_up(runtime.handle());
        until(|| chain.is_finished());
        for _ in 0..100 {
            let inner = chain;
            chain = runtime.spawn(async move {
                let _kept = inner;
                panic!("shallow");
            });
            catch_up(runtime.handle());
            until(|| chain.is_finished());
        }
        assert!(foreign::poll(&mut chain, Waker::noop()).is_ready());
        drop(chain);
        until(|| told.lock().len() == 100);
    });
}

#[test]
fn without_a_hook_it_is_one_line_on_standard_error() {
    const MARK: &str = "EDGEWAKE_TEST_PANICS_UNSEEN";
    if env::var_os(MARK).is_some() {
        runtime::block_on(async {
            let unseen = runtime::task::Builder::new().name("unseen");
            drop(unseen.spawn(async { panic!("for nobody") }));
            let seen = runtime::spawn(async { panic!("for me") });
            seen.await.unwrap_err();
        });
        return;
    }
    let name = thread::current().name().unwrap().to_owned();
    let output = Command::new(env::current_exe().unwrap())
        .args([&name, "--exact", "--test-threads=1", "--nocapture"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = complained
        .lines()
        .filter(|line| line.starts_with("runtime: "))
        .collect();
    let [line] = ours[..] else {
        panic!("{}:\n{complained}", output.status)
    };
    for part in [
        " `unseen`, spawned at ",
        "unseen_panics.rs:",
        "panicked: for nobody",
    ] {
        assert!(line.contains(part), "{line}");
    }
}
