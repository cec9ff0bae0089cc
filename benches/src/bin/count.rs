//! The counter's program; see [`benches::count`] for what it does.
//!
//! The one danger here is a figure printed after a failed run: every failure
//! leaves through [`exit_code`], before the `key=value` lines.

use benches::count::options::{Options, USAGE};
use benches::failure::{Failure, exit_code};
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code("count", start())
}

fn start() -> Result<(), Failure> {
    match Options::parse(lexopt::Parser::from_env())? {
        Some(options) => benches::count::run(&options),
        None => {
            println!("{USAGE}");
            Ok(())
        }
    }
}
