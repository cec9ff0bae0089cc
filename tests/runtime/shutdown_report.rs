//! The end in good order, and what it tells.

use std::future::pending;
use std::panic::Location;
use std::thread;
use tests::mpsc::{Sender, channel};

use runtime::shutdown::{Grace, Report, requested};
use runtime::task::{Builder, Id, JoinHandle, TaskInfo, block_in_place, yield_now};
use runtime::time::{Duration, sleep};
use runtime::{Handle, LocalRuntime, Runtime};
use tests::deadline::soon;
use tests::event::{Event, until};
use tests::flavours::{Flavour, flavours};
use tests::foreign;
use tests::panics::on_drop;

use crate::turns::catch_up;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Nobody is stuck, so nothing shall be said of that on a machine that is busy.
pub(crate) fn patient(time: Duration) -> Grace {
    Grace::new(time).patience(HOUR)
}

/// Somebody is stuck.
fn short() -> Grace {
    Grace::new(Duration::from_millis(50)).patience(Duration::from_millis(50))
}

pub(crate) fn ids(tasks: &[TaskInfo]) -> Vec<Id> {
    tasks.iter().map(|task| task.id).collect()
}

/// A task that ends when it is asked to.
pub(crate) fn obedient(handle: &Handle) -> JoinHandle<&'static str> {
    handle.spawn(async {
        requested().await;
        yield_now().await;
        "goodbye"
    })
}

/// A closure that runs until the sender is dropped.
fn stuck_closure(handle: &Handle) -> (Sender<()>, JoinHandle<()>) {
    let (release, released) = channel();
    let (runs, is_running) = channel();
    let closure = handle.spawn_blocking(move || {
        runs.send(()).unwrap();
        let _ = released.recv();
    });
    is_running.recv().unwrap();
    (release, closure)
}

/// A task that does not come back from its poll until the sender is dropped.
fn stuck_task(handle: &Handle) -> (Sender<()>, JoinHandle<()>) {
    let (release, released) = channel();
    let (runs, is_running) = channel();
    let task = handle.spawn(async move {
        runs.send(()).unwrap();
        let _ = released.recv();
    });
    is_running.recv().unwrap();
    (release, task)
}

#[test]
fn it_tells_who_has_finished_and_who_was_cut_and_where_they_come_from() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let asked = obedient(runtime.handle());
        let (line, deaf) = runtime.block_on(async {
            let named = Builder::new().name("deaf");
            (line!(), named.spawn(pending::<()>()))
        });
        catch_up(runtime.handle());
        let (asked_id, deaf_id) = (asked.id(), deaf.id());
        let report = runtime.shutdown(patient(Duration::from_millis(50)));
        assert_eq!(ids(&report.finished), [asked_id]);
        assert_eq!(ids(&report.cut), [deaf_id]);
        assert_eq!(report.cut[0].name.as_deref(), Some("deaf"));
        assert_eq!(report.cut[0].spawned_at.line(), line);
        assert_eq!(report.cut[0].parent, None);
        assert!(report.detached.is_empty() && report.stuck.is_empty() && report.panics.is_empty());
        assert!(!report.is_clean());
        assert_eq!(foreign::block_on(asked).unwrap(), "goodbye");
        assert!(foreign::block_on(deaf).unwrap_err().is_cancelled());
    });
}

/// It would take an hour if it waited for the grace.
#[test]
fn it_ends_when_the_last_has_ended() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let tasks: Vec<_> = (0..100).map(|_| obedient(runtime.handle())).collect();
        let token = runtime.handle().shutdown_token();
        let closure = runtime.spawn_blocking(move || foreign::block_on(token.cancelled()));
        let report = runtime.shutdown(patient(HOUR));
        assert!(report.is_clean(), "{report}");
        assert_eq!(report.finished.len(), 101);
        foreign::block_on(closure).unwrap();
        for task in tasks {
            foreign::block_on(task).unwrap();
        }
    });
}

#[test]
fn the_grace_may_be_none() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let deaf = runtime.spawn(pending::<()>());
        let ended = runtime.spawn(async {});
        catch_up(runtime.handle());
        let report = runtime.shutdown(patient(Duration::ZERO));
        assert_eq!(
            (ids(&report.cut), report.finished.len()),
            (vec![deaf.id()], 0)
        );
        foreign::block_on(ended).unwrap();
        assert!(flavour.build().shutdown(Duration::ZERO).is_clean());
    });
}

/// A thread that runs the tasks of a runtime until this is dropped.
fn inside(handle: &Handle) -> impl Drop + use<> {
    let (handle, over) = (handle.clone(), Event::new());
    let told = over.wait();
    let thread = thread::spawn(move || handle.block_on(told));
    on_drop(move || {
        over.set();
        thread.join().unwrap();
    })
}

/// Wherever it is called, the caller is not waited for, and sees the report.
#[test]
fn it_may_be_called_from_anywhere() {
    flavours(|flavour| {
        for from in 0..7 {
            let runtime = flavour.build();
            let handle = runtime.handle().clone();
            let asked = obedient(&handle);
            let deaf = handle.spawn(pending::<()>());
            catch_up(&handle);
            // What has caught up may take a moment yet to go.
            until(|| handle.metrics().alive_tasks == 2);
            let grace = patient(Duration::from_millis(20));
            let ask = {
                let handle = handle.clone();
                move || async move { handle.shutdown(grace).await }
            };
            let report: Report = match from {
                // By the handle: in the main future, in a task, in a closure, in another runtime.
                0 => handle.block_on(ask()),
                1 => handle.block_on(handle.spawn(ask())).unwrap(),
                2 => {
                    let closure = handle.spawn_blocking(move || foreign::block_on(ask()));
                    handle.block_on(closure).unwrap()
                }
                3 => {
                    // With workers nobody need run the tasks.
                    let is_enough = flavour == Flavour::Steal;
                    let runs = (!is_enough).then(|| inside(&handle));
                    let report = flavour.block_on(ask());
                    drop(runs);
                    report
                }
                // By the runtime: on a thread, in a closure, in another runtime's task.
                4 => thread::spawn(move || runtime.shutdown(grace))
                    .join()
                    .unwrap(),
                5 => {
                    let closure = handle.spawn_blocking(move || runtime.shutdown(grace));
                    foreign::block_on(closure).unwrap()
                }
                _ => flavour.block_on(async move { runtime.shutdown(grace) }),
            };
            assert_eq!(ids(&report.finished), [asked.id()], "from {from}: {report}");
            assert_eq!(ids(&report.cut), [deaf.id()], "from {from}: {report}");
            assert!(
                report.stuck.is_empty() && report.detached.is_empty(),
                "{report}"
            );
        }
    });
}

/// Inside of a runtime without workers nobody can run the tasks: the grace is none.
#[test]
fn inside_its_own_task_a_runtime_ends_and_joins_not_itself() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let asked = obedient(&handle);
        catch_up(&handle);
        let task = handle.spawn(async move {
            let report = runtime.shutdown(patient(Duration::from_secs(600)));
            (report.finished.len(), report.cut.len(), report.stuck.len())
        });
        let counts = handle.block_on(task).unwrap();
        let expected = match flavour {
            Flavour::Single => (0, 1, 0),
            Flavour::Steal => (1, 0, 0),
        };
        assert_eq!(counts, expected);
        let outcome = foreign::block_on(asked);
        assert_eq!(outcome.is_ok(), flavour == Flavour::Steal);
        assert!(handle.spawn(async {}).is_finished());
    });
}

#[test]
fn a_local_runtime_runs_its_tasks_meanwhile() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let not_send = std::rc::Rc::new(5);
        let five = local.spawn_local(async move {
            requested().await;
            sleep(Duration::from_millis(1)).await;
            *not_send
        });
        let report = local.shutdown(patient(HOUR));
        assert!(report.is_clean(), "{report}");
        assert_eq!(foreign::block_on(five).unwrap(), 5);
    });
}

#[test]
fn whoever_has_called_it_goes_on_and_nobody_is_spawned_any_more() {
    flavours(|flavour| {
        let runtime = flavour.build();
        runtime.block_on(async {
            let task = runtime::spawn(async {
                let report = Handle::current().shutdown(patient(Duration::ZERO)).await;
                assert!(report.is_clean(), "{report}");
                assert!(runtime::spawn(async {}).is_finished());
                assert!(runtime::spawn_blocking(|| ()).is_finished());
                sleep(Duration::from_millis(1)).await;
                yield_now().await;
                "still here"
            });
            assert_eq!(task.await.unwrap(), "still here");
        });
        // There is nothing left to be done.
        assert!(runtime.shutdown(Duration::ZERO).is_clean());
    });
}

#[test]
fn closures_that_run_on_are_left_and_named() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (release, closure) = stuck_closure(runtime.handle());
        let report = runtime.shutdown(short());
        assert_eq!(ids(&report.detached), [closure.id()], "{report}");
        assert!(
            report.detached[0]
                .spawned_at
                .file()
                .ends_with("shutdown_report.rs")
        );
        assert!(
            report.cut.is_empty() && report.finished.is_empty(),
            "{report}"
        );
        drop(release);
        foreign::block_on(closure).unwrap();
    });
}

#[test]
fn closures_that_have_not_begun_are_cut() {
    flavours(|flavour| {
        let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
        let (release, _runs) = stuck_closure(runtime.handle());
        let waits = runtime.spawn_blocking(|| unreachable!("there is one thread"));
        let report = runtime.shutdown(short());
        assert_eq!(ids(&report.cut), [waits.id()], "{report}");
        assert_eq!(report.detached.len(), 1, "{report}");
        drop(release);
    });
}

#[test]
fn who_ends_by_itself_when_it_is_cut_has_finished() {
    soon(|| {
        let runtime = Flavour::Steal.build();
        let (release, task) = stuck_task(runtime.handle());
        let guard = on_drop(move || drop(release));
        let behind = runtime.spawn(async move {
            // The tasks are cut in the order of their spawning: this comes after the other.
            let _guard = guard;
            pending::<()>().await;
        });
        let report = runtime.shutdown(patient(Duration::ZERO));
        assert_eq!(ids(&report.finished), [task.id()], "{report}");
        assert_eq!(ids(&report.cut), [behind.id()], "{report}");
        foreign::block_on(task).unwrap();
    });
}

/// One is polled, one has lent its core out, one is being dropped.
#[test]
fn tasks_that_do_not_come_back_are_left_with_their_workers_and_named() {
    soon(|| {
        for workers in 1..=3 {
            let mut builder = runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(workers).build().unwrap();
            let (release, task) = stuck_task(runtime.handle());
            let behind = runtime.spawn(pending::<()>());
            let report = runtime.shutdown(short());
            let [stuck] = &report.stuck[..] else {
                panic!("{report}")
            };
            assert_eq!(stuck.id, Some(task.id()));
            assert!(stuck.worker < workers);
            assert!(
                stuck
                    .spawned_at
                    .unwrap()
                    .file()
                    .ends_with("shutdown_report.rs")
            );
            assert_eq!(ids(&report.cut), [behind.id()], "{report}");
            drop(release);
            let _ = foreign::block_on(task);
        }
    });
}

#[test]
fn a_closure_in_place_and_a_destructor_that_do_not_come_back_are_named() {
    soon(|| {
        let runtime = Flavour::Steal.build();
        let (release, released) = channel::<()>();
        let released = std::sync::Arc::new(tests::sync::Mutex::new(released));
        let entered = Event::new();
        let (in_place, says) = (released.clone(), entered.clone());
        let lent = runtime.spawn(async move {
            block_in_place(|| {
                says.set();
                let _ = in_place.lock().recv();
            });
        });
        entered.wait_here();
        let guard = on_drop(move || {
            let _ = released.lock().recv();
        });
        let dropped = runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let report = runtime.shutdown(short());
        let mut stuck: Vec<_> = report.stuck.iter().map(|task| task.id.unwrap()).collect();
        stuck.sort_unstable();
        assert_eq!(stuck, [lent.id(), dropped.id()], "{report}");
        assert!(
            report.detached.is_empty(),
            "the thread of the core is no closure: {report}"
        );
        drop(release);
    });
}

/// The future of a `block_on` runs tasks on its own thread, one of which may never come back.
#[test]
fn a_stuck_task_does_not_keep_the_main_future_from_seeing_the_end() {
    soon(|| {
        for workers in 1..=2 {
            let mut builder = runtime::Builder::new_multi_thread();
            let runtime = builder.worker_threads(workers).build().unwrap();
            let (release, released) = channel::<()>();
            let report = runtime.block_on(async {
                // It has a core, and this is spawned into the line of it.
                let here = std::thread::current().id();
                loop {
                    runtime::time::sleep(Duration::from_micros(50)).await;
                    let runs = runtime::spawn(async { std::thread::current().id() });
                    if runs.await.unwrap() == here {
                        break;
                    }
                }
                let entered = Event::new();
                let says = entered.clone();
                let task = runtime::spawn(async move {
                    says.set();
                    let _ = released.recv();
                });
                let report = Handle::current().shutdown(short()).await;
                (report, task.id())
            });
            let (report, task) = report;
            let lost = report.stuck.iter().filter_map(|task| task.id);
            let lost: Vec<_> = lost.chain(ids(&report.cut)).collect();
            assert_eq!(lost, [task], "{report}");
            drop(release);
        }
    });
}

/// Each ends when it has spawned the next: at no time is there none.
#[test]
fn a_chain_of_tasks_is_waited_for_to_its_end() {
    fn link(left: u32) {
        if left > 0 {
            runtime::spawn(async move {
                if left % 7 == 0 {
                    let _ = runtime::spawn_blocking(move || link(left - 1)).await;
                } else {
                    yield_now().await;
                    link(left - 1);
                }
            });
        }
    }
    flavours(|flavour| {
        for _ in 0..20 {
            let (end, is_over) = channel();
            let runtime = flavour.build();
            let entered = runtime.enter();
            runtime.spawn(async move {
                requested().await;
                link(100);
                end.send(()).unwrap();
            });
            drop(entered);
            let report = runtime.shutdown(patient(HOUR));
            assert!(report.is_clean(), "{report}");
            is_over.recv().unwrap();
        }
    });
}

#[test]
fn panics_are_in_the_report_seen_or_not() {
    flavours(|flavour| {
        let mut builder = flavour.builder();
        let runtime = builder.on_unseen_panic(|_| ()).build().unwrap();
        drop(runtime.spawn(async { panic!("before it") }));
        catch_up(runtime.handle());
        let seen = runtime.spawn(async {
            requested().await;
            panic!("seen")
        });
        drop(runtime.spawn_blocking({
            let token = runtime.handle().shutdown_token();
            move || {
                foreign::block_on(token.cancelled());
                panic!("closure")
            }
        }));
        let guard = on_drop(|| panic!("destructor"));
        drop(runtime.spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        catch_up(runtime.handle());
        let report = runtime.shutdown(patient(Duration::from_millis(100)));
        let mut said: Vec<_> = report
            .panics
            .iter()
            .filter_map(|it| it.message.as_deref())
            .collect();
        said.sort_unstable();
        assert_eq!(said, ["closure", "destructor", "seen"]);
        assert!(foreign::block_on(seen).unwrap_err().is_panic());
    });
}

#[test]
fn in_words_it_is_a_line_a_place() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let spawned_at = |task: &TaskInfo| -> &'static Location<'static> { task.spawned_at };
        let tasks: Vec<_> = (0..7).map(|_| runtime.spawn(pending::<()>())).collect();
        catch_up(runtime.handle());
        let report = runtime.shutdown(patient(Duration::ZERO));
        let said = report.to_string();
        let lines: Vec<_> = said.lines().collect();
        assert!(
            lines[0].ends_with(": 0 finished, 7 cut, 0 left running, 0 stuck, 0 panicked"),
            "{said}"
        );
        let first: Vec<_> = tasks[..5]
            .iter()
            .map(|task| format!("task {}", task.id()))
            .collect();
        let place = spawned_at(&report.cut[0]);
        let expected = format!("  cut: 7 spawned at {place}: {}, ...", first.join(", "));
        assert_eq!(lines[1..], [expected]);
    });
}

#[test]
fn in_words_a_task_has_its_name_and_its_parent() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let parent = runtime.spawn(async {
            drop(Builder::new().name("deaf").spawn(pending::<()>()));
        });
        let id = parent.id();
        runtime.block_on(parent).unwrap();
        let report = runtime.shutdown(patient(Duration::ZERO));
        let expected = format!(": task {} `deaf` (of task {id})", report.cut[0].id);
        assert!(report.to_string().ends_with(&expected), "{report}");
    });
}

#[test]
fn a_paused_clock_goes_on_to_the_end_of_the_grace() {
    soon(|| {
        let mut builder = runtime::Builder::new_current_thread();
        let runtime = builder.start_paused(true).build().unwrap();
        let slow = runtime.spawn(async { sleep(HOUR).await });
        let slower = runtime.spawn(async { sleep(3 * HOUR).await });
        let report = runtime.shutdown(patient(2 * HOUR));
        assert_eq!(ids(&report.finished), [slow.id()]);
        assert_eq!(ids(&report.cut), [slower.id()]);
    });
}

/// A free `block_on` keeps its runtime for the next one; not one that has ended.
#[test]
fn a_threads_own_runtime_is_made_anew() {
    soon(|| {
        runtime::block_on(async {
            let report = Handle::current().shutdown(Duration::ZERO).await;
            assert!(report.is_clean());
        });
        assert_eq!(
            runtime::block_on(async { runtime::spawn(async { 5 }).await.unwrap() }),
            5
        );
    });
}

#[test]
fn the_token_is_cancelled_when_a_runtime_is_dropped() {
    flavours(|flavour| {
        let runtime: Runtime = flavour.build();
        let token = runtime.handle().shutdown_token();
        let waits = thread::spawn({
            let token = token.clone();
            move || foreign::block_on(token.cancelled())
        });
        assert!(!token.is_cancelled());
        drop(runtime);
        waits.join().unwrap();
    });
}
