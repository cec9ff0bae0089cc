//! Permits, to limit how many do something at once.
//!
//! What a permit is and how one waits for it stands in [`permits`](super::permits); here is its face.
//! The danger is a permit that is lost with its holder. A permit gives itself back when it is
//! dropped, also by a panic, unless it is told to [`forget`](SemaphorePermit::forget).

use std::fmt;

use super::permits::{MOST, Permits, Refused};
use crate::primitive::{Arc, constant};

/// Limits how many may do something at once. Fair: permits go to those who wait in the order of
/// their coming, and who wants many is not overtaken by those who want few.
///
/// # Examples
///
/// ```
/// use runtime::sync::Semaphore;
///
/// runtime::block_on(async {
///     let two_at_once = Semaphore::new(2);
///     let first = two_at_once.acquire().await?;
///     let second = two_at_once.acquire().await?;
///     assert!(two_at_once.try_acquire().is_err());
///     drop(first);
///     assert!(two_at_once.try_acquire().is_ok());
///     # drop(second);
///     # Ok::<(), runtime::sync::AcquireError>(())
/// }).unwrap();
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// The most permits that there can be.
    #[allow(clippy::cast_possible_truncation)]
    pub const MAX_PERMITS: usize = MOST as usize;

    constant! {
        /// A semaphore with `permits` permits.
        ///
        /// # Panics
        ///
        /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
        pub fn new(permits: usize) -> Self {
            Self { permits: Permits::new(permits as u64) }
        }
    }

    constant! {
        /// As [`new`](Self::new): for a `static`, and for code that knows this name.
        pub fn const_new(permits: usize) -> Self {
            Self::new(permits)
        }
    }

    /// Permits that can be had at once: none while somebody waits.
    pub fn available_permits(&self) -> usize {
        to_usize(self.permits.free())
    }

    /// Adds permits.
    ///
    /// # Panics
    ///
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    pub fn add_permits(&self, count: usize) {
        self.permits.give(count as u64);
    }

    /// Takes up to `count` free permits away for ever, and says how many.
    pub fn forget_permits(&self, count: usize) -> usize {
        to_usize(self.permits.forget(count as u64))
    }

    /// Waits for a permit.
    ///
    /// # Errors
    ///
    /// If the semaphore [was closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost; no permit is.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.acquire_many(1).await
    }

    /// Waits for several permits at once.
    ///
    /// # Errors
    ///
    /// If the semaphore [was closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost; no permit is.
    pub async fn acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.take(count.into()).await.map_err(closed)?;
        Ok(self.permit(count))
    }

    /// Takes a permit if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// If there is none, or the semaphore was closed.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes several permits if they are there and nobody waits.
    ///
    /// # Errors
    ///
    /// If there are too few, or the semaphore was closed.
    pub fn try_acquire_many(&self, count: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_take(count.into())?;
        Ok(self.permit(count))
    }

    /// As [`acquire`](Self::acquire), for a permit that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If the semaphore [was closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost; no permit is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use runtime::sync::Semaphore;
    ///
    /// runtime::block_on(async {
    ///     let connections = Arc::new(Semaphore::new(100));
    ///     let permit = connections.clone().acquire_owned().await.unwrap();
    ///     let session = runtime::spawn(async move {
    ///         // ... as long as the session lives ...
    ///         drop(permit);
    ///     });
    ///     session.await.unwrap();
    ///     assert_eq!(connections.available_permits(), 100);
    /// });
    /// ```
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// As [`acquire_many`](Self::acquire_many), for permits that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If the semaphore [was closed](Self::close).
    ///
    /// # Cancel safety
    ///
    /// The place in the queue is lost; no permit is.
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.permits.take(count.into()).await.map_err(closed)?;
        let semaphore = self;
        Ok(OwnedSemaphorePermit { semaphore, count })
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If there is none, or the semaphore was closed.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), for permits that may be kept anywhere.
    ///
    /// # Errors
    ///
    /// If there are too few, or the semaphore was closed.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_take(count.into())?;
        let semaphore = self;
        Ok(OwnedSemaphorePermit { semaphore, count })
    }

    /// Gives no permits from now on: those who wait, and who comes, get an error. Permits that are
    /// held stay good.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    fn permit(&self, count: u32) -> SemaphorePermit<'_> {
        let semaphore = self;
        SemaphorePermit { semaphore, count }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish()
    }
}

/// Permits of a [`Semaphore`], given back when this is dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: u32,
}

/// Permits of a shared [`Semaphore`], given back when this is dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: u32,
}

impl SemaphorePermit<'_> {
    /// Does not give the permits back, ever: there are fewer from now on.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }

    /// Takes another's permits over.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        let is_same = std::ptr::eq(self.semaphore, other.semaphore);
        assert!(is_same, "SemaphorePermit::merge: permits of two semaphores");
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `count` permits off, if these are so many.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let count = part(&mut self.count, count)?;
        Some(self.semaphore.permit(count))
    }
}

impl OwnedSemaphorePermit {
    /// Does not give the permits back, ever: there are fewer from now on.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// How many permits these are.
    pub fn num_permits(&self) -> usize {
        self.count as usize
    }

    /// The semaphore that they are of.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Takes another's permits over.
    ///
    /// # Panics
    ///
    /// If they are of another semaphore.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        let is_same = Arc::ptr_eq(&self.semaphore, &other.semaphore);
        assert!(
            is_same,
            "OwnedSemaphorePermit::merge: permits of two semaphores"
        );
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `count` permits off, if these are so many.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        let count = part(&mut self.count, count)?;
        let semaphore = self.semaphore.clone();
        Some(Self { semaphore, count })
    }
}

/// Takes `count` away from `whole`, if it is so much.
fn part(whole: &mut u32, count: usize) -> Option<u32> {
    let count = u32::try_from(count).ok()?;
    *whole = whole.checked_sub(count)?;
    Some(count)
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.give(self.count.into());
        }
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.give(self.count.into());
        }
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquireError(());

fn closed(_: Refused) -> AcquireError {
    AcquireError(())
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl std::error::Error for AcquireError {}

/// Why there is no permit at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore was closed.
    Closed,
    /// There are too few, or somebody waits.
    NoPermits,
}

impl From<Refused> for TryAcquireError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::Closed,
            Refused::TooFew => Self::NoPermits,
        }
    }
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "semaphore closed",
            Self::NoPermits => "no permits available",
        })
    }
}

impl std::error::Error for TryAcquireError {}
