//! Permits: given, taken, given up and closed, all at once.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::{AcquireError, Semaphore};

#[test]
fn a_permit_goes_from_hand_to_hand() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let other = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(block_on(semaphore.acquire()).unwrap())
        });
        drop(block_on(semaphore.acquire()).unwrap());
        other.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn two_wait_and_one_gives() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiter = |semaphore: &Arc<Semaphore>| {
            let semaphore = semaphore.clone();
            thread::spawn(move || block_on(semaphore.acquire()).unwrap().forget())
        };
        let (one, two) = (waiter(&semaphore), waiter(&semaphore));
        semaphore.add_permits(1);
        semaphore.add_permits(1);
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn who_gives_up_loses_no_permit_and_strands_nobody() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let fickle = thread::spawn({
            let semaphore = semaphore.clone();
            move || {
                // Gives up at once, whether it was called meanwhile or not.
                if let Some(permit) = try_once(semaphore.acquire()) {
                    drop(permit.unwrap());
                }
            }
        });
        let giver = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1)
        });
        block_on(semaphore.acquire()).unwrap().forget();
        fickle.join().unwrap();
        giver.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn who_wants_many_and_gives_up_lets_the_next_have_what_was_saved() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let greedy = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(try_once(semaphore.acquire_many(2)))
        });
        block_on(semaphore.acquire()).unwrap().forget();
        greedy.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn closing_is_learned_by_all_or_the_permit_is_had() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let closer = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.close()
        });
        let giver = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1)
        });
        let outcome: Result<(), AcquireError> = block_on(semaphore.acquire()).map(drop);
        closer.join().unwrap();
        giver.join().unwrap();
        assert!(semaphore.is_closed());
        assert_eq!(semaphore.available_permits(), 1, "{outcome:?}");
    });
}
