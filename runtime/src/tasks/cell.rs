//! The one allocation of a task, and what can be done with it.
//!
//! This is the only file that knows a future's type. Everything here is reached through the
//! header's table, by whoever the state word gave the right: the functions `poll` and `cancel` by
//! the one party that started the task, the output by its handle once the task is done.
//!
//! The danger is foreign code: the future's `poll`, its destructor, its output's, even that of what
//! it throws may panic. Each is called inside a `catch_unwind`, and between two of them the cell
//! is whole, so a panic ends its own task and nothing else.

#![allow(unsafe_code)]

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::error::JoinError;
use super::info::Outside;
use super::join::JoinHandle;
use super::panics::Panics;
use super::raw::{Header, Runnable, Table, TaskRef};
use super::waker::BorrowedWaker;
use crate::foreign;
use crate::primitive::UnsafeCell;

/// What a task needs of its executor.
pub(crate) trait Schedule: Send + Sync + 'static {
    /// Puts a task that was woken into a queue.
    fn schedule(&self, task: Runnable);

    /// Puts a task into a queue that was woken while it ran, mostly by itself: behind the others.
    fn requeue(&self, task: Runnable) {
        self.schedule(task);
    }

    /// The task is done: gives back the reference that the executor has kept.
    fn release(&self, task: &TaskRef) -> Option<TaskRef>;

    /// Where panics are told, if anywhere.
    fn panics(&self) -> Option<&Panics> {
        None
    }
}

#[repr(C)]
struct Cell<F: Future, S> {
    header: Header,
    scheduler: S,
    stage: UnsafeCell<Stage<F>>,
}

enum Stage<F: Future> {
    Running(F),
    Done(Result<F::Output, JoinError>),
    Gone,
}

/// Makes a task. The first reference is for the executor to keep; the task is scheduled and in no
/// queue yet.
pub(crate) fn spawn<F: Future, S: Schedule>(
    future: F,
    scheduler: S,
    name: Option<Box<str>>,
    spawned_at: &'static Location<'static>,
) -> (TaskRef, JoinHandle<F::Output>) {
    let cell = Box::new(Cell {
        header: Header::new(Cell::<F, S>::TABLE, 2, name, spawned_at),
        scheduler,
        stage: UnsafeCell::new(Stage::Running(future)),
    });
    let header = NonNull::from(Box::leak(cell)).cast::<Header>();
    // SAFETY: the cell was made with two references, and here goes the first.
    let kept = unsafe { TaskRef::from_raw(header) };
    // SAFETY: and here the second.
    let handed_out = unsafe { TaskRef::from_raw(header) };
    (kept, JoinHandle::new(handed_out))
}

impl<F: Future, S: Schedule> Cell<F, S> {
    const TABLE: &'static Table = &Table {
        poll: Self::poll,
        cancel: Self::cancel,
        schedule: Self::schedule,
        read_output: Self::read_output,
        drop_output: Self::drop_output,
        free: Self::free,
    };

    /// The cell that a header begins.
    ///
    /// # Safety
    ///
    /// `header` begins a `Cell<F, S>` that stays alive for `'a`.
    unsafe fn of<'a>(header: NonNull<Header>) -> &'a Self {
        // SAFETY: the caller's promise; `repr(C)` puts the header first.
        unsafe { header.cast::<Self>().as_ref() }
    }

    unsafe fn poll(header: NonNull<Header>) {
        // SAFETY: the executor's reference lasts until `finish`.
        let cell = unsafe { Self::of(header) };
        // SAFETY: as above, and the waker does not outlive this function's first half.
        let waker = unsafe { BorrowedWaker::new(header) };
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| cell.poll_future(&mut context)));
        let output = match polled {
            Ok(Poll::Pending) => {
                // The moment that R is off and S is not on, the task may be run, and freed, by
                // others: nothing of it is touched after this unless S was on.
                if cell.header.state.suspend() {
                    cell.scheduler.requeue(Runnable::from_header(header));
                }
                return;
            }
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(payload),
        };
        // The last touch: nothing of the cell is borrowed when it may be freed.
        drop(cell.finish(header, output.map(Some)));
    }

    unsafe fn cancel(header: NonNull<Header>) {
        // SAFETY: the executor's reference lasts until `finish`.
        let cell = unsafe { Self::of(header) };
        let outside = Outside::remember();
        outside.enter(cell.header.id);
        let kept = cell.finish(header, Ok(None));
        drop(outside);
        drop(kept);
    }

    unsafe fn schedule(header: NonNull<Header>) {
        // SAFETY: the caller holds a reference.
        let cell = unsafe { Self::of(header) };
        cell.scheduler.schedule(Runnable::from_header(header));
    }

    unsafe fn read_output(header: NonNull<Header>, into: *mut ()) {
        // SAFETY: the caller, the handle, holds a reference.
        let cell = unsafe { Self::of(header) };
        let output = match cell.replace_stage(Stage::Gone) {
            Stage::Done(output) => output,
            Stage::Running(_) | Stage::Gone => {
                panic!("a JoinHandle was polled after it had given its output")
            }
        };
        // SAFETY: the handle passes the address of a slot of exactly this type.
        unsafe { into.cast::<Result<F::Output, JoinError>>().write(output) };
    }

    unsafe fn drop_output(header: NonNull<Header>) {
        // SAFETY: the caller holds a reference.
        let cell = unsafe { Self::of(header) };
        let stage = cell.replace_stage(Stage::Gone);
        cell.drop_stage(stage);
    }

    unsafe fn free(header: NonNull<Header>) {
        // SAFETY: this was the last reference, so the box comes back to where it was leaked from.
        let cell = unsafe { Box::from_raw(header.cast::<Self>().as_ptr()) };
        // SAFETY: nobody else is left.
        let waiter = cell
            .header
            .waiter
            .with_mut(|waiter| unsafe { (*waiter).take() });
        foreign::drop_quietly(waiter);
        drop(cell);
    }

    fn poll_future(&self, context: &mut Context<'_>) -> Poll<F::Output> {
        self.stage.with_mut(|stage| {
            // SAFETY: R is ours, so nobody else reaches the stage.
            let Stage::Running(future) = (unsafe { &mut *stage }) else {
                unreachable!("a task that runs has its future");
            };
            // SAFETY: the future is in a heap cell that never moves, and is dropped in place.
            unsafe { Pin::new_unchecked(future) }.poll(context)
        })
    }

    /// Arrow 4: drops the future, stores what is to be stored, tells the handle. Returns the
    /// executor's reference, for the caller to drop.
    fn finish(
        &self,
        header: NonNull<Header>,
        output: Result<Option<F::Output>, Thrown>,
    ) -> Option<TaskRef> {
        let id = self.header.id;
        let is_cancelled = matches!(output, Ok(None));
        let output = match (self.drop_future(), output) {
            (None, Ok(Some(output))) => Ok(output),
            (None, Ok(None)) => Err(JoinError::cancelled(id)),
            (None, Err(payload)) => Err(self.panicked(payload)),
            (Some(later), Ok(output)) => {
                foreign::drop_quietly(output);
                Err(self.panicked(later))
            }
            (Some(later), Err(payload)) => {
                foreign::discard(later);
                Err(self.panicked(payload))
            }
        };
        // `Gone` is in the place: nothing is dropped here.
        self.replace_stage(Stage::Done(output));
        let before = self.header.state.finish(is_cancelled);
        if !before.is_joined() {
            let stage = self.replace_stage(Stage::Gone);
            self.drop_stage(stage);
        } else if before.has_waiter() {
            // SAFETY: WAITER was on when D came on, so the cell is the task's.
            let waiter = self
                .header
                .waiter
                .with_mut(|cell| unsafe { (*cell).take() });
            waiter.into_iter().for_each(foreign::wake);
        }
        // SAFETY: the reference is only looked at; the executor's own, which is returned, keeps the
        // task.
        let task = unsafe { std::mem::ManuallyDrop::new(TaskRef::from_raw(header)) };
        self.scheduler.release(&task)
    }

    /// Drops the future in its place; returns what its destructor threw.
    fn drop_future(&self) -> Option<Thrown> {
        let stage = |stage: *mut Stage<F>| {
            // SAFETY: R is ours. A destructor that panics still leaves its fields dropped, and the
            // stage is overwritten without being dropped again.
            unsafe { std::ptr::drop_in_place(stage) }
        };
        let dropped = catch_unwind(AssertUnwindSafe(|| self.stage.with_mut(stage)));
        self.stage.with_mut(|stage| {
            // SAFETY: R is ours; what was there is dropped.
            unsafe { stage.write(Stage::Gone) }
        });
        dropped.err()
    }

    /// Puts another stage in; for the one that has the right to the stage at the time.
    fn replace_stage(&self, next: Stage<F>) -> Stage<F> {
        self.stage.with_mut(|stage| {
            // SAFETY: by R before the task is done; after that by JOIN, whose end (the handle's, or
            // `finish` without a handle) is one party's.
            std::mem::replace(unsafe { &mut *stage }, next)
        })
    }

    #[cold]
    fn panicked(&self, payload: Thrown) -> JoinError {
        let error = JoinError::panic(self.header.info(), payload);
        if let Some(panics) = self.scheduler.panics() {
            error
                .panic_of_task()
                .into_iter()
                .for_each(|it| panics.note(it));
        }
        error
    }

    fn drop_stage(&self, stage: Stage<F>) {
        if let (Stage::Done(Err(error)), Some(panics)) = (&stage, self.scheduler.panics()) {
            if let Some(panic) = error.panic_of_task() {
                panics.tell_unseen(&panic);
            }
        }
        foreign::drop_quietly(stage);
    }
}

type Thrown = Box<dyn Any + Send>;
