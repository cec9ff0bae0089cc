//! Barriers and cells that are filled once, with somebody who gives up; tokens and trackers.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::{Barrier, CancellationToken, OnceCell};
use crate::task::TaskTracker;

#[test]
fn two_meet_whoever_gives_up_before() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let fickle = try_once(barrier.wait());
        assert!(fickle.is_none());
        let other = thread::spawn({
            let barrier = barrier.clone();
            move || block_on(barrier.wait()).is_leader()
        });
        let leads = block_on(barrier.wait()).is_leader();
        assert_ne!(leads, other.join().unwrap());
    });
}

#[test]
fn a_value_is_made_once() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let other = thread::spawn({
            let cell = cell.clone();
            move || *block_on(cell.get_or_init(|| async { 1 }))
        });
        let value = *block_on(cell.get_or_init(|| async { 2 }));
        assert_eq!(other.join().unwrap(), value);
    });
}

#[test]
fn a_maker_that_gives_up_strands_nobody() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let other = thread::spawn({
            let cell = cell.clone();
            move || {
                assert!(
                    try_once(cell.get_or_init(std::future::pending::<u32>))
                        .is_none_or(|it| *it == 2)
                )
            }
        });
        assert_eq!(*block_on(cell.get_or_init(|| async { 2 })), 2);
        other.join().unwrap();
    });
}

#[test]
fn a_child_that_is_born_during_the_cancelling_is_asked_too() {
    loom::model(|| {
        let root = CancellationToken::new();
        let other = thread::spawn({
            let root = root.clone();
            move || root.cancel()
        });
        let child = root.child_token();
        drop(root);
        block_on(child.cancelled());
        other.join().unwrap();
    });
}

#[test]
fn a_child_that_goes_during_the_cancelling_leaves_no_trace() {
    loom::model(|| {
        let root = CancellationToken::new();
        let grandchild = root.child_token().child_token();
        let other = thread::spawn(move || drop(grandchild));
        root.cancel();
        other.join().unwrap();
        assert!(root.child_token().is_cancelled());
    });
}

#[test]
fn the_last_token_and_the_closing_end_the_wait() {
    loom::model(|| {
        let tracker = TaskTracker::new();
        let token = tracker.token();
        let other = thread::spawn(move || drop(token));
        let closer = thread::spawn({
            let tracker = tracker.clone();
            move || tracker.close()
        });
        block_on(tracker.wait());
        other.join().unwrap();
        assert!(closer.join().unwrap());
    });
}
