//! A queue of values with deadlines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::prelude::*;
use runtime::time::{DelayQueue, Duration, Instant};
use tests::deadline::soon;
use tests::foreign::Foreign;
use tests::panics::panics;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn values_come_out_by_their_deadlines_and_not_before() {
    soon(|| {
        runtime::block_on(async {
            let mut queue = DelayQueue::new();
            let start = Instant::now();
            for late in [5, 1, 3, 3] {
                queue.insert(late, Duration::from_millis(late));
            }
            queue.insert(0, Duration::MAX);
            for expected in [1, 3, 3, 5] {
                let expired = queue.next().await.unwrap();
                assert!(start.elapsed() >= Duration::from_millis(expected));
                assert!(Instant::now() >= expired.deadline());
                assert_eq!(expired.into_inner(), expected);
            }
            assert_eq!(queue.len(), 1);
            queue.clear();
            assert!(queue.next().await.is_none());
        });
    });
}

#[test]
fn who_waits_learns_of_what_is_earlier() {
    soon(|| {
        runtime::block_on(async {
            let mut queue = DelayQueue::new();
            let far = queue.insert("far", HOUR);
            let counts = Arc::new(Foreign::new());
            let waker = counts.waker();
            let mut context = Context::from_waker(&waker);
            assert!(queue.poll_expired(&mut context).is_pending());
            queue.insert("farther", HOUR * 2);
            assert_eq!(counts.wakes(), 0);
            queue.insert("near", Duration::ZERO);
            assert_eq!(counts.wakes(), 1);
            let Poll::Ready(Some(near)) = queue.poll_expired(&mut context) else {
                panic!("it is due");
            };
            assert_eq!(*near.get_ref(), "near");
            queue.reset(&far, Duration::from_millis(1));
            assert_eq!(queue.next().await.unwrap().key(), far);
            assert!(queue.try_remove(&far).is_none());
            assert!(panics(move || queue.remove(&far)).contains("DelayQueue::remove"));
        });
    });
}

#[test]
fn a_key_finds_no_other_value_in_the_same_place() {
    let mut queue = DelayQueue::new();
    let first = queue.insert(1, HOUR);
    assert_eq!(queue.remove(&first).into_inner(), 1);
    let second = queue.insert(2, HOUR);
    assert!(queue.try_remove(&first).is_none());
    assert!(queue.deadline(&first).is_none());
    assert_eq!(queue.remove(&second).into_inner(), 2);
}

proptest! {
    #[test]
    fn it_agrees_with_a_sorted_map(
        steps in prop::collection::vec((0_u8..5, 0_u64..20, 0_usize..16), 0..80),
    ) {
        let mut queue = DelayQueue::new();
        let mut map = BTreeMap::new();
        let mut keys = Vec::new();
        let start = Instant::now() + HOUR;
        for (number, (step, late, which)) in (0_u64..).zip(steps) {
            let deadline = start + Duration::from_secs(late);
            match step {
                0 | 1 => {
                    let key = queue.insert_at(number, deadline);
                    keys.push((key, number));
                    map.insert((deadline, number), key);
                }
                2 if !keys.is_empty() => {
                    let (key, number) = keys.swap_remove(which % keys.len());
                    let expired = queue.remove(&key);
                    prop_assert_eq!(*expired.get_ref(), number);
                    prop_assert_eq!(map.remove(&(expired.deadline(), number)), Some(key));
                }
                3 if !keys.is_empty() => {
                    let (key, number) = keys[which % keys.len()];
                    let former = queue.deadline(&key).unwrap();
                    queue.reset_at(&key, deadline);
                    map.remove(&(former, number));
                    map.insert((deadline, number), key);
                }
                _ => prop_assert_eq!(queue.len(), map.len()),
            }
            prop_assert_eq!(queue.peek(), map.values().next().copied());
        }
    }
}
