//! What the two ends of a one-shot channel share: one allocation, freed by whoever leaves last.
//!
//! A value crosses once, so a lock and a count of references would cost more than the crossing. The
//! [word](super::state) says instead whose each cell is, and who is the last. This file keeps to
//! what the word says, and is the only one here that touches the cells.

#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::task::{Poll, Waker};

use super::state::{Snapshot, State};
use crate::foreign;
use crate::primitive::UnsafeCell;

struct Shared<T> {
    state: State,
    value: UnsafeCell<Option<T>>,
    receiver: UnsafeCell<Option<Waker>>,
    sender: UnsafeCell<Option<Waker>>,
}

/// The sender's end. It is used by one thread at a time.
pub(super) struct SenderEnd<T>(NonNull<Shared<T>>);

/// The receiver's end. It is used by one thread at a time.
pub(super) struct ReceiverEnd<T>(NonNull<Shared<T>>);

// SAFETY: an end moves a `T` to another thread, and wakers, which may go anywhere.
unsafe impl<T: Send> Send for SenderEnd<T> {}
// SAFETY: a shared end gives no access to the `T`, and its shared methods touch the word only.
unsafe impl<T: Send> Sync for SenderEnd<T> {}
// SAFETY: as the sender's.
unsafe impl<T: Send> Send for ReceiverEnd<T> {}
// SAFETY: as the sender's.
unsafe impl<T: Send> Sync for ReceiverEnd<T> {}

pub(super) fn ends<T>() -> (SenderEnd<T>, ReceiverEnd<T>) {
    let shared = Box::new(Shared {
        state: State::new(),
        value: UnsafeCell::new(None),
        receiver: UnsafeCell::new(None),
        sender: UnsafeCell::new(None),
    });
    let shared = NonNull::from(Box::leak(shared));
    (SenderEnd(shared), ReceiverEnd(shared))
}

impl<T> SenderEnd<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: an end that has not left keeps the allocation.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn state(&self) -> &State {
        &self.shared().state
    }

    /// Sends and leaves; or gives the value back, and leaves.
    #[inline]
    pub(super) fn send(mut self, value: T) -> Result<(), T> {
        self.take_waker_back();
        let cell = &self.shared().value;
        // SAFETY: until SENT the cell is the sender's.
        cell.with_mut(|cell| unsafe { *cell = Some(value) });
        match self.state().send() {
            Ok(before) => {
                self.leave(before);
                Ok(())
            }
            Err(_) => {
                // SAFETY: it was not sent, so the cell is the sender's still.
                let value = cell.with_mut(|cell| unsafe { (*cell).take() });
                drop(self);
                value.map_or(Ok(()), Err)
            }
        }
    }

    /// Takes the own waker back, so that it does not outlive this end.
    #[inline]
    fn take_waker_back(&mut self) {
        let shared = self.shared();
        if shared.state.load().sender_waits() && shared.state.set_sender_waits(false).is_ok() {
            // SAFETY: the flag went off here, so the cell is ours.
            let waker = shared.sender.with_mut(|cell| unsafe { (*cell).take() });
            foreign::drop_quietly(waker);
        }
    }

    /// Leaves after the last word, `before` which the word was this.
    #[inline]
    fn leave(self, before: Snapshot) {
        let shared = std::mem::ManuallyDrop::new(self).0;
        if before.receiver_has_left() {
            // SAFETY: the receiver has left, and this end does so here.
            unsafe { free(shared) };
        } else if before.receiver_waits() {
            // SAFETY: the flag was on at the last word, so the receiver's end leaves the allocation
            // to this one.
            unsafe { wake_receiver(shared) };
        }
    }

    /// Leaves `waker` for the closing of the channel.
    pub(super) fn poll_closed(&mut self, waker: &Waker) -> Poll<()> {
        let shared = self.shared();
        let seen = shared.state.load();
        if seen.is_closed()
            || (seen.sender_waits() && shared.state.set_sender_waits(false).is_err())
        {
            return Poll::Ready(());
        }
        // SAFETY: the flag is off and the channel was not closed when it went off: the cell is ours.
        let cell = |cell: *mut Option<Waker>| unsafe { &mut *cell };
        leave_waker(&shared.sender, cell, waker);
        match shared.state.set_sender_waits(true) {
            Ok(_) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        }
    }
}

impl<T> Drop for SenderEnd<T> {
    fn drop(&mut self) {
        self.take_waker_back();
        let before = self.state().end();
        Self(self.0).leave(before);
    }
}

impl<T> ReceiverEnd<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: an end that has not left keeps the allocation.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn state(&self) -> &State {
        &self.shared().state
    }

    /// Moves the value out, if it was sent and is there still.
    #[inline]
    pub(super) fn take(&mut self) -> Option<T> {
        if !self.state().load().is_sent() {
            return None;
        }
        // SAFETY: who has seen SENT has the cell, and this end is borrowed mutably.
        self.shared()
            .value
            .with_mut(|cell| unsafe { (*cell).take() })
    }

    /// Whether a value was sent and is there still.
    pub(super) fn has_value(&self) -> bool {
        // SAFETY: who has seen SENT has the cell, and taking from it would borrow this end mutably.
        let is_some = |cell: *const Option<T>| unsafe { (*cell).is_some() };
        self.state().load().is_sent() && self.shared().value.with(is_some)
    }

    /// Leaves `waker` for the sender's last word. Ready if that has been said.
    pub(super) fn poll_over(&mut self, waker: &Waker) -> Poll<()> {
        let shared = self.shared();
        let seen = shared.state.load();
        if seen.is_over()
            || (seen.receiver_waits() && shared.state.set_receiver_waits(false).is_err())
        {
            return Poll::Ready(());
        }
        // SAFETY: the flag is off and the sender was there when it went off: the cell is ours.
        let cell = |cell: *mut Option<Waker>| unsafe { &mut *cell };
        leave_waker(&shared.receiver, cell, waker);
        match shared.state.set_receiver_waits(true) {
            Ok(_) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        }
    }

    /// Takes nothing any more, and says so to a sender that waits to hear it.
    pub(super) fn close(&mut self) {
        let shared = self.shared();
        let before = shared.state.close();
        if before.sender_waits() && !before.is_closed() {
            // SAFETY: the flag was on when the channel was closed, so the cell is the receiver's.
            let waker = shared.sender.with_mut(|cell| unsafe { (*cell).take() });
            waker.into_iter().for_each(foreign::wake);
        }
    }

    /// Takes the own waker back, so that it does not outlive this end.
    fn take_waker_back(&mut self) {
        let shared = self.shared();
        if shared.state.load().receiver_waits() && shared.state.set_receiver_waits(false).is_ok() {
            // SAFETY: the flag went off here, so the cell is ours.
            let waker = shared.receiver.with_mut(|cell| unsafe { (*cell).take() });
            foreign::drop_quietly(waker);
        }
    }
}

impl<T> Drop for ReceiverEnd<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.state().load().sender_has_left() {
            self.close();
            self.take_waker_back();
            if !self.state().receiver_leaves().sender_has_left() {
                return;
            }
        }
        // SAFETY: the sender has left, and this end does so here.
        unsafe { free(self.0) };
    }
}

/// Puts `waker` into a cell of the caller's, unless it is there; the former is dropped.
fn leave_waker<'a>(
    cell: &UnsafeCell<Option<Waker>>,
    open: impl Fn(*mut Option<Waker>) -> &'a mut Option<Waker>,
    waker: &Waker,
) {
    let is_there = |held: &Option<Waker>| held.as_ref().is_some_and(|held| held.will_wake(waker));
    if !cell.with_mut(|held| is_there(open(held))) {
        let fresh = Some(waker.clone());
        foreign::drop_quietly(cell.with_mut(|held| std::mem::replace(open(held), fresh)));
    }
}

/// Takes the receiver's waker out, leaves, and only then wakes.
///
/// # Safety
///
/// RECEIVER_WAITS was on at the sender's last word, and this is its last step.
#[cold]
unsafe fn wake_receiver<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: by the caller, the receiver does not free before the flag is cleared.
    let reference = unsafe { shared.as_ref() };
    // SAFETY: by the caller, the cell is the sender's.
    let waker = reference
        .receiver
        .with_mut(|cell| unsafe { (*cell).take() });
    if reference.state.sender_leaves().receiver_has_left() {
        // SAFETY: the receiver has left, and the sender does so here.
        unsafe { free(shared) };
    }
    waker.into_iter().for_each(foreign::wake);
}

/// # Safety
///
/// Both ends have left.
#[inline]
unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: it comes from a box in `ends`, and by the caller nobody else has it any more.
    drop(unsafe { Box::from_raw(shared.as_ptr()) });
}
