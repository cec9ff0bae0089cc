//! The load generator: one thread, raw epoll, every echoed byte checked.
//!
//! The danger is a generator that measures itself: one that sends the next
//! message late because the last reply was late hides exactly the delays that
//! matter. With `--rate` the times of sending are fixed beforehand and latency
//! counts from them, whenever the message really left.
//!
//! [`options`] says what to do, [`connection`] is one stream and its check,
//! [`engine`] drives them all, [`report`] is the line at the end.

pub mod connection;
pub mod engine;
pub mod options;
pub mod report;

use crate::failure::Failure;
use crate::sys;
use engine::Engine;
use options::Options;
use std::io::{self, Read};
use std::os::fd::AsFd;

/// Descriptors beside the connections: the standard three, epoll, and a few
/// that a harness may have left us.
const SPARE_DESCRIPTORS: u64 = 16;

/// Runs the load and prints the report, also after a failure.
pub fn run(options: &Options) -> Result<(), Failure> {
    make_room(options.connections as u64)?;
    if options.rate.is_some() {
        sys::sharpen_timers()
            .map_err(|error| Failure::call("prctl", &error, "run without --rate"))?;
    }
    let mut engine = Engine::new(options)?;
    let outcome = perform(&mut engine, options);
    println!("{}", engine.report(outcome.is_err()));
    outcome
}

fn perform(engine: &mut Engine<'_>, options: &Options) -> Result<(), Failure> {
    engine.open()?;
    if options.gate {
        engine.warm_up()?;
        wait_at_the_gate()?;
    }
    engine.run()?;
    match options.hold {
        true => hold(engine),
        false => Ok(()),
    }
}

/// Whoever measures the server takes its figures now. The end of stdin opens
/// the gate too.
fn wait_at_the_gate() -> Result<(), Failure> {
    println!("ready");
    match io::stdin().read_line(&mut String::new()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::call("reading stdin", &error, "run without --gate")),
    }
}

fn make_room(connections: u64) -> Result<(), Failure> {
    let limit = sys::raise_nofile()
        .map_err(|error| Failure::call("raising RLIMIT_NOFILE", &error, "see ulimit -n"))?;
    let needed = connections + SPARE_DESCRIPTORS;
    if needed <= limit {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{connections} connections need {needed} open files and the hard limit is {limit}: \
         raise it with ulimit -Hn or ask for fewer --connections"
    )))
}

/// Keeps the connections open until stdin closes. An end by SIGTERM needs no
/// code: the kernel closes them.
fn hold(engine: &mut Engine<'_>) -> Result<(), Failure> {
    println!("holding");
    let mut stdin = io::stdin();
    let mut ignored = [0; 256];
    loop {
        let (input, event) = sys::either_readable(&stdin.as_fd(), &engine.as_fd())
            .map_err(|error| Failure::call("waiting for stdin", &error, "run without --hold"))?;
        if event {
            engine.turn()?;
        }
        if input && matches!(stdin.read(&mut ignored), Ok(0) | Err(_)) {
            return Ok(());
        }
    }
}
