//! The questions, to ours, to tokio's, and to tokio's on our runtime.
//!
//! The last tells what a difference is made of: the type, or the switching between tasks.

use std::future::Future;
use std::sync::Arc;
use std::thread;

/// The same questions to libraries with the same names: that is what a macro is for.
macro_rules! questions {
    ($module:ident, $library:ident, $on_one_worker:ident, $spawn:path, $yield_now:path) => {
        pub(crate) mod $module {
            use super::*;
            use $library::sync::{
                Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
            };

            pub(crate) fn one_to_one(count: u32) {
                many_to_one(1, 100, count);
            }

            pub(crate) fn eight(count: u32) {
                many_to_one(8, 100, count);
            }

            /// Each message is a switch there and one back.
            pub(crate) fn one_slot(count: u32) {
                many_to_one(1, 1, count);
            }

            fn many_to_one(senders: u32, room: usize, count: u32) {
                $on_one_worker(async move {
                    let (sender, mut receiver) = mpsc::channel(room);
                    for _ in 0..senders {
                        let sender = sender.clone();
                        $spawn(async move {
                            for number in 0..count / senders {
                                let _ = sender.send(number).await;
                            }
                        });
                    }
                    drop(sender);
                    while receiver.recv().await.is_some() {}
                });
            }

            pub(crate) fn two_threads(count: u32) {
                threads_to_one(2, count);
            }

            /// More than there are processors.
            pub(crate) fn eight_threads(count: u32) {
                threads_to_one(8, count);
            }

            fn threads_to_one(threads: u32, count: u32) {
                let (sender, mut receiver) = mpsc::channel(100);
                let send = move || {
                    $on_one_worker(async move {
                        for number in 0..count / threads {
                            let _ = sender.send(number).await;
                        }
                    });
                };
                let receive = || {
                    $on_one_worker(async move { while receiver.recv().await.is_some() {} });
                };
                beside(threads, send, receive);
            }

            pub(crate) fn unbounded(count: u32) {
                $on_one_worker(async move {
                    let (sender, mut receiver) = mpsc::unbounded_channel();
                    $spawn(async move {
                        for number in 0..count {
                            let _ = sender.send(number);
                            if number % 100 == 0 {
                                $yield_now().await;
                            }
                        }
                    });
                    while receiver.recv().await.is_some() {}
                });
            }

            pub(crate) fn oneshot(count: u32) {
                $on_one_worker(async move {
                    for number in 0..count {
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send(number);
                        let _ = receiver.await;
                    }
                });
            }

            /// Asked by one task, answered by another.
            pub(crate) fn answers(count: u32) {
                $on_one_worker(async move {
                    let (ask, mut asked) = mpsc::channel::<oneshot::Sender<u32>>(1);
                    let other = $spawn(async move {
                        while let Some(answer) = asked.recv().await {
                            let _ = answer.send(1);
                        }
                    });
                    for _ in 0..count {
                        let (sender, receiver) = oneshot::channel();
                        let _ = ask.send(sender).await;
                        let _ = receiver.await;
                    }
                    drop(ask);
                    let _ = other.await;
                });
            }

            pub(crate) fn watch(count: u32) {
                $on_one_worker(async move {
                    let (sender, mut receiver) = watch::channel(0);
                    for number in 0..count {
                        sender.send_replace(number + 1);
                        let _ = receiver.changed().await;
                        assert_eq!(*receiver.borrow_and_update(), number + 1);
                    }
                });
            }

            /// Each change wakes ten.
            pub(crate) fn watch_ten(count: u32) {
                $on_one_worker(async move {
                    let (sender, receiver) = watch::channel(0);
                    let watcher = |mut receiver: watch::Receiver<u32>| async move {
                        while receiver.changed().await.is_ok() {}
                    };
                    let tasks: Vec<_> =
                        (0..10).map(|_| $spawn(watcher(receiver.clone()))).collect();
                    for number in 0..count / 10 {
                        sender.send_replace(number);
                        $yield_now().await;
                    }
                    drop(sender);
                    for task in tasks {
                        let _ = task.await;
                    }
                });
            }

            /// Each message is read by ten.
            pub(crate) fn broadcast(count: u32) {
                $on_one_worker(async move {
                    let (sender, receiver) = broadcast::channel(16);
                    let reader = |mut receiver: broadcast::Receiver<u32>| async move {
                        while receiver.recv().await.is_ok() {}
                    };
                    let tasks: Vec<_> = (0..10)
                        .map(|_| $spawn(reader(receiver.resubscribe())))
                        .collect();
                    drop(receiver);
                    for number in 0..count / 10 {
                        let _ = sender.send(number);
                        if number % 8 == 0 {
                            $yield_now().await;
                        }
                    }
                    drop(sender);
                    for task in tasks {
                        let _ = task.await;
                    }
                });
            }

            pub(crate) fn mutex(count: u32) {
                $on_one_worker(async move {
                    let mutex = Mutex::new(0);
                    for _ in 0..count {
                        *mutex.lock().await += 1;
                    }
                });
            }

            /// Each holds the lock while the others run, so all wait for each.
            pub(crate) fn mutexes(count: u32) {
                $on_one_worker(async move {
                    let mutex = Arc::new(Mutex::new(0));
                    let work = |mutex: Arc<Mutex<u32>>| async move {
                        for _ in 0..count / 100 {
                            *mutex.lock().await += 1;
                            $yield_now().await;
                        }
                    };
                    let held = mutex.lock().await;
                    let tasks: Vec<_> = (0..100).map(|_| $spawn(work(mutex.clone()))).collect();
                    $yield_now().await;
                    drop(held);
                    for task in tasks {
                        let _ = task.await;
                    }
                });
            }

            pub(crate) fn read(count: u32) {
                $on_one_worker(async move {
                    let lock = RwLock::new(1);
                    let mut sum = 0;
                    for _ in 0..count {
                        sum += *lock.read().await;
                    }
                    assert_eq!(sum, count);
                });
            }

            pub(crate) fn permit(count: u32) {
                $on_one_worker(async move {
                    let semaphore = Semaphore::new(1);
                    for _ in 0..count {
                        drop(semaphore.acquire().await);
                    }
                });
            }

            pub(crate) fn permits(count: u32) {
                $on_one_worker(async move {
                    let semaphore = Arc::new(Semaphore::new(10));
                    let work = |semaphore: Arc<Semaphore>| async move {
                        for _ in 0..count / 100 {
                            let permit = semaphore.acquire().await;
                            $yield_now().await;
                            drop(permit);
                        }
                    };
                    let spawn = |_| $spawn(work(semaphore.clone()));
                    let tasks: Vec<_> = (0..100).map(spawn).collect();
                    for task in tasks {
                        let _ = task.await;
                    }
                });
            }

            pub(crate) fn kept(count: u32) {
                $on_one_worker(async move {
                    let notify = Notify::new();
                    for _ in 0..count {
                        notify.notify_one();
                        notify.notified().await;
                    }
                });
            }

            pub(crate) fn notify(count: u32) {
                $on_one_worker(async move {
                    let (ping, pong) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
                    let other = {
                        let (ping, pong) = (ping.clone(), pong.clone());
                        async move {
                            for _ in 0..count {
                                ping.notified().await;
                                pong.notify_one();
                            }
                        }
                    };
                    let other = $spawn(other);
                    for _ in 0..count {
                        ping.notify_one();
                        pong.notified().await;
                    }
                    let _ = other.await;
                });
            }
        }
    };
}

questions!(
    ours,
    runtime,
    on_ours,
    runtime::spawn,
    runtime::task::yield_now
);
questions!(
    tokios,
    tokio,
    on_tokios,
    tokio::spawn,
    tokio::task::yield_now
);
questions!(
    tokios_on_ours,
    tokio,
    on_ours,
    runtime::spawn,
    runtime::task::yield_now
);

/// Calls `send` on so many threads, and `receive` on this one.
pub(crate) fn beside(threads: u32, send: impl FnOnce() + Clone + Send, receive: impl FnOnce()) {
    thread::scope(|scope| {
        for send in std::iter::repeat_n(send, threads as usize) {
            scope.spawn(send);
        }
        receive();
    });
}

pub(crate) fn on_ours(future: impl Future + Send + 'static) {
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime needs two descriptors");
    let task = async move {
        future.await;
    };
    let _ = runtime.block_on(runtime.spawn(task));
}

fn on_tokios(future: impl Future + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs nothing");
    let task = async move {
        future.await;
    };
    let _ = runtime.block_on(runtime.spawn(task));
}
