//! The life of a task.
//!
//! A task is a future that an executor polls on its own account. All of it is one allocation: a
//! [`Header`](raw::Header) that is the same for all, then the executor's own word, then the future,
//! and when that is done its output in the same place.
//!
//! 1. [`spawn`] makes the cell and two references: the executor's, which lasts until the
//!    task is done, and the [`JoinHandle`]'s. It starts out scheduled.
//! 2. A worker takes it from its queue and [runs](raw::Runnable::run) it: one poll. If it is not
//!    ready, somebody has a [`Waker`](std::task::Waker), and waking puts it into a queue again.
//! 3. When it is ready, or has panicked, or was aborted, the future is dropped, the output stored,
//!    the handle's waker woken, and the executor gives its reference back.
//! 4. The last reference frees the allocation: usually the handle's, or that of a waker kept
//!    somewhere.
//!
//! The public side of all this, with `spawn` for users, is the module [`task`](crate::task).
//!
//! Who may do what is one atomic word, drawn in [`state`]. `cell` is the only file that knows a
//! future's type; `raw`, `waker` and `join` hold the pointer to it.

mod cell;
mod error;
mod id;
mod info;
mod join;
mod panics;
mod raw;
pub(crate) mod state;
mod waker;

pub(crate) use cell::{Schedule, spawn};
pub use error::JoinError;
pub use id::Id;
pub use info::TaskInfo;
pub(crate) use info::{Outside, current};
pub use join::{AbortHandle, JoinHandle};
pub use panics::TaskPanic;
pub(crate) use panics::{Notes, OnUnseen, Panics};
pub(crate) use raw::{Header, Runnable, TaskRef};
