//! Waits for signals, and prints what each of them says.
//!
//! ```text
//! cargo run --release -p examples --bin sigwait
//! kill -USR1 PID
//! /bin/kill --queue 42 -RTMIN+1 PID
//! ```
//!
//! A real-time signal has a value, and of several each comes. The danger is a thread that does not
//! block a signal: it gets it, and the program is ended. So the runtime is told of all of them when it
//! is built, before it makes any.
//!
//! Ctrl-C ends it. It is looked at last, so that what was sent before is printed before.

use std::io;
use std::process::ExitCode;

use examples::program;
use net::signal::{SigInfo, SignalKind, ctrl_c, signal};
use runtime::select;

const USAGE: &str = "\
Waits for SIGUSR1 and SIGRTMIN+1, and prints what each of them says.

usage: sigwait";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sigwait: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let Some(words) = program::words(USAGE)? else {
        return Ok(());
    };
    if !words.is_empty() {
        return Err(program::misuse("it takes nothing", USAGE));
    }
    let kinds = [
        SignalKind::user_defined1(),
        SignalKind::real_time(1),
        SignalKind::interrupt(),
    ];
    runtime::Builder::new_current_thread()
        .signals(kinds)
        .build()?
        .block_on(wait(kinds[0], kinds[1]))
}

async fn wait(user: SignalKind, real_time: SignalKind) -> io::Result<()> {
    let (mut users, mut real_times) = (signal(user)?, signal(real_time)?);
    runtime::pin!(let end = ctrl_c(););
    println!(
        "sigwait is process {}: send it {user} or {real_time}",
        std::process::id()
    );
    loop {
        select! {
            biased;
            Some(info) = users.recv() => print(info),
            Some(info) = real_times.recv() => print(info),
            ended = &mut end => return ended,
        }
    }
}

fn print(info: SigInfo) {
    let SigInfo {
        pid, uid, value, ..
    } = info;
    println!(
        "{} from process {pid} of user {uid}, value {value}",
        info.kind()
    );
}
