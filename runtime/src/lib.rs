//! An async runtime for Linux, on edge-triggered epoll.
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("this runtime is for Linux: it stands on epoll, eventfd and signalfd");

// The macros name this crate, and are used in it too.
extern crate self as runtime;

mod builder;
mod coop;
mod driver;
mod executor;
mod foreign;
mod handle;
pub mod io;
#[cfg(all(test, loom))]
mod models;
mod park;
mod primitive;
mod reactor;
mod runtimes;
mod shared;
mod sys;
pub mod task;
mod tasks;
pub mod time;
mod timer;

pub use builder::Builder;
pub use handle::{EnterGuard, Handle, Metrics, TryCurrentError};
#[cfg(feature = "macros")]
pub use runtime_macros::{main, test};
pub use runtimes::{LocalRuntime, Runtime, block_on};
pub use task::{spawn, spawn_local};
