//! Notices: to one, to all, and to one who leaves.

use std::sync::Arc;

use loom::future::block_on;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::try_once;
use crate::sync::Notify;

#[test]
fn a_notice_is_kept_or_wakes() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let other = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_one()
        });
        block_on(notify.notified());
        other.join().unwrap();
    });
}

#[test]
fn two_notices_reach_two_waiters() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let other = thread::spawn({
            let notify = notify.clone();
            move || {
                block_on(notify.notified());
                // What was one notice for two is passed on.
                notify.notify_one();
            }
        });
        notify.notify_one();
        block_on(notify.notified());
        notify.notify_one();
        other.join().unwrap();
    });
}

#[test]
fn a_notice_to_one_who_leaves_goes_to_the_next() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let fickle = thread::spawn({
            let notify = notify.clone();
            move || try_once(notify.notified()).is_some()
        });
        let teller = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_one()
        });
        if fickle.join().unwrap() {
            notify.notify_one();
        }
        block_on(notify.notified());
        teller.join().unwrap();
    });
}

#[test]
fn a_waiter_that_was_made_before_the_look_is_told_with_all() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let flag = Arc::new(AtomicBool::new(false));
        let teller = thread::spawn({
            let (notify, flag) = (notify.clone(), flag.clone());
            move || {
                flag.store(true, Ordering::Relaxed);
                notify.notify_waiters();
            }
        });
        let notified = notify.notified();
        if !flag.load(Ordering::Relaxed) {
            block_on(notified);
            assert!(flag.load(Ordering::Relaxed));
        }
        teller.join().unwrap();
    });
}

#[test]
fn one_and_all_at_once_leave_a_word_that_is_right() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let teller = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_waiters()
        });
        let other = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_one()
        });
        block_on(notify.notified());
        teller.join().unwrap();
        other.join().unwrap();
        // Whatever was before: a notice from now on is found.
        notify.notify_one();
        block_on(notify.notified());
    });
}
