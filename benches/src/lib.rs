//! The measuring side of Edgewake: what loads a server, and what it is
//! compared with.
//!
//! Nothing here may lean on the runtime. A load generator that shares code
//! with the server it checks shares its bugs too, and the two then agree on
//! the wrong answer: that is the one danger of this crate. It is met by
//! building on the kernel's calls and the standard library alone, and by
//! checking every echoed byte against a pattern that names its connection and
//! its offset.
//!
//! * [`sys`] holds the kernel calls, and all the `unsafe` there is.
//! * [`pattern`] says what byte belongs at which offset of which connection.
//! * [`failure`] is the one error the programs end with.
//! * [`load`] is the load generator, [`count`] the noise-free counter; their
//!   programs in `src/bin` only start them. [`compare`] sets the servers side
//!   by side, started by `benches/servers.rs`.
//! * [`programs`] finds the built programs of the workspace.

pub mod compare;
pub mod count;
pub mod failure;
pub mod load;
pub mod pattern;
pub mod programs;
pub mod sys;
