//! What channels and locks cost beside tokio's: CPU time an operation, one worker each.
//!
//! Ours run on our runtime and tokio's on its single-threaded one, so a figure with waiting in it
//! has the switching between tasks in it too. Each figure is the median of several rounds, and the
//! rounds of all are interleaved, so that a busy machine slows all alike. Quote the ratios.

use std::future::Future;
use std::sync::Arc;

/// What is asked, how many operations that is, and who answers: ours and tokio's.
type Question = (&'static str, u32, fn(u32), fn(u32));

fn main() {
    let questions: &[Question] = &[
        (
            "mpsc, 1 to 1",
            1_000_000,
            ours::one_to_one,
            tokios::one_to_one,
        ),
        ("mpsc, 8 to 1", 1_000_000, ours::eight, tokios::eight),
        (
            "mpsc, unbounded",
            1_000_000,
            ours::unbounded,
            tokios::unbounded,
        ),
        ("mpsc, one slot", 200_000, ours::one_slot, tokios::one_slot),
        ("oneshot", 300_000, ours::oneshot, tokios::oneshot),
        ("mutex, free", 1_000_000, ours::mutex, tokios::mutex),
        ("mutex, 100 tasks", 200_000, ours::mutexes, tokios::mutexes),
        ("rwlock, free to read", 1_000_000, ours::read, tokios::read),
        ("semaphore, free", 1_000_000, ours::permit, tokios::permit),
        (
            "semaphore of 10, 100 tasks",
            200_000,
            ours::permits,
            tokios::permits,
        ),
        ("notify, kept", 1_000_000, ours::kept, tokios::kept),
        ("notify, to and fro", 200_000, ours::notify, tokios::notify),
    ];
    // What stands behind `--`, if anything, picks the questions whose name has it.
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|word| name.contains(&**word));
    let questions: Vec<_> = questions.iter().filter(|it| is_wanted(it.0)).collect();
    let mut taken = vec![(Vec::new(), Vec::new()); questions.len()];
    for round in 0..ROUNDS {
        eprint!("\rround {} of {ROUNDS}", round + 1);
        for ((_, count, ours, tokios), taken) in questions.iter().zip(&mut taken) {
            taken.0.push(cpu_time_of(*ours, *count));
            taken.1.push(cpu_time_of(*tokios, *count));
        }
    }
    eprintln!();
    println!("{:>8} {:>8} {:>6}", "ours", "tokio", "ratio");
    for ((name, ..), (ours, tokios)) in questions.iter().zip(taken) {
        let (ours, tokios) = (median(ours), median(tokios));
        println!("{ours:>8.1} {tokios:>8.1} {:>6.2}  {name}", ours / tokios);
    }
}

fn cpu_time_of(ask: fn(u32), count: u32) -> f64 {
    let before = benches::sys::thread_cpu_time();
    ask(count);
    let spent = benches::sys::thread_cpu_time() - before;
    spent.as_nanos() as f64 / f64::from(count)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The same questions to two libraries of the same names: that is what a macro is for.
macro_rules! questions {
    ($module:ident, $library:ident, $on_one_worker:ident, $spawn:path, $yield_now:path) => {
        mod $module {
            use super::*;
            use $library::sync::{Mutex, Notify, RwLock, Semaphore, mpsc, oneshot};

            pub(super) fn one_to_one(count: u32) {
                many_to_one(1, 100, count);
            }

            pub(super) fn eight(count: u32) {
                many_to_one(8, 100, count);
            }

            /// Each message is a switch there and one back.
            pub(super) fn one_slot(count: u32) {
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

            pub(super) fn unbounded(count: u32) {
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

            pub(super) fn oneshot(count: u32) {
                $on_one_worker(async move {
                    for number in 0..count {
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send(number);
                        let _ = receiver.await;
                    }
                });
            }

            pub(super) fn mutex(count: u32) {
                $on_one_worker(async move {
                    let mutex = Mutex::new(0);
                    for _ in 0..count {
                        *mutex.lock().await += 1;
                    }
                });
            }

            /// Each holds the lock while the others run, so all wait for each.
            pub(super) fn mutexes(count: u32) {
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

            pub(super) fn read(count: u32) {
                $on_one_worker(async move {
                    let lock = RwLock::new(1);
                    let mut sum = 0;
                    for _ in 0..count {
                        sum += *lock.read().await;
                    }
                    assert_eq!(sum, count);
                });
            }

            pub(super) fn permit(count: u32) {
                $on_one_worker(async move {
                    let semaphore = Semaphore::new(1);
                    for _ in 0..count {
                        drop(semaphore.acquire().await);
                    }
                });
            }

            pub(super) fn permits(count: u32) {
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

            pub(super) fn kept(count: u32) {
                $on_one_worker(async move {
                    let notify = Notify::new();
                    for _ in 0..count {
                        notify.notify_one();
                        notify.notified().await;
                    }
                });
            }

            pub(super) fn notify(count: u32) {
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

fn on_ours(future: impl Future + Send + 'static) {
    let runtime = runtime::Runtime::new().expect("a runtime needs two descriptors");
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

const ROUNDS: usize = 9;
