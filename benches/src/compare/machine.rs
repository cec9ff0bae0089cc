//! Where and from what the results come: the head of every report.
//!
//! The danger is a table without its machine, which is quoted as if it held
//! everywhere. So the head is part of the table's file. What cannot be found
//! out is called unknown and stops nothing.

use crate::failure::Failure;
use crate::sys;
use std::env;
use std::fs;
use std::process::{Command, Stdio};

use super::sample::Cores;

/// The machine and the build.
#[derive(Debug)]
pub struct Machine {
    /// Name and value of each thing to know.
    pub facts: Vec<(&'static str, String)>,
    /// The cores to run on, if there are two.
    pub cores: Option<Cores>,
    /// All the cores that we may run on.
    pub allowed: Vec<usize>,
}

impl Machine {
    /// Looks round.
    pub fn look() -> Result<Machine, Failure> {
        let allowed = sys::allowed_cores()
            .map_err(|error| Failure::call("sched_getaffinity", &error, "see /proc/self/status"))?;
        let cores = match allowed[..] {
            [server, load, ..] => Some(Cores { server, load }),
            _ => None,
        };
        let compiler = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let facts = vec![
            ("machine", processor()),
            ("cores", allowed.len().to_string()),
            ("kernel", file("/proc/sys/kernel/osrelease")),
            ("rustc", said_by(&compiler, &["--version"])),
            ("commit", commit()),
            ("date", said_by("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
            ("load average before", load_average()),
            ("pinning", pinning(cores)),
        ];
        Ok(Machine {
            facts,
            cores,
            allowed,
        })
    }
}

fn pinning(cores: Option<Cores>) -> String {
    match cores {
        Some(Cores { server, load }) => format!("server on core {server}, load on core {load}"),
        None => "none: there is one core, which server and load share".to_owned(),
    }
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": "));
    name.map_or_else(unknown, |(_, name)| name.to_owned())
}

/// The commit, with a word if the sources differ from it.
fn commit() -> String {
    let short = said_by("git", &["rev-parse", "--short", "HEAD"]);
    let changes = said_by("git", &["status", "--porcelain", "--", "*.rs", "*.toml"]);
    match changes == unknown() {
        true => short,
        false => format!("{short}, with changes that are not committed"),
    }
}

/// Programs in the runnable state over the last minute: the others' noise.
fn load_average() -> String {
    let text = file("/proc/loadavg");
    text.split(' ').next().map_or_else(unknown, str::to_owned)
}

fn file(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    or_unknown(text.trim())
}

/// The output of a command in the folder of this package.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    or_unknown(text.unwrap_or_default().trim())
}

fn or_unknown(text: &str) -> String {
    match text {
        "" => unknown(),
        text => text.to_owned(),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
