//! Channels for tests: std's, or ones that the thread sanitizer understands.
//!
//! See [`sync`](crate::sync). Under the sanitizer they are a queue behind a lock, with as much of
//! std's face as the tests use.

#[cfg(not(tsan))]
pub use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};

#[cfg(tsan)]
pub use self::seen::{Receiver, Sender, SyncSender, channel, sync_channel};
#[cfg(tsan)]
pub use std::sync::mpsc::RecvTimeoutError;

#[cfg(tsan)]
mod seen {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};
    use std::time::{Duration, Instant};

    use crate::sync::{Condvar, Mutex};

    struct Channel<T> {
        state: Mutex<State<T>>,
        changed: Condvar,
    }

    struct State<T> {
        queue: VecDeque<T>,
        senders: usize,
        received: bool,
    }

    /// Sends, and waits for nobody.
    pub struct Sender<T>(Arc<Channel<T>>);

    /// Sends, and waits until it was received.
    pub struct SyncSender<T>(Sender<T>);

    /// Receives.
    pub struct Receiver<T>(Arc<Channel<T>>);

    /// A channel without bound.
    pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let channel = Arc::new(Channel {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                senders: 1,
                received: true,
            }),
            changed: Condvar::default(),
        });
        (Sender(channel.clone()), Receiver(channel))
    }

    /// A channel at whose ends both meet; there is no other bound than none.
    pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
        assert_eq!(bound, 0, "the tests use no other");
        let (send, receive) = channel();
        (SyncSender(send), receive)
    }

    impl<T> Sender<T> {
        /// Sends; gives the value back if nobody will receive it.
        pub fn send(&self, value: T) -> Result<(), SendError<T>> {
            let mut state = self.0.state.lock();
            if !state.received {
                return Err(SendError(value));
            }
            state.queue.push_back(value);
            self.0.changed.notify_all();
            Ok(())
        }
    }

    impl<T> SyncSender<T> {
        /// Sends, and waits until it was received.
        pub fn send(&self, value: T) -> Result<(), SendError<T>> {
            self.0.send(value)?;
            let channel = &self.0.0;
            let mut state = channel.state.lock();
            while state.received && !state.queue.is_empty() {
                state = channel.changed.wait_for(state, LONG).0;
            }
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        /// Waits for a value; fails if there is none and no sender is left.
        pub fn recv(&self) -> Result<T, RecvError> {
            loop {
                match self.recv_timeout(LONG) {
                    Ok(value) => return Ok(value),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
                }
            }
        }

        /// Waits for a value, for a time.
        pub fn recv_timeout(&self, limit: Duration) -> Result<T, RecvTimeoutError> {
            let until = Instant::now() + limit;
            let mut state = self.0.state.lock();
            loop {
                if let Some(value) = state.queue.pop_front() {
                    self.0.changed.notify_all();
                    return Ok(value);
                }
                let left = until.saturating_duration_since(Instant::now());
                if state.senders == 0 {
                    return Err(RecvTimeoutError::Disconnected);
                }
                if left.is_zero() {
                    return Err(RecvTimeoutError::Timeout);
                }
                state = self.0.changed.wait_for(state, left).0;
            }
        }

        /// A value, if there is one.
        pub fn try_recv(&self) -> Result<T, TryRecvError> {
            self.recv_timeout(Duration::ZERO)
                .map_err(|error| match error {
                    RecvTimeoutError::Timeout => TryRecvError::Empty,
                    RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
                })
        }

        /// The values that are there.
        pub fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
            std::iter::from_fn(|| self.try_recv().ok())
        }

        /// All values, until no sender is left.
        pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
            std::iter::from_fn(|| self.recv().ok())
        }
    }

    impl<T: 'static> IntoIterator for Receiver<T> {
        type Item = T;
        type IntoIter = Box<dyn Iterator<Item = T>>;

        fn into_iter(self) -> Self::IntoIter {
            Box::new(std::iter::from_fn(move || self.recv().ok()))
        }
    }

    impl<T> Clone for Sender<T> {
        fn clone(&self) -> Self {
            self.0.state.lock().senders += 1;
            Self(self.0.clone())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.state.lock().senders -= 1;
            self.0.changed.notify_all();
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let left = {
                let mut state = self.0.state.lock();
                state.received = false;
                std::mem::take(&mut state.queue)
            };
            self.0.changed.notify_all();
            drop(left);
        }
    }

    const LONG: Duration = Duration::from_secs(3600);
}
