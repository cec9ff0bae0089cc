//! What to count: the load, and the server's command line.
//!
//! The danger is to take an option of the server for one of ours. So the
//! server's command comes after `--`, and from there on everything is its own.

use crate::failure::Failure;
use lexopt::prelude::*;
use std::ffi::OsString;

/// The summary that `--help` prints.
pub const USAGE: &str = "\
count [--connections N]   connections of the load (64)
      [--messages N]      messages of the shorter run (20000)
      [--size BYTES]      the size of a message (64)
      [--pipeline D]      messages in flight a connection (1)
      [--churn]           a new connection for each message
      -- COMMAND ARGS...  the server; --addr ADDRESS is appended";

/// The checked options.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// Messages of the shorter run.
    pub messages: u64,
    /// What is passed on to the load generator.
    pub load: Vec<OsString>,
    /// The server's program and its arguments.
    pub command: Vec<OsString>,
}

impl Options {
    /// Reads the options; `None` if help was asked for.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, Failure> {
        let mut churn = false;
        let mut options = Options {
            messages: 20_000,
            load: vec!["--connections".into(), "64".into()],
            command: Vec::new(),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("messages") => options.messages = parser.value()?.parse()?,
                Long(name @ ("connections" | "size" | "pipeline")) => {
                    let name = OsString::from(format!("--{name}"));
                    options.load.extend([name, parser.value()?]);
                }
                Long("churn") => churn = true,
                Long("help") | Short('h') => return Ok(None),
                Value(program) => {
                    options.command.push(program);
                    options.command.extend(parser.raw_args()?);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let ending = if churn { "--churn" } else { "--hold" };
        options.load.push(ending.into());
        options.check().map(Some)
    }

    fn check(self) -> Result<Options, Failure> {
        if self.command.is_empty() {
            return Err(Failure::new(
                "no server to count: name its command after --",
            ));
        }
        if self.messages == 0 {
            return Err(Failure::new("--messages must be at least 1"));
        }
        Ok(self)
    }

    /// The server's command as a reader would type it.
    pub fn command_line(&self) -> String {
        let words = self.command.iter().map(|word| word.to_string_lossy());
        words.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        Options::parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn all_after_the_dashes_belongs_to_the_server() {
        let parsed = parse("--messages 500 --size 9 -- echo --size 7 -x -- y");
        let options = parsed
            .expect("the line is valid")
            .expect("no help is asked for");
        assert_eq!(options.messages, 500);
        assert_eq!(options.command, ["echo", "--size", "7", "-x", "--", "y"]);
        assert_eq!(
            options.load,
            ["--connections", "64", "--size", "9", "--hold"]
        );
        assert_eq!(options.command_line(), "echo --size 7 -x -- y");
    }

    #[test]
    fn a_server_must_be_named_and_messages_sent() {
        for (line, name) in [
            ("--messages 5", "after --"),
            ("--messages 0 -- echo", "--messages"),
        ] {
            let failure = parse(line).expect_err(line).to_string();
            assert!(failure.contains(name), "{line} gave: {failure}");
        }
    }
}
