//! Readiness: an event against a task that is about to wait, and against an owner that leaves.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::reactor::{Direction, Ready, Registered, Slot};

const READABLE: Ready = Ready::to_read(crate::sys::bits::IN);

/// A descriptor: what can be read, and the slot that remembers that there is something.
struct Pipe {
    bytes: AtomicUsize,
    slot: Slot,
    generation: u32,
}

impl Pipe {
    fn new() -> Arc<Self> {
        let slot = Slot::new();
        let generation = slot.claim(Ready::NONE, false);
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            slot,
            generation,
        })
    }

    /// Data arrives, and the reactor reports an edge.
    fn arrive(&self) {
        self.bytes.fetch_add(1, Ordering::Release);
        assert!(self.slot.dispatch(self.generation, READABLE, Ready::NONE));
    }

    /// The system call: one byte, or "would block".
    fn call(&self) -> Option<()> {
        let take = |bytes: usize| bytes.checked_sub(1);
        let taken = self
            .bytes
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        taken.ok().map(drop)
    }

    /// Reads as `AsyncFd` does: clear, call, wait. A read that got something proves nothing.
    async fn read(&self) {
        let mut ticket = None;
        poll_fn(|context| {
            loop {
                let taken = self.slot.take(Direction::Read);
                if !taken.ready.is_none() {
                    if self.call().is_some() {
                        self.slot.put_back(Direction::Read, taken.ready);
                        return Poll::Ready(());
                    }
                }
                let waker = context.waker();
                let registered = match self.slot.register(Direction::Read, waker) {
                    Some(registered) => registered,
                    None => self
                        .slot
                        .join_crowd(Direction::Read, waker, Some(&mut ticket)),
                };
                if registered == Registered::Waiting {
                    return Poll::Pending;
                }
            }
        })
        .await;
        if let Some(ticket) = ticket {
            self.slot.leave(ticket);
        }
    }
}

#[test]
fn an_edge_before_during_or_after_the_wait_is_seen() {
    loom::model(|| {
        let pipe = Pipe::new();
        let reactor = thread::spawn({
            let pipe = pipe.clone();
            move || pipe.arrive()
        });
        block_on(pipe.read());
        reactor.join().unwrap();
    });
}

#[test]
fn two_edges_serve_two_reads() {
    loom::model(|| {
        let pipe = Pipe::new();
        let reactor = thread::spawn({
            let pipe = pipe.clone();
            move || {
                pipe.arrive();
                pipe.arrive();
            }
        });
        block_on(async {
            pipe.read().await;
            pipe.read().await;
        });
        reactor.join().unwrap();
    });
}

#[test]
fn two_readers_of_one_direction_are_both_served() {
    loom::model(|| {
        let pipe = Pipe::new();
        let other = thread::spawn({
            let pipe = pipe.clone();
            move || block_on(pipe.read())
        });
        pipe.arrive();
        pipe.arrive();
        block_on(pipe.read());
        other.join().unwrap();
    });
}

#[test]
fn what_one_reader_leaves_wakes_the_other() {
    // One edge for two bytes: the second reader lives on what the first puts back.
    loom::model(|| {
        let pipe = Pipe::new();
        pipe.bytes.store(1, Ordering::Relaxed);
        let other = thread::spawn({
            let pipe = pipe.clone();
            move || block_on(pipe.read())
        });
        pipe.arrive();
        block_on(pipe.read());
        other.join().unwrap();
    });
}

#[test]
fn an_event_for_the_last_owner_leaves_the_next_alone() {
    loom::model(|| {
        let pipe = Pipe::new();
        let reactor = thread::spawn({
            let pipe = pipe.clone();
            move || pipe.slot.dispatch(pipe.generation, READABLE, Ready::NONE)
        });
        pipe.slot.release();
        let next = pipe.slot.claim(Ready::NONE, false);
        assert_ne!(next, pipe.generation);
        let before_release = reactor.join().unwrap();
        let _ = before_release;
        assert!(pipe.slot.peek(Direction::Read).is_none());
    });
}

#[test]
fn no_waker_stays_behind_when_the_owner_leaves_during_a_wake() {
    loom::model(|| {
        let pipe = Pipe::new();
        let task = Arc::new(Counted);
        let waker = std::task::Waker::from(task.clone());
        assert_eq!(
            pipe.slot.register(Direction::Read, &waker),
            Some(Registered::Waiting)
        );
        drop(waker);
        let reactor = thread::spawn({
            let pipe = pipe.clone();
            move || pipe.slot.dispatch(pipe.generation, READABLE, Ready::NONE)
        });
        pipe.slot.release();
        reactor.join().unwrap();
        assert_eq!(Arc::strong_count(&task), 1);
    });
}

#[test]
fn the_end_of_the_runtime_is_learned_by_who_waits() {
    loom::model(|| {
        let pipe = Pipe::new();
        let ender = thread::spawn({
            let pipe = pipe.clone();
            move || pipe.slot.shut()
        });
        block_on(poll_fn(|context| {
            match pipe.slot.register(Direction::Read, context.waker()) {
                Some(Registered::Ready) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        assert!(pipe.slot.is_shut());
        ender.join().unwrap();
    });
}

struct Counted;

impl std::task::Wake for Counted {
    fn wake(self: Arc<Self>) {}
}
