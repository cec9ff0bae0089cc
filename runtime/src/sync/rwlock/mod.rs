//! A lock that many may read through, or one may write through.
//!
//! A reader takes one permit, a writer all of them. Fair: a writer that waits is not overtaken by
//! readers that come later, and the other way round.
//!
//! The danger that follows from fairness: who holds a read lock and asks for another one, while a
//! writer waits between the two, waits for itself. As with the mutex, a panic unlocks and poisons
//! nothing; the value stays as it is.

#![allow(unsafe_code)]

mod guards;

use std::cell::UnsafeCell;
use std::fmt;

pub use self::guards::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockMappedWriteGuard, RwLockReadGuard,
    RwLockWriteGuard,
};
use super::blocking;
use super::mutex::TryLockError;
use super::permits::Permits;
use crate::primitive::{Arc, constant};

/// A lock for many readers or one writer, that may be held across an `.await`.
///
/// There is no poisoning: a panic unlocks, and leaves the value as it is.
///
/// # Examples
///
/// ```
/// use runtime::sync::RwLock;
///
/// runtime::block_on(async {
///     let names = RwLock::new(vec!["ann"]);
///     {
///         let (one, other) = (names.read().await, names.read().await);
///         assert_eq!(one.len() + other.len(), 2);
///     }
///     names.write().await.push("bob");
///     assert_eq!(names.read().await.len(), 2);
/// });
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    most_readers: u32,
    value: UnsafeCell<T>,
}

// SAFETY: the lock owns the value, and sends it along.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: through a shared lock many threads may share the value, or one has it to itself.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    constant! {
        /// A lock round a value, free.
        pub fn new(value: T) -> Self {
            Self::with_max_readers(value, MOST_READERS)
        }
    }

    constant! {
        /// As [`new`](Self::new): for a `static`, and for code that knows this name.
        pub fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    constant! {
        /// A lock with so many readers at once, at most.
        ///
        /// # Panics
        ///
        /// If that is 0.
        pub fn with_max_readers(value: T, most_readers: u32) -> Self {
            // A writer takes all permits: of none there would be many writers.
            assert!(most_readers > 0, "RwLock::with_max_readers: 0 lets nobody read, ask for 1");
            Self {
                permits: Permits::new(most_readers as u64),
                most_readers,
                value: UnsafeCell::new(value),
            }
        }
    }

    /// The value, without its lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until it may be read.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    #[inline]
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        self.acquire(1).await;
        RwLockReadGuard::of(self)
    }

    /// Waits until it may be written.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    #[inline]
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.acquire(self.most_readers).await;
        RwLockWriteGuard::of(self)
    }

    /// As [`read`](Self::read), with a guard that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        self.acquire(1).await;
        OwnedRwLockReadGuard::of(self)
    }

    /// As [`write`](Self::write), with a guard that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        self.acquire(self.most_readers).await;
        OwnedRwLockWriteGuard::of(self)
    }

    /// Waits on a thread that runs no tasks until it may be read.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        blocking::block_on("RwLock::blocking_read", self.read())
    }

    /// Waits on a thread that runs no tasks until it may be written.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        blocking::block_on("RwLock::blocking_write", self.write())
    }

    /// Reads if that is possible at once.
    ///
    /// # Errors
    ///
    /// If somebody writes, or waits.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_acquire(1)?;
        Ok(RwLockReadGuard::of(self))
    }

    /// Writes if that is possible at once.
    ///
    /// # Errors
    ///
    /// If somebody reads, writes, or waits.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_acquire(self.most_readers)?;
        Ok(RwLockWriteGuard::of(self))
    }

    /// As [`try_read`](Self::try_read), with a guard that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If somebody writes, or waits.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_acquire(1)?;
        Ok(OwnedRwLockReadGuard::of(self))
    }

    /// As [`try_write`](Self::try_write), with a guard that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If somebody reads, writes, or waits.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_acquire(self.most_readers)?;
        Ok(OwnedRwLockWriteGuard::of(self))
    }

    /// The value; whoever has the lock to themselves need not take it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    async fn acquire(&self, permits: u32) {
        let taken = self.permits.take(permits.into()).await;
        debug_assert!(taken.is_ok(), "the permits of a lock are never closed");
    }

    fn try_acquire(&self, permits: u32) -> Result<(), TryLockError> {
        let taken = self.permits.try_take(permits.into());
        taken.map_err(|_| TryLockError::new())
    }

    /// Gives back what a reader, or a writer, took.
    #[inline]
    fn release(&self, permits: u32) {
        self.permits.give(permits.into());
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => shown.field("value", &&*value),
            Err(_) => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// More tasks than can live at once.
const MOST_READERS: u32 = u32::MAX >> 3;
