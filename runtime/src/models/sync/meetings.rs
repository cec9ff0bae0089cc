//! Barriers and cells that are filled once, with somebody who gives up.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::{Barrier, OnceCell};

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
