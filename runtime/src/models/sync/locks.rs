//! The value of a lock is one holder's at a time: the checker's own cell would see two.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::future::block_on;
use loom::thread;

use super::try_once;
use crate::sync::{Mutex, RwLock, RwLockWriteGuard};

/// A value whose use by two at once is an error of the model.
struct Watched(UnsafeCell<u32>);

// SAFETY: that it is used by one at a time is what the checker looks at.
#[allow(unsafe_code)]
unsafe impl Send for Watched {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Watched {}

impl Watched {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[allow(unsafe_code)]
    fn add(&mut self) {
        // SAFETY: the checker fails the model if anybody else is in here.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    #[allow(unsafe_code)]
    fn read(&self) -> u32 {
        // SAFETY: the checker fails the model if anybody writes meanwhile.
        self.0.with(|value| unsafe { *value })
    }
}

#[test]
fn a_mutex_has_one_holder() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(Watched::new()));
        let other = thread::spawn({
            let mutex = mutex.clone();
            move || block_on(mutex.lock_owned()).add()
        });
        block_on(mutex.lock()).add();
        other.join().unwrap();
        assert_eq!(mutex.try_lock().unwrap().read(), 2);
    });
}

#[test]
fn a_mutex_outlives_who_gives_up() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(Watched::new()));
        let fickle = thread::spawn({
            let mutex = mutex.clone();
            move || {
                if let Some(mut value) = try_once(mutex.lock()) {
                    value.add();
                }
            }
        });
        let other = thread::spawn({
            let mutex = mutex.clone();
            move || block_on(mutex.lock()).add()
        });
        block_on(mutex.lock()).add();
        fickle.join().unwrap();
        other.join().unwrap();
        assert!(mutex.try_lock().unwrap().read() >= 2);
    });
}

#[test]
fn a_writer_is_alone_and_readers_are_not() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Watched::new()));
        let reader = thread::spawn({
            let lock = lock.clone();
            move || block_on(lock.read()).read()
        });
        let writer = thread::spawn({
            let lock = lock.clone();
            move || {
                let mut value = block_on(lock.write());
                value.add();
                RwLockWriteGuard::downgrade(value).read()
            }
        });
        assert!(block_on(lock.clone().read_owned()).read() <= 1);
        assert!(reader.join().unwrap() <= 1);
        assert_eq!(writer.join().unwrap(), 1);
    });
}

#[test]
fn a_writer_that_gives_up_lets_in_who_stands_behind_it() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Watched::new()));
        let reads = block_on(lock.read());
        let fickle = thread::spawn({
            let lock = lock.clone();
            move || assert!(try_once(lock.write()).is_none())
        });
        let reader = thread::spawn({
            let lock = lock.clone();
            move || block_on(lock.read()).read()
        });
        // The first reader stays: only the writer's leaving can let the second one in.
        assert_eq!(reader.join().unwrap(), 0);
        fickle.join().unwrap();
        drop(reads);
        lock.try_write().unwrap().add();
    });
}
