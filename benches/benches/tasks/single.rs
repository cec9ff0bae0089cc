//! One worker.
//!
//! CPU time is the thread's own (`CLOCK_THREAD_CPUTIME_ID`), as all is done on it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use runtime::LocalRuntime;
use runtime::task::JoinHandle;

type Question = (&'static str, u32, fn(u32));

pub(crate) fn run(rounds: usize, only: Option<&str>) {
    let questions: &[Question] = &[
        ("spawn and await one task", 100_000, spawn_and_await),
        ("spawn 10,000, then await them", 100_000, spawn_many),
        ("yield, 1,000 tasks", 1_000_000, yield_among_many),
        ("timeout round a ready future", 200_000, timeout_ready),
        ("arm and drop a sleep of 30 s", 200_000, sleep_dropped),
        ("re-arm a sleep to later", 1_000_000, sleep_rearmed),
        ("abort a pending task", 100_000, abort_pending),
        (
            "drop a runtime with 100,000 pending tasks, a task",
            100_000,
            drop_pending,
        ),
        (
            "drop a chain of 1,000,000 finished tasks, a task",
            1_000_000,
            drop_chain,
        ),
        ("block_on, enter and leave", 50_000, enter_and_leave),
    ];
    let is_asked = |name: &str| only.is_none_or(|only| name.contains(only));
    let questions: Vec<_> = questions.iter().filter(|it| is_asked(it.0)).collect();
    let mut taken = vec![Vec::new(); questions.len()];
    for round in 0..rounds {
        eprint!("\rone worker: round {} of {rounds}", round + 1);
        for (question, taken) in questions.iter().zip(&mut taken) {
            taken.push(cpu_time_of(question));
        }
    }
    eprintln!();
    println!("one worker, ns of CPU");
    for ((name, ..), mut taken) in questions.iter().zip(taken) {
        taken.sort_by(f64::total_cmp);
        println!("{:>9.1}  {name}", taken[taken.len() / 2]);
    }
}

fn cpu_time_of((_, count, ask): &Question) -> f64 {
    let before = benches::sys::thread_cpu_time();
    ask(*count);
    let spent = benches::sys::thread_cpu_time() - before;
    spent.as_nanos() as f64 / f64::from(*count)
}

fn on_one_worker(future: impl Future) {
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime needs two descriptors");
    runtime.block_on(future);
}

fn spawn_and_await(count: u32) {
    on_one_worker(async move {
        for _ in 0..count {
            let _ = runtime::spawn(async {}).await;
        }
    });
}

fn spawn_many(count: u32) {
    on_one_worker(async move {
        for _ in 0..count / 10_000 {
            let tasks: Vec<_> = (0..10_000).map(|_| runtime::spawn(async {})).collect();
            for task in tasks {
                let _ = task.await;
            }
        }
    });
}

fn yield_among_many(count: u32) {
    on_one_worker(async move {
        let yields = count / 1_000;
        let work = move || async move {
            for _ in 0..yields {
                runtime::task::yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..1_000).map(|_| runtime::spawn(work())).collect();
        for task in tasks {
            let _ = task.await;
        }
    });
}

fn timeout_ready(count: u32) {
    on_one_worker(async move {
        for _ in 0..count {
            let _ = runtime::time::timeout(Duration::from_secs(30), async {}).await;
        }
    });
}

fn sleep_dropped(count: u32) {
    on_one_worker(async move {
        for _ in 0..count {
            let mut sleep = runtime::time::sleep(Duration::from_secs(30));
            poll_once(&mut sleep).await;
        }
    });
}

fn sleep_rearmed(count: u32) {
    on_one_worker(async move {
        let mut sleep = runtime::time::sleep(Duration::from_secs(30));
        poll_once(&mut sleep).await;
        let mut deadline = sleep.deadline();
        for _ in 0..count {
            deadline += Duration::from_micros(10);
            sleep.reset(deadline);
        }
    });
}

fn abort_pending(count: u32) {
    on_one_worker(async move {
        let pending = || runtime::spawn(std::future::pending::<()>());
        let tasks: Vec<_> = (0..count).map(|_| pending()).collect();
        runtime::task::yield_now().await;
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            let _ = task.await;
        }
    });
}

/// The spawning is in the figure too, as each round needs its tasks.
fn drop_pending(count: u32) {
    let runtime = runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime needs two descriptors");
    for _ in 0..count {
        runtime.spawn(std::future::pending::<()>());
    }
    drop(runtime);
}

/// Each output is the handle of the task before. The spawning is in the figure too.
fn drop_chain(count: u32) {
    struct Link(#[allow(dead_code)] Option<Box<JoinHandle<Link>>>);
    on_one_worker(async move {
        let mut last: Option<Box<JoinHandle<Link>>> = None;
        for _ in 0..count {
            let link = Link(last.take());
            last = Some(Box::new(runtime::spawn(async move { link })));
        }
        while !last.as_ref().is_none_or(|last| last.is_finished()) {
            runtime::task::yield_now().await;
        }
        drop(last);
    });
}

fn enter_and_leave(count: u32) {
    let local = LocalRuntime::new().expect("a runtime needs two descriptors");
    for _ in 0..count {
        local.block_on(async {});
    }
}

async fn poll_once(future: &mut (impl Future + Unpin)) {
    std::future::poll_fn(|context: &mut Context<'_>| {
        let _ = Pin::new(&mut *future).poll(context);
        Poll::Ready(())
    })
    .await;
}
