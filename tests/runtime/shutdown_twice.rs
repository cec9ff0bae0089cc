//! Shutdowns of one runtime at the same time, and one after another.

use std::future::pending;
use std::task::Waker;

use runtime::Handle;
use runtime::task::JoinSet;
use runtime::time::Duration;
use tests::event::Event;
use tests::flavours::{Flavour, flavours};
use tests::foreign;

use crate::shutdown_report::{HOUR, ids, obedient, patient};

#[test]
fn two_that_wait_for_it_do_not_wait_for_each_other() {
    flavours(|flavour| {
        let runtime = flavour.build();
        runtime.block_on(async {
            let mut set = JoinSet::new();
            // The first would end the runtime before the others are spawned.
            let all_are_there = Event::new();
            for _ in 0..3 {
                let told = all_are_there.wait();
                set.spawn(async move {
                    told.await;
                    Handle::current().shutdown(patient(HOUR)).await
                });
            }
            let ends = obedient(&Handle::current()).id();
            all_are_there.set();
            let reports = set.join_all().await;
            for report in &reports {
                assert!(report.cut.is_empty() && report.stuck.is_empty(), "{report}");
            }
            if flavour == Flavour::Single {
                // When the first has the report, the others wait for theirs still.
                assert_eq!(ids(&reports[0].finished), [ends]);
            }
        });
    });
}

/// It is one task all the same, and the other one is waited for.
#[test]
fn one_task_that_waits_for_two_counts_once() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let asked = obedient(runtime.handle());
        let is_asked = runtime.handle().shutdown_token();
        let go = Event::new();
        let told = go.wait();
        let slow = runtime.spawn(async move {
            is_asked.cancelled().await;
            told.await;
        });
        let waits = runtime.spawn(async move {
            let (handle, grace) = (Handle::current(), patient(HOUR));
            let mut first = Box::pin(handle.shutdown(grace));
            let mut second = Box::pin(handle.shutdown(grace));
            assert!(foreign::poll(&mut first, Waker::noop()).is_pending());
            assert!(foreign::poll(&mut second, Waker::noop()).is_pending());
            go.set();
            runtime::join!(first, second)
        });
        let (first, second) = runtime.block_on(waits).unwrap();
        for report in [first, second] {
            assert!(report.is_clean(), "{report}");
            assert_eq!(ids(&report.finished), [asked.id(), slow.id()], "{report}");
        }
    });
}

/// Each has all that the others have, whoever was first.
#[test]
fn two_reports_of_one_end_say_the_same() {
    flavours(|flavour| {
        let mut builder = flavour.builder();
        let runtime = builder.on_unseen_panic(|_| ()).build().unwrap();
        let asked = obedient(runtime.handle());
        let both_have_begun = Event::new();
        let told = both_have_begun.wait();
        let panics = runtime.spawn(async {
            told.await;
            panic!("asked to end");
        });
        let reports = runtime.block_on(async {
            let (handle, grace) = (Handle::current(), patient(HOUR));
            let mut first = Box::pin(handle.shutdown(grace));
            let mut second = Box::pin(handle.shutdown(grace));
            assert!(foreign::poll(&mut first, Waker::noop()).is_pending());
            assert!(foreign::poll(&mut second, Waker::noop()).is_pending());
            both_have_begun.set();
            runtime::join!(first, second)
        });
        for report in [&reports.0, &reports.1] {
            assert_eq!(ids(&report.finished), [asked.id(), panics.id()], "{report}");
            assert_eq!(report.panics.len(), 1, "{report}");
            assert_eq!(report.panics[0].task.id, panics.id());
        }
        // It is over: what comes is another end, of which there is nothing to tell.
        assert!(runtime.shutdown(Duration::ZERO).is_clean());
    });
}

#[test]
fn a_shutdown_that_is_dropped_has_asked_and_can_be_called_again() {
    flavours(|flavour| {
        let runtime = flavour.build();
        let report = runtime.block_on(async {
            let deaf = runtime::spawn(pending::<()>());
            let handle = Handle::current();
            let first = handle.shutdown(patient(HOUR));
            let asked = async {
                handle.shutdown_token().cancelled().await;
            };
            runtime::select! {
                _ = first => unreachable!("one of the tasks is deaf"),
                () = asked => {}
            }
            assert!(!deaf.is_finished());
            handle.shutdown(patient(Duration::from_millis(1))).await
        });
        assert_eq!(report.cut.len(), 1);
    });
}
