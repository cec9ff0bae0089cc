//! Tasks that are waited for together: who has ended, and who has failed first.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::sync::try_once;
use super::task::Executor;
use crate::sync::oneshot;
use crate::task::scoped::{First, run};
use crate::task::{Id, JoinSet};
use crate::tasks::{Outside, TaskRef};

/// A task in `set`, to be run once.
fn member(set: &mut JoinSet<u32>, number: u32) -> TaskRef {
    let (task, handle) = Executor::new().spawn(async move { number });
    set.insert(handle);
    task
}

fn run_elsewhere(task: TaskRef) -> thread::JoinHandle<()> {
    thread::spawn(move || task.runnable().run(&Outside::remember()))
}

/// Broken by: a `poll_pop` that does not look again when it leaves its waker; a `push` that leaves the
/// waker where it is.
#[test]
fn each_end_is_heard_by_who_falls_asleep() {
    loom::model(|| {
        let mut set = JoinSet::new();
        let runs = [1, 2].map(|number| run_elsewhere(member(&mut set, number)));
        let mut sum = 0;
        while let Some(joined) = block_on(set.join_next()) {
            sum += joined.unwrap();
        }
        assert_eq!(sum, 3);
        runs.into_iter().for_each(|run| run.join().unwrap());
    });
}

/// Broken by: a `poll_pop` that keeps the waker of who was here first.
#[test]
fn who_gave_up_waiting_takes_no_end_along() {
    loom::model(|| {
        let mut set = JoinSet::new();
        let run = run_elsewhere(member(&mut set, 1));
        let joined = match try_once(set.join_next()) {
            Some(joined) => joined,
            None => block_on(set.join_next()),
        };
        assert_eq!(joined.unwrap().unwrap(), 1);
        run.join().unwrap();
    });
}

/// The place of a task that has come out may be on the list still, when another one has it.
///
/// Broken by: a `poll_join_next_with_id` that takes the place for a task that has ended.
#[test]
fn a_place_that_is_told_late_is_another_ones_by_then() {
    loom::model(|| {
        let mut set = JoinSet::new();
        let first = run_elsewhere(member(&mut set, 1));
        assert_eq!(block_on(set.join_next()).unwrap().unwrap(), 1);
        let second = run_elsewhere(member(&mut set, 2));
        assert_eq!(block_on(set.join_next()).unwrap().unwrap(), 2);
        assert!(set.is_empty());
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// Broken by: a `run` that lets the output's sender go before it says that it has failed.
#[test]
fn what_follows_from_a_failure_is_not_the_first() {
    loom::model(|| {
        let first = First::default();
        let (give, output) = oneshot::channel::<u32>();
        let (task, handle) = Executor::new().spawn(run(async { Err(()) }, give, first.clone()));
        let source = task.id();
        let source_runs = run_elsewhere(task);
        // The body: it has no output to go on with, and fails in turn.
        assert!(block_on(output).is_err());
        first.set(None);
        assert!(first.is(Some(source)) && !first.is(None));
        source_runs.join().unwrap();
        drop(handle);
    });
}

/// Broken by: a `set` that is a load and a store.
#[test]
fn of_several_who_fail_at_once_all_see_the_same_one_first() {
    loom::model(|| {
        let first = Arc::new(First::default());
        let tasks = super::tasks(2);
        let ids: Vec<Id> = tasks.iter().map(TaskRef::id).collect();
        let fail = |who: Option<Id>| {
            let first = first.clone();
            thread::spawn(move || {
                first.set(who);
                // From now on this is so, for all.
                (first.is(None), who.map(|who| first.is(Some(who))))
            })
        };
        let others: Vec<_> = ids.iter().map(|id| fail(Some(*id))).collect();
        first.set(None);
        let body = first.is(None);
        let seen = others.into_iter().map(|it| it.join().unwrap());
        let mut firsts = u32::from(body);
        for (body_too, own) in seen {
            assert_eq!(body_too, body);
            firsts += u32::from(own == Some(true));
        }
        assert_eq!(firsts, 1);
    });
}
