//! Which runtime a thread is in, and the handle that says so.
//!
//! Inside `block_on`, and while the guard of [`Handle::enter`] lives, a thread has a *current*
//! runtime: free functions such as [`spawn`](crate::spawn) and the constructors of sockets and
//! timers take it from here. Two things are remembered a thread: the handle, and whether a
//! `block_on` is under way, because a second one inside it would sleep on the thread that has to
//! wake it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::Location;

use crate::blocking::After;
use crate::coop;
use crate::driver::{self, Drivers};
use crate::executor::Core;
use crate::foreign;
use crate::here;
use crate::hold::Hold;
use crate::metrics::Metrics;
use crate::primitive::Arc;
use crate::shared::{LARGE_FUTURE, Shared};
use crate::tasks::{self, JoinHandle};

/// Reaches a runtime from anywhere: cheap to clone, may be sent to other threads.
///
/// A handle does not keep the runtime running. After the runtime has shut down, what is spawned
/// is cancelled at once, and sockets and timers give errors.
///
/// # Examples
///
/// ```
/// let runtime = runtime::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// let elsewhere = std::thread::spawn(move || handle.spawn(async { 6 * 7 }));
/// let task = elsewhere.join().unwrap();
/// assert_eq!(runtime.block_on(task).unwrap(), 42);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// The runtime that this thread is in.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn current() -> Self {
        current_or_panic("Handle::current")
    }

    /// The runtime that this thread is in.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(runtime::Handle::try_current().is_err());
    /// runtime::block_on(async { assert!(runtime::Handle::try_current().is_ok()) });
    /// ```
    #[track_caller]
    pub fn try_current() -> Result<Self, TryCurrentError> {
        current().ok_or(TryCurrentError {
            caller: Location::caller(),
        })
    }

    /// Starts a task; see [`spawn`](crate::spawn). From any thread.
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static, // not Send? spawn_local, in a LocalRuntime
        F::Output: Send + 'static,
    {
        self.shared.spawn(future, None, Location::caller())
    }

    /// Runs a closure that blocks on a thread for such; see
    /// [`spawn_blocking`](crate::task::spawn_blocking). From any thread.
    ///
    /// # Panics
    ///
    /// In a child made by `fork(2)`; and if the system makes no threads.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, closure: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.give_to_pool(closure, Location::caller(), false)
    }

    fn give_to_pool<F, R>(
        &self,
        closure: F,
        caller: &'static Location<'static>,
        is_urgent: bool,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let drivers = self.shared.crew().drivers();
        if let Err(error) = drivers.check_process() {
            panic!("spawn_blocking at {caller}: {error}");
        }
        let hold = drivers.hold_paused_time();
        let held = hold.clone();
        let closure = move || {
            let entered = held.as_ref().map(Hold::enter);
            let result = closure();
            drop(entered);
            result
        };
        let after = hold.map(|hold| Box::new(move || hold.let_go()) as After);
        let pool = self.shared.pool();
        let start = || self.start_blocking_thread();
        pool.spawn(closure, caller, after, is_urgent, start)
    }

    /// A thread of the pool's, inside this runtime.
    fn start_blocking_thread(&self) -> std::io::Result<()> {
        let handle = self.clone();
        let serve = move || {
            let entered = Entered::new(handle.clone());
            let hooks = handle.shared.hooks();
            hooks
                .on_start
                .iter()
                .for_each(|hook| foreign::call(&**hook));
            handle.shared.pool().serve();
            hooks.on_stop.iter().for_each(|hook| foreign::call(&**hook));
            drop(entered);
        };
        let name = self.shared.hooks().blocking_name();
        std::thread::Builder::new().name(name).spawn(serve)?;
        Ok(())
    }

    /// Runs a future to its end on this thread; see [`Runtime::block_on`](crate::Runtime::block_on).
    ///
    /// # Panics
    ///
    /// Inside another `block_on`.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on(self, "Handle::block_on", future)
    }

    /// Makes this the current runtime of the thread for as long as the guard lives.
    ///
    /// # Panics
    ///
    /// When guards are dropped in another order than the reverse of entering.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = runtime::Runtime::new()?;
    /// let guard = runtime.handle().enter();
    /// let task = runtime::spawn(async { "spawned from outside" });
    /// drop(guard);
    /// assert_eq!(runtime.block_on(task).unwrap(), "spawned from outside");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _entered: Entered::new(self.clone()),
            handle: std::marker::PhantomData,
        }
    }

    /// What the runtime has and has seen, counted now.
    ///
    /// # Examples
    ///
    /// ```
    /// runtime::block_on(async {
    ///     let waiting = runtime::spawn(std::future::pending::<()>());
    ///     assert_eq!(runtime::Handle::current().metrics().alive_tasks, 1);
    ///     waiting.abort();
    /// });
    /// ```
    pub fn metrics(&self) -> Metrics {
        let (blocking_threads, blocking_queue_depth) = self.shared.pool().counts();
        let crew = self.shared.crew();
        Metrics {
            blocking_threads,
            blocking_queue_depth,
            ..Metrics::of(crew)
        }
    }
}

// What a panic can leave half-done in here is met by locks that do not poison.
impl std::panic::UnwindSafe for Handle {}
impl std::panic::RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crew = self.shared.crew();
        f.debug_struct("Handle")
            .field("workers", &crew.shells().len())
            .field("alive_tasks", &crew.tasks())
            .field("shut_down", &crew.is_closing())
            .finish_non_exhaustive()
    }
}

/// Puts the former runtime of the thread back when dropped; see [`Handle::enter`].
#[must_use = "the runtime is current for as long as the guard lives"]
pub struct EnterGuard<'a> {
    _entered: Entered,
    handle: std::marker::PhantomData<&'a Handle>,
}

/// The thread is in no runtime.
#[derive(Clone, Debug)]
pub struct TryCurrentError {
    caller: &'static Location<'static>,
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&driver::outside("Handle::try_current", self.caller))
    }
}

impl std::error::Error for TryCurrentError {}

thread_local! {
    static CURRENT: RefCell<Option<Handle>> = const { RefCell::new(None) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static BLOCKING: Cell<Option<Inside>> = const { Cell::new(None) };
}

/// The runtime that this thread is in, if any.
pub(crate) fn current() -> Option<Handle> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .unwrap_or(None)
}

#[track_caller]
pub(crate) fn current_or_panic(call: &str) -> Handle {
    match current() {
        Some(handle) => handle,
        None => panic!("{}", driver::outside(call, Location::caller())),
    }
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

/// Everything that makes a runtime current, undone in the reverse order.
struct Entered {
    handle: Option<Handle>,
    drivers: Option<Arc<Drivers>>,
    depth: u32,
    /// Its result must not be lost to the mistake of a task.
    is_block_on: bool,
    /// What is put back belongs to this thread.
    not_send: std::marker::PhantomData<*const ()>,
}

impl Entered {
    fn new(handle: Handle) -> Self {
        let drivers = handle.shared.crew().drivers().clone();
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Self {
            depth,
            is_block_on: false,
            drivers: driver::replace_current(Some(drivers)),
            handle: replace_current(Some(handle)),
            not_send: std::marker::PhantomData,
        }
    }
}

impl Entered {
    /// Puts the former runtime back, unless an outer guard has done so already: then this one has
    /// been overtaken, and what it remembers is no longer true. False in that case, and if it
    /// overtakes others itself.
    fn restore(&mut self) -> bool {
        let depth = DEPTH.get();
        if depth >= self.depth {
            DEPTH.set(self.depth - 1);
            drop(driver::replace_current(self.drivers.take()));
            drop(replace_current(self.handle.take()));
        }
        depth == self.depth
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.restore() && !self.is_block_on && !std::thread::panicking() {
            panic!(
                "the guards of Handle::enter were dropped in another order than the reverse of \
                 entering: hold a guard in one scope, and not across an .await"
            );
        }
    }
}

fn replace_current(handle: Option<Handle>) -> Option<Handle> {
    CURRENT
        .try_with(|current| current.replace(handle))
        .unwrap_or(None)
}

/// Runs `future` on this thread, in `handle`'s runtime. `call` is what the user called.
#[track_caller]
pub(crate) fn block_on<F: Future>(handle: &Handle, call: &str, future: F) -> F::Output {
    let blocking = Blocking::begin(call, Location::caller());
    let mut entered = Entered::new(handle.clone());
    entered.is_block_on = true;
    let output = if size_of::<F>() > LARGE_FUTURE {
        handle.shared.block_on(Box::pin(future).as_mut())
    } else {
        handle.shared.block_on(std::pin::pin!(future))
    };
    drop(entered);
    drop(blocking);
    output
}

/// What keeps a thread from another `block_on`.
#[derive(Clone, Copy)]
enum Inside {
    /// One that is under way.
    BlockOn(&'static Location<'static>),
    /// It is a worker's thread, or one in its place.
    Worker,
}

/// Calls a closure that blocks, after giving the core that this thread runs to another one.
#[track_caller]
pub(crate) fn block_in_place<R>(closure: impl FnOnce() -> R) -> R {
    let caller = Location::caller();
    let Some(inside) = BLOCKING.get() else {
        return closure();
    };
    let handle = current_or_panic("block_in_place");
    assert!(
        handle.shared.has_workers(),
        "block_in_place was called at {caller}, in a runtime without workers: the other tasks would \
         stand still. Use spawn_blocking, or a runtime of Builder::new_multi_thread"
    );
    if let Some(core) = Core::lend() {
        here::leave();
        let index = handle.shared.lay_down(core);
        let substitute = handle.clone();
        let stand_in = move || {
            let shared = &substitute.shared;
            // It ends when the task is back.
            let _not_waited_for = shared.closing().set_apart(tasks::current());
            let working = Working::begin();
            shared.substitute(index);
            drop(working);
        };
        drop(handle.give_to_pool(stand_in, caller, true));
    }
    let restored = Restored(inside);
    BLOCKING.set(None);
    coop::lift();
    let result = closure();
    drop(restored);
    result
}

/// Calls a closure that blocks, wherever this is: with the core given to another thread if there can be
/// one, else as it is.
pub(crate) fn aside<R>(closure: impl FnOnce() -> R) -> R {
    match (BLOCKING.get(), current()) {
        (Some(_), Some(current)) if current.shared.has_workers() => block_in_place(closure),
        (Some(inside), _) => {
            let restored = Restored(inside);
            BLOCKING.set(None);
            coop::lift();
            let result = closure();
            drop(restored);
            result
        }
        (None, _) => closure(),
    }
}

/// Puts back what kept the thread from another `block_on`.
struct Restored(Inside);

impl Drop for Restored {
    fn drop(&mut self) {
        BLOCKING.set(Some(self.0));
    }
}

/// While it lives, a thread for calls that block does the work of a worker: its tasks are to find on it
/// what they find there.
struct Working;

impl Working {
    fn begin() -> Self {
        BLOCKING.set(Some(Inside::Worker));
        Self
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        // As at the end of a `block_on`.
        coop::lift();
        BLOCKING.set(None);
    }
}

/// While it lives, this thread is inside a `block_on`, or a worker's.
struct Blocking;

/// Panics if this thread is inside a `block_on`.
#[track_caller]
pub(crate) fn refuse_nested(call: &str) {
    drop(Blocking::begin(call, Location::caller()));
}

impl Blocking {
    #[track_caller]
    fn begin(call: &str, caller: &'static Location<'static>) -> Self {
        let inside = match BLOCKING.get() {
            None => {
                BLOCKING.set(Some(Inside::BlockOn(caller)));
                return Self;
            }
            Some(Inside::BlockOn(outer)) => format!("inside the block_on at {outer}"),
            Some(Inside::Worker) => "inside a task".to_owned(),
        };
        panic!(
            "{call} was called at {caller}, {inside}: this thread runs tasks, and would wait for \
             itself. Use .await here, or move the call to a thread of its own"
        );
    }
}

/// Makes `handle`'s runtime the current one of a worker's thread, for as long as the guard lives.
pub(crate) fn enter_worker(handle: &Handle) -> impl Drop + use<> {
    BLOCKING.set(Some(Inside::Worker));
    let mut entered = Entered::new(handle.clone());
    entered.is_block_on = true;
    entered
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // Nobody renews the budget from now on.
        coop::lift();
        BLOCKING.set(None);
    }
}
