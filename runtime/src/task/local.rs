//! Values that follow a task from thread to thread.
//!
//! A task-local is a thread-local that is set while the task's future is polled, and put away
//! between polls. The danger is a poll that panics, or a destructor that looks for the value: both
//! the poll and the drop of the future happen with the value set, and a guard puts it away.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::LocalKey as ThreadKey;

use pin_project_lite::pin_project;

/// Declares values that a task keeps for itself: `static NAME: Type;`, as many as one likes.
///
/// # Examples
///
/// ```
/// runtime::task_local! {
///     /// Who asks.
///     static USER: String;
/// }
///
/// runtime::block_on(USER.scope("ann".into(), async {
///     runtime::task::yield_now().await;
///     assert_eq!(USER.get(), "ann");
/// }));
/// assert!(USER.try_with(|_| ()).is_err());
/// ```
#[macro_export]
macro_rules! task_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident : $type:ty);+ $(;)?) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static SLOT: ::std::cell::RefCell<::std::option::Option<$type>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }
            $crate::task::LocalKey::new(&SLOT)
        };
    )+};
}

/// The name of a value that tasks keep for themselves; see [`task_local!`](crate::task_local).
pub struct LocalKey<T: 'static> {
    slot: &'static ThreadKey<RefCell<Option<T>>>,
}

impl<T: 'static> LocalKey<T> {
    /// What the macro makes.
    #[doc(hidden)]
    pub const fn new(slot: &'static ThreadKey<RefCell<Option<T>>>) -> Self {
        Self { slot }
    }

    /// Runs a future with a value, which it, and what it calls, finds under this name.
    ///
    /// # Cancel safety
    ///
    /// As that of the future inside.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture {
            key: self,
            value: Some(value),
            future: Some(future),
        }
    }

    /// Calls a function with a value, which it finds under this name.
    pub fn sync_scope<R>(&'static self, value: T, call: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        let _swapped = Swapped::in_place(self, &mut value).or_panic("LocalKey::sync_scope");
        call()
    }

    /// Looks at the value.
    ///
    /// # Panics
    ///
    /// Outside of a [`scope`](Self::scope).
    #[track_caller]
    pub fn with<R>(&'static self, look: impl FnOnce(&T) -> R) -> R {
        match self.try_with(look) {
            Ok(result) => result,
            Err(error) => panic!("LocalKey::with: {error}"),
        }
    }

    /// Looks at the value, if there is one.
    ///
    /// # Errors
    ///
    /// Outside of a [`scope`](Self::scope).
    pub fn try_with<R>(&'static self, look: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let found = self.slot.try_with(|slot| {
            // It is borrowed to be changed only in a swap, in which no code of the user's runs.
            slot.borrow().as_ref().map(look)
        });
        found.ok().flatten().ok_or(AccessError(()))
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// Outside of a [`scope`](Self::scope).
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Trades the value in the thread's slot for this one.
    fn swap(&'static self, value: &mut Option<T>) -> Slot {
        let swap = |slot: &RefCell<Option<T>>| match slot.try_borrow_mut() {
            Ok(mut slot) => {
                mem::swap(&mut *slot, value);
                Slot::Swapped
            }
            Err(_) => Slot::LookedAt,
        };
        self.slot.try_with(swap).unwrap_or(Slot::Gone)
    }
}

/// What became of the thread's slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Swapped,
    /// Somebody further up the stack looks at the value that is in it.
    LookedAt,
    /// The thread is being torn down.
    Gone,
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// While it lives, the value is in the thread's slot.
struct Swapped<'a, T: 'static> {
    key: &'static LocalKey<T>,
    value: &'a mut Option<T>,
    slot: Slot,
}

impl<'a, T> Swapped<'a, T> {
    fn in_place(key: &'static LocalKey<T>, value: &'a mut Option<T>) -> Self {
        let slot = key.swap(value);
        Self { key, value, slot }
    }

    #[track_caller]
    fn or_panic(self, call: &str) -> Self {
        assert!(
            self.slot != Slot::LookedAt,
            "{call} was entered inside of LocalKey::with for the same name: leave that first"
        );
        self
    }
}

impl<T> Drop for Swapped<'_, T> {
    fn drop(&mut self) {
        if self.slot == Slot::Swapped {
            self.key.swap(self.value);
        }
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskLocalFuture<T, F>
    where
        T: 'static,
    {
        key: &'static LocalKey<T>,
        value: Option<T>,
        // Gone when it is ready.
        #[pin]
        future: Option<F>,
    }

    impl<T, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            // Its destructor too finds the value.
            let mut this = this.project();
            let _swapped = Swapped::in_place(this.key, this.value);
            this.future.set(None);
        }
    }
}

impl<T, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _swapped = Swapped::in_place(this.key, this.value).or_panic("LocalKey::scope");
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("the future of LocalKey::scope was polled after it was ready");
        };
        let polled = future.poll(context);
        if polled.is_ready() {
            this.future.set(None);
        }
        polled
    }
}

impl<T, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").finish_non_exhaustive()
    }
}

/// There is no value: this is outside of its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task-local value is not set here: run the task inside LocalKey::scope")
    }
}

impl std::error::Error for AccessError {}
