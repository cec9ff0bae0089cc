//! Why a task has no output.
//!
//! What a panic threw may be of any type that is `Send`, and need not be `Sync`. An error that is not
//! `Sync` cannot be boxed as most programs box theirs, so this one is, and lends the payload to nobody.

#![allow(unsafe_code)]

use std::any::Any;
use std::fmt;
use std::io;

use super::id::Id;
use super::info::TaskInfo;
use super::panics::TaskPanic;

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
    /// In a box of its own: it would make all tasks larger.
    panic: Option<Box<Panic>>,
}

/// Which task has panicked, and what it threw.
struct Panic {
    task: TaskInfo,
    payload: Payload,
}

struct Payload(Box<dyn Any + Send>);

// SAFETY: through a shared reference the payload is only asked whether it is a `&str` or a `String`,
// which are `Sync`; all else takes the error by value.
unsafe impl Sync for Payload {}

impl JoinError {
    pub(super) fn cancelled(id: Id) -> Self {
        Self { id, panic: None }
    }

    pub(super) fn panic(task: TaskInfo, payload: Box<dyn Any + Send>) -> Self {
        Self {
            id: task.id,
            panic: Some(Box::new(Panic {
                task,
                payload: Payload(payload),
            })),
        }
    }

    /// The panic in words, if it was one.
    pub(crate) fn panic_of_task(&self) -> Option<TaskPanic> {
        let panic = self.panic.as_ref()?;
        Some(TaskPanic {
            task: panic.task.clone(),
            message: self.message().map(str::to_owned),
        })
    }

    /// Whether the task was aborted, or its runtime shut down.
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
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
        match self.panic {
            Some(panic) => Ok(panic.payload.0),
            None => Err(self),
        }
    }

    /// Which task it was.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The task that panicked, with its name and its place. `None` if it was cancelled.
    pub fn task(&self) -> Option<&TaskInfo> {
        self.panic.as_ref().map(|panic| &panic.task)
    }

    fn message(&self) -> Option<&str> {
        let payload = &self.panic.as_ref()?.payload.0;
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
