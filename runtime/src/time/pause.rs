//! Stopping the clock, for tests.
//!
//! While a runtime's clock is paused, [`Instant::now`](super::Instant::now), sleeps and timeouts see
//! it stand still. When the runtime has nothing else to do, it goes on to the next deadline: a test of
//! an hour of timeouts takes a millisecond, and each time the same.
//!
//! The danger is what takes real time. Sockets, other threads and child processes do not stop, so a
//! timeout beside a real peer is over as soon as that peer lets us wait. What is ready is always
//! served first, and closures of `spawn_blocking` hold the clock while they do not wait for it; for all
//! else time is [resumed](resume).

use std::future::{Future, poll_fn};
use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

use crate::driver::{self, Drivers};
use crate::primitive::Arc;

/// Stops the clock of the current runtime.
///
/// From now on the runtime moves it by itself, to the next deadline, whenever nothing else is left to
/// do: no task is ready, no descriptor, and no closure of `spawn_blocking` runs. To move it by hand
/// there is [`advance`].
///
/// A closure of `spawn_blocking` that is given to the runtime while the clock stands holds it until its
/// end, but for the time that it waits in [`Handle::block_on`](crate::Handle::block_on) of this runtime.
/// If it waits for this clock in another way, by a channel say, it waits for ever: use `block_on` for that.
///
/// # Panics
///
/// Outside of a runtime; in one with worker threads; and if the clock stands already.
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration, Instant};
///
/// runtime::block_on(async {
///     time::pause();
///     let start = Instant::now();
///     time::sleep(Duration::from_secs(3600)).await; // takes no time
///     assert!(start.elapsed() >= Duration::from_secs(3600));
/// });
/// ```
#[track_caller]
pub fn pause() {
    let caller = Location::caller();
    let drivers = current("time::pause", caller);
    assert!(
        drivers.timers().clock().may_pause(),
        "time::pause was called at {caller}, in a runtime with worker threads, which would each see \
         another time: use Builder::new_current_thread, or #[runtime::test]"
    );
    assert!(
        drivers.timers().clock().pause(),
        "time::pause was called at {caller}, but the clock stands already: call time::resume first"
    );
}

/// Lets the clock of the current runtime go on, from where it stands.
///
/// # Panics
///
/// Outside of a runtime; and if the clock does not stand.
///
/// # Examples
///
/// ```
/// use runtime::time;
///
/// runtime::block_on(async {
///     time::pause();
///     time::sleep(time::Duration::from_secs(10)).await;
///     time::resume();
/// });
/// ```
#[track_caller]
pub fn resume() {
    let caller = Location::caller();
    let drivers = current("time::resume", caller);
    assert!(
        drivers.timers().clock().resume(),
        "time::resume was called at {caller}, but {NOT_PAUSED}"
    );
}

/// Moves a paused clock, wakes whose time has come, and lets them run once.
///
/// The clock makes one step, however many deadlines lie in between.
///
/// # Panics
///
/// Outside of a runtime; and if the clock does not stand.
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration, Instant, sleep};
///
/// runtime::block_on(async {
///     time::pause();
///     let start = Instant::now();
///     let task = runtime::spawn(sleep(Duration::from_millis(20)));
///     runtime::task::yield_now().await; // it has begun to sleep
///     time::advance(Duration::from_millis(20)).await;
///     assert!(task.is_finished());
///     assert_eq!(start.elapsed(), Duration::from_millis(20));
/// });
/// ```
#[track_caller]
pub fn advance(duration: Duration) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let drivers = current("time::advance", caller);
        assert!(
            drivers.timers().clock().advance(duration),
            "time::advance was called at {caller}, but {NOT_PAUSED}"
        );
        let mut due = Vec::new();
        drivers.timers().iter().for_each(|timers| {
            timers.fire(&mut due);
        });
        let mut has_yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

fn current(call: &str, caller: &Location<'_>) -> Arc<Drivers> {
    driver::current(call, caller).unwrap_or_else(|error| panic!("{error}"))
}

const NOT_PAUSED: &str = "the clock runs: call time::pause first, or Builder::start_paused(true)";
