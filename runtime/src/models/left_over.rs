//! A task in the middle of a poll, when the runtime ends without waiting for it.
//!
//! Its thread has lent the core out, so the core is on the bench, and whoever ends the runtime does
//! not meet that thread. The crew, the task and the driver are the real ones; the two threads do what
//! `shared.rs` does.

use std::future::poll_fn;
use std::panic::Location;
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
