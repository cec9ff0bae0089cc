//! One run of the server under one tool, loaded with so many messages.
//!
//! The danger is to end the tool together with the server, or to read its
//! report before it is written. Valgrind is the server's process itself and
//! reports when a signal ends it. Strace is the parent, and would forget its
//! table if it were the one signalled: there the server is looked up as its
//! child. Either way the report is read only once the tool has ended.

use super::options::Options;
use super::tools::{Counts, Tool};
use crate::failure::Failure;
use crate::programs;
use crate::sys;
use std::env;
use std::fs;
use std::io::{self, BufRead};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;

/// How long the tool may take to report once the server is asked to end.
const ENDING: Duration = Duration::from_secs(30);

/// Seconds for a server to start under a tool, which slows it fifty times.
const STARTING: &str = "60";

/// What the load's first line says when every message came back right, with
/// connections to hold and without.
const GOOD: [&str; 2] = ["holding", "errors=0"];

/// A run that is about to be made.
#[derive(Debug)]
pub struct Session<'o> {
    options: &'o Options,
    tool: &'o Tool,
    messages: u64,
    report: PathBuf,
}

impl<'o> Session<'o> {
    /// A run of `options`' server under `tool` with so many messages.
    pub fn new(options: &'o Options, tool: &'o Tool, messages: u64) -> Session<'o> {
        let report = env::temp_dir().join(format!("count-{}-{messages}", process::id()));
        Session {
            options,
            tool,
            messages,
            report,
        }
    }

    /// Runs it and reads what was counted.
    pub fn count(&self) -> Result<Counts, Failure> {
        let address = free_address()
            .map_err(|error| Failure::call("looking for a free port", &error, "free some ports"))?;
        let mut server = Running(self.start(address)?);
        let load = self.load(address, &server.0)?;
        self.end(&mut server.0)?;
        drop(load);
        let report = fs::read_to_string(&self.report).map_err(|error| {
            let call = format!("reading the report of {}", self.tool.program);
            Failure::call(&call, &error, "see what the tool printed above")
        })?;
        self.tool.counts(&report)
    }

    fn start(&self, address: SocketAddr) -> Result<Child, Failure> {
        let mut command = Command::new(self.tool.program);
        command
            .args(self.tool.arguments(&self.report))
            .args(&self.options.command)
            .args(["--addr", &address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.spawn().map_err(|error| {
            Failure::call(
                &format!("starting {}", self.tool.program),
                &error,
                "install it",
            )
        })
    }

    /// Runs the load until it has all its messages back. It keeps its
    /// connections open even then: how far a server gets with closing them
    /// before it is ended is chance, and would be counted.
    fn load(&self, address: SocketAddr, server: &Child) -> Result<Running, Failure> {
        let cure = "build it beside count, with the same profile";
        let failed = |error: io::Error| Failure::call("running load", &error, cure);
        let mut load = Command::new(programs::path("load")?)
            .args(["--addr", &address.to_string(), "--wait", STARTING])
            .args(["--messages", &self.messages.to_string()])
            .args(&self.options.load)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Running)
            .map_err(failed)?;
        self.await_news(&load.0, server)?;
        let first = read_line(load.0.stdout.take()).map_err(failed)?;
        if GOOD.iter().any(|good| first.contains(good)) {
            return Ok(load);
        }
        let cause = read_line(load.0.stderr.take()).map_err(failed)?;
        Err(self.failure(&format!("the load failed: {}", cause.trim())))
    }

    /// Waits until the load speaks, and sees to it that the server still runs.
    fn await_news(&self, load: &Child, server: &Child) -> Result<(), Failure> {
        let failed = |error| Failure::call("waiting for the load", &error, "see ulimit -n");
        let Some(speech) = &load.stdout else {
            return Ok(());
        };
        let server_end = sys::watch_exit(server).map_err(failed)?;
        loop {
            match sys::either_readable(speech, &server_end).map_err(failed)? {
                (true, _) => return Ok(()),
                (_, true) => return Err(self.failure("the server ended by itself: see above")),
                (false, false) => {}
            }
        }
    }

    fn failure(&self, what: &str) -> Failure {
        let (server, tool) = (self.options.command_line(), self.tool.program);
        Failure::new(format!("{server} under {tool}: {what}"))
    }

    fn end(&self, tool: &mut Child) -> Result<(), Failure> {
        let cure = "see why the server ended by itself";
        let failed = |error: io::Error| Failure::call("ending the server", &error, cure);
        let server = match self.tool.forks {
            true => only_child(tool.id()).map_err(failed)?,
            false => tool.id(),
        };
        sys::terminate(server).map_err(failed)?;
        match sys::wait_exit(tool, ENDING).map_err(failed)? {
            Some(_) => Ok(()),
            None => Err(self.failure(&format!(
                "it is still there {ENDING:?} after SIGTERM: let the server end on it"
            ))),
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // It is not there if the tool never came to write it.
        drop(fs::remove_file(&self.report));
    }
}

/// A process, and its child if it has one, that must not outlive a failure.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // After an orderly end there is no child left and nothing to kill.
        // Else the child goes first: a killed tracer sets it free.
        drop(only_child(self.0.id()).and_then(sys::terminate));
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn read_line(stream: Option<impl io::Read>) -> io::Result<String> {
    let mut line = String::new();
    if let Some(stream) = stream {
        io::BufReader::new(stream).read_line(&mut line)?;
    }
    Ok(line)
}

/// An address that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn only_child(parent: u32) -> io::Result<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    let first = children.split_whitespace().next();
    first
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}
