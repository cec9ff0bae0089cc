//! The questions to runtimes with two workers.
//!
//! Each makes `count` operations and ends with the runtime dropped, which is in its figure. Unless
//! its name says otherwise the work is done by a task: the future of a `block_on` is the program's
//! beginning, not where its work is done.

use std::future::Future;
use std::hint::black_box;
use std::sync::mpsc::channel;

use super::rival::{Rival, WORKERS};
use super::signal::Signal;

/// Runs `work` as a task, to its end.
fn in_a_task<R: Rival>(runtime: &R::Runtime, work: impl Future<Output = ()> + Send + 'static) {
    let task = R::spawn_on(runtime, work);
    R::block_on(runtime, async {
        task.await;
    });
}

pub(crate) fn spawn_and_await<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        for _ in 0..count {
            R::spawn(async {}).await;
        }
    });
}

pub(crate) fn spawn_and_await_in_block_on<R: Rival>(runtime: R::Runtime, count: u32) {
    R::block_on(&runtime, async move {
        for _ in 0..count {
            R::spawn(async {}).await;
        }
    });
}

pub(crate) fn spawn_inside<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        for _ in 0..count / 10_000 {
            let tasks: Vec<_> = (0..10_000).map(|_| R::spawn(async {})).collect();
            for task in tasks {
                task.await;
            }
        }
    });
}

pub(crate) fn spawn_outside<R: Rival>(runtime: R::Runtime, count: u32) {
    for _ in 0..count / 10_000 {
        let one = || R::spawn_on(&runtime, async {});
        let tasks: Vec<_> = (0..10_000).map(|_| one()).collect();
        R::block_on(&runtime, async {
            for task in tasks {
                task.await;
            }
        });
    }
}

pub(crate) fn yield_among_many<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        let work = move || async move {
            for _ in 0..count / 1_000 {
                R::yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..1_000).map(|_| R::spawn(work())).collect();
        for task in tasks {
            task.await;
        }
    });
}

/// Pairs of tasks that wake each other once.
pub(crate) fn ping_pong<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        for _ in 0..count / 1_000 {
            let tasks: Vec<_> = (0..1_000).map(|_| R::spawn(pair::<R>())).collect();
            for task in tasks {
                task.await;
            }
        }
    });
}

async fn pair<R: Rival>() {
    let (ping, pong) = (Signal::default(), Signal::default());
    let (heard, answer) = (ping.clone(), pong.clone());
    drop(R::spawn(async move {
        heard.await;
        answer.raise();
    }));
    ping.raise();
    pong.await;
}

/// Each task spawns the next one and ends.
pub(crate) fn chain<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        let done = Signal::default();
        link::<R>(count, done.clone());
        done.await;
    });
}

fn link<R: Rival>(left: u32, done: Signal) {
    drop(R::spawn(async move {
        match left {
            0 => done.raise(),
            _ => link::<R>(left - 1, done),
        }
    }));
}

/// A thread wakes a task, which answers it.
pub(crate) fn thread_round_trip<R: Rival>(runtime: R::Runtime, count: u32) {
    let ping = Signal::default();
    let heard = ping.clone();
    let (answer, pong) = channel();
    let task = R::spawn_on(&runtime, async move {
        for _ in 0..count {
            heard.clone().await;
            let _ = answer.send(());
        }
    });
    for _ in 0..count {
        ping.raise();
        let _ = pong.recv();
    }
    drop(task);
}

pub(crate) fn enter_and_leave<R: Rival>(runtime: R::Runtime, count: u32) {
    for _ in 0..count {
        R::block_on(&runtime, async {});
    }
}

pub(crate) fn abort_pending<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        let pending = || R::spawn(std::future::pending::<()>());
        let tasks: Vec<_> = (0..count).map(|_| pending()).collect();
        R::yield_now().await;
        tasks.iter().for_each(R::abort);
        for task in tasks {
            task.await;
        }
    });
}

/// The spawning is in the figure too, as each round needs its tasks.
pub(crate) fn drop_pending<R: Rival>(runtime: R::Runtime, count: u32) {
    for _ in 0..count {
        drop(R::spawn_on(&runtime, std::future::pending::<()>()));
    }
    drop(runtime);
}

/// One task spawns them all: do both workers share the work?
pub(crate) fn work_for_two<R: Rival>(runtime: R::Runtime, count: u32) {
    in_a_task::<R>(&runtime, async move {
        let one = || R::spawn(async { work() });
        let tasks: Vec<_> = (0..count).map(|_| one()).collect();
        for task in tasks {
            task.await;
        }
    });
}

/// The same work, shared by as many threads that need not be told: the ideal.
pub(crate) fn ideal(count: u32) {
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| (0..count as usize / WORKERS).for_each(|_| work()));
        }
    });
}

/// Some 5 us, by counting and not by the clock: who loses the processor still has to do it all.
#[inline(never)]
fn work() {
    let mut word = black_box(1_u64);
    for _ in 0..STEPS {
        word = word.wrapping_mul(0x5851_F42D_4C95_7F2D).rotate_left(17) ^ word >> 7;
    }
    black_box(word);
}

const STEPS: u32 = 3_000;
