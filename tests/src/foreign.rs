//! Executors and wakers that are not the runtime's.
//!
//! Futures of the runtime may be polled by anybody, and so its wakers, and theirs, meet code that it
//! knows nothing of. Here is such an executor, as small as one can be, and such a waker, which does
//! at each occasion what a test wants to see survived.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, Thread};

/// Runs a future on this thread without any runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(&mut future, &waker) {
            return output;
        }
        thread::park();
    }
}

/// One poll.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

type Occasion = Option<Box<dyn Fn() + Send + Sync>>;

/// Counts what becomes of its wakers and, once [armed](Self::arm), does something of its own too.
#[derive(Default)]
pub struct Foreign {
    armed: AtomicBool,
    wakes: AtomicUsize,
    drops: AtomicUsize,
    on_clone: Occasion,
    on_wake: Occasion,
    on_drop: Occasion,
}

impl Foreign {
    /// Wakers that only count.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do before a waker is cloned.
    pub fn on_clone(mut self, occasion: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_clone = Some(Box::new(occasion));
        self
    }

    /// What to do at a wake.
    pub fn on_wake(mut self, occasion: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_wake = Some(Box::new(occasion));
        self
    }

    /// What to do when a waker is dropped (not when it is consumed by a wake).
    pub fn on_drop(mut self, occasion: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_drop = Some(Box::new(occasion));
        self
    }

    /// It, to be shared, armed from the start.
    pub fn armed(self) -> Arc<Self> {
        self.arm();
        Arc::new(self)
    }

    /// From now on it does what it was told.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// From now on it only counts.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// Wakes so far.
    pub fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    /// Wakers dropped so far.
    pub fn drops(&self) -> usize {
        self.drops.load(Ordering::SeqCst)
    }

    /// A waker.
    pub fn waker(self: &Arc<Self>) -> Waker {
        // SAFETY: the table's functions treat the data as what it is, one count of an `Arc<Self>`,
        // and that may be used from any thread.
        unsafe { Waker::from_raw(raw(self.clone())) }
    }

    fn happen(&self, occasion: &Occasion) {
        if let Some(occasion) = occasion
            .as_ref()
            .filter(|_| self.armed.load(Ordering::SeqCst))
        {
            occasion();
        }
    }

    fn woken(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.happen(&self.on_wake);
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

fn raw(foreign: Arc<Foreign>) -> RawWaker {
    RawWaker::new(Arc::into_raw(foreign).cast(), &TABLE)
}

/// # Safety
///
/// `data` is that of a live waker of ours, whose count the caller takes over.
unsafe fn take(data: *const ()) -> Arc<Foreign> {
    // SAFETY: the data of our wakers comes from `Arc::into_raw`.
    unsafe { Arc::from_raw(data.cast::<Foreign>()) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker is borrowed, and its count is not given back here.
    let foreign = ManuallyDrop::new(unsafe { take(data) });
    foreign.happen(&foreign.on_clone);
    raw(Arc::clone(&foreign))
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker is consumed.
    unsafe { take(data) }.woken();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker is borrowed, and its count is not given back here.
    ManuallyDrop::new(unsafe { take(data) }).woken();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker is consumed.
    let foreign = unsafe { take(data) };
    foreign.drops.fetch_add(1, Ordering::SeqCst);
    foreign.happen(&foreign.on_drop);
}
