//! What tasks and timers cost: `cargo bench -p benches --bench tasks`.
//!
//! ```text
//! cargo bench -p benches --bench tasks -- [--rounds N] [WORDS]    only the rows whose names have WORDS
//! ```
//!
//! Every figure is the median of several rounds, and the rounds of all questions are interleaved, so
//! that a busy machine slows all alike. CPU time leaves other programs out. Still, quote ratios from
//! one run, not these numbers.

mod questions;
mod rival;
mod several;
mod signal;
mod single;

use benches::failure::{Failure, exit_code};
use lexopt::prelude::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code("tasks", start())
}

fn start() -> Result<(), Failure> {
    let mut parser = lexopt::Parser::from_env();
    let (mut rounds, mut only) = (ROUNDS, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => rounds = parser.value()?.parse()?,
            Value(words) => only = Some(words.string()?),
            // Cargo says so to every bench.
            Long("bench") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    if rounds == 0 {
        return Err(Failure::new("--rounds 0 has no median: ask for 1 or more"));
    }
    single::run(rounds, only.as_deref());
    several::run(rounds, only.as_deref());
    Ok(())
}

const ROUNDS: usize = 7;
