//! What holds an [`RwLock`], and unlocks it.
//!
//! A borrowing guard keeps the address of what it guards, which may be a part of the value only.
//! The danger is in the auto traits: an address says nothing of threads, so each guard states what
//! its sharing and sending ask of the value. A read guard is a `&T`: both need `Sync`. A write guard
//! is a `&mut T`.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};

use super::super::permits::Permits;
use super::RwLock;
use crate::primitive::Arc;

/// An [`RwLock`], held for reading; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    value: *const T,
    holds: PhantomData<&'a T>,
}

// SAFETY: it is a `&T` with the duty to unlock, which any thread may do.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// For whoever has taken a reader's permit.
    #[inline]
    pub(super) fn of(lock: &'a RwLock<T>) -> Self {
        Self {
            permits: &lock.permits,
            value: lock.value.get(),
            holds: PhantomData,
        }
    }

    /// A guard of a part of the value.
    pub fn map<U: ?Sized>(this: Self, part: impl FnOnce(&T) -> &U) -> RwLockReadGuard<'a, U> {
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
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<RwLockReadGuard<'a, U>, Self> {
        let Some(value) = part(&this).map(std::ptr::from_ref) else {
            return Err(this);
        };
        let permits = this.permits;
        mem::forget(this);
        Ok(RwLockReadGuard {
            permits,
            value,
            holds: PhantomData,
        })
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a reader's permit is held, so nobody writes.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.permits.give(1);
    }
}

/// An [`RwLock`], held for writing; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    holds: PhantomData<&'a mut T>,
}

// SAFETY: it is a `&mut T` with the duty to unlock, which any thread may do.
unsafe impl<T: ?Sized + Send> Send for RwLockWriteGuard<'_, T> {}
// SAFETY: shared, it gives a `&T`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// For whoever has taken all permits.
    #[inline]
    pub(super) fn of(lock: &'a RwLock<T>) -> Self {
        Self {
            lock,
            holds: PhantomData,
        }
    }

    /// Reads on, without letting another writer in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::{RwLock, RwLockWriteGuard};
    ///
    /// runtime::block_on(async {
    ///     let lock = RwLock::new(1);
    ///     let mut writing = lock.write().await;
    ///     *writing = 2;
    ///     let reading = RwLockWriteGuard::downgrade(writing);
    ///     assert_eq!((*reading, *lock.read().await), (2, 2));
    /// });
    /// ```
    pub fn downgrade(this: Self) -> RwLockReadGuard<'a, T> {
        let lock = this.lock;
        mem::forget(this);
        lock.release(lock.most_readers - 1);
        RwLockReadGuard::of(lock)
    }

    /// A guard of a part of the value.
    pub fn map<U: ?Sized>(
        this: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> RwLockMappedWriteGuard<'a, U> {
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
        mut this: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self> {
        let Some(value) = part(&mut this).map(std::ptr::from_mut) else {
            return Err(this);
        };
        let lock = this.lock;
        mem::forget(this);
        Ok(RwLockMappedWriteGuard {
            permits: &lock.permits,
            taken: lock.most_readers,
            value,
            holds: PhantomData,
        })
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: all permits are held, so nobody else reads or writes.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.release(self.lock.most_readers);
    }
}

/// A part of what an [`RwLock`] keeps, held for writing; see [`RwLockWriteGuard::map`].
#[must_use = "a guard that is dropped unlocks at once"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    permits: &'a Permits,
    taken: u32,
    value: *mut T,
    holds: PhantomData<&'a mut T>,
}

// SAFETY: it is a `&mut T` with the duty to unlock, which any thread may do.
unsafe impl<T: ?Sized + Send> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: shared, it gives a `&T`.
unsafe impl<T: ?Sized + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

impl<T: ?Sized> Deref for RwLockMappedWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: all permits are held, so nobody else reads or writes.
        unsafe { &*self.value }
    }
}

impl<T: ?Sized> DerefMut for RwLockMappedWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.value }
    }
}

impl<T: ?Sized> Drop for RwLockMappedWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.permits.give(self.taken.into());
    }
}

/// A shared [`RwLock`], held for reading; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct OwnedRwLockReadGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// For whoever has taken a reader's permit.
    pub(super) fn of(lock: Arc<RwLock<T>>) -> Self {
        Self { lock }
    }

    /// The lock that this guards.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

impl<T: ?Sized> Deref for OwnedRwLockReadGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: a reader's permit is held, so nobody writes.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        self.lock.release(1);
    }
}

/// A shared [`RwLock`], held for writing; unlocks when it is dropped.
#[must_use = "a guard that is dropped unlocks at once"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
    /// Permits to be given back.
    taken: u32,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// For whoever has taken all permits.
    pub(super) fn of(lock: Arc<RwLock<T>>) -> Self {
        let taken = lock.most_readers;
        Self { lock, taken }
    }

    /// The lock that this guards.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }

    /// Reads on, without letting another writer in between.
    pub fn downgrade(mut this: Self) -> OwnedRwLockReadGuard<T> {
        // The one that is kept is the reader's; the others are given back when this one is dropped.
        this.taken -= 1;
        OwnedRwLockReadGuard::of(this.lock.clone())
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: all permits are held, so nobody else reads or writes.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        self.lock.release(self.taken);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockMappedWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedRwLockReadGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedRwLockWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
