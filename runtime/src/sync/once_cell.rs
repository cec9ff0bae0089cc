//! A value that is made once, by whoever needs it first.
//!
//! Making it may take an `.await`, so there is a permit for it: one makes, the others wait. The danger
//! is a maker that does not come to an end. If it is dropped, panics or fails, the permit goes to the
//! next who waits, and that one makes it in its own way.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::OnceLock;

use super::Semaphore;
use crate::coop;
use crate::primitive::constant;

/// A value that is made once, asynchronously.
///
/// # Examples
///
/// ```
/// use runtime::sync::OnceCell;
///
/// static ANSWER: OnceCell<u32> = OnceCell::const_new();
///
/// runtime::block_on(async {
///     let compute = || async {
///         runtime::task::yield_now().await;
///         42
///     };
///     assert_eq!(*ANSWER.get_or_init(compute).await, 42);
///     assert_eq!(ANSWER.get(), Some(&42));
/// });
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    /// The permit to make it; closed when it is there.
    permit: Semaphore,
}

impl<T> OnceCell<T> {
    constant! {
        /// A cell without a value.
        pub fn new() -> Self {
            Self { value: OnceLock::new(), permit: Semaphore::new(1) }
        }
    }

    constant! {
        /// As [`new`](Self::new): for a `static`, and for code that knows this name.
        pub fn const_new() -> Self {
            Self::new()
        }
    }

    /// A cell that has its value, if there is one.
    pub fn new_with(value: Option<T>) -> Self {
        value.map_or_else(Self::new, Self::from)
    }

    /// Whether the value is there.
    pub fn initialized(&self) -> bool {
        self.get().is_some()
    }

    /// The value, if it is there.
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it is there.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// The value, out of its cell.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out: the cell is as new.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// Puts the value in.
    ///
    /// # Errors
    ///
    /// The value comes back if there is one, or somebody makes one.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        let Ok(_permit) = self.permit.try_acquire() else {
            return Err(match self.initialized() {
                true => SetError::AlreadyInitializedError(value),
                false => SetError::InitializingError(value),
            });
        };
        self.put(value).map_err(SetError::AlreadyInitializedError)
    }

    /// The value; `make` makes it if it is not there.
    ///
    /// # Cancel safety
    ///
    /// If this one was making it, the work is lost, and the next who waits makes it.
    pub async fn get_or_init<F, Fut>(&self, make: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let make = || async { Ok::<T, Infallible>(make().await) };
        match self.get_or_try_init(make).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value; `make` makes it if it is not there, and may fail.
    ///
    /// # Errors
    ///
    /// What `make` fails with. Others who wait try in their turn.
    ///
    /// # Cancel safety
    ///
    /// If this one was making it, the work is lost, and the next who waits makes it.
    pub async fn get_or_try_init<E, F, Fut>(&self, make: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            coop::spend().await;
            return Ok(value);
        }
        // An error says that the value has come meanwhile.
        if let Ok(_permit) = self.permit.acquire().await {
            let value = make().await?;
            let is_first = self.put(value).is_ok();
            debug_assert!(is_first, "one has the permit, and it ends with the value");
        }
        let value = self.get();
        Ok(value.expect("the permit is closed when the value is there"))
    }

    /// For whoever has the permit.
    fn put(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.permit.close();
        Ok(())
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        let cell = Self::new();
        // It is new, so there is neither a value nor anybody else.
        let _ = cell.put(value);
        cell
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceCell").field(&self.get()).finish()
    }
}

/// Why a value was not put in. It is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is one.
    AlreadyInitializedError(T),
    /// Somebody makes one.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Whether there is one.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, Self::AlreadyInitializedError(_))
    }

    /// Whether somebody makes one.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, Self::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "the cell has a value",
            Self::InitializingError(_) => "the cell is being given a value",
        })
    }
}

impl<T: fmt::Debug> std::error::Error for SetError<T> {}
