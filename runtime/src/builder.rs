//! How a runtime is to be.
//!
//! Everything that is made from settings is made here, the two `new`s too, so that the runtimes
//! themselves need not know their builder.

use std::fmt;
use std::io;
use std::thread::ThreadId;
use std::time::Duration;

use crate::blocking::Pool;
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
    most_blocking_threads: usize,
    keep_alive: Duration,
}

impl Builder {
    /// A runtime whose tasks run on the thread that is in `block_on`.
    pub fn new_current_thread() -> Self {
        Self {
            hooks: Hooks {
                thread_name: Arc::from("runtime-blocking"),
                on_start: None,
                on_stop: None,
            },
            most_blocking_threads: MOST_BLOCKING_THREADS,
            keep_alive: KEEP_ALIVE,
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

    /// The name of the threads that the runtime makes: with this flavour, those of
    /// [`spawn_blocking`](crate::task::spawn_blocking).
    ///
    /// # Panics
    ///
    /// If there is a zero byte in the name, which no thread can have.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        assert!(
            !name.contains('\0'),
            "thread_name({name:?}): a thread's name has no zero byte in it"
        );
        self.hooks.thread_name = Arc::from(name);
        self
    }

    /// How many threads there may be for [`spawn_blocking`](crate::task::spawn_blocking): 512 if it
    /// is not said. When all are busy, closures wait in a queue that has no limit.
    ///
    /// # Panics
    ///
    /// If it is 0.
    pub fn max_blocking_threads(&mut self, most: usize) -> &mut Self {
        assert!(
            most > 0,
            "max_blocking_threads(0): without a thread no closure of spawn_blocking would ever run"
        );
        self.most_blocking_threads = most;
        self
    }

    /// How long a thread of [`spawn_blocking`](crate::task::spawn_blocking) stays with nothing to
    /// do: 10 seconds if it is not said.
    pub fn thread_keep_alive(&mut self, time: Duration) -> &mut Self {
        self.keep_alive = time;
        self
    }

    /// Called on each thread that begins to run tasks: on the caller's, at each `block_on`, and on
    /// those of [`spawn_blocking`](crate::task::spawn_blocking).
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
        let shared = self.share(None)?;
        Ok(Runtime::from_handle(Handle { shared }))
    }

    /// Builds a runtime that stays on this thread, for any futures.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    pub fn build_local(&mut self) -> io::Result<LocalRuntime> {
        let here = std::thread::current().id();
        let shared = self.share(Some(here))?;
        Ok(LocalRuntime::from_handle(Handle { shared }))
    }

    fn share(&self, only_on: Option<ThreadId>) -> io::Result<Arc<Shared>> {
        let pool = Pool::new(self.most_blocking_threads, self.keep_alive);
        Shared::new(self.hooks.clone(), pool, only_on)
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
            .field("thread_name", &self.hooks.thread_name)
            .field("max_blocking_threads", &self.most_blocking_threads)
            .finish_non_exhaustive()
    }
}

/// As many as users of other runtimes are used to: enough for a burst of slow file reads, few enough
/// not to run into the limits of a container.
const MOST_BLOCKING_THREADS: usize = 512;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
