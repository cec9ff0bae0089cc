//! A closure that lets a clock go while it waits, against the thread that wakes it and moves the clock.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use crate::hold::{Hold, Waiting};

/// As a `block_on`: `turn` and its waker.
struct Root {
    woken: AtomicBool,
    waiting: Waiting,
}

impl Root {
    fn turn(&self) -> bool {
        let is_woken = self.woken.swap(false, Ordering::AcqRel);
        if is_woken {
            self.waiting.goes_on();
        } else {
            self.waiting.rests();
        }
        is_woken
    }

    fn wake(&self) {
        self.waiting.is_woken();
        self.woken.swap(true, Ordering::AcqRel);
    }
}

fn root() -> (Arc<Root>, Arc<AtomicUsize>) {
    let holds = Arc::new(AtomicUsize::new(0));
    let counted = holds.clone();
    let hold = Hold::begin(7, move |is_held| {
        if is_held {
            counted.fetch_add(1, Ordering::AcqRel);
        } else {
            counted.fetch_sub(1, Ordering::AcqRel);
        }
    });
    let entered = hold.enter();
    let waiting = Waiting::here(7).expect("the closure is here");
    drop(entered);
    let woken = AtomicBool::new(false);
    (Arc::new(Root { woken, waiting }), holds)
}

/// Broken by: a hold that is let go without a look at who has woken, and by a waker that takes nothing
/// back.
#[test]
fn who_has_woken_a_closure_finds_the_clock_held() {
    loom::model(|| {
        let (root, holds) = root();
        let mover = thread::spawn({
            let (root, holds) = (root.clone(), holds.clone());
            move || {
                root.wake();
                assert_eq!(holds.load(Ordering::Acquire), 1, "it would move the clock");
            }
        });
        while !root.turn() {
            thread::yield_now();
        }
        assert_eq!(holds.load(Ordering::Acquire), 1, "it is polled");
        mover.join().unwrap();
    });
}

/// Two wakes are one, and the turn after them lets the clock go for good.
#[test]
fn a_wake_that_was_served_holds_nothing() {
    loom::model(|| {
        let (root, holds) = root();
        let waker = thread::spawn({
            let root = root.clone();
            move || root.wake()
        });
        root.wake();
        while root.turn() {}
        waker.join().unwrap();
        while root.turn() {}
        assert_eq!(holds.load(Ordering::Acquire), 0);
        root.waiting.is_over();
        root.wake();
        assert_eq!(holds.load(Ordering::Acquire), 1, "the closure's own");
    });
}
