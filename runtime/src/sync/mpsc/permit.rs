//! Slots that are kept for somebody.
//!
//! A permit is a promise: a message sent with it arrives without waiting. One that is dropped unused
//! gives its slot to the next who waits.

use std::fmt;

use super::bounded::Sender;
use super::shared::Shared;

/// A slot; see [`Sender::reserve`].
#[must_use = "a permit that is dropped gives its slot back"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
}

impl<'a, T> Permit<'a, T> {
    /// For whoever was promised a slot.
    pub(super) fn of(shared: &'a Shared<T>) -> Self {
        Self { shared }
    }

    /// Sends, now. If the receiver has gone meanwhile, the message is dropped.
    pub fn send(self, message: T) {
        let shared = self.shared;
        std::mem::forget(self);
        shared.push_promised(message);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.shared.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Several slots, one permit after the other; see [`Sender::reserve_many`].
#[must_use = "permits that are dropped give their slots back"]
pub struct PermitIterator<'a, T> {
    shared: &'a Shared<T>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    /// For whoever was promised so many slots.
    pub(super) fn of(shared: &'a Shared<T>, left: usize) -> Self {
        Self { shared, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit::of(self.shared))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> std::iter::FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.shared.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// A slot and its sender; see [`Sender::reserve_owned`].
#[must_use = "a permit that is dropped gives its slot back"]
pub struct OwnedPermit<T> {
    /// Gone when the slot was used or given back.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// For the sender that was promised a slot.
    pub(super) fn of(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends, now, and gives the sender back.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        sender.shared.push_promised(message);
        sender
    }

    /// Gives the slot back, and the sender.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.shared.give_back(1);
        sender
    }

    /// Whether both are slots of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        let other = other.sender.as_ref();
        other.is_some_and(|other| self.same_channel_as_sender(other))
    }

    /// Whether it is a slot of the channel into which the sender sends.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        let own = self.sender.as_ref();
        own.is_some_and(|own| own.same_channel(sender))
    }

    fn take(&mut self) -> Sender<T> {
        let sender = self.sender.take();
        sender.expect("a permit has its sender until it is used, which consumes it")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.shared.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
