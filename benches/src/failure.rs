//! The one error the programs of this crate end with: a sentence.
//!
//! Nobody matches on it, somebody reads it. The danger is a sentence that
//! names only the errno ("Connection refused") and leaves the reader to guess
//! which call failed and what to do. So the constructor for a failed call asks
//! for all three: the call, the error, and the cure.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// A failure told in one sentence that names the call and the cure.
#[derive(Debug)]
pub struct Failure {
    sentence: String,
}

impl Failure {
    /// A failure that is not one of a call: wrong bytes, a missing option.
    pub fn new(sentence: impl Into<String>) -> Failure {
        Failure {
            sentence: sentence.into(),
        }
    }

    /// A failed call, with what the reader can do about it.
    pub fn call(call: &str, error: &io::Error, cure: &str) -> Failure {
        Failure::new(format!("{call}: {error}; {cure}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl Error for Failure {}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::new(format!("reading the options: {error}; see --help"))
    }
}

/// Ends a program: silently with 0, or with 1 and the sentence on stderr.
pub fn exit_code(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{program}: {failure}");
            ExitCode::FAILURE
        }
    }
}
