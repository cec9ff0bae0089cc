//! Dropping a future at each place where it waits.
//!
//! A future may be dropped wherever it has returned "pending", and there are two moments for it: at
//! once, and when it was woken and is not polled any more. What a method promises for that is
//! shown by dropping it at the first such place, at the second, and so on, until it is done before.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Where to drop.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// At so many returns of "pending", from one on.
    pub wait: usize,
    /// When it was woken, rather than at once.
    pub when_woken: bool,
}

impl Place {
    /// The first one.
    pub const FIRST: Self = Self {
        wait: 1,
        when_woken: false,
    };
}

/// Polls a future to its end or to the place, where it is dropped.
pub async fn cut<F: Future>(place: Place, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut waits = 0;
    poll_fn(|context| {
        if waits == place.wait {
            // Woken, and not polled.
            return Poll::Ready(None);
        }
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                waits += 1;
                if waits == place.wait && !place.when_woken {
                    return Poll::Ready(None);
                }
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs `test` with each place in turn, until it says that its future was done before: by returning
/// false.
///
/// # Panics
///
/// If the future never waited: then nothing was shown.
pub async fn everywhere(mut test: impl AsyncFnMut(Place) -> bool) {
    for when_woken in [false, true] {
        let mut wait = 1;
        while test(Place { wait, when_woken }).await {
            wait += 1;
        }
        assert!(wait > 1, "it was done without a wait");
    }
}
