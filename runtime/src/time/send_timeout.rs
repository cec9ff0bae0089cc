//! Sending into a channel, with a limit of time.
//!
//! It stands here and not beside the channel, which knows no clock and no runtime. The danger is the
//! message of a send that is given up: so what is waited for is a slot, and the message stays here.

use std::time::Duration;

use super::timeout;
use crate::sync::mpsc::Sender;
use crate::sync::mpsc::error::SendTimeoutError;

impl<T> Sender<T> {
    /// Sends, if there is room within the time.
    ///
    /// # Errors
    ///
    /// The message comes back if there is not, or if the channel is closed.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    ///
    /// # Cancel safety
    ///
    /// A message that was not sent is dropped with the future, and the place in the queue is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::sync::mpsc::{self, error::SendTimeoutError};
    /// use runtime::time::Duration;
    ///
    /// runtime::block_on(async {
    ///     let (sender, _receiver) = mpsc::channel(1);
    ///     let limit = Duration::from_millis(1);
    ///     sender.send_timeout("first", limit).await.unwrap();
    ///     let late = sender.send_timeout("second", limit).await;
    ///     assert_eq!(late, Err(SendTimeoutError::Timeout("second")));
    /// });
    /// ```
    pub async fn send_timeout(
        &self,
        message: T,
        limit: Duration,
    ) -> Result<(), SendTimeoutError<T>> {
        match timeout(limit, self.reserve()).await {
            Ok(Ok(permit)) => {
                permit.send(message);
                Ok(())
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(message)),
            Err(_) => Err(SendTimeoutError::Timeout(message)),
        }
    }
}
