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
use super::running::{Running, number};
use crate::failure::Failure;
use crate::programs;
use crate::sys;
use std::process::Command;
use std::time::Duration;

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
    let address = running.listening_address(server.name)?;
    let own_memory = probe::resident(running.process())?;
    let born_with = probe::switches(running.process())?;

    let mut load = start_load(&address, scenario, timed)?;
    load.expect_line("ready")?;
    let memory = probe::resident(running.process())? - own_memory;
    let begun = Account::read(running.process())?;
    load.send_line("")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_cut_short_is_a_failure() {
        let asked = Duration::from_secs(1);
        assert!(refuse_cut_short("seconds=1.002", asked).is_ok());
        assert!(refuse_cut_short("seconds=0.002", asked).is_err());
    }
}
