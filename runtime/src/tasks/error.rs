//! Why a task has no output.
//!
//! What a panic threw may be of any type that is `Send`, and need not be `Sync`. An error that is not
//! `Sync` cannot be boxed as most programs box theirs, so this one is, and lends the payload to nobody.

#![allow(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::io;

use super::id::Id;

/// A task ended without an output: it was cancelled, or it panicked.
///
/// # Examples
///
/// ```
/// runtime::block_on(async {
///     let task = runtime::spawn(std::future::pending::<()>());
///     task.abort();
///     let error = task.await.unwrap_err();
///     assert!(error.is_cancelled());
/// });
/// ```
pub struct JoinError {
    id: Id,
    payload: Option<Payload>,
}

/// What a panic threw.
struct Payload(Box<dyn Any + Send>);

// SAFETY: through a shared reference the payload is only asked whether it is a `&str` or a `String`,
// which are `Sync`; all else takes the error by value.
unsafe impl Sync for Payload {}

impl JoinError {
    pub(super) fn cancelled(id: Id) -> Self {
        Self { id, payload: None }
    }

    pub(super) fn panic(id: Id, payload: Box<dyn Any + Send>) -> Self {
        Self {
            id,
            payload: Some(Payload(payload)),
        }
    }

    /// Whether the task was aborted, or its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.payload.is_some()
    }

    /// What the task's panic threw, to be thrown on with [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the task did not panic; see [`try_into_panic`](Self::try_into_panic).
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("JoinError::into_panic: {error}, it did not panic"),
        }
    }

    /// What the task's panic threw, or the error as it was.
    ///
    /// # Errors
    ///
    /// If the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.payload {
            Some(payload) => Ok(payload.0),
            None => Err(self),
        }
    }

    /// Which task it was.
    pub fn id(&self) -> Id {
        self.id
    }

    fn message(&self) -> Option<&str> {
        let payload = &self.payload.as_ref()?.0;
        let text = payload.downcast_ref::<&'static str>().copied();
        text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_cancelled(), self.message()) {
            (true, _) => write!(f, "task {} was cancelled", self.id),
            (false, Some(message)) => write!(f, "task {} panicked: {message}", self.id),
            (false, None) => write!(f, "task {} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error.to_string())
    }
}
