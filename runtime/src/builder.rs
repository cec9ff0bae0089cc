//! How a runtime is to be.
//!
//! Everything that is made from settings is made here, the two `new`s too, so that the runtimes
//! themselves need not know their builder.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::thread::ThreadId;
use std::time::Duration;

use crate::blocking::Pool;
use crate::executor::{Crew, OnStuck, StuckTask, measure_wake_cost};
use crate::handle::Handle;
use crate::primitive::Arc;
use crate::runtimes::{LocalRuntime, Runtime};
use crate::shared::{Hooks, Shared};
use crate::signals::{self, Blocked};
use crate::staff::Staff;
use crate::tasks::{OnUnseen, Panics, TaskPanic};

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
    /// `None`: no worker threads.
    workers: Option<Workers>,
    on_stuck: Option<OnStuck>,
    on_unseen_panic: Option<OnUnseen>,
    hooks: Hooks,
    most_blocking_threads: usize,
    keep_alive: Duration,
    starts_paused: bool,
    seed: Option<u64>,
    signals: Vec<c_int>,
}

/// How the worker threads are to be.
#[derive(Clone, Copy, Default)]
struct Workers {
    /// `None`: one a processor.
    count: Option<usize>,
    stack_size: Option<usize>,
}

impl Builder {
    /// A runtime with worker threads, one a processor unless
    /// [`worker_threads`](Self::worker_threads) says otherwise, which take work off each other.
    pub fn new_multi_thread() -> Self {
        Self {
            workers: Some(Workers::default()),
            ..Self::new_current_thread()
        }
    }

    /// A runtime whose tasks run on the thread that is in `block_on`.
    pub fn new_current_thread() -> Self {
        Self {
            workers: None,
            on_stuck: None,
            on_unseen_panic: None,
            hooks: Hooks {
                thread_name: None,
                on_start: None,
                on_stop: None,
            },
            most_blocking_threads: MOST_BLOCKING_THREADS,
            keep_alive: KEEP_ALIVE,
            starts_paused: false,
            seed: None,
            signals: Vec::new(),
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

    /// How many worker threads there are. Without it as many as the process may use processors at
    /// once: see [`std::thread::available_parallelism`].
    ///
    /// One worker is a thread that runs tasks by itself, and that nobody helps when it is stuck.
    ///
    /// # Panics
    ///
    /// If it is 0; and for a runtime of
    /// [`new_current_thread`](Self::new_current_thread), which has none.
    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "worker_threads(0): without a worker no task would ever run"
        );
        match &mut self.workers {
            Some(workers) => workers.count = Some(count),
            None => panic!(
                "worker_threads({count}): a runtime of Builder::new_current_thread has no worker \
                 threads: begin with Builder::new_multi_thread"
            ),
        }
        self
    }

    /// How large the stacks of worker threads are, in bytes: 2 MiB if it is not said.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        if let Some(workers) = &mut self.workers {
            workers.stack_size = Some(bytes);
        }
        self
    }

    /// Calls `hook` when a task has been in one poll for `after`, and so holds its worker up: it
    /// computes for long, or blocks. Once a poll, from another worker's thread, so it takes two.
    ///
    /// Also called at the end of the runtime, for a task that it could not wait for. Without a hook
    /// that is written to standard error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (report, reports) = std::sync::mpsc::channel();
    /// let runtime = runtime::Builder::new_multi_thread()
    ///     .worker_threads(2)
    ///     .on_stuck_task(Duration::from_millis(5), move |task| {
    ///         let _ = report.send(task.to_string());
    ///     })
    ///     .build()?;
    /// let (end, is_over) = std::sync::mpsc::channel::<()>();
    /// runtime.spawn(async move { is_over.recv() }); // blocks its worker
    /// assert!(reports.recv().unwrap().contains("has been in one poll for"));
    /// drop(end);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_stuck_task(
        &mut self,
        after: Duration,
        hook: impl Fn(&StuckTask) + Send + Sync + 'static,
    ) -> &mut Self {
        let hook = Arc::new(hook);
        self.on_stuck = Some(OnStuck { after, hook });
        self
    }

    /// Calls `hook` for a task, or a closure of [`spawn_blocking`](crate::task::spawn_blocking), that
    /// has panicked and whose outcome nobody has looked at: its [`JoinHandle`](crate::task::JoinHandle)
    /// was dropped, before the panic or after. On the thread where that is found out.
    ///
    /// Without a hook it is one line on standard error, which says which task it was. (What the panic
    /// said, and where it happened, is written by the panic hook of the standard library, seen or not.)
    ///
    /// # Examples
    ///
    /// ```
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let runtime = runtime::Builder::new_current_thread()
    ///     .on_unseen_panic(move |panic| tell.send(panic.to_string()).unwrap())
    ///     .build()?;
    /// runtime.block_on(async {
    ///     drop(runtime::spawn(async { panic!("no data") }));
    ///     runtime::task::yield_now().await;
    /// });
    /// assert!(told.recv().unwrap().ends_with("panicked: no data"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn on_unseen_panic(
        &mut self,
        hook: impl Fn(&TaskPanic) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on_unseen_panic = Some(Arc::new(hook));
        self
    }

    /// The name of the threads that the runtime makes: those of
    /// [`spawn_blocking`](crate::task::spawn_blocking), and, with a number behind it, the workers.
    /// Linux keeps 15 bytes.
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
        self.hooks.thread_name = Some(Arc::from(name));
        self
    }

    /// How many threads there may be for [`spawn_blocking`](crate::task::spawn_blocking): 512 if it
    /// is not said. When all are busy, closures wait in a queue that has no limit. Threads that run
    /// tasks for [`block_in_place`](crate::task::block_in_place) come on top, one a worker at most.
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

    /// Whether the clock stands still from the start, as after [`time::pause`](crate::time::pause).
    /// For tests.
    ///
    /// # Panics
    ///
    /// For a builder of [`new_multi_thread`](Self::new_multi_thread), when it is to be paused.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, sleep};
    ///
    /// let runtime = runtime::Builder::new_current_thread().start_paused(true).build()?;
    /// // Over at once, though the runtime's clock says that a day has passed.
    /// runtime.block_on(async { sleep(Duration::from_secs(24 * 3600)).await });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn start_paused(&mut self, paused: bool) -> &mut Self {
        assert!(
            !paused || self.workers.is_none(),
            "start_paused(true): worker threads would each see another time: begin with \
             Builder::new_current_thread"
        );
        self.starts_paused = paused;
        self
    }

    /// Runs everything by a seed, with all that a busy machine does by chance done on purpose, and the
    /// same again for the same seed. For tests; [`test::seeds`](crate::test::seeds) does it for many.
    ///
    /// Ready tasks run in any order, and some are polled though nobody has woken them. Events come late
    /// and in another order, and readiness is reported that is not there. Sockets read and write less
    /// than they are asked to, and are interrupted by signals. The clock is
    /// [paused](crate::time::pause). If nothing can ever happen any more, `block_on` panics after ten
    /// seconds.
    ///
    /// What the kernel and other threads do is not decided by the seed.
    ///
    /// # Panics
    ///
    /// For a builder of [`new_multi_thread`](Self::new_multi_thread).
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = runtime::Builder::new_current_thread().seed(17).build()?;
    /// runtime.block_on(async {
    ///     let one = runtime::spawn(async { println!("which of these") });
    ///     let other = runtime::spawn(async { println!("is first?") });
    ///     let _ = (one.await, other.await);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn seed(&mut self, seed: u64) -> &mut Self {
        assert!(
            self.workers.is_none(),
            "seed({seed}): the order in which threads run is not ours to decide: begin with \
             Builder::new_current_thread"
        );
        self.seed = Some(seed);
        self
    }

    /// Called on each thread that begins to run tasks: on workers, on the caller's, at each `block_on`
    /// that runs them, and on those of [`spawn_blocking`](crate::task::spawn_blocking).
    pub fn on_thread_start(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.hooks.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each thread that has stopped running tasks. A panic in it is discarded.
    pub fn on_thread_stop(&mut self, hook: impl Fn() + Send + Sync + 'static) -> &mut Self {
        self.hooks.on_stop = Some(Arc::new(hook));
        self
    }

    /// Keeps signals for streams of `net::signal`: blocks them in the thread that builds the runtime,
    /// and so in all that it makes from then on, the workers too. Until somebody asks for them they
    /// wait in the kernel.
    ///
    /// A thread that was there before does not block them, and could get them instead; so build the
    /// runtime first thing in `main`. (Asking for a stream when there is such a thread is an error.)
    /// When the runtime is dropped in the thread that built it, they are unblocked there, unless they
    /// were blocked before; what has come and was not taken then does what it does by default. A
    /// program that is started by this one would inherit that they are blocked: see
    /// `net::signal::reset_in_child`.
    ///
    /// Signals are numbers, or `net::signal::SignalKind`s.
    ///
    /// # Panics
    ///
    /// For what is no signal, cannot be blocked (`SIGKILL`, `SIGSTOP`), or tells a thread of its own
    /// mistake (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`, `SIGSYS`).
    ///
    /// # Examples
    ///
    /// ```
    /// const HANGUP: i32 = 1;
    /// let runtime = runtime::Builder::new_multi_thread().signals([HANGUP]).build()?;
    /// // `kill -HUP` does not end this program, for as long as the runtime lives.
    /// # drop(runtime);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn signals<S: Into<c_int>>(&mut self, signals: impl IntoIterator<Item = S>) -> &mut Self {
        for signal in signals {
            let signal = signal.into();
            assert!(
                signals::may_be_kept(signal),
                "signals: number {signal} cannot be kept for a stream: it is no signal, or one that \
                 no program can block, or that tells a thread of its own mistake"
            );
            self.signals.push(signal);
        }
        self
    }

    /// Builds a runtime for futures that are `Send`.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two, or three a worker), no threads, or no
    /// memory.
    pub fn build(&mut self) -> io::Result<Runtime> {
        let count = match self.workers {
            None => 1,
            Some(Workers { count: None, .. }) => {
                std::thread::available_parallelism().map_or(1, usize::from)
            }
            Some(Workers {
                count: Some(count), ..
            }) => count,
        };
        // Before any thread is made: each begins with the mask of the one that makes it.
        let blocked = Blocked::here(&self.signals);
        let handle = Handle {
            shared: self.share(count, None, self.workers.is_some())?,
        };
        let staff = match self.workers {
            None => Staff::default(),
            Some(workers) => Staff::start(&handle, workers.stack_size)?,
        };
        Ok(Runtime::new_with(handle, staff, blocked))
    }

    /// Builds a runtime that stays on this thread, for any futures.
    ///
    /// # Errors
    ///
    /// If the process has no descriptors left (it takes two), or no memory.
    ///
    /// # Panics
    ///
    /// For a builder of [`new_multi_thread`](Self::new_multi_thread): its tasks would not stay on this
    /// thread.
    pub fn build_local(&mut self) -> io::Result<LocalRuntime> {
        assert!(
            self.workers.is_none(),
            "build_local: a LocalRuntime stays on its thread and has no workers: begin with \
             Builder::new_current_thread, or call build"
        );
        let here = std::thread::current().id();
        let blocked = Blocked::here(&self.signals);
        let shared = self.share(1, Some(here), false)?;
        Ok(LocalRuntime::new_with(Handle { shared }, blocked))
    }

    fn share(
        &self,
        cores: usize,
        only_on: Option<ThreadId>,
        has_workers: bool,
    ) -> io::Result<Arc<Shared>> {
        let panics = Arc::new(Panics::new(self.on_unseen_panic.clone()));
        let pool = Pool::new(self.most_blocking_threads, self.keep_alive, panics.clone());
        if cores > 1 {
            measure_wake_cost();
        }
        let crew = Crew::new(
            cores,
            has_workers,
            self.on_stuck.clone(),
            self.seed,
            &panics,
        )?;
        if self.starts_paused || self.seed.is_some() {
            let clock = crew.drivers().timers().clock();
            clock.pause_at_the_beginning();
        }
        Ok(Shared::new(
            crew,
            self.hooks.clone(),
            pool,
            only_on,
            has_workers,
        ))
    }
}

impl Runtime {
    /// A runtime with the default settings: a worker thread a processor.
    ///
    /// # Errors
    ///
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().build()
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
            .field("worker_threads", &self.workers.map(|it| it.count))
            .field("thread_name", &self.hooks.thread_name)
            .field("max_blocking_threads", &self.most_blocking_threads)
            .finish_non_exhaustive()
    }
}

/// As many as users of other runtimes are used to: enough for a burst of slow file reads, few enough
/// not to run into the limits of a container.
const MOST_BLOCKING_THREADS: usize = 512;
const KEEP_ALIVE: Duration = Duration::from_secs(10);
