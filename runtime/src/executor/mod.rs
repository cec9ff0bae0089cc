//! Running tasks.
//!
//! One kind of worker serves both flavours: [`worker`] tells its loop, a [`turn`] of which ends in time,
//! and [`core`](self::core) who may run it. It runs what stands in its line, takes in what other threads send to its [`inbox`], and sleeps in its
//! [driver](crate::driver). [`owned`] knows all live tasks, for the end; [`context`] knows which
//! core a thread runs; [`shell`] is what others see of a core.
//!
//! A core that is alone has its line in a [`queue`]. Where there are several, a [`crew`], each has its
//! line in a [`lane`] that the others can take from: [`balance`] says when, and [`sentinel`] looks
//! after a worker that is stuck, by its [`pulse`].

mod balance;
mod context;
mod core;
pub(crate) mod counts;
mod crew;
pub(crate) mod inbox;
pub(crate) mod lane;
pub(crate) mod owned;
mod pulse;
mod queue;
pub(crate) mod ring;
mod sentinel;
mod shell;
mod stuck;
mod turn;
mod wake_cost;
mod worker;

pub(crate) use self::core::Core;
pub(crate) use crew::{Crew, OnStuck};
pub(crate) use owned::Watch;
pub(crate) use shell::Shell;
pub use stuck::StuckTask;
pub(crate) use wake_cost::measure as measure_wake_cost;
pub(crate) use worker::{Ended, Main};
