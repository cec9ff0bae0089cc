//! How a runtime is to be.
//!
//! Everything that is made from settings is made here, the two `new`s too, so that the runtimes
//! themselves need not know their builder.

use std::fmt;
use std::io;

use crate::handle::Handle;
use crate::primitive::Arc;
use crate::runtimes::{LocalRuntime, Runtime};
use crate::shared::{Hooks, Shared};

/// Settings of a runtime to be built.
///
/// # Examples
///
/// ```
/// let runtime = runtime::Builder::new_current_thread()
///     .on_thread_start(|| println!("this thread runs tasks from now on"))
///     .build()?;
/// runtime.block_on(async {});
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Builder {
    hooks: Hooks,
    thread_name: String,
}

impl Builder {
    /// A runtime whose tasks run on the thread that is in `block_on`.
    pub fn new_current_thread() -> Self {
        Self {
            hooks: Hooks::default(),
            thread_name: String::from("runtime-worker"),
        }
    }

    /// Does nothing: sockets and timers always work. Here so that ported code compiles.
    pub fn enable_all(&mut self) -> &mut Self {
        self
    }

    /// Does nothing: sockets always work. Here so that ported code compiles.
    pub fn enable_io(&mut self) -> &mut Self {
        self
    }

    /// Does nothing: timers always work. Here so that ported code compiles.
    pub fn enable_time(&mut self) -> &mut Self {
        self
    }

    /// The name of the threads that the runtime makes: none so far, as this flavour runs on its
    /// callers'.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        self.thread_name = name.into();
        self
    }

    /// Called on each thread that begins to run tasks: on the caller's, at each `block_on`.
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.hooks.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each thread that stops running tasks. A panic in it is discarded.
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.hooks.on_stop = Some(Arc::new(hook));
        self
    }

    /// Builds a runtime for futures that are `Send`.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    pub fn build(&mut self) -> io::Result<Runtime> {
        let shared = Shared::new(self.hooks.clone(), None)?;
        Ok(Runtime::from_handle(Handle { shared }))
    }

    /// Builds a runtime that stays on this thread, for any futures.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    pub fn build_local(&mut self) -> io::Result<LocalRuntime> {
        let here = std::thread::current().id();
        let shared = Shared::new(self.hooks.clone(), Some(here))?;
        Ok(LocalRuntime::from_handle(Handle { shared }))
    }
}

impl Runtime {
    /// A runtime with the default settings: one worker, which is the thread in `block_on`.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread().build()
    }
}

impl LocalRuntime {
    /// A runtime for this thread, with the default settings.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread().build_local()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("thread_name", &self.thread_name)
            .finish_non_exhaustive()
    }
}
