//! Channels and locks for tasks, usable on any executor.
//!
//! | to | take |
//! |---|---|
//! | send many values to one task | [`mpsc`] |
//! | send one value, an answer | [`oneshot`] |
//! | send many values, each to all who listen | [`broadcast`] |
//! | let all see the latest value | [`watch`] |
//! | let several tasks do something at once, but not too many | [`Semaphore`] |
//! | change a value by one task at a time, across an `.await` | [`Mutex`] |
//! | read a value by many, or change it by one | [`RwLock`] |
//! | make a value once, when it is first needed | [`OnceCell`] |
//! | wait until all have come | [`Barrier`] |
//! | ask tasks to end, and those that they started | [`CancellationToken`] |
//! | tell that something has happened, without a value | [`Notify`] |
//!
//! All are fair: who waits is served in the order of coming. A future that waits here may be dropped
//! at any time, and nothing that was given to it is lost: it goes to the next. There is no poisoning;
//! what a panic means for a type is said there.
//!
//! No waker is cloned, woken or dropped and no value of yours is dropped while a lock of ours is held.
//! Each operation that is ready counts against the budget of its task's poll, so a channel that is
//! never empty keeps no other task from running.

mod barrier;
mod blocking;
pub mod broadcast;
mod cancel;
pub mod mpsc;
mod mutex;
mod notify;
mod once_cell;
pub mod oneshot;
mod permits;
mod rwlock;
mod semaphore;
mod waiters;
pub mod watch;

pub use self::barrier::{Barrier, BarrierWaitResult};
pub(crate) use self::blocking::wait_until;
pub use self::cancel::{CancellationToken, DropGuard};
pub use self::mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use self::notify::{Notified, Notify, OwnedNotified};
pub use self::once_cell::{OnceCell, SetError};
pub use self::rwlock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockWriteGuard,
};
pub use self::semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
