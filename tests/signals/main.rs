//! Signals, each test in a process of its own that has no other thread.
//!
//! A signal goes to any thread that does not block it, and the threads of a test harness do not. So
//! this binary has its own `main`: it starts itself again for each test, which then runs on the first
//! thread of that process. A test may also be started by another one, as a program to be looked at:
//! those are the [`PROGRAMS`]. A word on the command line picks the tests with it in their name.

mod example;
mod interruptions;
mod masks;
mod streams;

use std::env;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use net::signal::SignalKind;
use runtime::{Builder, Runtime};
use tests::deadline::within;
use tests::process::{Running, default_signal};

type Test = (&'static str, fn());

/// Started by tests.
const PROGRAMS: &[Test] = &[
    ("drains_for_ever", masks::drains_for_ever),
    ("drains_in_a_task", masks::drains_in_a_task),
    ("shows_its_mask", masks::shows_its_mask),
];

fn main() -> ExitCode {
    let tests = [
        streams::TESTS,
        masks::TESTS,
        interruptions::TESTS,
        example::TESTS,
    ]
    .concat();
    if let Some(name) = env::var_os(MARK) {
        let all = [&tests[..], PROGRAMS].concat();
        let test = all.iter().find(|(it, _)| name == *it);
        test.expect("the name of a test").1();
        return ExitCode::SUCCESS;
    }
    let word = env::args().skip(1).find(|it| !it.starts_with('-'));
    let word = word.unwrap_or_default();
    let picked = tests.iter().filter(|(name, _)| name.contains(&word));
    let failed = picked.filter(|(name, _)| !passes(name)).count();
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn passes(name: &'static str) -> bool {
    let mut process = start(name, Stdio::inherit());
    let pid = process.0.id();
    let ended = std::panic::catch_unwind(|| {
        within(LIMIT, move || process.0.wait().is_ok_and(|it| it.success()))
    });
    let passed = matches!(ended, Ok(true));
    if ended.is_err() {
        tests::process::signal(pid, libc::SIGKILL);
    }
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    passed
}

/// Starts this binary again, to run one test or program.
fn start(name: &str, output: Stdio) -> Running {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(MARK, name).stdin(Stdio::null()).stdout(output);
    // A shell that starts the tests in the background makes them all ignore Ctrl-C.
    // SAFETY: the closure makes one system call, as is allowed after a fork.
    unsafe {
        command.pre_exec(|| {
            default_signal(libc::SIGINT);
            Ok(())
        })
    };
    Running(net::signal::reset_in_child(&mut command).spawn().unwrap())
}

/// Waits for a line of a program's output.
fn read_line(program: &mut Running) -> String {
    let mut line = String::new();
    let output = program.0.stdout.as_mut().unwrap();
    let mut byte = [0];
    while output.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(char::from(byte[0]));
    }
    line
}

/// A runtime of each flavour that keeps these signals, one after the other.
fn each_flavour(kinds: &[SignalKind], test: impl Fn(&Runtime)) {
    let mut several = Builder::new_multi_thread();
    several.worker_threads(2);
    for mut builder in [Builder::new_current_thread(), several] {
        test(&builder.signals(kinds.iter().copied()).build().unwrap());
    }
}

/// This process.
fn me() -> u32 {
    std::process::id()
}

/// What a program of ours is told to be.
const MARK: &str = "EDGEWAKE_SIGNAL_TEST";
/// Building the example may be part of it.
const LIMIT: Duration = Duration::from_secs(300);
