//! The two meetings at the end of a runtime.

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::ending::Ending;

/// What the workers of a runtime have done.
#[derive(Default)]
struct Log {
    stopped: AtomicUsize,
    dropped: AtomicUsize,
    last: AtomicUsize,
}

fn end(ending: &Ending, worker: usize, crew: usize, log: &Log) {
    log.stopped.fetch_add(1, Ordering::Relaxed);
    assert!(ending.meet_stopped(worker), "nobody is late");
    assert_eq!(log.stopped.load(Ordering::Relaxed), crew);
    log.dropped.fetch_add(1, Ordering::Relaxed);
    if ending.meet_dropped() {
        log.last.fetch_add(1, Ordering::Relaxed);
        assert_eq!(log.dropped.load(Ordering::Relaxed), crew);
    }
    ending.leave();
}

fn end_together(crew: usize, waits: bool) {
    loom::model(move || {
        let ending = Arc::new(Ending::new(crew));
        ending.set_limit(Duration::from_secs(7200));
        let log = Arc::new(Log::default());
        let others: Vec<_> = (1..crew)
            .map(|worker| {
                let (ending, log) = (ending.clone(), log.clone());
                thread::spawn(move || end(&ending, worker, crew, &log))
            })
            .collect();
        let waiter = waits.then(|| {
            let ending = ending.clone();
            thread::spawn(move || assert!(ending.wait_for_all()))
        });
        end(&ending, 0, crew, &log);
        waiter.into_iter().for_each(|it| it.join().unwrap());
        others.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(log.last.load(Ordering::Relaxed), 1);
        assert!(ending.missing().is_empty());
    });
}

/// Broken by: a `meet_stopped` that is content with one fewer; a `meet_dropped` that says "last" to
/// everybody.
#[test]
fn nobody_drops_before_all_have_stopped_and_one_is_the_last() {
    end_together(3, false);
}

/// Broken by: a `leave` that tells nobody.
#[test]
fn whoever_waits_for_the_end_sees_it() {
    end_together(2, true);
}

/// Broken by: a `give_up_on` that does not count them among those that have left.
#[test]
fn workers_that_never_were_are_not_waited_for() {
    loom::model(|| {
        let ending = Arc::new(Ending::new(2));
        ending.set_limit(Duration::from_secs(7200));
        // The end begins after this.
        ending.give_up_on(1);
        let worker = thread::spawn({
            let ending = ending.clone();
            move || {
                let all = ending.meet_stopped(0);
                let last = ending.meet_dropped();
                ending.leave();
                all && last
            }
        });
        assert!(ending.wait_for_all());
        assert!(worker.join().unwrap());
    });
}

/// A worker that comes when the others have gone on finds its way to the end, too.
///
/// Broken by: a `meet_dropped` that counts up to the whole crew.
#[test]
fn the_others_go_on_without_one_that_is_late() {
    loom::model(|| {
        let ending = Arc::new(Ending::new(2));
        ending.began_long_ago();
        let all_stopped = ending.meet_stopped(0);
        assert!(!all_stopped && ending.meet_dropped(), "nobody else is here");
        let late = thread::spawn({
            let ending = ending.clone();
            move || {
                ending.meet_stopped(1);
                ending.meet_dropped()
            }
        });
        ending.leave();
        assert!(late.join().unwrap(), "it drops what it has");
    });
}
