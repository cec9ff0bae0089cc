//! One run: a fresh server, one load, and the figures of both.
//!
//! The danger is to charge the server for what is not the message's: its
//! start, the opening of ten thousand connections, the closing of them. So
//! the load stops at a gate when all connections are open and used once, and
//! holds them when it is done; the server's clock is read at these two moments
//! and nowhere else.

use super::contest::{Figures, HALF, MEMORY, METRICS, PROCESSOR, RATE, SWITCHES, TAIL};
use super::contest::{Scenario, Server};
use super::probe;
use crate::failure::Failure;
use crate::programs;
use crate::sys;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long a server may take to say that it listens.
const STARTING: Duration = Duration::from_secs(10);

/// How long a process may take to end: one of 10,000 threads takes a while.
const ENDING: Duration = Duration::from_secs(30);

/// How much of the asked time a run must have lasted: the last reply comes
/// somewhat before or after it is over.
const LEAST_PART: f64 = 0.9;

/// Where the two processes run, if there are cores to choose from.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The server's core.
    pub server: usize,
    /// The load generator's core, and ours.
    pub load: usize,
}

/// Runs the scenario once against a fresh server.
pub fn take(
    server: &Server,
    scenario: &Scenario,
    timed: Duration,
    cores: Option<Cores>,
) -> Result<Figures, Failure> {
    let mut command = Command::new(programs::path(server.program)?);
    command
        .args(server.arguments)
        .args(["--addr", "127.0.0.1:0"]);
    settle_on(cores.map(|cores| cores.server))?;
    let mut running = Running::start(&mut command, server.program)?;
    settle_on(cores.map(|cores| cores.load))?;
    let address = running.listening_address(server)?;
    let own_memory = probe::resident(running.process())?;
    let born_with = probe::switches(running.process())?;

    let mut load = start_load(&address, scenario, timed)?;
    load.expect_line("ready")?;
    let memory = probe::resident(running.process())? - own_memory;
    let begun = Account::read(running.process())?;
    load.send_line()?;
    let news = load.read_line()?;
    let done = Account::read(running.process())?;
    let report = match scenario.churn {
        true => news,
        false => load.report_after(&news)?,
    };
    load.finish()?;
    let whole_life = running.end()?;

    refuse_cut_short(&report, timed)?;
    let messages = number(&report, "messages")?;
    let switches = match scenario.churn {
        // The threads are gone, and their files with them; the kernel's total
        // over a whole life is not.
        true => whole_life - born_with,
        false => done.switches - begun.switches,
    };
    let mut figures = [None; METRICS.len()];
    figures[RATE] = Some(number(&report, "messages_per_second")?);
    figures[PROCESSOR] = Some((done.processor - begun.processor).as_secs_f64() * 1e6 / messages);
    figures[HALF] = Some(number(&report, "p50_us")?);
    figures[TAIL] = Some(number(&report, "p99_us")?);
    figures[SWITCHES] = Some(switches as f64 / messages);
    if scenario.weighs {
        figures[MEMORY] = Some(memory / scenario.connections as f64);
    }
    Ok(figures)
}

/// A load that stops early still has figures, of next to nothing.
fn refuse_cut_short(report: &str, timed: Duration) -> Result<(), Failure> {
    let seconds = number(report, "seconds")?;
    if seconds >= timed.as_secs_f64() * LEAST_PART {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the load ran for {seconds} s instead of {timed:?}; run it by hand to see why"
    )))
}

fn settle_on(core: Option<usize>) -> Result<(), Failure> {
    match core {
        Some(core) => sys::stay_on(&[core]).map_err(|error| {
            let call = format!("sched_setaffinity to core {core}");
            Failure::call(&call, &error, "leave the cores alone while this runs")
        }),
        None => Ok(()),
    }
}

fn start_load(address: &str, scenario: &Scenario, timed: Duration) -> Result<Running, Failure> {
    let mut command = Command::new(programs::path("load")?);
    command
        .args(["--addr", address, "--gate"])
        .args(["--seconds", &timed.as_secs_f64().to_string()])
        .args(scenario.load());
    Running::start(&mut command, "load")
}

/// What a server has used up to a moment.
struct Account {
    processor: Duration,
    switches: u64,
}

impl Account {
    fn read(process: u32) -> Result<Account, Failure> {
        let processor = sys::process_cpu_time(process).map_err(|error| {
            let cure = "see why the server ended by itself";
            Failure::call("reading the server's CPU clock", &error, cure)
        })?;
        Ok(Account {
            processor,
            switches: probe::switches(process)?,
        })
    }
}

/// A process that does not outlive its run.
struct Running {
    name: &'static str,
    child: Child,
    speech: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command, name: &'static str) -> Result<Running, Failure> {
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

    fn process(&self) -> u32 {
        self.child.id()
    }

    fn failed(&self, call: &str, error: &io::Error) -> Failure {
        let call = format!("{call} of {}", self.name);
        Failure::call(&call, error, "run it by hand to see why")
    }

    /// A server's first line ends with `listening on ADDRESS`, or goes on
    /// after a comma.
    fn listening_address(&mut self, server: &Server) -> Result<String, Failure> {
        let speaks = sys::readable_within(self.speech.get_ref(), STARTING)
            .map_err(|error| self.failed("waiting for a line", &error))?;
        if !speaks {
            return Err(Failure::new(format!(
                "{}: not a word in {STARTING:?}; run it by hand to see why",
                server.name
            )));
        }
        let line = self.read_line()?;
        let address = line.split_once("listening on ").map(|(_, rest)| rest);
        let address = address.and_then(|rest| rest.split([',', '\n']).next());
        address.map(str::to_owned).ok_or_else(|| {
            Failure::new(format!(
                "{} printed {line:?} and no `listening on ADDRESS`: {}",
                server.name,
                self.complaint()
            ))
        })
    }

    fn read_line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.speech.read_line(&mut line) {
            Ok(_) => Ok(line),
            Err(error) => Err(self.failed("reading a line", &error)),
        }
    }

    fn expect_line(&mut self, expected: &str) -> Result<(), Failure> {
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

    fn send_line(&mut self) -> Result<(), Failure> {
        let sent = match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(b"\n"),
            None => Ok(()),
        };
        sent.map_err(|error| self.failed("opening the gate", &error))
    }

    /// Lets the held connections go and reads the report.
    fn report_after(&mut self, news: &str) -> Result<String, Failure> {
        self.check_line(news, "holding")?;
        drop(self.child.stdin.take());
        self.read_line()
    }

    /// Waits until the load has ended, well.
    fn finish(&mut self) -> Result<(), Failure> {
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
    fn end(&mut self) -> Result<u64, Failure> {
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
fn number(report: &str, key: &str) -> Result<f64, Failure> {
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
    fn a_run_that_was_cut_short_is_a_failure() {
        let asked = Duration::from_secs(1);
        assert!(refuse_cut_short("seconds=1.002", asked).is_ok());
        assert!(refuse_cut_short("seconds=0.002", asked).is_err());
    }

    #[test]
    fn a_report_without_messages_is_a_failure() {
        let report = "messages=372646 errors=0 p50_us=327.4 messages_per_second=9";
        assert_eq!(number(report, "messages").ok(), Some(372_646.0));
        assert_eq!(number(report, "p50_us").ok(), Some(327.4));
        assert!(number("messages=0 errors=0", "messages").is_err());
        assert!(number("", "messages").is_err());
    }
}
