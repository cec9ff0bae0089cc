//! A server or a load as a process of ours, and the lines that it speaks.
//!
//! The danger is a process that outlives its run and burns a core of the next
//! one: it is killed when it is dropped. The other is to wait for ever for a
//! line: who begins has ten seconds, and who ends says why on stderr.

use crate::failure::Failure;
use crate::sys;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long a server may take to say that it listens.
const STARTING: Duration = Duration::from_secs(10);

/// How long a process may take to end: one of 10,000 threads takes a while.
const ENDING: Duration = Duration::from_secs(30);

/// A process that does not outlive its run.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    speech: BufReader<ChildStdout>,
}

impl Running {
    /// Starts it with its speech and its stdin in our hands.
    pub fn start(command: &mut Command, name: &'static str) -> Result<Running, Failure> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                let cure = "build it: cargo build --release -p benches -p examples";
                Failure::call(&format!("starting {name}"), &error, cure)
            })?;
        match child.stdout.take() {
            Some(speech) => Ok(Running {
                name,
                child,
                speech: BufReader::new(speech),
            }),
            None => Err(Failure::new(format!("{name} has no standard output"))),
        }
    }

    /// Its number.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    fn failed(&self, call: &str, error: &io::Error) -> Failure {
        let call = format!("{call} of {}", self.name);
        Failure::call(&call, error, "run it by hand to see why")
    }

    /// A server's first line ends with `listening on ADDRESS`, or goes on
    /// after a comma.
    pub fn listening_address(&mut self, server: &str) -> Result<String, Failure> {
        let speaks = sys::readable_within(self.speech.get_ref(), STARTING)
            .map_err(|error| self.failed("waiting for a line", &error))?;
        if !speaks {
            return Err(Failure::new(format!(
                "{}: not a word in {STARTING:?}; run it by hand to see why",
                server
            )));
        }
        let line = self.read_line()?;
        let address = line.split_once("listening on ").map(|(_, rest)| rest);
        let address = address.and_then(|rest| rest.split([',', '\n']).next());
        address.map(str::to_owned).ok_or_else(|| {
            Failure::new(format!(
                "{} printed {line:?} and no `listening on ADDRESS`: {}",
                server,
                self.complaint()
            ))
        })
    }

    /// Its next line.
    pub fn read_line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.speech.read_line(&mut line) {
            Ok(_) => Ok(line),
            Err(error) => Err(self.failed("reading a line", &error)),
        }
    }

    /// Fails unless this is its next line.
    pub fn expect_line(&mut self, expected: &str) -> Result<(), Failure> {
        let line = self.read_line()?;
        self.check_line(&line, expected)
    }

    fn check_line(&mut self, line: &str, expected: &str) -> Result<(), Failure> {
        if line.trim_end() == expected {
            return Ok(());
        }
        let (name, complaint) = (self.name, self.complaint());
        let sentence = format!("{name} did not say `{expected}`: {complaint}");
        Err(Failure::new(sentence))
    }

    /// What it says on stderr, once it has given up.
    fn complaint(&mut self) -> String {
        drop(self.child.kill());
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            // Whatever could be read is all there is to tell.
            drop(stderr.read_to_string(&mut said));
        }
        match said.trim() {
            "" => "it said nothing; run it by hand to see why".to_owned(),
            said => said.to_owned(),
        }
    }

    /// Writes a line to its stdin.
    pub fn send_line(&mut self, line: &str) -> Result<(), Failure> {
        let sent = match &mut self.child.stdin {
            Some(stdin) => writeln!(stdin, "{line}"),
            None => Ok(()),
        };
        sent.map_err(|error| self.failed("writing to the stdin", &error))
    }

    /// Lets the held connections go and reads the report.
    pub fn report_after(&mut self, news: &str) -> Result<String, Failure> {
        self.check_line(news, "holding")?;
        drop(self.child.stdin.take());
        self.read_line()
    }

    /// Ends a server that lives as long as its stdin is open.
    pub fn finish_by_silence(&mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.finish()
    }

    /// Waits until the load has ended, well.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let status = sys::wait_exit(&mut self.child, ENDING)
            .map_err(|error| self.failed("waiting for the end", &error))?;
        match status {
            Some(status) if status.success() => Ok(()),
            _ => {
                let (name, complaint) = (self.name, self.complaint());
                Err(Failure::new(format!(
                    "{name} did not end well: {complaint}"
                )))
            }
        }
    }

    /// Ends the server and returns the context switches of its whole life.
    pub fn end(&mut self) -> Result<u64, Failure> {
        let before = sys::switches_of_ended_children();
        let ended = sys::terminate(self.process())
            .and_then(|()| sys::wait_exit(&mut self.child, ENDING))
            .map_err(|error| self.failed("ending", &error))?;
        if ended.is_none() {
            return Err(Failure::new(format!(
                "{} is still there {ENDING:?} after SIGTERM: let it end on it",
                self.name
            )));
        }
        let after = sys::switches_of_ended_children();
        before
            .and_then(|before| Ok(after? - before))
            .map_err(|error| self.failed("getrusage after the end", &error))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After an orderly end there is nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The value of `key` in the line of `key=value` pairs that the load prints.
pub fn number(report: &str, key: &str) -> Result<f64, Failure> {
    let mut pairs = report
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(name, _)| *name == key).map(|(_, value)| value);
    value
        .and_then(|value| value.parse().ok())
        .filter(|value: &f64| value.is_finite() && *value > 0.0)
        .ok_or_else(|| {
            Failure::new(format!(
                "the load reported no {key} above 0: {report:?}; give it more --seconds"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_messages_is_a_failure() {
        let report = "messages=372646 errors=0 p50_us=327.4 messages_per_second=9";
        assert_eq!(number(report, "messages").ok(), Some(372_646.0));
        assert_eq!(number(report, "p50_us").ok(), Some(327.4));
        assert!(number("messages=0 errors=0", "messages").is_err());
        assert!(number("", "messages").is_err());
    }
}
