//! A value that is watched: who looks sees the latest, and may wait for a newer one.
//!
//! The value stands behind a lock for readers, and beside it a number that grows with each change.
//! A receiver remembers the number that it has seen.
//!
//! The danger is a change that falls between a receiver's look at the number and its sleep. Its
//! waiter is made before the look ([`Notify::notified`]), and the number grows before all are told.
//!
//! The lock is one that your code runs under: while a [`Ref`] lives, or a closure looks at the value,
//! sending blocks its *thread*. So a look is to be short, and never across an `.await`. A panic in a
//! closure that changes the value leaves it as it is by then, and tells nobody.

use std::fmt;
use std::ops::Deref;

use super::Notify;
use crate::coop;
use crate::primitive::{Arc, AtomicU64, Ordering, RwLock, RwLockReadGuard};

/// Makes a watched value.
///
/// # Examples
///
/// ```
/// use runtime::sync::watch;
///
/// runtime::block_on(async {
///     let (level, mut watched) = watch::channel("info");
///     let watcher = runtime::spawn(async move {
///         watched.changed().await.unwrap();
///         *watched.borrow_and_update()
///     });
///     level.send("debug").unwrap();
///     assert_eq!(watcher.await.unwrap(), "debug");
/// });
/// ```
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

struct Shared<T> {
    value: RwLock<T>,
    /// How often it was changed, and CLOSED.
    word: AtomicU64,
    senders: AtomicU64,
    receivers: AtomicU64,
    changed: Notify,
    deserted: Notify,
}

impl<T> Shared<T> {
    fn version(&self) -> u64 {
        // Acquire pairs with `update`, and with the last sender's going.
        self.word.load(Ordering::Acquire) & !CLOSED
    }

    fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Changes the value, and tells all if `change` says so.
    fn update<R>(&self, change: impl FnOnce(&mut T) -> (R, bool)) -> (R, bool) {
        let mut value = self.value.write();
        let (result, is_changed) = change(&mut value);
        if is_changed {
            // Under the lock, so that who reads value and number under it reads a pair.
            self.word.fetch_add(ONE, Ordering::AcqRel);
        }
        drop(value);
        if is_changed {
            self.changed.notify_waiters();
        }
        (result, is_changed)
    }
}

/// Changes the value; clones change the same one.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A watched value that nobody watches yet.
    pub fn new(value: T) -> Self {
        Self {
            shared: Arc::new(Shared {
                value: RwLock::new(value),
                word: AtomicU64::new(0),
                senders: AtomicU64::new(1),
                receivers: AtomicU64::new(0),
                changed: Notify::new(),
                deserted: Notify::new(),
            }),
        }
    }

    /// Replaces the value, if anybody watches.
    ///
    /// # Errors
    ///
    /// The value comes back if nobody does; [`send_replace`](Self::send_replace) replaces it anyway.
    pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        if self.is_closed() {
            return Err(error::SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value, and gives the former one back.
    pub fn send_replace(&self, value: T) -> T {
        self.shared
            .update(|held| (std::mem::replace(held, value), true))
            .0
    }

    /// Changes the value in place.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.shared.update(|value| (change(value), true));
    }

    /// Changes the value in place, and tells the receivers if `change` says that it did.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        self.shared.update(|value| ((), change(value))).1
    }

    /// Looks at the value. Sending blocks until the look is dropped.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref {
            value: self.shared.value.read(),
            has_changed: false,
        }
    }

    /// A receiver that has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::of(&self.shared, self.shared.version())
    }

    /// Waits until nobody watches.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn closed(&self) {
        coop::spend().await;
        loop {
            let deserted = self.shared.deserted.notified();
            if self.is_closed() {
                return;
            }
            deserted.await;
        }
    }

    /// Whether nobody watches.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        usize::try_from(self.shared.receivers.load(Ordering::Acquire)).unwrap_or(usize::MAX)
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        let count = self.shared.senders.load(Ordering::Acquire);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Whether both change the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // Relaxed: made from one that is there.
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Release pairs with the Acquire of `is_closed`.
            self.shared.word.fetch_or(CLOSED, Ordering::AcqRel);
            self.shared.changed.notify_waiters();
        }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Watches the value; a clone has seen what this one has.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

impl<T> Receiver<T> {
    fn of(shared: &Arc<Shared<T>>, seen: u64) -> Self {
        // Relaxed: made from an end that is there.
        shared.receivers.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: shared.clone(),
            seen,
        }
    }

    /// Looks at the value, and does not count it as seen.
    pub fn borrow(&self) -> Ref<'_, T> {
        let value = self.shared.value.read();
        let has_changed = self.shared.version() != self.seen;
        Ref { value, has_changed }
    }

    /// Looks at the value, and counts it as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.value.read();
        let version = self.shared.version();
        let has_changed = std::mem::replace(&mut self.seen, version) != version;
        Ref { value, has_changed }
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// If all senders have gone.
    pub fn has_changed(&self) -> Result<bool, error::RecvError> {
        if self.shared.is_closed() {
            return Err(error::RecvError::new());
        }
        Ok(self.shared.version() != self.seen)
    }

    /// Counts the present value as not seen.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().wrapping_sub(ONE);
    }

    /// Counts the present value as seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
    }

    /// Waits for a value that was not seen, and counts it as seen.
    ///
    /// # Errors
    ///
    /// If all senders have gone, and the last value was seen.
    ///
    /// # Cancel safety
    ///
    /// No change is lost.
    pub async fn changed(&mut self) -> Result<(), error::RecvError> {
        self.seen = changed(&self.shared, self.seen).await?;
        Ok(())
    }

    /// Waits for a value that `is_wanted`, the present one to begin with, and counts it as seen.
    ///
    /// # Errors
    ///
    /// If all senders have gone, and the last value is not wanted.
    ///
    /// # Cancel safety
    ///
    /// No change is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::watch;
    ///
    /// runtime::block_on(async {
    ///     let (count, mut watched) = watch::channel(0);
    ///     runtime::spawn(async move {
    ///         while *count.borrow() < 5 {
    ///             count.send_modify(|count| *count += 1);
    ///             runtime::task::yield_now().await;
    ///         }
    ///     });
    ///     assert!(watched.wait_for(|count| *count >= 3).await.is_ok());
    /// });
    /// ```
    pub async fn wait_for(
        &mut self,
        mut is_wanted: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, error::RecvError> {
        let Self { shared, seen } = self;
        let shared: &Shared<T> = shared;
        let mut has_ended = false;
        loop {
            {
                let value = shared.value.read();
                let version = shared.version();
                let has_changed = std::mem::replace(seen, version) != version;
                if is_wanted(&value) {
                    return Ok(Ref { value, has_changed });
                }
            }
            if has_ended {
                return Err(error::RecvError::new());
            }
            // At the end there may be a last value that was not looked at.
            has_ended = changed(shared, *seen).await.is_err();
        }
    }

    /// Whether both watch the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self::of(&self.shared, self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.deserted.notify_waiters();
        }
    }
}

/// Waits for another number than the one that was seen.
async fn changed<T>(shared: &Shared<T>, seen: u64) -> Result<u64, error::RecvError> {
    coop::spend().await;
    loop {
        let changed = shared.changed.notified();
        // Closed is looked at first: whatever was sent before is seen by the second look.
        let is_closed = shared.is_closed();
        let version = shared.version();
        if version != seen {
            return Ok(version);
        }
        if is_closed {
            return Err(error::RecvError::new());
        }
        changed.await;
    }
}

/// A look at the value. While it lives, sending blocks its thread: keep it short.
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// Whether the value was not seen before by this receiver.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("value", &*self.borrow())
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("value", &*self.borrow())
            .finish_non_exhaustive()
    }
}

const CLOSED: u64 = 1;
const ONE: u64 = 2;

/// Why a value was not sent, or will not come.
pub mod error {
    use std::fmt;

    /// Nobody watches. The value is inside.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    impl<T> fmt::Debug for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("SendError(..)")
        }
    }

    impl<T> fmt::Display for SendError<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl<T> std::error::Error for SendError<T> {}

    /// All senders have gone.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RecvError(());

    impl RecvError {
        pub(super) const fn new() -> Self {
            Self(())
        }
    }

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl std::error::Error for RecvError {}
}
