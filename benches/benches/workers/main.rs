//! Two workers under load, beside tokio's two: `cargo bench -p benches --bench workers`.
//!
//! ```text
//! cargo bench -p benches --bench workers -- [--rounds N] [wakes] [sharing] [stuck]
//! ```
//!
//! Three questions that a table of throughputs does not answer. How often does a worker wake the
//! other one? Do both serve connections that one of them accepted? What becomes of the others'
//! latency while one is stuck in a task, and what does it cost to watch over it?
//!
//! The server is this program once more, in a process of its own; the load is `load`, which must be
//! built beside it: `cargo build --release -p benches`.

mod figures;
mod server;
mod trial;

use benches::failure::{Failure, exit_code};
use lexopt::prelude::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code("workers", start())
}

type Figure = fn(usize) -> Result<(), Failure>;

const FIGURES: [(&str, Figure); 3] = [
    ("wakes", figures::wakes),
    ("sharing", figures::sharing),
    ("stuck", figures::stuck),
];

fn start() -> Result<(), Failure> {
    let mut parser = lexopt::Parser::from_env();
    let (mut rounds, mut asked) = (ROUNDS, Vec::new());
    let (mut serve, mut steps) = (None, 0);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => rounds = parser.value()?.parse::<usize>()?.max(1),
            // The server's.
            Long("serve") => serve = Some(parser.value()?.string()?),
            Long("steps") => steps = parser.value()?.parse()?,
            // Cargo says so to every bench.
            Long("bench") => {}
            Value(name) => asked.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(name) = serve {
        let is_tokio = name == "tokio";
        return server::run(server::Server { is_tokio, steps });
    }
    for (name, figure) in FIGURES {
        if asked.is_empty() || asked.iter().any(|it| it == name) {
            figure(rounds)?;
        }
    }
    Ok(())
}

const ROUNDS: usize = 5;
