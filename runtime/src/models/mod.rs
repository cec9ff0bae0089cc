//! The protocols of this crate under a model checker.
//!
//! Each model is a few threads and a few steps, of the real types, run in every order that the
//! memory model allows (with a bound on preemptions). What a stress test would have to hit by luck
//! is found here, or shown not to be there. `docs/testing.md` has the command.
//!
//! A lost wake is a thread that waits for ever, which the checker reports as a deadlock; or, where
//! nobody can be made to wait, a final state that is asserted not to be.

mod park;
mod pool;
mod slot;
mod sync;
mod task;
