//! Tests that take long: a hundred million wakes, ten million spawns and aborts.
//!
//! ```text
//! cargo run --release -p tests --bin long -- wakes steal 100000000
//! cargo run --release -p tests --bin long -- aborts single 10000000
//! ```
//!
//! `wakes`: threads of no runtime wake tasks, without pause. Each task must be polled within a second
//! of each wake: a watchdog looks at all of them twice a second, and ends the program when one has a
//! wake that no poll has seen since it looked last. `aborts`: each task is aborted at some point of its
//! life, and must end, as cancelled or by itself, and be dropped once.

use std::env;
use std::future::poll_fn;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use runtime::Runtime;
use runtime::task::yield_now;
use tests::event::{Event, until};
use tests::flavours::{BOTH, Flavour};
use tests::panics::on_drop;

const USAGE: &str = "usage: long wakes|aborts single|steal COUNT";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [test, flavour, count] = &arguments[..] else {
        return fail(USAGE);
    };
    let known = BOTH.into_iter().find(|it| it.to_string() == *flavour);
    let (Some(flavour), Ok(count)) = (known, count.parse::<u64>()) else {
        return fail(USAGE);
    };
    let began = Instant::now();
    match test.as_str() {
        "wakes" => wakes(flavour, count),
        "aborts" => aborts(flavour, count),
        _ => return fail(USAGE),
    }
    println!("{test} {flavour} {count}: done in {:.1?}", began.elapsed());
    ExitCode::SUCCESS
}

fn fail(text: &str) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}

/// A task that is woken, and how far it has come.
#[derive(Default)]
struct Woken {
    waker: OnceLock<Waker>,
    /// Wakes that have begun; one that is counted here leads to a poll.
    wakes: AtomicU64,
    /// What the last poll has read of them.
    seen: AtomicU64,
}

fn wakes(flavour: Flavour, count: u64) {
    const THREADS: u64 = 3;
    const TASKS: usize = 8;
    let runtime = flavour.build();
    let all: Arc<Vec<Woken>> = Arc::new((0..TASKS).map(|_| Woken::default()).collect());
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|it| follow(&runtime, &all, it, &over))
        .collect();
    let drives = drive(runtime);
    until(|| all.iter().all(|task| task.waker.get().is_some()));
    let watchdog = watch(all.clone(), over.clone());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let all = &all;
            scope.spawn(move || {
                for round in 0..count / THREADS {
                    let task = &all[((thread + round) % TASKS as u64) as usize];
                    // Relaxed: the wake itself must publish it.
                    task.wakes.fetch_add(1, Ordering::Relaxed);
                    task.waker.get().unwrap().wake_by_ref();
                    if round % 1024 == 0 {
                        // So that workers fall asleep, too.
                        let told = || task.seen.load(Ordering::Relaxed);
                        let mine = task.wakes.load(Ordering::Relaxed);
                        until(|| told() >= mine);
                    }
                }
            });
        }
    });
    until(|| {
        all.iter()
            .all(|task| task.seen.load(Ordering::Relaxed) == task.wakes.load(Ordering::Relaxed))
    });
    over.store(true, Ordering::SeqCst);
    all.iter()
        .for_each(|task| task.waker.get().unwrap().wake_by_ref());
    tasks
        .into_iter()
        .for_each(|task| tests::foreign::block_on(task).unwrap());
    watchdog.join().unwrap();
    drop(drives);
}

/// A task that reads, at each poll, how many wakes there were.
fn follow(
    runtime: &Runtime,
    all: &Arc<Vec<Woken>>,
    task: usize,
    over: &Arc<AtomicBool>,
) -> runtime::task::JoinHandle<()> {
    let (all, over) = (all.clone(), over.clone());
    runtime.spawn(poll_fn(move |context| {
        let own = &all[task];
        own.seen
            .store(own.wakes.load(Ordering::Relaxed), Ordering::Relaxed);
        own.waker.get_or_init(|| context.waker().clone());
        match over.load(Ordering::SeqCst) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }))
}

/// Keeps a runtime running on a thread until the guard is dropped.
fn drive(runtime: Runtime) -> impl Drop {
    let end = Event::new();
    let told = end.wait();
    let thread = thread::spawn(move || runtime.block_on(told));
    on_drop(move || {
        end.set();
        thread.join().unwrap();
    })
}

/// Ends the program when a wake has led to no poll for half a second to a second.
fn watch(all: Arc<Vec<Woken>>, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut wakes = vec![0; all.len()];
        while !over.load(Ordering::SeqCst) {
            for (task, before) in all.iter().zip(&mut wakes) {
                let seen = task.seen.load(Ordering::Relaxed);
                if seen < *before {
                    eprintln!("STALL: {before} wakes, {seen} seen a second later");
                    std::process::exit(1);
                }
                *before = task.wakes.load(Ordering::Relaxed);
            }
            // The second within which a wake is to be followed by a poll: time is the subject.
            thread::sleep(Duration::from_secs(1));
        }
    })
}

fn aborts(flavour: Flavour, count: u64) {
    const AT_ONCE: u64 = 10_000;
    let runtime = flavour.build();
    let dropped = Arc::new(AtomicU64::new(0));
    let mut cancelled = 0;
    let mut spawned = 0;
    while spawned < count {
        let batch = AT_ONCE.min(count - spawned);
        spawned += batch;
        cancelled += runtime.block_on(spawn_and_abort(batch, &dropped));
    }
    until(|| runtime.handle().metrics().alive_tasks == 0);
    assert_eq!(
        dropped.load(Ordering::Relaxed),
        count,
        "dropped, of {count}"
    );
    println!("{cancelled} cancelled, {} had ended", count - cancelled);
}

/// Returns how many were cancelled. Every second is aborted by a thread of no runtime.
async fn spawn_and_abort(count: u64, dropped: &Arc<AtomicU64>) -> u64 {
    let spawn = |number: u64| {
        let dropped = dropped.clone();
        let guard = on_drop(move || {
            dropped.fetch_add(1, Ordering::Relaxed);
        });
        runtime::spawn(async move {
            let _guard = guard;
            for _ in 0..number % 4 {
                yield_now().await;
            }
        })
    };
    let tasks: Vec<_> = (0..count).map(spawn).collect();
    let handles: Vec<_> = tasks
        .iter()
        .step_by(2)
        .map(|task| task.abort_handle())
        .collect();
    let elsewhere = thread::spawn(move || handles.iter().for_each(|task| task.abort()));
    let mut cancelled = 0;
    for (number, task) in tasks.into_iter().enumerate() {
        if number % 2 == 1 {
            yield_now().await;
            task.abort();
        }
        match task.await {
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_cancelled());
                cancelled += 1;
            }
        }
    }
    elsewhere.join().unwrap();
    cancelled
}
