//! The servers of the examples under many seeds: whatever the order of things, nothing is lost.
//!
//! Server and clients are tasks of one runtime with a seed, over real sockets of the loopback
//! interface. Each seed draws a crowd of clients of several kinds; what each of them must see is said
//! in [`echo`] and [`chat`].
//!
//! ```text
//! EDGEWAKE_SEEDS=0..10000 cargo test -p tests --test seeds
//! ```

mod chat;
mod echo;
mod numbers;
mod servers;

use std::future::Future;
use std::time::Duration;

use tests::deadline::within;

/// Runs a test under each seed. Somebody who waits for ever is found after ten minutes of paused time.
fn seeds<F: Future<Output = ()>>(test: impl Fn(u64) -> F + Send + Sync + 'static) {
    within(Duration::from_secs(3600), move || {
        runtime::test::seeds(0..100, |seed| {
            let everything = test(seed);
            async move {
                runtime::time::timeout(Duration::from_secs(600), everything)
                    .await
                    .expect("ten minutes of paused time: somebody waits for ever");
            }
        });
    });
}
