//! Who blocks which signal: the runtime's threads, nobody afterwards, no child; and a second Ctrl-C.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use net::signal::{SignalKind, ctrl_c, end_requested, reset_in_child, signal, sigqueue};
use runtime::Builder;
use tests::panics::panics;

use crate::{Test, each_flavour, me, read_line, start};

pub(crate) const TESTS: &[Test] = &[
    ("a_signal_that_was_not_named", a_signal_that_was_not_named),
    (
        "a_thread_that_was_there_before",
        a_thread_that_was_there_before,
    ),
    ("a_thread_that_has_not_begun", a_thread_that_has_not_begun),
    (
        "all_threads_of_a_runtime_block",
        all_threads_of_a_runtime_block,
    ),
    ("the_mask_is_given_back", the_mask_is_given_back),
    ("a_child_has_a_clean_mask", a_child_has_a_clean_mask),
    ("a_second_ctrl_c_ends_it", a_second_ctrl_c_ends_it),
    (
        "a_released_signal_can_be_taken_again",
        a_released_signal_can_be_taken_again,
    ),
    (
        "a_stream_that_fails_takes_nothing_back",
        a_stream_that_fails_takes_nothing_back,
    ),
    (
        "release_leaves_the_others_alone",
        release_leaves_the_others_alone,
    ),
    (
        "what_waits_strikes_when_released",
        what_waits_strikes_when_released,
    ),
    ("signals_that_nobody_can_keep", signals_that_nobody_can_keep),
];

/// What each thread of this process blocks.
fn masks() -> Vec<u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let texts = tasks.filter_map(|it| fs::read_to_string(it.path().join("status")).ok());
    // An ending thread is shown with an empty mask, among no threads.
    let alive = texts.filter(|text| !text.contains("Threads:\t0"));
    alive.map(|text| mask_in(&text)).collect()
}

fn mask_in(status: &str) -> u64 {
    let mut lines = status.lines();
    let mask = lines
        .find_map(|line| line.strip_prefix("SigBlk:\t"))
        .unwrap();
    u64::from_str_radix(mask, 16).unwrap()
}

fn bit(kind: SignalKind) -> u64 {
    1 << (kind.as_raw_value() - 1)
}

fn a_signal_that_was_not_named() {
    let kind = SignalKind::interrupt();
    runtime::block_on(async {
        for error in [
            signal(kind).unwrap_err(),
            ctrl_c().await.unwrap_err(),
            end_requested().await.unwrap_err(),
        ] {
            let said = error.to_string();
            assert!(
                said.contains("SIGINT") && said.contains("too late"),
                "{said}"
            );
            assert!(said.contains("Builder::signals"), "{said}");
            assert!(said.contains(file!()), "{said}");
        }
    });
}

fn a_thread_that_was_there_before() {
    let (end, is_over) = channel::<()>();
    let early = thread::Builder::new().name("early".into());
    let early = early.spawn(move || is_over.recv()).unwrap();
    let kind = SignalKind::user_defined1();
    let runtime = Builder::new_multi_thread().signals([kind]).build().unwrap();
    runtime.block_on(async {
        let said = signal(kind).unwrap_err().to_string();
        assert!(
            said.contains("`early`") && said.contains("first thing in main"),
            "{said}"
        );
    });
    drop(end);
    early.join().unwrap().unwrap_err();
    runtime.block_on(async {
        let mut stream = signal(kind).unwrap();
        sigqueue(me(), kind, 0).unwrap();
        stream.recv().await.unwrap();
    });
}

/// Until it has, the C library blocks everything in it.
fn a_thread_that_has_not_begun() {
    let kind = SignalKind::user_defined1();
    for _ in 0..100 {
        let (end, is_over) = channel::<()>();
        let early = thread::spawn(move || is_over.recv());
        let runtime = Builder::new_current_thread().signals([kind]).build();
        runtime.unwrap().block_on(async {
            signal(kind).unwrap_err();
        });
        drop(end);
        early.join().unwrap().unwrap_err();
    }
}

fn all_threads_of_a_runtime_block() {
    let kinds = [SignalKind::hangup(), SignalKind::real_time(4)];
    let expected = bit(kinds[0]) | bit(kinds[1]);
    each_flavour(&kinds, |runtime| {
        let (end, is_over) = channel::<()>();
        let blocking = runtime.spawn_blocking(move || is_over.recv());
        runtime.block_on(async {
            signal(kinds[1]).unwrap();
            // A thread that is just being made blocks more.
            assert!(
                masks().iter().all(|mask| *mask & expected == expected),
                "{:x?}",
                masks()
            );
        });
        drop(end);
        runtime.block_on(blocking).unwrap().unwrap_err();
    });
}

fn the_mask_is_given_back() {
    let (kind, other) = (SignalKind::interrupt(), SignalKind::hangup());
    each_flavour(&[kind], |runtime| {
        assert_eq!(masks()[0], bit(kind));
        runtime.block_on(async { drop(signal(kind).unwrap()) });
    });
    assert_eq!(masks(), [0]);
    // One within the other.
    let outer = Builder::new_current_thread()
        .signals([kind])
        .build()
        .unwrap();
    let inner = Builder::new_current_thread()
        .signals([kind, other])
        .build_local()
        .unwrap();
    assert_eq!(masks(), [bit(kind) | bit(other)]);
    drop(inner);
    assert_eq!(masks(), [bit(kind)]);
    drop(outer);
    assert_eq!(masks(), [0]);
}

fn a_child_has_a_clean_mask() {
    let kind = SignalKind::terminate();
    each_flavour(&[kind], |_| {
        let show = || {
            let mut grep = Command::new("grep");
            grep.args(["SigBlk", "/proc/self/status"]);
            grep
        };
        let said = |command: &mut Command| {
            let output = command.output().unwrap();
            mask_in(&String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(said(reset_in_child(&mut show())), 0);
        // Why it is there.
        assert_eq!(said(&mut show()), bit(kind));
    });
    // So are the programs of these tests started; and their own runtimes block nothing.
    let mut program = start("shows_its_mask", Stdio::piped());
    assert_eq!(read_line(&mut program), "0");
}

pub(crate) fn shows_its_mask() {
    runtime::block_on(async { println!("{:x}", masks()[0]) });
}

/// A program that is asked to end, and never gets there: it computes.
pub(crate) fn drains_for_ever() {
    let runtime = Builder::new_current_thread()
        .signals([SignalKind::interrupt()])
        .build();
    runtime.unwrap().block_on(async {
        println!("ready");
        ctrl_c().await.unwrap();
        println!("ending");
        loop {
            std::hint::spin_loop();
        }
    });
}

/// The same on a worker, which goes on to be one.
pub(crate) fn drains_in_a_task() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let runtime = Builder::new_multi_thread().signals(kinds).build().unwrap();
    let task = runtime.spawn(async {
        println!("ready");
        end_requested().await.unwrap();
        println!("ending");
        std::future::pending::<()>().await;
    });
    runtime.block_on(task).unwrap();
}

fn a_second_ctrl_c_ends_it() {
    for (program, first, second) in [
        ("drains_for_ever", libc::SIGINT, libc::SIGINT),
        ("drains_in_a_task", libc::SIGINT, libc::SIGINT),
        ("drains_in_a_task", libc::SIGTERM, libc::SIGINT),
        ("drains_in_a_task", libc::SIGINT, libc::SIGTERM),
    ] {
        let mut program = start(program, Stdio::piped());
        let pid = program.0.id();
        assert_eq!(read_line(&mut program), "ready");
        tests::process::signal(pid, first);
        assert_eq!(read_line(&mut program), "ending");
        tests::process::signal(pid, second);
        assert_eq!(program.0.wait().unwrap().signal(), Some(second));
    }
}

fn a_stream_that_fails_takes_nothing_back() {
    let kind = SignalKind::user_defined1();
    each_flavour(&[kind], |runtime| {
        let lets_through = || masks().iter().filter(|mask| **mask == 0).count();
        runtime.block_on(async { signal(kind).unwrap().release().unwrap() });
        assert_eq!(lets_through(), 1);
        // Outside of a runtime.
        signal(kind).unwrap_err();
        assert_eq!(lets_through(), 1);
        drop(runtime.block_on(async { signal(kind).unwrap() }));
        signal(kind).unwrap_err();
        assert_eq!(lets_through(), 0);
    });
}

fn a_released_signal_can_be_taken_again() {
    let kind = SignalKind::user_defined1();
    each_flavour(&[kind], |runtime| {
        let threads = masks().len();
        for round in 0..100 {
            let task = async move {
                let mut stream = signal(kind).unwrap();
                assert!(masks().iter().all(|mask| *mask & bit(kind) != 0));
                sigqueue(me(), kind, round).unwrap();
                assert_eq!(stream.recv().await.unwrap().value, round);
                stream.release().unwrap();
                assert_eq!(masks().iter().filter(|mask| **mask == 0).count(), 1);
            };
            // On whichever thread.
            runtime.block_on(async { runtime::spawn(task).await.unwrap() });
        }
        let stream = runtime.block_on(async { signal(kind).unwrap() });
        // The thread that let it through has nothing to do any more.
        while masks().len() > threads {
            thread::yield_now();
        }
        drop(stream);
    });
}

fn release_leaves_the_others_alone() {
    let kind = SignalKind::user_defined1();
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let (first, mut second) = (signal(kind).unwrap(), signal(kind).unwrap());
            first.release().unwrap();
            sigqueue(me(), kind, 3).unwrap();
            assert_eq!(second.recv().await.unwrap().value, 3);
        });
    });
}

fn what_waits_strikes_when_released() {
    // Ignored by default, so that the test outlives it.
    let kind = SignalKind::window_change();
    each_flavour(&[kind], |runtime| {
        runtime.block_on(async {
            let stream = signal(kind).unwrap();
            sigqueue(me(), kind, 1).unwrap();
            stream.release().unwrap();
            let mut stream = signal(kind).unwrap();
            sigqueue(me(), kind, 2).unwrap();
            assert_eq!(stream.recv().await.unwrap().value, 2);
        });
    });
}

fn signals_that_nobody_can_keep() {
    // These are wanted.
    std::panic::set_hook(Box::new(|_| {}));
    for signal in [0, libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, 65] {
        let said = panics(|| drop(Builder::new_current_thread().signals([signal]).build()));
        assert!(
            said.contains(&format!("number {signal} cannot be kept")),
            "{said}"
        );
    }
}
