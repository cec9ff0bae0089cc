//! Running tasks.
//!
//! One kind of worker serves both flavours: [`worker`] tells its loop. It runs what its [`queue`]
//! holds, takes in what other threads send to its [`inbox`], and sleeps in its
//! [driver](crate::driver). [`owned`] knows all live tasks, for the end; [`context`] knows which
//! core a thread runs.

mod context;
pub(crate) mod inbox;
mod owned;
mod queue;
mod worker;

pub(crate) use worker::{Core, Main, Shell};
