//! The servers side by side: `cargo bench -p benches --bench servers`.
//!
//! See [`benches::compare`] for what it does. The one danger here is an exit
//! code that says "fine" after a server failed: every failure, however found,
//! leaves through [`exit_code`].

use benches::compare::options::{Options, USAGE};
use benches::failure::{Failure, exit_code};
use std::process::ExitCode;

fn main() -> ExitCode {
    exit_code("servers", start())
}

fn start() -> Result<(), Failure> {
    match Options::parse(lexopt::Parser::from_env())? {
        Some(options) => benches::compare::run(&options),
        None => {
            println!("{USAGE}");
            Ok(())
        }
    }
}
