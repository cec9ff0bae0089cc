//! An async runtime for Linux, on edge-triggered epoll.
//!
//! It polls futures ([`spawn`], [`block_on`], [`Runtime`]), wakes them when a descriptor is ready
//! ([`io::AsyncFd`]) or a time has come ([`time`]), and sleeps otherwise. Sockets are in the `net`
//! crate, which knows of the reactor what `AsyncFd` shows, and no more.
//!
//! ```
//! use runtime::time::{Duration, sleep};
//!
//! #[runtime::main]
//! async fn main() {
//!     let slow = runtime::spawn(async {
//!         sleep(Duration::from_millis(10)).await;
//!         "slow"
//!     });
//!     let quick = runtime::spawn(async { "quick" });
//!     assert_eq!(quick.await.unwrap(), "quick");
//!     assert_eq!(slow.await.unwrap(), "slow");
//! }
//! ```
//!
//! # Features
//!
//! `macros` (on by default) brings [`macro@main`] and [`macro@test`]. There are no others: what is
//! here is here always.
//!
//! # How it works
//!
//! ```text
//!  kernel event -> Epoll::wait -> Reactor::dispatch -> Waker::wake -> Shell::schedule -> queue
//!                                                                                          |
//!  system call <- AsyncFd <- leaf future <- Future::poll <- Runnable::run <----------------+
//!  (would block: readiness is clear, the waker is in the slot; no epoll call on this path)
//! ```
//!
//! To read the source, follow `docs/reading.md`: from the echo server down to the system calls, and
//! up again through the tasks to the timers.
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("this runtime is for Linux: it stands on epoll and eventfd");

// The macros name this crate, and are used in it too.
extern crate self as runtime;

mod blocking;
mod builder;
mod closing;
mod coop;
mod driver;
mod ending;
mod executor;
mod faults;
mod foreign;
mod handle;
mod here;
mod hold;
mod hooks;
pub mod io;
#[doc(hidden)]
pub mod macros;
mod metrics;
#[cfg(all(test, loom))]
mod models;
mod park;
mod primitive;
mod reactor;
mod runtimes;
#[cfg(all(test, shuttle))]
mod schedules;
mod shared;
pub mod shutdown;
mod signals;
mod staff;
pub mod sync;
#[cfg(not(shuttle))]
mod sys;
#[cfg(shuttle)]
#[path = "schedules/kernel.rs"]
mod sys;
pub mod task;
mod tasks;
pub mod test;
pub mod time;
mod timer;

pub use builder::Builder;
pub use executor::StuckTask;
pub use handle::{EnterGuard, Handle, TryCurrentError};
pub use metrics::Metrics;
/// Makes an `async fn main` the start of the program, run by a runtime of its own.
///
/// * `#[runtime::main]`: by a [`Runtime`] with a worker thread a processor.
/// * `#[runtime::main(workers = 4)]`, or `worker_threads = 4`: with so many.
/// * `#[runtime::main(flavor = "current_thread")]`: with none, so that tasks run on this thread.
///   (`"multi_thread"` is the default.)
/// * `#[runtime::main(single)]`: by a [`LocalRuntime`], all on this thread, for futures that are not
///   `Send` and for [`spawn_local`].
/// * `#[runtime::main(signals = [SignalKind::terminate()])]`: by one that keeps these signals for
///   streams of them, as [`Builder::signals`] does; together with any of the others.
///
/// The function is a free one, without arguments; what it returns is what `main` returns.
///
/// # Panics
///
/// If the runtime cannot be started.
///
/// # Examples
///
/// ```
/// #[runtime::main]
/// async fn main() -> std::io::Result<()> {
///     let text = runtime::spawn(async { "hello" }).await?;
///     println!("{text}");
///     Ok(())
/// }
/// ```
#[cfg(feature = "macros")]
pub use runtime_macros::main;
/// Makes an `async fn` a test, run by a fresh runtime, of one thread if nothing is said.
///
/// * `#[runtime::test]`: by a [`Runtime`] of the current-thread flavour.
/// * `#[runtime::test(workers = 2)]`, or `worker_threads = 2`: with workers; `flavor = "multi_thread"`
///   takes one a processor.
/// * `#[runtime::test(single)]`: by a [`LocalRuntime`], for futures that are not `Send` and for
///   [`spawn_local`].
/// * `#[runtime::test(start_paused)]`, or `start_paused = true`: by such a one whose clock stands
///   still, as after [`time::pause`].
///
/// Attributes such as `#[should_panic]` and `#[ignore]`, and results as return types, work as with
/// `#[test]`, which must not be there as well.
///
/// # Examples
///
/// ```
/// #[runtime::test]
/// async fn a_task_gives_its_output() {
///     assert_eq!(runtime::spawn(async { 1 }).await.unwrap(), 1);
/// }
/// ```
#[cfg(feature = "macros")]
pub use runtime_macros::test;
pub use runtimes::{LocalRuntime, Runtime, block_on};
pub use task::{spawn, spawn_blocking, spawn_local};
