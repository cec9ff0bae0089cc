//! What a task's handle says and gives.

use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use runtime::LocalRuntime;
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::{Flavour, flavours};
use tests::foreign::{self, Foreign};
use tests::panics::panics;

use crate::turns::catch_up;

#[test]
fn a_task_gives_its_output() {
    flavours(|flavour| {
        let text = flavour.block_on(async {
            let task = runtime::spawn(async { String::from("done") });
            task.await.unwrap()
        });
        assert_eq!(text, "done");
    });
}

#[test]
fn outputs_wait_for_their_handles() {
    flavours(|flavour| {
        flavour.block_on(async {
            let tasks: Vec<_> = (0..100).map(|n| runtime::spawn(async move { n })).collect();
            // All are done before the first is asked.
            while !tasks.iter().all(|task| task.is_finished()) {
                runtime::task::yield_now().await;
            }
            for (expected, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap(), expected);
            }
        });
    });
}

#[test]
fn a_local_task_gives_an_output_that_is_not_send() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let shared = Rc::new(7);
        let given = shared.clone();
        let task = local.spawn_local(async move { given });
        assert!(Rc::ptr_eq(&local.block_on(task).unwrap(), &shared));
    });
}

#[test]
fn is_finished_tells_the_end_and_not_before() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let task = runtime.spawn(go.wait());
        let abort = task.abort_handle();
        catch_up(runtime.handle());
        assert!(!task.is_finished() && !abort.is_finished());
        go.set();
        let nobody_runs_it = flavour == Flavour::Single;
        assert!(!nobody_runs_it || !task.is_finished());
        runtime.block_on(async {
            while !task.is_finished() {
                runtime::task::yield_now().await;
            }
        });
        assert!(abort.is_finished());
        runtime.block_on(task).unwrap();
    });
}

#[test]
fn every_task_has_a_number_of_its_own() {
    flavours(|flavour| {
        let (first, second) = (flavour.build(), flavour.build());
        let mut numbers: Vec<_> = (0..500)
            .flat_map(|_| [first.spawn(async {}).id(), second.spawn(async {}).id()])
            .collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 1000);
        let task = first.spawn(async {});
        assert_eq!(task.id(), task.abort_handle().id());
        assert!(!numbers.contains(&task.id()));
    });
}

#[test]
fn a_task_goes_on_without_its_handle() {
    flavours(|flavour| {
        let (started, go, done) = (Event::new(), Event::new(), Event::new());
        let (says_started, told_go, says_done) = (started.clone(), go.wait(), done.clone());
        flavour.block_on(async move {
            drop(runtime::spawn(async move {
                says_started.set();
                told_go.await;
                says_done.set();
            }));
            started.wait().await;
            go.set();
            done.wait().await;
        });
    });
}

#[test]
fn of_several_wakers_the_last_is_woken() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let told_go = go.wait();
        let mut task = runtime.spawn(async move {
            told_go.await;
            5
        });
        let (first, second) = (Arc::new(Foreign::new()), Arc::new(Foreign::new()));
        assert!(foreign::poll(&mut task, &first.waker()).is_pending());
        assert!(foreign::poll(&mut task, &second.waker()).is_pending());
        go.set();
        catch_up(runtime.handle());
        assert_eq!((first.wakes(), second.wakes()), (0, 1));
        match foreign::poll(&mut task, &first.waker()) {
            Poll::Ready(output) => assert_eq!(output.unwrap(), 5),
            Poll::Pending => panic!("the task is done"),
        }
    });
}

#[test]
fn a_handle_that_goes_takes_its_waker_along() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let mut task = runtime.spawn(pending::<()>());
        let waiting = Arc::new(Foreign::new());
        assert!(foreign::poll(&mut task, &waiting.waker()).is_pending());
        drop(task);
        assert_eq!(Arc::strong_count(&waiting), 1);
        drop(runtime);
        assert_eq!(waiting.wakes(), 0);
    });
}

#[test]
fn a_handle_is_awaited_in_an_executor_that_is_not_ours() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let (started, go) = (Event::new(), Event::new());
        let (says_started, told_go) = (started.clone(), go.wait());
        let task = runtime.spawn(async move {
            says_started.set();
            told_go.await;
            "from elsewhere"
        });
        let end = Event::new();
        let told_end = end.wait();
        let worker = std::thread::spawn(move || runtime.block_on(told_end));
        started.wait_here();
        let other = std::thread::spawn(move || foreign::block_on(task).unwrap());
        go.set();
        assert_eq!(other.join().unwrap(), "from elsewhere");
        end.set();
        worker.join().unwrap();
    });
}

#[test]
fn a_handle_that_has_given_its_output_says_so_when_asked_again() {
    flavours(|flavour| {
        let message = panics(|| {
            flavour.block_on(async {
                let mut task = runtime::spawn(async { 1 });
                (&mut task).await.unwrap();
                (&mut task).await.unwrap();
            });
        });
        assert!(message.contains("JoinHandle was polled after"), "{message}");
    });
}

#[test]
fn a_handle_polled_in_parts_loses_nothing() {
    flavours(|flavour| {
        let output = flavour.block_on(async {
            let mut task = runtime::spawn(async {
                runtime::task::yield_now().await;
                8
            });
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                // A new borrowed future at each poll, as select! in a loop would make.
                Pin::new(&mut task).poll(context)
            })
            .await
            .map(|output| (output, polls))
        });
        let (output, polls) = output.unwrap();
        assert_eq!(output, 8);
        // A worker may have ended it before the first.
        assert!(polls >= 2 || flavour == Flavour::Steal);
    });
}

#[test]
fn debug_shows_name_number_place_and_state() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let go = Event::new();
        let guard = runtime.enter();
        let builder = runtime::task::Builder::new().name("greeter");
        let line = line!() + 1;
        let named = builder.spawn(go.wait());
        let plain = runtime::spawn(async {});
        drop(guard);
        let place = format!("{}:{line}:", file!());
        let abort = named.abort_handle();
        for text in [format!("{named:?}"), format!("{abort:?}")] {
            assert!(text.contains("\"greeter\""), "{text}");
            assert!(text.contains(&place), "{text}");
            assert!(text.contains(&format!("{:?}", named.id())), "{text}");
            assert!(text.contains("finished: false"), "{text}");
        }
        assert!(format!("{plain:?}").contains("name: None"));
        go.set();
        runtime.block_on(named).unwrap();
        assert!(format!("{abort:?}").contains("finished: true"));
        runtime.block_on(plain).unwrap();
    });
}

#[test]
fn a_builder_names_local_tasks_too() {
    soon(|| {
        runtime::block_on(async {
            let shared = Rc::new(3);
            let builder = runtime::task::Builder::new().name("at home");
            let task = builder.spawn_local(async move { *shared });
            assert!(format!("{task:?}").contains("at home"));
            assert_eq!(task.await.unwrap(), 3);
        });
    });
}

#[test]
fn every_way_to_spawn_notes_its_caller() {
    soon(|| {
        let local = LocalRuntime::new().unwrap();
        let here = |line: u32| format!("{}:{line}:", file!());
        let texts = local.block_on(async {
            let handle = runtime::Handle::current();
            [
                (format!("{:?}", runtime::spawn(async {})), line!()),
                (format!("{:?}", runtime::spawn_local(async {})), line!()),
                (format!("{:?}", handle.spawn(async {})), line!()),
                (format!("{:?}", local.spawn_local(async {})), line!()),
            ]
        });
        for (text, line) in texts {
            assert!(text.contains(&here(line)), "{text} is not of line {line}");
        }
    });
}

#[test]
fn a_join_error_becomes_an_io_error() {
    async fn asks() -> io::Result<()> {
        let task = runtime::spawn(pending::<()>());
        task.abort();
        task.await?;
        Ok(())
    }
    flavours(|flavour| {
        let error = flavour.block_on(asks()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.to_string().contains("was cancelled"), "{error}");
    });
}
