//! Servers side by side: the same work, the same machine, in turns.
//!
//! The danger is a comparison that flatters its author: one that runs the
//! rivals at different times of a busy day, or prints the decimal places of
//! noise. So the rounds are interleaved (A B C, B C A), each run gets a fresh
//! server, every byte is checked, and the same program under two names shows
//! how small a difference can be told at all.
//!
//! [`contest`] has the tables of servers, scenarios and figures, [`sample`] is
//! one run of [`running`] processes, [`probe`] reads `/proc`, [`results`]
//! collects, [`statistics`] judges, [`table`] and [`picture`] tell,
//! [`machine`] says where it was.

pub mod contest;
pub mod machine;
pub mod options;
pub mod picture;
pub mod probe;
pub mod results;
pub mod running;
pub mod sample;
pub mod statistics;
pub mod table;

use crate::count;
use crate::failure::Failure;
use crate::programs;
use crate::sys;
use contest::{BUILD, CALLS, METRICS, SCENARIOS, SERVERS, Scenario, Server};
use machine::Machine;
use options::Options;
use results::{Results, Run};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Where the results go, from this package's folder.
const RESULTS: &str = "../docs/bench";

/// Descriptors that a server or the load needs beside its connections.
const SPARE_DESCRIPTORS: u64 = 64;

/// Messages of the shorter of the two runs under strace: one at least on each
/// active connection, so that all of them are open in both.
const TRACED_MESSAGES: u64 = 1000;

/// Builds, runs all rounds, and writes the reports.
pub fn run(options: &Options) -> Result<(), Failure> {
    build()?;
    let machine = Machine::look()?;
    for (name, value) in &machine.facts {
        eprintln!("{name}: {value}");
    }
    let mut results = Results::default();
    let scenarios = possible_scenarios(&mut results)?;
    time(&mut results, &scenarios, options, &machine);
    trace(&mut results, &scenarios, &machine)?;
    let document = table::document(&results, &machine, &options::command_line());
    println!("{document}");
    write("RESULTS.md", &document)?;
    write("data.csv", &results.comma_separated())?;
    write("servers.svg", &picture::draw(&results))?;
    match results.notes.iter().find(|note| note.contains(FAILED)) {
        Some(note) => Err(Failure::new(note)),
        None => Ok(()),
    }
}

/// What a note says that makes the whole comparison fail in the end.
const FAILED: &str = "failed at";

/// Builds the servers and the load where our own program lies.
fn build() -> Result<(), Failure> {
    let folder = programs::folder()?;
    let target = folder.parent().unwrap_or(&folder);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let cure = "start this with: cargo bench -p benches --bench servers";
    let status = Command::new(cargo)
        .args(BUILD)
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .map_err(|error| Failure::call("starting cargo", &error, cure))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::new(
            "cargo could not build the servers: see above what to mend",
        )),
    }
}

/// The scenarios that there are enough descriptors for.
fn possible_scenarios(results: &mut Results) -> Result<Vec<usize>, Failure> {
    let limit = sys::raise_nofile()
        .map_err(|error| Failure::call("raising RLIMIT_NOFILE", &error, "see ulimit -n"))?;
    let mut possible = Vec::new();
    for (place, scenario) in SCENARIOS.iter().enumerate() {
        let needed = scenario.connections as u64 + SPARE_DESCRIPTORS;
        if needed <= limit {
            possible.push(place);
            continue;
        }
        let note = format!(
            "Skipped: {} needs {needed} open files and the hard limit is {limit}; \
             raise it with ulimit -Hn.",
            scenario.name
        );
        eprintln!("{note}");
        results.notes.push(note);
    }
    Ok(possible)
}

/// The timed rounds. A server that fails at a scenario is noted and left out
/// of it from then on: the others are still worth comparing.
fn time(results: &mut Results, scenarios: &[usize], options: &Options, machine: &Machine) {
    let mut progress = Progress::new(options.rounds * scenarios.len() * SERVERS.len());
    let mut out = Vec::new();
    for round in 1..=options.rounds {
        for &scenario in scenarios {
            for turn in 0..SERVERS.len() {
                // Each round starts one further on, so that nobody always
                // follows the same one, or is always first.
                let server = (turn + round - 1) % SERVERS.len();
                let rival = &SERVERS[server];
                let work = &SCENARIOS[scenario];
                progress.tell(&format!("round {round}: {}, {}", work.name, rival.name));
                if out.contains(&(scenario, server)) {
                    continue;
                }
                match sample::take(rival, work, options.timed, machine.cores) {
                    Ok(figures) => results.runs.push(Run {
                        scenario,
                        server,
                        round: round.to_string(),
                        figures,
                    }),
                    Err(failure) => {
                        results.notes.push(failed(rival, work, &failure));
                        out.push((scenario, server));
                    }
                }
            }
        }
    }
    progress.finish();
}

fn failed(server: &Server, scenario: &Scenario, failure: &Failure) -> String {
    let note = format!("{} {FAILED} {}: {failure}", server.name, scenario.name);
    eprintln!("\n{note}");
    note
}

/// Counts system calls, in runs of their own: a traced server is slow. They
/// are not pinned, as strace needs a core too.
fn trace(results: &mut Results, scenarios: &[usize], machine: &Machine) -> Result<(), Failure> {
    sys::stay_on(&machine.allowed)
        .map_err(|error| Failure::call("sched_setaffinity", &error, "leave the cores alone"))?;
    let rivals = SERVERS.iter().filter(|server| !server.is_twin).count();
    let mut progress = Progress::new(scenarios.len() * rivals);
    for &scenario in scenarios {
        for (server, rival) in SERVERS.iter().enumerate().filter(|(_, it)| !it.is_twin) {
            let work = &SCENARIOS[scenario];
            progress.tell(&format!("strace: {}, {}", work.name, rival.name));
            let mut figures = [None; METRICS.len()];
            match traced(rival, work) {
                Ok(None) => {
                    let note = "System calls were not counted: strace is missing; install it.";
                    eprintln!("\n{note}");
                    results.notes.push(note.to_owned());
                    return Ok(());
                }
                Ok(calls) => figures[CALLS] = calls,
                Err(failure) => results.notes.push(failed(rival, work, &failure)),
            }
            results.runs.push(Run {
                scenario,
                server,
                round: "strace".to_owned(),
                figures,
            });
        }
    }
    progress.finish();
    Ok(())
}

fn traced(server: &Server, scenario: &Scenario) -> Result<Option<f64>, Failure> {
    let program = programs::path(server.program)?.into_os_string();
    let arguments = server.arguments.iter().map(Into::into);
    count::syscalls(&count::options::Options {
        messages: TRACED_MESSAGES,
        load: scenario.traced_load().into_iter().map(Into::into).collect(),
        command: [program].into_iter().chain(arguments).collect(),
    })
}

fn write(name: &str, content: &str) -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(RESULTS);
    let path = folder.join(name);
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&path, content))
        .map_err(|error| {
            let call = format!("writing {}", path.display());
            Failure::call(&call, &error, "make the folder writable")
        })
}

/// A line on stderr that says where we are and how long it still takes.
struct Progress {
    started: Instant,
    steps: usize,
    told: usize,
}

impl Progress {
    fn new(steps: usize) -> Progress {
        Progress {
            started: Instant::now(),
            steps,
            told: 0,
        }
    }

    fn tell(&mut self, what: &str) {
        let left = match self.told {
            0 => String::new(),
            told => {
                let each = self.started.elapsed().as_secs_f64() / told as f64;
                let left = Duration::from_secs_f64(each * (self.steps - told) as f64);
                format!(", {} s left", left.as_secs())
            }
        };
        self.told += 1;
        // The end clears what a longer line before has left.
        eprint!("\r[{}/{}] {what}{left}\x1b[K", self.told, self.steps);
    }

    fn finish(&self) {
        eprintln!(
            "\rdone in {:.0} s\x1b[K",
            self.started.elapsed().as_secs_f64()
        );
    }
}
