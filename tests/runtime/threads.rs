//! The threads of the workers: made all or none, named, of the size that was asked for.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::{env, fs, io, thread};

use runtime::{Builder, Runtime};
use tests::apart::apart;
use tests::deadline::soon;
use tests::panics::panics;
use tests::{fd, foreign, skip};

fn workers(count: usize) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count);
    builder
}

/// What a function says on each of the workers.
fn on_each<T: Send + 'static>(runtime: &Runtime, asked: fn() -> T) -> Vec<T> {
    let count = runtime.handle().metrics().workers;
    let met = Arc::new(Barrier::new(count));
    let ask = |_| {
        let met = met.clone();
        runtime.spawn(async move {
            met.wait();
            asked()
        })
    };
    let tasks: Vec<_> = (0..count).map(ask).collect();
    let answers = tasks
        .into_iter()
        .map(|task| foreign::block_on(task).unwrap());
    answers.collect()
}

fn name() -> String {
    thread::current().name().unwrap().to_owned()
}

#[test]
fn workers_are_numbered_and_may_be_named() {
    soon(|| {
        let names = |mut builder: Builder| -> BTreeSet<String> {
            on_each(&builder.build().unwrap(), name)
                .into_iter()
                .collect()
        };
        assert!(names(workers(2)).iter().eq(["worker-0", "worker-1"]));
        let mut named = workers(3);
        named.thread_name("serving");
        assert!(
            names(named)
                .iter()
                .eq(["serving-0", "serving-1", "serving-2"])
        );
    });
}

#[test]
fn hooks_are_called_once_a_worker() {
    soon(|| {
        let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (started, stopped) = (starts.clone(), stops.clone());
        let runtime = workers(3)
            .on_thread_start(move || {
                started.fetch_add(1, Ordering::SeqCst);
            })
            .on_thread_stop(move || {
                stopped.fetch_add(1, Ordering::SeqCst);
            })
            .build()
            .unwrap();
        on_each(&runtime, name);
        assert_eq!(
            (starts.load(Ordering::SeqCst), stops.load(Ordering::SeqCst)),
            (3, 0)
        );
        drop(runtime);
        assert_eq!(
            (starts.load(Ordering::SeqCst), stops.load(Ordering::SeqCst)),
            (3, 3)
        );
    });
}

#[test]
fn stacks_are_as_large_as_was_asked_for() {
    fn deep() -> usize {
        // More than the usual stack, several times in a debug build.
        let array = std::hint::black_box([1_u8; 3 << 20]);
        array.iter().map(|byte| usize::from(*byte)).sum()
    }
    soon(|| {
        let runtime = workers(2).thread_stack_size(32 << 20).build().unwrap();
        assert_eq!(on_each(&runtime, deep), [3 << 20; 2]);
    });
}

#[test]
fn there_are_as_many_as_was_asked_for_or_one_a_processor() {
    soon(|| {
        for count in [1, 2, 5] {
            let runtime = workers(count).build().unwrap();
            assert_eq!(runtime.handle().metrics().workers, count);
        }
        let processors = thread::available_parallelism().unwrap().get();
        let runtime = Runtime::new().unwrap();
        assert_eq!(runtime.handle().metrics().workers, processors);
    });
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    soon(|| {
        let said = panics(|| workers(0));
        assert!(said.contains("worker_threads(0)"), "{said}");
        let said = panics(|| Builder::new_current_thread().worker_threads(2).build());
        assert!(said.contains("Builder::new_multi_thread"), "{said}");
        let said = panics(|| workers(2).build_local());
        assert!(said.contains("LocalRuntime"), "{said}");
    });
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Building failed, with a text that helps, and nothing is left of it.
fn fails_without_a_trace(builder: &mut Builder) {
    let before = (fd::all_open(), threads());
    let error = builder.build().unwrap_err();
    let said = error.to_string();
    for part in ["makes no more threads", "ulimit -u", "worker_threads"] {
        assert!(said.contains(part), "{said}");
    }
    tests::event::until(|| (fd::all_open(), threads()) == before);
}

#[test]
fn a_stack_that_cannot_be_had_is_an_error() {
    apart(|| fails_without_a_trace(workers(3).thread_stack_size(1 << 46)));
}

/// Limits the threads of the user that this process becomes, who is nobody else.
fn become_limited(most: u64) -> io::Result<()> {
    const NOBODY_ELSE: libc::uid_t = 54_321;
    let limit = libc::rlimit {
        rlim_cur: most,
        rlim_max: most,
    };
    // SAFETY: `limit` lives across the call.
    let limited = unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) };
    // SAFETY: the call takes no pointer.
    let changed = unsafe { libc::setuid(NOBODY_ELSE) };
    match limited | changed {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The third of three workers cannot be made: the two that were are ended again.
#[test]
fn when_the_system_makes_no_more_threads_those_that_were_made_are_ended() {
    const MARK: &str = "EDGEWAKE_TEST_LIMITED";
    if env::var_os(MARK).is_some() {
        // This thread, and the one that waits for it with a deadline, are two of the user's.
        return soon(|| {
            let most = 2 + threads();
            let mut running = workers(1).build().unwrap();
            fails_without_a_trace(&mut workers(most + 5));
            assert_eq!(running.block_on(async { 5 }), 5);
            running = workers(1).build().unwrap();
            drop(running);
        });
    }
    // SAFETY: the call takes no pointer.
    if unsafe { libc::geteuid() } != 0 {
        return skip(
            "threads that cannot be made",
            "it takes root to become another user",
        );
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["threads::when_the_system_makes_no_more_threads_those_that_were_made_are_ended"])
        .args(["--exact", "--test-threads=1", "--nocapture"])
        .env(MARK, "1");
    // SAFETY: the closure makes two system calls, as is allowed after a fork.
    unsafe { command.pre_exec(|| become_limited(8)) };
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip("threads that cannot be made", &error.to_string()),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{complained}"
    );
}
