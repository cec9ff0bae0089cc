//! A task behind one thin pointer.
//!
//! Queues, wakers and handles do not care what a task computes. They hold a pointer to its
//! [`Header`], which begins the one allocation of every task, and the header's table of functions
//! knows the rest. Two kinds of pointer go round:
//!
//! - a [`TaskRef`] is counted: the header stays while it lives;
//! - a [`Runnable`] is the right to run the task once. It is not counted: the executor's own
//!   reference lasts until the task is done, and a task that may be run is not done.
//!
//! The danger is the last touch. Once a task is put into a queue another thread may run it, end it
//! and free it, so putting it there comes last, or happens with a reference in hand.

#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::Waker;

use super::id::Id;
use super::info::{Outside, TaskInfo, current};
use super::state::{Start, State};
use crate::primitive::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};

/// What all tasks have in common, at the start of each.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) table: &'static Table,
    /// The next task in the queue or the inbox that has this one.
    next: AtomicPtr<Header>,
    /// The waker of the handle; the WAITER flag says whose it is.
    pub(super) waiter: UnsafeCell<Option<Waker>>,
    pub(super) id: Id,
    pub(super) spawned_at: &'static Location<'static>,
    pub(super) name: Option<Box<str>>,
    /// The task that has spawned it.
    parent: Option<Id>,
    /// Where the executor's list of live tasks has its reference.
    place: AtomicU32,
    /// The core that ran it last.
    core: AtomicU32,
}

/// What a task can be asked to do; the pointer is to the start of the right kind of cell.
pub(super) struct Table {
    pub(super) poll: unsafe fn(NonNull<Header>),
    pub(super) cancel: unsafe fn(NonNull<Header>),
    pub(super) schedule: unsafe fn(NonNull<Header>),
    /// Moves the output of a done task to the address given, a `Result<T, JoinError>`.
    pub(super) read_output: unsafe fn(NonNull<Header>, *mut ()),
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    pub(super) free: unsafe fn(NonNull<Header>),
}

impl Header {
    pub(super) fn new(
        table: &'static Table,
        references: u64,
        name: Option<Box<str>>,
        spawned_at: &'static Location<'static>,
    ) -> Self {
        Self {
            state: State::new(references),
            table,
            next: AtomicPtr::new(std::ptr::null_mut()),
            waiter: UnsafeCell::new(None),
            id: Id::next(),
            spawned_at,
            name,
            parent: current(),
            place: AtomicU32::new(NO_PLACE),
            core: AtomicU32::new(0),
        }
    }

    #[cold]
    pub(super) fn info(&self) -> TaskInfo {
        TaskInfo {
            id: self.id,
            name: self.name.as_deref().map(str::to_owned),
            spawned_at: self.spawned_at,
            parent: self.parent,
        }
    }
}

/// A counted reference to a task.
pub(crate) struct TaskRef(NonNull<Header>);

/// The right to run a task once.
pub(crate) struct Runnable(NonNull<Header>);

// SAFETY: a header is made of atomics, of what the state word guards, and of what never changes. A
// task that is not `Send` is run, and its future dropped, by the thread of its executor only, which
// sees to that (`spawn_local`); references touch the header alone.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}
// SAFETY: as above; running is the executor's affair.
unsafe impl Send for Runnable {}

impl TaskRef {
    /// Takes over one reference that has been counted already.
    ///
    /// # Safety
    ///
    /// `header` begins a live task, and the caller gives one of its references away.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self(header)
    }

    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    pub(super) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: the header lives while a reference is held, and `self` is one.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.header().state.load().is_done()
    }

    pub(crate) fn id(&self) -> Id {
        self.header().id
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.header().name.as_deref()
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.header().spawned_at
    }

    /// What people are told of it.
    pub(crate) fn info(&self) -> TaskInfo {
        self.header().info()
    }

    /// Whether somebody is in the middle of a poll of it, or of its end.
    pub(crate) fn is_running(&self) -> bool {
        self.header().state.load().is_running()
    }

    /// Whether a shutdown has cut it, or is about to; see [`cut`](Self::cut).
    pub(crate) fn is_cut(&self) -> bool {
        self.header().state.load().is_cut()
    }

    /// The core that ran it last.
    pub(crate) fn core(&self) -> usize {
        self.header().core.load(Ordering::Relaxed) as usize
    }

    /// Makes the task be polled.
    #[inline]
    pub(crate) fn wake(&self) {
        if self.header().state.wake() {
            self.schedule();
        }
    }

    /// Asks for the task's future to be dropped, by its executor.
    pub(crate) fn abort(&self) {
        if self.header().state.abort() {
            self.schedule();
        }
    }

    /// The same, by a shutdown.
    pub(crate) fn cut(&self) {
        if self.header().state.cut() {
            self.schedule();
        }
    }

    /// Arrow 1 was this caller's: the task goes into a queue.
    #[inline]
    pub(super) fn schedule(&self) {
        // SAFETY: the table fits the cell that the header begins.
        unsafe { (self.header().table.schedule)(self.0) }
    }

    /// Drops the future of a task that nobody will run any more. Does nothing if it is done, or is
    /// being run at this moment.
    pub(crate) fn cancel(&self) {
        if self.header().state.seize() {
            // SAFETY: the table fits, and `seize` made this the one party that runs the task.
            unsafe { (self.header().table.cancel)(self.0) }
        }
    }

    /// The right to run the task, for who knows that it is scheduled and in no queue.
    pub(crate) fn runnable(&self) -> Runnable {
        Runnable(self.0)
    }

    /// The link: whoever has the task out of every queue and inbox owns it.
    pub(crate) fn set_next(&self, next: *mut Header) {
        // Relaxed: the exchange that publishes the task publishes its link.
        self.header().next.store(next, Ordering::Relaxed);
    }

    pub(crate) fn next(&self) -> *mut Header {
        self.header().next.load(Ordering::Relaxed)
    }

    /// For an inbox, which keeps references as pointers.
    pub(crate) fn into_link(self) -> *mut Header {
        self.into_raw().as_ptr()
    }

    /// Takes a reference back out of an inbox.
    ///
    /// # Safety
    ///
    /// `link` came from [`into_link`](Self::into_link) and is taken back once.
    pub(crate) unsafe fn from_link(link: *mut Header) -> Option<Self> {
        NonNull::new(link).map(Self)
    }

    /// Where the list of live tasks has the executor's reference, if it was let in.
    pub(crate) fn place(&self) -> Option<usize> {
        let place = self.header().place.load(Ordering::Relaxed);
        (place != NO_PLACE).then_some(place as usize)
    }

    /// Remembers where the list of live tasks has the executor's reference.
    pub(crate) fn set_place(&self, place: usize) {
        // Relaxed: written before the task is first queued, read when it is done.
        self.header().place.store(place as u32, Ordering::Relaxed);
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.header().state.increment();
        Self(self.0)
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        if self.header().state.decrement() {
            // SAFETY: the table fits, and this was the last reference.
            unsafe { (self.header().table.free)(self.0) }
        }
    }
}

impl Runnable {
    /// Runs the task: one poll, or the end of an aborted one. `outside` is where the thread goes on
    /// afterwards, maybe after other tasks.
    #[inline]
    pub(crate) fn run(self, outside: &Outside) {
        // SAFETY: what may be run is not done, so the executor's reference keeps the header.
        let header = unsafe { self.0.as_ref() };
        outside.enter(header.id);
        match header.state.start() {
            // SAFETY: the table fits, and `start` made this the one party that runs the task.
            Start::Poll => unsafe { (header.table.poll)(self.0) },
            // SAFETY: as above.
            Start::Cancel => unsafe { (header.table.cancel)(self.0) },
            Start::Not => {}
        }
    }

    /// The core that is about to run it, or to which it is sent.
    #[inline]
    pub(crate) fn set_core(&self, core: usize) {
        // SAFETY: what may be run is not done, so the executor's reference keeps the header.
        let header = unsafe { self.0.as_ref() };
        // Relaxed: where to send the next wake; any core would do.
        header.core.store(core as u32, Ordering::Relaxed);
    }

    /// The core that ran it last.
    pub(crate) fn core(&self) -> usize {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.core.load(Ordering::Relaxed) as usize
    }

    #[inline]
    pub(crate) fn id(&self) -> Id {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.id
    }

    /// A counted reference beside the right to run.
    pub(crate) fn task(&self) -> TaskRef {
        // SAFETY: what may be run is not done, so the executor's reference keeps the header.
        unsafe { self.0.as_ref() }.state.increment();
        TaskRef(self.0)
    }

    /// For a queue, which links tasks through their headers.
    #[inline]
    pub(crate) fn set_next(&self, next: *mut Header) {
        // SAFETY: what may be run is not done, so the executor's reference keeps the header.
        let header = unsafe { self.0.as_ref() };
        // Relaxed: the queue is its owner's alone.
        header.next.store(next, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn next(&self) -> *mut Header {
        // SAFETY: as above.
        unsafe { self.0.as_ref() }.next.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn into_link(self) -> *mut Header {
        self.0.as_ptr()
    }

    /// The right to run a task, back from a link.
    ///
    /// # Safety
    ///
    /// `link` came from [`into_link`](Self::into_link), and the task is not done. Of several made
    /// from one link, one is run.
    #[inline]
    pub(crate) unsafe fn from_link(link: *mut Header) -> Self {
        // SAFETY: `into_link` gives the address of a header, which is not null.
        Self(unsafe { NonNull::new_unchecked(link) })
    }

    /// Whoever has just set S, or kept it, makes the right to run from it.
    pub(super) fn from_header(header: NonNull<Header>) -> Self {
        Self(header)
    }
}

const NO_PLACE: u32 = u32::MAX;
