//! What the threads of a runtime are called, and what they call.

use crate::primitive::Arc;

/// The name of threads, and what to call on one that begins, or stops, to run tasks.
#[derive(Clone)]
pub(crate) struct Hooks {
    /// If it was given by the user.
    pub(crate) thread_name: Option<Arc<str>>,
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(crate) on_stop: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Hooks {
    /// A worker's, with its number; Linux keeps 15 bytes of it.
    pub(crate) fn worker_name(&self, index: usize) -> String {
        let name = self.thread_name.as_deref().unwrap_or("worker");
        format!("{name}-{index}")
    }

    /// That of a thread for calls that block.
    pub(crate) fn blocking_name(&self) -> String {
        let name = self.thread_name.as_deref().unwrap_or("blocking");
        name.to_owned()
    }
}
