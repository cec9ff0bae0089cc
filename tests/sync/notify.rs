//! Notices: kept, given to one, given to all, passed on.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use proptest::prelude::*;
use runtime::sync::Notify;

use crate::steps::{Step, ready};

#[test]
fn one_notice_is_kept_and_more_are_the_same() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    ready(notify.notified());
    drop(Step::waiting(notify.notified()));
}

#[test]
fn a_notice_goes_to_the_first_or_to_the_last() {
    let notify = Notify::new();
    let first = Step::waiting(notify.notified());
    let mut second = Step::waiting(notify.notified());
    let third = Step::waiting(notify.notified());
    notify.notify_last();
    third.woken();
    second.assert_waits();
    notify.notify_one();
    first.woken();
    second.assert_waits();
}

#[test]
fn all_who_were_made_before_are_told_and_nobody_after() {
    let notify = Arc::new(Notify::new());
    let mut made = Step::new(notify.notified());
    let waits = Step::waiting(notify.clone().notified_owned());
    notify.notify_waiters();
    assert!(made.poll().is_ready(), "made before, polled after");
    waits.woken();
    drop(Step::waiting(notify.notified()));
}

#[test]
fn who_was_told_alone_and_leaves_passes_it_on() {
    let notify = Notify::new();
    let told = Step::waiting(notify.notified());
    let next = Step::waiting(notify.notified());
    notify.notify_one();
    drop(told);
    next.woken();
    // With nobody there it is kept.
    let told = Step::waiting(notify.notified());
    notify.notify_one();
    drop(told);
    ready(notify.notified());
    // What all were told is nobody's alone.
    let told = Step::waiting(notify.notified());
    notify.notify_waiters();
    drop(told);
    drop(Step::waiting(notify.notified()));
}

#[test]
fn who_is_enabled_counts_without_being_polled() {
    let notify = Notify::new();
    let mut notified = pin!(notify.notified());
    assert!(!notified.as_mut().enable());
    notify.notify_one();
    assert!(notified.as_mut().enable());
    ready(notified);
    drop(Step::waiting(notify.notified()));
}

proptest! {
    #[test]
    fn it_agrees_with_a_queue_and_a_flag(
        steps in prop::collection::vec((0_u8..7, 0_usize..32), 0..80),
    ) {
        let notify = Notify::new();
        let mut waits: Vec<(usize, Step<'_, ()>)> = Vec::new();
        let (mut queue, mut told, mut kept) = (VecDeque::new(), Vec::new(), false);
        let tell = |queue: &mut VecDeque<usize>, told: &mut Vec<(usize, bool)>, last: bool| {
            let next = if last { queue.pop_back() } else { queue.pop_front() };
            next.map(|who| told.push((who, last))).is_none()
        };
        for (who, (step, which)) in steps.into_iter().enumerate() {
            match step {
                0..=2 => {
                    let mut wait = Step::new(notify.notified());
                    prop_assert_eq!(wait.poll().is_ready(), kept);
                    if !kept {
                        waits.push((who, wait));
                        queue.push_back(who);
                    }
                    kept = false;
                }
                3 => {
                    notify.notify_one();
                    kept |= tell(&mut queue, &mut told, false);
                }
                4 => {
                    notify.notify_last();
                    kept |= tell(&mut queue, &mut told, true);
                }
                5 if which % 4 == 0 => {
                    notify.notify_waiters();
                    for who in queue.drain(..) {
                        let at = waits.iter().position(|(it, _)| *it == who).unwrap();
                        prop_assert!(waits.remove(at).1.poll().is_ready());
                    }
                }
                _ if !waits.is_empty() => {
                    let (who, mut wait) = waits.remove(which % waits.len());
                    queue.retain(|it| *it != who);
                    let was_told = told.iter().position(|(it, _)| *it == who);
                    let was_told = was_told.map(|at| told.remove(at).1);
                    if which % 2 == 0 {
                        prop_assert_eq!(wait.poll() == Poll::Ready(()), was_told.is_some());
                    } else if let Some(last) = was_told {
                        drop(wait);
                        kept |= tell(&mut queue, &mut told, last);
                    }
                }
                _ => {}
            }
        }
    }
}
