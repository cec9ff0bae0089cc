//! How long to compare: the options of the bench.
//!
//! The danger is a setting that silently weakens the verdict, such as a round
//! too few to have a spread. So the least that still tells something is
//! checked here, and every result names the command that made it.

use crate::failure::Failure;
use lexopt::prelude::*;
use std::env;
use std::time::Duration;

/// The summary that `--help` prints.
pub const USAGE: &str = "\
cargo bench -p benches --bench servers -- [--quick] [--rounds N] [--seconds S]
  --quick       5 rounds of 0.3 seconds: under 2 minutes (else 9 of 3: about 10)
  --rounds N    rounds through all scenarios and servers
  --seconds S   the timed part of each run";

/// Rounds of an ordinary comparison: odd, so that a median is a measured run.
const ROUNDS: usize = 9;
const SECONDS: f64 = 3.0;

/// Few and short enough that all of it ends in two minutes.
const QUICK_ROUNDS: usize = 5;
const QUICK_SECONDS: f64 = 0.3;

/// Quartiles of the twins' runs need as many.
const LEAST_ROUNDS: usize = 2;

/// The checked options.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Rounds through all scenarios and servers.
    pub rounds: usize,
    /// The timed part of each run.
    pub timed: Duration,
}

impl Options {
    /// Reads the options; `None` if help was asked for.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
        let (mut quick, mut rounds, mut seconds) = (false, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("quick") => quick = true,
                Long("rounds") => rounds = Some(parser.value()?.parse::<usize>()?),
                Long("seconds") => seconds = Some(parser.value()?.parse::<f64>()?),
                // Cargo says so to every bench.
                Long("bench") => {}
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        let (usual_rounds, usual_seconds) = match quick {
            true => (QUICK_ROUNDS, QUICK_SECONDS),
            false => (ROUNDS, SECONDS),
        };
        let rounds = rounds.unwrap_or(usual_rounds);
        if rounds < LEAST_ROUNDS {
            return Err(Failure::new(format!(
                "--rounds {rounds} has no spread: ask for {LEAST_ROUNDS} or more"
            )));
        }
        let seconds = seconds.unwrap_or(usual_seconds);
        let timed = Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|timed| !timed.is_zero())
            .ok_or_else(|| Failure::new(format!("--seconds {seconds}: give more than 0")))?;
        Ok(Some(Options { rounds, timed }))
    }
}

/// The command that this process was started with, as it would be typed.
pub fn command_line() -> String {
    let own = env::args().skip(1).filter(|argument| argument != "--bench");
    let own: Vec<String> = own.collect();
    match own.is_empty() {
        true => "cargo bench -p benches --bench servers".to_owned(),
        false => format!(
            "cargo bench -p benches --bench servers -- {}",
            own.join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn cargo_may_add_its_own_option() {
        for (line, rounds, milliseconds) in [
            ("--bench", ROUNDS, 3000),
            ("--quick --bench", QUICK_ROUNDS, 300),
            ("--quick --rounds 5", 5, 300),
            ("--seconds 0.1", ROUNDS, 100),
        ] {
            let options = parse(line).expect(line).expect("no help is asked for");
            assert_eq!(options.rounds, rounds, "{line}");
            assert_eq!(options.timed, Duration::from_millis(milliseconds), "{line}");
        }
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        for line in ["--rounds 1", "--seconds 0", "--seconds nan", "--fast"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
