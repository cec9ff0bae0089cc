//! A lock that is held for a moment.
//!
//! The lists of `sync` are changed in a dozen instructions, with no foreign code among them, and for
//! each message. Then the lock itself is most of the cost, and the half of it is its unlocking: a lock
//! whose waiters sleep in the kernel has to ask whether there are any, which is an atomic step. This
//! one is given back by a plain store, and so nobody can be told.
//!
//! The danger is a holder that does not run: the kernel may take its processor away at any place. Who
//! finds the lock held looks a hundred times, which is longer than it is ever held by one who runs;
//! then lets other threads go first; then sleeps a little between the looks. So nobody looks on and on
//! while the holder needs the very processor for it, whatever their priorities are.

#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::{AtomicBool, Ordering, UnsafeCell, nap, spin_loop, yield_now};

/// A lock that is held for a moment, and does not poison.
pub(crate) struct ShortLock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

/// The right to the value.
pub(crate) struct ShortGuard<'a, T> {
    lock: &'a ShortLock<T>,
    /// Shared between threads it shows the value, as a reference does.
    value: PhantomData<&'a mut T>,
}

impl<T> ShortLock<T> {
    constant! {
        pub(crate) fn new(value: T) -> Self {
            Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> ShortGuard<'_, T> {
        if !self.try_hold() {
            self.hold_later();
        }
        ShortGuard {
            lock: self,
            value: PhantomData,
        }
    }

    #[inline]
    fn try_hold(&self) -> bool {
        // Acquire pairs with the Release of the guard's drop: what the last holder did is seen.
        self.held
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    #[cold]
    fn hold_later(&self) {
        let mut rounds = 0;
        loop {
            for _ in 0..LOOKS {
                // Looking takes the word away from nobody; Relaxed, as `try_hold` decides.
                if !self.held.load(Ordering::Relaxed) && self.try_hold() {
                    return;
                }
                spin_loop();
            }
            if rounds < ROUNDS_AWAKE {
                rounds += 1;
                yield_now();
            } else {
                nap();
            }
        }
    }
}

impl<T> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the word says that this guard's owner is the one holder, until the guard is dropped.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ShortGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed by one.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ShortGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the Acquire of `try_hold`.
        self.lock.held.store(false, Ordering::Release);
    }
}

// SAFETY: the value is reached through the guard alone, by one thread at a time.
unsafe impl<T: Send> Sync for ShortLock<T> {}

// As the other locks: nothing that it holds is left half-done by a panic.
impl<T> UnwindSafe for ShortLock<T> {}
impl<T> RefUnwindSafe for ShortLock<T> {}

impl<T> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortLock").finish_non_exhaustive()
    }
}

/// A microsecond or so of looking.
const LOOKS: u32 = 100;
/// So often others are let go first, before this thread sleeps between its looks.
const ROUNDS_AWAKE: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn more_threads_than_processors_hold_it_one_at_a_time() {
        let lock = ShortLock::new(0_u64);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let mut count = lock.lock();
                        let seen = *count;
                        std::hint::black_box(seen);
                        *count = seen + 1;
                    }
                });
            }
        });
        assert_eq!(*lock.lock(), 160_000);
    }

    #[test]
    fn a_panic_under_it_gives_it_back() {
        let lock = ShortLock::new(1);
        let caught = std::panic::catch_unwind(|| {
            let _held = lock.lock();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(caught.is_err());
        assert_eq!(*lock.lock(), 1);
    }
}
