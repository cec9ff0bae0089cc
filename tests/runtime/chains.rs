//! A million tasks, each of which holds the handle of the next.
//!
//! Dropping the first must not drop the second inside itself, and the third inside that: a stack of
//! 2 MiB would end after some ten thousand. Each test makes the same chain and takes it down in
//! another way.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use runtime::Runtime;
use runtime::task::{JoinHandle, yield_now};
use tests::event::until;
use tests::flavours::{Flavour, flavours_within};

use crate::turns::catch_up;

const LENGTH: usize = 1_000_000;

/// Holds the next, if there is one, and counts when it is dropped.
struct Link {
    next: Option<JoinHandle<Link>>,
    /// Whether dropping this ends the next.
    aborts: bool,
    drops: Arc<AtomicUsize>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
        if let Some(next) = self.next.as_ref().filter(|_| self.aborts) {
            next.abort();
        }
    }
}

/// Runs a test on a thread with the stack that threads have by default.
fn on_a_usual_stack(test: fn(Flavour)) {
    flavours_within(Duration::from_secs(120), move |flavour| {
        let thread = thread::Builder::new().stack_size(2 << 20);
        thread.spawn(move || test(flavour)).unwrap().join().unwrap();
    });
}

/// A chain of tasks, spawned from the tail on; the last spawned is the head.
struct Chain {
    runtime: Runtime,
    head: JoinHandle<Link>,
    drops: Arc<AtomicUsize>,
}

impl Chain {
    /// Tasks that end with their link as output.
    fn of_outputs(flavour: Flavour) -> Self {
        Self::of(flavour, false, |runtime, link| {
            runtime.spawn(async move { link })
        })
    }

    /// Tasks that hold their link and never end.
    fn of_pending(flavour: Flavour, aborts: bool) -> Self {
        let chain = Self::of(flavour, aborts, |runtime, link| {
            runtime.spawn(async move {
                let _link = link;
                pending().await
            })
        });
        catch_up(chain.runtime.handle());
        chain
    }

    fn of(
        flavour: Flavour,
        aborts: bool,
        spawn: impl Fn(&Runtime, Link) -> JoinHandle<Link>,
    ) -> Self {
        let runtime = flavour.build();
        let drops = Arc::new(AtomicUsize::new(0));
        let mut next = None;
        for _ in 0..LENGTH {
            let drops = drops.clone();
            let link = Link {
                next,
                aborts,
                drops,
            };
            next = Some(spawn(&runtime, link));
        }
        let head = next.unwrap();
        Self {
            runtime,
            head,
            drops,
        }
    }

    fn dropped(&self) -> usize {
        self.drops.load(Ordering::Relaxed)
    }
}

#[test]
fn pending_tasks_that_hold_each_other_are_dropped_flat_with_the_runtime() {
    on_a_usual_stack(|flavour| {
        let chain = Chain::of_pending(flavour, false);
        assert_eq!(chain.dropped(), 0);
        drop(chain.runtime);
        assert_eq!(chain.drops.load(Ordering::Relaxed), LENGTH);
        assert!(chain.head.is_finished());
    });
}

#[test]
fn outputs_that_hold_each_other_are_dropped_flat_from_the_head() {
    on_a_usual_stack(|flavour| {
        let chain = Chain::of_outputs(flavour);
        chain.runtime.block_on(async {
            while chain.runtime.handle().metrics().alive_tasks > 0 {
                yield_now().await;
            }
        });
        assert!(chain.head.is_finished());
        assert_eq!(chain.dropped(), 0, "each has a handle that may ask for it");
        drop(chain.head);
        // The worker that has run the last one may hold it for a moment yet.
        until(|| chain.drops.load(Ordering::Relaxed) == LENGTH);
    });
}

#[test]
fn outputs_that_hold_each_other_are_dropped_flat_by_the_last_task() {
    on_a_usual_stack(|flavour| {
        let Chain {
            runtime,
            head,
            drops,
        } = Chain::of_outputs(flavour);
        // The head is the last to run, and nobody is there to take its output.
        drop(head);
        runtime.block_on(async {
            while drops.load(Ordering::Relaxed) < LENGTH {
                yield_now().await;
            }
        });
        until(|| runtime.handle().metrics().alive_tasks == 0);
    });
}

#[test]
fn tasks_that_abort_each_other_are_dropped_flat_from_the_head() {
    on_a_usual_stack(|flavour| {
        let chain = Chain::of_pending(flavour, true);
        chain.head.abort();
        chain.runtime.block_on(async {
            while chain.dropped() < LENGTH {
                yield_now().await;
            }
        });
        until(|| chain.runtime.handle().metrics().alive_tasks == 0);
    });
}

#[test]
fn tasks_that_abort_each_other_are_dropped_flat_with_the_runtime() {
    on_a_usual_stack(|flavour| {
        let chain = Chain::of_pending(flavour, true);
        drop(chain.runtime);
        assert_eq!(chain.drops.load(Ordering::Relaxed), LENGTH);
        assert!(chain.head.is_finished());
    });
}
