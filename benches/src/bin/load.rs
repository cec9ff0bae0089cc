//! The load generator's program; see [`benches::load`] for what it does.
//!
//! The one danger here is an exit code that says "fine" after a wrong byte:
//! every failure, however found, leaves through [`exit_code`].

use benches::failure::{Failure, exit_code};
use benches::load::options::{Options, USAGE};
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code("load", start())
}

fn start() -> Result<(), Failure> {
    match Options::parse(lexopt::Parser::from_env())? {
        Some(options) => benches::load::run(&options),
        None => {
            println!("{USAGE}");
            Ok(())
        }
    }
}
