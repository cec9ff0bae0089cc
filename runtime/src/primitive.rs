//! Atomics, locks and cells: std's own, or a checker's twins.
//!
//! Every protocol in this crate is written against these names. Three tools need other types under
//! them: the model checker (loom) explores all interleavings only of its own atomics, the scheduler
//! of whole runtimes (shuttle) drives only its own threads, and the thread sanitizer understands a
//! lock only if it was compiled together with us. Choosing the type is done here and nowhere else,
//! so that no other file speaks of build configurations.
//!
//! The danger is a lock that dies with its holder: std poisons a mutex when a thread panics inside
//! it, and from then on every user panics too. Nothing under our locks is left half-done by a panic
//! (foreign code never runs there), so [`Mutex::lock`] hands out the data either way.

/// Makes a constructor `const`, which it can be with std's types and not with the checker's.
#[cfg(not(any(loom, shuttle)))]
macro_rules! constant {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])* $visibility const fn $($rest)*
    };
}
#[cfg(any(loom, shuttle))]
macro_rules! constant {
    ($(#[$attribute:meta])* $visibility:vis fn $($rest:tt)*) => {
        $(#[$attribute])* $visibility fn $($rest)*
    };
}
pub(crate) use constant;

/// A mistake that is made on purpose, to see that a test finds it: see `docs/testing.md`.
///
/// In a normal build [`is_planted`] is a constant, and nothing is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A wake during the poll is forgotten at its end.
    DroppedWake,
    /// To use up what is to be read uses up the room to write too.
    ClearedBit,
    /// An edge that came while the waker was stored is not seen.
    MissedSecondLook,
    /// An event for a former owner of the slot is let through.
    StaleGeneration,
    /// What a call did not use up does not go back.
    PutBackOmitted,
    /// An edge wakes one of the crowd, and not all.
    OneWaiterWoken,
    /// Who is dropped while waiting in the crowd leaves his waker there.
    CrowdNotLeft,
    /// A deadline is rounded down to its tick.
    TimerRoundedDown,
    /// An earlier timer of another thread does not wake the core.
    EarlierTimerNotRung,
    /// The core sleeps though a token says that there is work.
    TokenIgnored,
    /// Who pushes into an empty inbox does not wake its owner.
    InboxNotRung,
    /// An abort does not put its task into a queue.
    AbortNotScheduled,
    /// No operation costs anything of a poll's budget.
    EndlessBudget,
    /// A short read is trusted on every kind of descriptor.
    ShortReadTrusted,
    /// A short read is trusted beside urgent data, or an end.
    SuspicionIgnored,
    /// Waiting for room does not tell the kernel.
    OutForgotten,
    /// A descriptor that others have seen is not deleted from the epoll.
    ExposedNotDeleted,
    /// Paused time goes on before what is ready is looked at.
    TimeBeforeEvents,
    /// A task of a scope that fails does not say so before its handle can know.
    FailureNotSaid,
}

/// Whether the mistake is to be made: never, in a normal build.
#[cfg(not(mutants))]
#[inline(always)]
pub(crate) const fn is_planted(_: Mutant) -> bool {
    false
}

/// Whether the mistake is the one that the environment names.
#[cfg(mutants)]
pub(crate) fn is_planted(mutant: Mutant) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("EDGEWAKE_MUTANT").ok());
    chosen
        .as_ref()
        .is_some_and(|chosen| *chosen == format!("{mutant:?}"))
}

/// Always std's: wakers are made of it, and no protocol here rests on its count.
pub(crate) use std::sync::Arc;

#[cfg(not(tsan))]
/// What is made once; std's for the checkers too, whom it hides the making from.
pub(crate) use std::sync::OnceLock;

#[cfg(tsan)]
pub(crate) use once_cell::sync::OnceCell as OnceLock;

pub(crate) use self::cell::UnsafeCell;
#[cfg(any(loom, shuttle))]
pub(crate) use self::modelled::*;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use self::real::*;

// For loom it is there to be looked at, and `sync` uses another.
#[cfg(not(shuttle))]
#[cfg_attr(loom, allow(dead_code))]
pub(crate) mod short;

#[cfg(not(any(loom, shuttle)))]
pub(crate) use self::short::{ShortGuard, ShortLock};

/// The models of `sync` are about its lists; that of this lock is in `models/short.rs`.
#[cfg(any(loom, shuttle))]
pub(crate) use self::modelled::{Mutex as ShortLock, MutexGuard as ShortGuard};

#[cfg(loom)]
use loom::cell;

#[cfg(not(loom))]
mod cell {
    /// A cell whose accesses are upheld by a protocol; the model checker tracks them.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Reads through a raw pointer; the closure says why it may.
        #[inline(always)]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        /// Writes through a raw pointer; the closure says why it may.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::thread_local;
    use std::time::Duration;

    /// Sleeps a little: some five times as long as it takes to ask for it.
    pub(crate) fn nap() {
        std::thread::sleep(Duration::from_micros(50));
    }

    /// The size of a worker's ring: a power of two.
    pub(crate) const RING: u32 = 256;
    /// How many slots a reactor makes at first: 2 KiB, one page for a small server.
    pub(crate) const FIRST_PAGE: u32 = 32;

    #[cfg(not(tsan))]
    use std::sync as locks;

    #[cfg(tsan)]
    use parking_lot as locks;

    pub(crate) type MutexGuard<'a, T> = locks::MutexGuard<'a, T>;

    /// A lock that does not poison.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(locks::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(locks::Mutex::new(value))
        }

        /// The value, for its only holder: no lock is taken.
        #[inline]
        pub(crate) fn get_mut(&mut self) -> &mut T {
            #[cfg(not(tsan))]
            return self
                .0
                .get_mut()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            #[cfg(tsan)]
            return self.0.get_mut();
        }

        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            #[cfg(not(tsan))]
            return self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            #[cfg(tsan)]
            return self.0.lock();
        }
    }

    pub(crate) type RwLockReadGuard<'a, T> = locks::RwLockReadGuard<'a, T>;

    /// A lock for many readers or a writer, that does not poison.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(locks::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(locks::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            #[cfg(not(tsan))]
            return self
                .0
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            #[cfg(tsan)]
            return self.0.read();
        }

        pub(crate) fn write(&self) -> locks::RwLockWriteGuard<'_, T> {
            #[cfg(not(tsan))]
            return self
                .0
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            #[cfg(tsan)]
            return self.0.write();
        }
    }

    /// A condition to sleep on, for the few threads that have no core of their own.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(locks::Condvar);

    impl Condvar {
        pub(crate) const fn new() -> Self {
            Self(locks::Condvar::new())
        }

        /// Sleeps until notified, or for no reason at all: callers look again.
        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            #[cfg(not(tsan))]
            return self
                .0
                .wait(guard)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            #[cfg(tsan)]
            {
                let mut guard = guard;
                self.0.wait(&mut guard);
                return guard;
            }
        }

        /// Sleeps until notified, for `limit` at most; the flag says that the time is over.
        pub(crate) fn wait_for<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            limit: Duration,
        ) -> (MutexGuard<'a, T>, bool) {
            #[cfg(not(tsan))]
            {
                let (guard, ended) = self
                    .0
                    .wait_timeout(guard, limit)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                (guard, ended.timed_out())
            }
            #[cfg(tsan)]
            {
                let mut guard = guard;
                let ended = self.0.wait_for(&mut guard, limit);
                (guard, ended.timed_out())
            }
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(any(loom, shuttle))]
mod modelled {
    #[cfg(loom)]
    pub(crate) use loom as checker;
    #[cfg(shuttle)]
    pub(crate) use shuttle as checker;

    #[cfg(loom)]
    pub(crate) use self::checker::thread::yield_now as nap;
    /// Who looks again lets the others go on first, or the checker shows it the old value for ever.
    pub(crate) use self::checker::thread::{yield_now, yield_now as spin_loop};

    pub(crate) use self::checker::sync::MutexGuard;
    pub(crate) use self::checker::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering,
    };
    pub(crate) use self::locals::{LocalKey, thread_local};
    use std::time::Duration;

    /// Small, so that the checker sees it wrap.
    pub(crate) const RING: u32 = 4;
    /// Small, since each is made anew in each execution.
    pub(crate) const FIRST_PAGE: u32 = 2;

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(checker::sync::Mutex::new(value))
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0
                .get_mut()
                .unwrap_or_else(|poison| poison.into_inner())
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poison| poison.into_inner())
        }
    }

    pub(crate) use self::checker::sync::RwLockReadGuard;

    #[derive(Debug)]
    pub(crate) struct RwLock<T>(checker::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(checker::sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(|poison| poison.into_inner())
        }

        pub(crate) fn write(&self) -> checker::sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(|poison| poison.into_inner())
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(checker::sync::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(checker::sync::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0
                .wait(guard)
                .unwrap_or_else(|poison| poison.into_inner())
        }

        /// Under a checker time never ends a wait.
        pub(crate) fn wait_for<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
        ) -> (MutexGuard<'a, T>, bool) {
            (self.wait(guard), false)
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// A checker's threads are all one to the system, so it has locals of its own.
    mod locals {
        use super::checker::thread;
        use std::cell::Cell;

        pub(crate) struct LocalKey<T: 'static>(pub(crate) &'static thread::LocalKey<T>);

        impl<T> LocalKey<T> {
            pub(crate) fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
                self.0.with(look)
            }

            pub(crate) fn try_with<R>(
                &'static self,
                look: impl FnOnce(&T) -> R,
            ) -> Result<R, thread::AccessError> {
                self.0.try_with(look)
            }
        }

        impl<T> LocalKey<Cell<T>> {
            pub(crate) fn set(&'static self, value: T) {
                self.with(|cell| cell.set(value));
            }

            pub(crate) fn get(&'static self) -> T
            where
                T: Copy,
            {
                self.with(Cell::get)
            }

            pub(crate) fn replace(&'static self, value: T) -> T {
                self.with(|cell| cell.replace(value))
            }
        }

        macro_rules! checkers_local {
            ($($(#[$about:meta])* static $name:ident: $type:ty = const { $first:expr };)*) => { $(
                $(#[$about])*
                static $name: $crate::primitive::LocalKey<$type> = {
                    $crate::primitive::checker::thread_local! {
                        static INNER: $type = $first;
                    }
                    $crate::primitive::LocalKey(&INNER)
                };
            )* };
        }

        pub(crate) use checkers_local as thread_local;
    }
}
