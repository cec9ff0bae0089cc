//! A task in the middle of a poll, when the runtime ends without waiting for it.
//!
//! Its thread has lent the core out, so the core is on the bench, and whoever ends the runtime does
//! not meet that thread. The crew, the task and the driver are the real ones; the two threads do what
//! `shared.rs` does.

use std::future::poll_fn;
use std::panic::Location;
use std::sync::Mutex;
use std::task::Poll;

use loom::thread;

use super::with_room;
use crate::executor::Crew;
use crate::primitive::Arc;
use crate::tasks::{self, Outside, Panics};

fn crew() -> Arc<Crew> {
    let panics = Arc::new(Panics::new(None));
    with_room(move || Crew::new(1, false, None, None, &panics).expect("descriptors"))
}

/// Either the end finds the task idle and drops it, or its thread finds that the end is over.
///
/// Broken by: a `drop_left_over` that drops nothing; a `shut` that says so after it has looked at the
/// tasks.
#[test]
fn a_task_whose_poll_ends_late_is_dropped_by_one_of_the_two() {
    loom::model(|| {
        let crew = crew();
        let message = Arc::new(());
        let future = {
            let message = message.clone();
            poll_fn(move |_| {
                let _ = &message;
                Poll::<()>::Pending
            })
        };
        let shell = crew.shell(0).clone();
        let (task, handle) = tasks::spawn(future, shell.clone(), None, Location::caller());
        shell.admit(task.clone());
        let late = thread::spawn({
            let crew = crew.clone();
            move || {
                task.runnable().run(&Outside::remember());
                crew.drop_left_over();
            }
        });
        crew.close();
        crew.shut();
        late.join().unwrap();
        assert_eq!((crew.tasks(), Arc::strong_count(&message)), (0, 1));
        drop(handle);
    });
}

/// The end comes in the middle of the poll, and looks at the task while it is being left.
///
/// Broken by: a load in the place of the exchange of `drop_left_over`, which may find the old value
/// though the end has looked already, and met the task in its poll.
#[test]
fn a_task_that_is_left_while_the_end_looks_is_dropped() {
    loom::model(|| {
        let crew = crew();
        let message = Arc::new(());
        let ending = Arc::new(Mutex::new(None));
        let future = {
            let (message, crew, ending) = (message.clone(), crew.clone(), ending.clone());
            poll_fn(move |_| {
                let _ = &message;
                let crew = crew.clone();
                let end = move || {
                    crew.close();
                    crew.shut();
                };
                *ending.lock().unwrap() = Some(thread::spawn(end));
                Poll::<()>::Pending
            })
        };
        let shell = crew.shell(0).clone();
        let (task, handle) = tasks::spawn(future, shell.clone(), None, Location::caller());
        shell.admit(task);
        // Out of the inbox, which the end would give back: an exchange that tells of the end too.
        let task = shell.inbox.take().next().expect("it was let in");
        task.runnable().run(&Outside::remember());
        crew.drop_left_over();
        let ending = ending.lock().unwrap().take();
        ending.expect("it was polled").join().unwrap();
        assert_eq!((crew.tasks(), Arc::strong_count(&message)), (0, 1));
        drop(handle);
    });
}
