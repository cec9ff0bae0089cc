//! What must hold of channels and locks, seen from outside: a file a type.
//!
//! Futures are polled by hand here, or by an executor that is not ours, unless a test is about the
//! runtime: what is in `runtime::sync` must not need it.

mod broadcast;
mod budgets;
mod hostile;
mod locks;
mod meetings;
mod mpsc;
mod notify;
mod oneshot;
mod semaphore;
mod steps;
mod streams;
mod tokens;
mod watch;
