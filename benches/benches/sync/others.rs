//! Some of the questions, to channels and locks that bring no runtime along. They run on ours.

use crate::questions::{beside, on_ours};

/// Channels differ in the names of a constructor and two methods.
macro_rules! channels {
    ($module:ident, $channel:path, $send:ident, $recv:ident) => {
        pub(crate) mod $module {
            use super::*;

            pub(crate) fn one_to_one(count: u32) {
                many_to_one(1, 100, count);
            }

            pub(crate) fn eight(count: u32) {
                many_to_one(8, 100, count);
            }

            pub(crate) fn one_slot(count: u32) {
                many_to_one(1, 1, count);
            }

            pub(crate) fn two_threads(count: u32) {
                threads_to_one(2, count);
            }

            pub(crate) fn eight_threads(count: u32) {
                threads_to_one(8, count);
            }

            fn threads_to_one(threads: u32, count: u32) {
                let (sender, receiver) = $channel(100);
                let send = move || {
                    on_ours(async move {
                        for number in 0..count / threads {
                            let _ = sender.$send(number).await;
                        }
                    });
                };
                let receive = || {
                    on_ours(async move { while receiver.$recv().await.is_ok() {} });
                };
                beside(threads, send, receive);
            }

            fn many_to_one(senders: u32, room: usize, count: u32) {
                on_ours(async move {
                    let (sender, receiver) = $channel(room);
                    for _ in 0..senders {
                        let sender = sender.clone();
                        runtime::spawn(async move {
                            for number in 0..count / senders {
                                let _ = sender.$send(number).await;
                            }
                        });
                    }
                    drop(sender);
                    while receiver.$recv().await.is_ok() {}
                });
            }
        }
    };
}

channels!(async_channels, async_channel::bounded, send, recv);
channels!(flumes, flume::bounded, send_async, recv_async);
channels!(kanals, kanal::bounded_async, send, recv);
channels!(crossfires, crossfire::mpsc::bounded_async, send, recv);

/// Of `async-lock`.
pub(crate) mod async_locks {
    use super::*;
    use async_lock::{Mutex, RwLock, Semaphore};

    pub(crate) fn mutex(count: u32) {
        on_ours(async move {
            let mutex = Mutex::new(0);
            for _ in 0..count {
                *mutex.lock().await += 1;
            }
        });
    }

    pub(crate) fn read(count: u32) {
        on_ours(async move {
            let lock = RwLock::new(1);
            let mut sum = 0;
            for _ in 0..count {
                sum += *lock.read().await;
            }
            assert_eq!(sum, count);
        });
    }

    pub(crate) fn permit(count: u32) {
        on_ours(async move {
            let semaphore = Semaphore::new(1);
            for _ in 0..count {
                drop(semaphore.acquire().await);
            }
        });
    }
}

/// Of the crate of this name.
pub(crate) fn oneshot(count: u32) {
    on_ours(async move {
        for number in 0..count {
            let (sender, receiver) = oneshot::async_channel();
            let _ = sender.send(number);
            let _ = receiver.await;
        }
    });
}
