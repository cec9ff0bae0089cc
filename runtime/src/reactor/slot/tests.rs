//! Steps of a slot that come between two others, each at a moment that is chosen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;
use crate::sys::bits;

const READABLE: Ready = Ready::to_read(bits::IN);

/// Counts its wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn an_edge_while_the_waker_is_stored_is_seen() {
    let slot = Slot::new();
    let generation = slot.claim(Ready::NONE, false);
    let count = Arc::new(Count::default());
    // The first half of waiting, up to the moment before the waker counts.
    let seen = slot.load().to_busy(Direction::Read);
    slot.word.store(seen.0, Ordering::Relaxed);
    let waker = Some(Waker::from(count.clone()));
    // SAFETY: we hold BUSY, and there is no other thread.
    slot.cell(Direction::Read)
        .with_mut(|cell| unsafe { *cell = waker });
    assert!(slot.dispatch(generation, READABLE, Ready::NONE));
    assert_eq!(slot.settle(Direction::Read, seen), Registered::Ready);
    assert_eq!(count.0.load(Ordering::Relaxed), 0);
    assert!(!slot.take(Direction::Read).ready.is_none());
}

#[test]
fn an_event_of_a_former_owner_is_refused() {
    let slot = Slot::new();
    let former = slot.claim(Ready::NONE, false);
    slot.release();
    let owner = slot.claim(Ready::NONE, false);
    assert!(!slot.dispatch(former, READABLE, Ready::NONE));
    assert!(slot.peek(Direction::Read).is_none());
    assert!(slot.dispatch(owner, READABLE, Ready::NONE));
    assert!(!slot.peek(Direction::Read).is_none());
}

#[test]
fn reading_uses_up_nothing_of_the_room_to_write() {
    let slot = Slot::new();
    let owner = slot.claim(Ready::NONE, false);
    assert!(slot.dispatch(owner, READABLE, Ready::to_write(bits::OUT)));
    assert!(!slot.take(Direction::Read).ready.is_none());
    assert!(slot.peek(Direction::Read).is_none());
    assert!(slot.is_plainly_writable());
}
