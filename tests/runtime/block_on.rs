//! The thread that runs the tasks, and those that would like to.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use tests::mpsc::channel;
use tests::sync::{Condvar, Mutex};

use runtime::task::yield_now;
use runtime::time::{Duration, sleep};
use runtime::{Handle, LocalRuntime};
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::flavours;
use tests::foreign;
use tests::panics::{on_drop, panics};

#[test]
fn it_returns_the_value_and_may_borrow() {
    flavours(|flavour| {
        let words = [String::from("a"), String::from("b")];
        let runtime = flavour.build();
        let joined = runtime.block_on(async {
            yield_now().await;
            words.join("-")
        });
        assert_eq!(joined, "a-b");
        let shared = Rc::new(1);
        assert_eq!(LocalRuntime::new().unwrap().block_on(async { *shared }), 1);
    });
}

#[test]
fn a_panic_of_the_future_comes_out_and_the_runtime_goes_on() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let task = runtime.spawn(go.wait());
        let message = panics(|| {
            runtime.block_on(async {
                yield_now().await;
                panic!("of the future");
            })
        });
        assert_eq!(message, "of the future");
        assert!(runtime::Handle::try_current().is_err());
        go.set();
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn a_nested_one_names_both_calls_and_a_cure() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let handle = runtime.handle().clone();
        let other = LocalRuntime::new().unwrap();
        let here = |line: u32| format!("{}:{line}:", file!());
        let outer = line!() + 1;
        runtime.block_on(async {
            let check = |call: &str, line: u32, message: String| {
                let call = format!("{call} was called at ");
                assert!(message.starts_with(&call), "{message}");
                for part in [here(line), here(outer), String::from("Use .await here")] {
                    assert!(message.contains(&part), "no {part} in: {message}");
                }
            };
            let message = panics(|| runtime.block_on(async {}));
            check("Runtime::block_on", line!() - 1, message);
            let message = panics(|| handle.block_on(async {}));
            check("Handle::block_on", line!() - 1, message);
            let message = panics(|| other.block_on(async {}));
            check("LocalRuntime::block_on", line!() - 1, message);
            let message = panics(|| runtime::block_on(async {}));
            check("block_on", line!() - 1, message);
            // All is well after that.
            runtime::spawn(async {}).await.unwrap();
        });
    });
}

#[test]
fn one_inside_a_task_is_nested_too() {
    flavours(|flavour| {
        let error = flavour.block_on(async {
            let task = runtime::spawn(async { runtime::block_on(async {}) });
            task.await.unwrap_err()
        });
        let said = error.to_string();
        // On a worker there is no outer one.
        let inside = ["inside the block_on at", "inside a task"];
        assert!(inside.iter().any(|it| said.contains(it)), "{said}");
        flavour.block_on(async {});
    });
}

#[test]
fn a_future_is_woken_from_another_thread() {
    flavours(|flavour| {
        let event = Event::new();
        let sets = event.clone();
        let (send, receive) = channel::<()>();
        let thread = thread::spawn(move || {
            receive.recv().unwrap();
            sets.set();
        });
        flavour.block_on(async {
            send.send(()).unwrap();
            event.wait().await;
        });
        thread.join().unwrap();
    });
}

/// Workers would serve them.
#[test]
fn a_second_one_makes_progress_while_the_first_runs() {
    soon(|| {
        let runtime = Arc::new(runtime::Builder::new_current_thread().build().unwrap());
        let (inside, end) = (Event::new(), Event::new());
        let (runs, says_inside, told_end) = (runtime.clone(), inside.clone(), end.wait());
        let first = thread::spawn(move || {
            runs.block_on(async {
                says_inside.set();
                told_end.await;
            });
        });
        inside.wait_here();
        // Its tasks, its timers and its own wakes: the first thread serves them all.
        let sum = runtime.block_on(async {
            let task = runtime::spawn(async {
                sleep(Duration::from_millis(1)).await;
                thread::current().id()
            });
            let ran_on = task.await.unwrap();
            sleep(Duration::from_millis(1)).await;
            for _ in 0..10 {
                yield_now().await;
            }
            ran_on
        });
        assert_eq!(sum, first.thread().id());
        end.set();
        first.join().unwrap();
    });
}

#[test]
fn a_second_one_inherits_the_core_when_the_first_leaves() {
    for panicking in [false, true] {
        soon(move || {
            let runtime = Arc::new(runtime::Builder::new_current_thread().build().unwrap());
            let ran_on = Arc::new(tests::sync::Mutex::new(Vec::new()));
            let notes = ran_on.clone();
            let step = Arc::new(AtomicUsize::new(0));
            let steps = step.clone();
            let go_on = [Event::new(), Event::new()];
            let waits = go_on.clone();
            let task = runtime.spawn(async move {
                for wait in waits {
                    wait.wait().await;
                    notes.lock().push(thread::current().id());
                    steps.fetch_add(1, Ordering::SeqCst);
                }
            });
            let (inside, leave) = (Event::new(), Event::new());
            let (runs, says_inside, told_leave) = (runtime.clone(), inside.clone(), leave.wait());
            let first = thread::spawn(move || {
                runs.block_on(async {
                    says_inside.set();
                    told_leave.await;
                    if panicking {
                        std::panic::resume_unwind(Box::new("leaves by a panic"));
                    }
                });
            });
            inside.wait_here();
            let first_id = first.thread().id();
            let waiting = Event::new();
            let (runs, says_waiting) = (runtime.clone(), waiting.clone());
            let second = thread::spawn(move || {
                runs.block_on(async {
                    says_waiting.set();
                    task.await.unwrap();
                });
            });
            waiting.wait_here();
            go_on[0].set();
            while step.load(Ordering::SeqCst) < 1 {
                thread::yield_now();
            }
            leave.set();
            assert_eq!(first.join().is_err(), panicking);
            go_on[1].set();
            let second_id = second.thread().id();
            second.join().unwrap();
            assert_eq!(*ran_on.lock(), [first_id, second_id]);
        });
    }
}

#[test]
fn many_threads_may_be_inside_and_all_come_out() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let total = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for n in 0..200 {
                        let output = runtime.handle().block_on(async {
                            let task = runtime::spawn(async move {
                                yield_now().await;
                                n
                            });
                            yield_now().await;
                            task.await.unwrap()
                        });
                        assert_eq!(output, n);
                        total.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(total.load(Ordering::SeqCst), 1200);
    });
}

#[test]
fn a_thread_that_did_not_run_the_core_is_left_without_a_budget() {
    flavours(|flavour| {
        let runtime = Arc::new(flavour.build());
        let (inside, end) = (Event::new(), Event::new());
        let (runs, says_inside, told_end) = (runtime.clone(), inside.clone(), end.wait());
        let first = thread::spawn(move || {
            runs.block_on(async {
                says_inside.set();
                told_end.await;
            });
        });
        inside.wait_here();
        runtime.block_on(async {});
        // On this thread nobody renews a budget: whatever is ready must be so, however often.
        let tasks: Vec<_> = (0..300).map(|n| runtime.spawn(async move { n })).collect();
        foreign::block_on(async {
            for (expected, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), expected);
            }
        });
        end.set();
        first.join().unwrap();
    });
}

#[test]
fn the_free_one_drops_its_tasks_and_can_be_called_again() {
    soon(|| {
        for round in 0..3 {
            let dropped = Rc::new(Cell::new(false));
            let says_dropped = dropped.clone();
            let handle = runtime::block_on(async move {
                runtime::spawn_local(async move {
                    let _guard = on_drop(move || says_dropped.set(true));
                    pending::<()>().await;
                });
                yield_now().await;
                runtime::Handle::current()
            });
            assert!(dropped.get(), "round {round}");
            assert_eq!(handle.metrics().alive_tasks, 0);
        }
    });
}

#[test]
fn tasks_left_behind_go_on_at_the_next_call() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let told_go = go.wait();
        let mut task = None;
        runtime.block_on(async {
            task = Some(runtime::spawn(async move {
                told_go.await;
                4
            }));
            yield_now().await;
        });
        let task = task.unwrap();
        go.set();
        assert_eq!(runtime.block_on(task).unwrap(), 4);
    });
}

#[test]
fn a_local_runtime_runs_its_tasks_only_at_home() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let home = thread::current().id();
        let handle = local.handle().clone();
        let (send, receive) = channel();
        let guest = thread::spawn(move || {
            let task = handle.spawn(async { thread::current().id() });
            send.send(()).unwrap();
            handle.block_on(task).unwrap()
        });
        receive.recv().unwrap();
        local.block_on(async {
            while !guest.is_finished() {
                yield_now().await;
            }
        });
        assert_eq!(guest.join().unwrap(), home);
    });
}

/// A future with a large array in it, across an await.
async fn large<const SIZE: usize>() -> usize {
    let array = [1_u8; SIZE];
    yield_now().await;
    array.iter().map(|byte| usize::from(*byte)).sum()
}

#[test]
fn large_futures_do_not_overflow_a_usual_stack() {
    flavours(|flavour| {
        const SIZE: usize = 200 << 10;
        let thread = thread::Builder::new().stack_size(2 << 20).spawn(move || {
            let runtime = flavour.build();
            let in_task = runtime.spawn(large::<SIZE>());
            assert_eq!(runtime.block_on(in_task).unwrap(), SIZE);
            assert_eq!(runtime.block_on(large::<SIZE>()), SIZE);
            runtime::block_on(async {
                assert_eq!(runtime::spawn_local(large::<SIZE>()).await.unwrap(), SIZE);
            });
        });
        thread.unwrap().join().unwrap();
    });
}

#[test]
fn very_large_futures_overflow_nothing_that_is_large_enough_to_make_them() {
    flavours(|flavour| {
        const SIZE: usize = 8 << 20;
        let thread = thread::Builder::new().stack_size(12 * SIZE).spawn(move || {
            let runtime = flavour.build();
            let in_task = runtime.spawn(large::<SIZE>());
            assert_eq!(runtime.block_on(in_task).unwrap(), SIZE);
            assert_eq!(runtime.block_on(large::<SIZE>()), SIZE);
        });
        thread.unwrap().join().unwrap();
    });
}

/// Workers stay from the beginning to the end: see `threads`.
#[test]
fn hooks_are_called_round_each_stay() {
    soon(|| {
        let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (started, stopped) = (starts.clone(), stops.clone());
        let runtime = runtime::Builder::new_current_thread()
            .on_thread_start(move || {
                started.fetch_add(1, Ordering::SeqCst);
            })
            .on_thread_stop(move || {
                stopped.fetch_add(1, Ordering::SeqCst);
                panic!("in the hook");
            })
            .build()
            .unwrap();
        runtime.block_on(async {
            assert_eq!(
                (starts.load(Ordering::SeqCst), stops.load(Ordering::SeqCst)),
                (1, 0)
            );
        });
        let polled = poll_fn(|_| Poll::Ready(5));
        assert_eq!(runtime.block_on(polled), 5);
        assert_eq!(
            (starts.load(Ordering::SeqCst), stops.load(Ordering::SeqCst)),
            (2, 2)
        );
    });
}

#[test]
fn a_task_sent_at_the_end_of_the_free_one_is_dropped_or_runs_in_the_next() {
    const ROUNDS: u32 = 5_000;
    soon(|| {
        let (send, receive) = channel::<(Handle, Arc<AtomicBool>, Event)>();
        let sender = thread::spawn(move || {
            for (round, (handle, leaving, ended)) in (0..).zip(receive) {
                while !leaving.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
                (0..round % 200).for_each(|_| std::hint::spin_loop());
                // It is set by the task's end, or by the drop of a future that was never polled.
                let guard = on_drop(move || ended.set());
                handle.spawn(async move { drop(guard) });
            }
        });
        for _ in 0..ROUNDS {
            let (leaving, ended) = (Arc::new(AtomicBool::new(false)), Event::new());
            let says_leaving = leaving.clone();
            // Tasks are dropped from here on; the other thread sends its own meanwhile.
            let guard = on_drop(move || says_leaving.store(true, Ordering::SeqCst));
            runtime::block_on(async {
                send.send((Handle::current(), leaving, ended.clone()))
                    .unwrap();
                runtime::spawn(async move {
                    let _guard = guard;
                    pending::<()>().await;
                });
            });
            // This thread's next call runs the same runtime, and nothing else to be woken by.
            runtime::block_on(ended.wait());
        }
        drop(send);
        sender.join().unwrap();
    });
}

/// Workers do not wait for a main future.
#[test]
fn what_was_spawned_before_runs_before_what_the_main_future_spawns() {
    soon(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |name: &'static str| {
            let order = order.clone();
            async move { order.lock().push(name) }
        };
        drop(runtime.spawn(note("before")));
        runtime.block_on(async {
            runtime::spawn(note("inside")).await.unwrap();
        });
        assert_eq!(*order.lock(), ["before", "inside"]);
    });
}

/// How many tasks there are, and how many are wanted: no more than that, or a machine that is slow to
/// drop them would drop for ever.
#[derive(Default)]
struct Demand {
    state: Mutex<(usize, usize, bool)>,
    changed: Condvar,
}

impl Demand {
    /// One more is spawned, as soon as it is wanted. False at the end.
    fn spawn_one(&self) -> bool {
        let mut state = self.state.lock();
        while state.0 == state.1 && !state.2 {
            (state, _) = self.changed.wait_for(state, Duration::MAX);
        }
        state.0 += 1;
        self.changed.notify_all();
        !state.2
    }

    /// Waits until two more have been spawned.
    fn ask_for_two(&self) {
        let mut state = self.state.lock();
        let after = state.0 + 2;
        state.1 = state.1.max(after);
        self.changed.notify_all();
        while state.0 < after && !state.2 {
            (state, _) = self.changed.wait_for(state, Duration::MAX);
        }
    }

    fn stop(&self) {
        self.state.lock().2 = true;
        self.changed.notify_all();
    }
}

#[test]
fn the_free_one_ends_though_another_thread_goes_on_spawning() {
    soon(|| {
        let demand = Arc::new(Demand::default());
        demand.state.lock().1 = 10;
        let (give, taken) = channel::<Handle>();
        let spawner = thread::spawn({
            let demand = demand.clone();
            move || {
                let handle = taken.recv().unwrap();
                while demand.spawn_one() {
                    // When one is dropped there is always another.
                    let demand = demand.clone();
                    let guard = on_drop(move || demand.ask_for_two());
                    handle.spawn(async move {
                        let _guard = guard;
                        pending::<()>().await;
                    });
                }
            }
        });
        runtime::block_on(async {
            give.send(Handle::current()).unwrap();
            while demand.state.lock().0 < 10 {
                yield_now().await;
            }
        });
        demand.stop();
        spawner.join().unwrap();
        // What came last is dropped by the next one, or with the thread.
        runtime::block_on(async {});
    });
}
