//! A lock that may be held across an `.await`.
//!
//! One permit, and a value that belongs to whoever has it. Fair: the lock goes from hand to hand in
//! the order of coming.
//!
//! The danger is what a panic leaves behind. A guard that is dropped while a thread unwinds unlocks
//! like any other, and nothing is poisoned: the next holder finds the value as it was at the panic.
//! Whoever changes it in several steps must bring it into order before the first thing that can panic.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::blocking;
use super::permits::Permits;
use crate::primitive::{Arc, constant};

/// A lock for what is used across an `.await`. For short work without one, [`std::sync::Mutex`]
/// is quicker.
///
/// There is no poisoning: a panic unlocks, and leaves the value as it is.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use runtime::sync::Mutex;
///
/// runtime::block_on(async {
///     let total = Arc::new(Mutex::new(0));
///     let adding = {
///         let total = total.clone();
///         runtime::spawn(async move {
///             let mut total = total.lock().await;
///             runtime::task::yield_now().await; // nobody else has it meanwhile
///             *total += 1;
///         })
///     };
///     *total.lock().await += 1;
///     adding.await.unwrap();
///     assert_eq!(*total.lock().await, 2);
/// });
/// ```
pub struct Mutex<T: ?Sized> {
    permit: Permits,
    value: UnsafeCell<T>,
}

// SAFETY: the lock owns the value, and sends it along.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: through a shared lock the value is reached by one guard at a time, which is like sending it.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    constant! {
        /// A lock round a value, free.
        pub fn new(value: T) -> Self {
            Self { permit: Permits::new(1), value: UnsafeCell::new(value) }
        }
    }

    constant! {
        /// As [`new`](Self::new): for a `static`, and for code that knows this name.
        pub fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    /// The value, without its lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    #[inline]
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.acquire().await;
        MutexGuard { mutex: self }
    }

    /// Waits for the lock, with a guard that may be kept anywhere.
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost, and nothing else.
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        self.acquire().await;
        OwnedMutexGuard { mutex: self }
    }

    /// Waits for the lock on a thread that runs no tasks.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        blocking::block_on("Mutex::blocking_lock", self.lock())
    }

    /// As [`blocking_lock`](Self::blocking_lock), with a guard that may be kept anywhere.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        blocking::block_on("Mutex::blocking_lock_owned", self.lock_owned())
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.permit.try_take(1).map_err(|_| TryLockError::new())?;
        Ok(MutexGuard { mutex: self })
    }

    /// As [`try_lock`](Self::try_lock), with a guard that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If it is not free.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.permit.try_take(1).map_err(|_| TryLockError::new())?;
        Ok(OwnedMutexGuard { mutex: self })
    }

    /// The value; whoever has the lock to themselves need not take it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    async fn acquire(&self) {
        let taken = self.permit.take(1).await;
        debug_assert!(taken.is_ok(), "the permit of a lock is never closed");
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => shown.field("value", &&*value),
            Err(_) => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// The lock of a [`Mutex`], held; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The lock that this guards.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }

    /// A guard of a part of the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::{Mutex, MutexGuard};
    ///
    /// runtime::block_on(async {
    ///     let pair = Mutex::new((1, "one"));
    ///     let mut number = MutexGuard::map(pair.lock().await, |pair| &mut pair.0);
    ///     *number = 2;
    /// });
    /// ```
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        match Self::try_map(this, |value| Some(part(value))) {
            Ok(mapped) => mapped,
            Err(_) => unreachable!("there is a part"),
        }
    }

    /// A guard of a part of the value, if it has that part.
    ///
    /// # Errors
    ///
    /// If `part` gives `None`: the guard, as it was.
    pub fn try_map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        let mutex = this.mutex;
        // SAFETY: `this` has the lock until it is forgotten below, and then the mapped guard has it.
        // If `part` panics, `this` is dropped and the reference is gone.
        let Some(value) = part(unsafe { &mut *mutex.value.get() }).map(std::ptr::from_mut) else {
            return Err(this);
        };
        std::mem::forget(this);
        Ok(MappedMutexGuard {
            permit: &mutex.permit,
            value,
            holds: PhantomData,
        })
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is one permit, and this guard has it: nobody else reaches the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.permit.give(1);
    }
}

/// The lock of a shared [`Mutex`], held; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct OwnedMutexGuard<T: ?Sized> {
    mutex: Arc<Mutex<T>>,
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// The lock that this guards.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is one permit, and this guard has it: nobody else reaches the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.mutex.permit.give(1);
    }
}

/// A guard of a part of what a [`Mutex`] keeps; see [`MutexGuard::map`].
#[must_use = "a guard that is dropped unlocks at once"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    permit: &'a Permits,
    value: *mut T,
    holds: PhantomData<&'a mut T>,
}

// SAFETY: it is a `&mut T` with the duty to unlock, which any thread may do.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: through a shared guard the value is only shared.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}
// SAFETY: a guard is two references and the permit; shared, it gives no more than a `&T`. Without
// this the `Send` of the value would be enough, which it is not.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}
// SAFETY: as that of `MutexGuard`.
unsafe impl<T: ?Sized + Sync> Sync for OwnedMutexGuard<T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard of a part of the part.
    pub fn map<U: ?Sized>(
        mut this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        let (permit, value) = (this.permit, std::ptr::from_mut(part(&mut this)));
        std::mem::forget(this);
        MappedMutexGuard {
            permit,
            value,
            holds: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the pointer is to a part of the value, whose only permit this guard has.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.value }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.permit.give(1);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The lock is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLockError(());

impl TryLockError {
    pub(super) const fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operation would block")
    }
}

impl std::error::Error for TryLockError {}
