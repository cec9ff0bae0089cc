//! A task's [`Waker`]: one counted reference.
//!
//! It may be cloned, woken and dropped on any thread at any time: after the task is done, after its
//! runtime has gone, in a destructor, while a thread is torn down. It keeps the header, never the
//! future: that is dropped when the task is done, whoever still holds a waker.

#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::raw::{Header, TaskRef};

/// A waker that has not been counted: for the time of one poll.
pub(super) struct BorrowedWaker(ManuallyDrop<Waker>);

impl BorrowedWaker {
    /// # Safety
    ///
    /// The caller keeps a reference to the task for as long as this lives.
    pub(super) unsafe fn new(header: NonNull<Header>) -> Self {
        // SAFETY: the table upholds the contract of RawWaker; the one reference that the waker
        // stands for is the caller's, and ManuallyDrop sees to it that it is not given back.
        let waker = unsafe { Waker::from_raw(raw(header)) };
        Self(ManuallyDrop::new(waker))
    }
}

impl Deref for BorrowedWaker {
    type Target = Waker;

    fn deref(&self) -> &Waker {
        &self.0
    }
}

fn raw(header: NonNull<Header>) -> RawWaker {
    RawWaker::new(header.as_ptr().cast_const().cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// The reference that a waker is, without taking it.
///
/// # Safety
///
/// `data` comes from a waker of ours that outlives the result.
unsafe fn borrow(data: *const ()) -> ManuallyDrop<TaskRef> {
    // SAFETY: the data of our wakers is never null.
    let header = unsafe { NonNull::new_unchecked(data.cast_mut().cast()) };
    // SAFETY: it begins a live task, kept by the waker; the reference is not given back.
    ManuallyDrop::new(unsafe { TaskRef::from_raw(header) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: `data` is that of the waker being cloned.
    let task = unsafe { borrow(data) };
    raw(TaskRef::clone(&task).into_raw())
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker is consumed, so its reference is ours to give back, at the end.
    let task = ManuallyDrop::into_inner(unsafe { borrow(data) });
    task.wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: `data` is that of the waker that is borrowed for this call.
    let task = unsafe { borrow(data) };
    task.wake();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker is consumed, so its reference is ours to give back.
    drop(ManuallyDrop::into_inner(unsafe { borrow(data) }));
}
