//! One run: a fresh server, one load, and what both did between the gate and the end.
//!
//! With strace the server is slower, but only the calls that are looked for are stopped at, by a
//! filter in the kernel: the others pass at full speed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use benches::compare::probe;
use benches::compare::running::{Running, number};
use benches::failure::Failure;
use benches::{programs, sys};

/// What is done to whom.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) is_tokio: bool,
    /// The server's work for a message, in steps.
    pub(crate) steps: u32,
    /// Options of the load.
    pub(crate) load: Vec<&'static str>,
    /// The line that makes a worker stick.
    pub(crate) stick: Option<&'static str>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) messages: f64,
    pub(crate) rate: f64,
    /// Of messages, in microseconds: half, all but 1 %, all but 0.1 %, all.
    pub(crate) latencies: [f64; 4],
    pub(crate) processor: Duration,
    pub(crate) switches: f64,
    /// The CPU time of each worker, the busier one first.
    pub(crate) workers: Vec<f64>,
    /// The runtime's counts before and after.
    metrics: [String; 2],
}

impl Outcome {
    /// By how much a count of the runtime grew; none if it counts no such thing.
    pub(crate) fn count(&self, key: &str) -> Option<f64> {
        let [before, after] = &self.metrics;
        let find = |line: &str| {
            let pairs = line.split_whitespace().filter_map(|it| it.split_once('='));
            let mut values = pairs.filter(|(name, _)| *name == key);
            values.next()?.1.parse::<f64>().ok()
        };
        Some(find(after)? - find(before)?)
    }

    pub(crate) fn processor_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.messages
    }
}

impl Trial {
    /// Runs it at full speed.
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let mut server = Running::start(&mut self.server()?, "the server")?;
        let mut load = self.loaded(&mut server)?;
        let process = server.process();
        let before = (account(process)?, probe::switches(process)?);
        let threads = threads(process);
        let count = |server: &mut Running| {
            server.send_line("")?;
            server.read_line()
        };
        let first = count(&mut server)?;
        if let Some(line) = self.stick {
            server.send_line(line)?;
        }
        load.send_line("")?;
        let news = load.read_line()?;
        if !news.starts_with("holding") {
            // It tells why it gave up.
            load.finish()?;
        }
        let after = (account(process)?, probe::switches(process)?);
        let last = count(&mut server)?;
        let workers = shares(&threads, process);
        let report = load.report_after(&news)?;
        load.finish()?;
        let latency = |key| number(&report, key);
        Ok(Outcome {
            messages: number(&report, "messages")?,
            rate: number(&report, "messages_per_second")?,
            latencies: [
                latency("p50_us")?,
                latency("p99_us")?,
                latency("p999_us")?,
                latency("max_us")?,
            ],
            processor: after.0 - before.0,
            switches: (after.1 - before.1) as f64,
            workers,
            metrics: [first, last],
        })
    }

    /// Runs it under strace; returns the lines about these calls, and the number of messages.
    pub(crate) fn trace(&self, calls: &str) -> Result<(String, f64), Failure> {
        let log = std::env::temp_dir().join(format!("workers-{}", std::process::id()));
        let outcome = self.trace_into(&log, calls);
        let lines = fs::read_to_string(&log);
        drop(fs::remove_file(&log));
        let lines = lines.map_err(|error| Failure::call("strace", &error, "install it"))?;
        Ok((lines, outcome?))
    }

    fn trace_into(&self, log: &Path, calls: &str) -> Result<f64, Failure> {
        let server = self.server()?;
        let mut command = Command::new("strace");
        command
            .args(["-f", "--seccomp-bpf", "-e", &format!("trace={calls}"), "-o"])
            .arg(log)
            .arg(server.get_program())
            .args(server.get_args());
        let mut server = Running::start(&mut command, "strace")?;
        let mut load = self.loaded(&mut server)?;
        load.send_line("")?;
        let news = load.read_line()?;
        let report = load.report_after(&news)?;
        load.finish()?;
        server.finish_by_silence()?;
        number(&report, "messages")
    }

    fn server(&self) -> Result<Command, Failure> {
        let mut command = Command::new(own_path()?);
        let name = if self.is_tokio { "tokio" } else { "edgewake" };
        command.args(["--serve", name, "--steps", &self.steps.to_string()]);
        Ok(command)
    }

    /// A load that has sent one message on each connection and waits at the gate.
    fn loaded(&self, server: &mut Running) -> Result<Running, Failure> {
        let address = server.listening_address("the server")?;
        let mut command = Command::new(programs::path("load")?);
        command
            .args(["--addr", &address, "--gate", "--hold", "--stall", STALL])
            .args(&self.load);
        let mut load = Running::start(&mut command, "load")?;
        load.expect_line("ready")?;
        Ok(load)
    }
}

fn own_path() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::call("asking for our own path", &error, ""))
}

fn account(process: u32) -> Result<Duration, Failure> {
    let cure = "see why the server ended by itself";
    sys::process_cpu_time(process).map_err(|error| Failure::call("its CPU clock", &error, cure))
}

/// The CPU time of each thread, by its number.
fn threads(process: u32) -> Vec<(String, f64)> {
    let folder = fs::read_dir(format!("/proc/{process}/task"));
    let threads = folder.into_iter().flatten().flatten();
    let time = |path: PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    threads
        .filter_map(|it| {
            Some((
                it.file_name().to_string_lossy().into_owned(),
                time(it.path())?,
            ))
        })
        .collect()
}

/// What part of all the CPU time since `before` each thread has used, the busiest first.
fn shares(before: &[(String, f64)], process: u32) -> Vec<f64> {
    let now = threads(process);
    let used = now.iter().map(|(name, time)| {
        let earlier = before.iter().find(|(other, _)| other == name);
        time - earlier.map_or(0.0, |(_, time)| *time)
    });
    let mut used: Vec<f64> = used.collect();
    let all: f64 = used.iter().sum();
    used.iter_mut().for_each(|it| *it /= all);
    used.sort_by(|one, other| other.total_cmp(one));
    used
}

/// For so many seconds a server may be silent before it is given up.
const STALL: &str = "3";
