//! The real programs, built as they are to be used, and started.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::fd;
use crate::flavours::Flavour;
use crate::process::{Running, default_signal};

/// A program of the workspace, built with the release profile.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    static OTHERS: OnceLock<PathBuf> = OnceLock::new();
    static WITH_CHAT: OnceLock<PathBuf> = OnceLock::new();
    let folder = match name {
        "proxy" | "sigwait" => OTHERS.get_or_init(|| build(OTHER_EXAMPLES)),
        "chat" | "chat_client" => WITH_CHAT.get_or_init(|| build(CHAT_AND_CLIENT)),
        _ => FOLDER.get_or_init(|| build(SERVER_AND_TOOLS)),
    };
    folder.join(name)
}

const OTHER_EXAMPLES: &str = "--package examples --bin proxy --bin sigwait";
const SERVER_AND_TOOLS: &str =
    "--package examples --bin echo --package benches --bin load --bin count";

const CHAT_AND_CLIENT: &str = "--package examples --bin chat --bin chat_client";

/// Builds several at once, beside this test's own target.
fn build(packages: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let this = env::current_exe().unwrap();
    // target/debug/deps/this
    let target = this.ancestors().nth(3).unwrap();
    eprintln!("building with --release {packages}");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let built = Command::new(cargo)
        .current_dir(workspace)
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(target)
        .args(packages.split(' '))
        .status()
        .unwrap();
    assert!(built.success(), "cannot build {packages}");
    target.join("release")
}

/// The command that starts the echo server.
pub fn echo() -> Command {
    Command::new(program("echo"))
}

/// The command that starts it on a flavour.
pub fn echo_on(flavour: Flavour) -> Command {
    let mut command = echo();
    command.args(flavour.arguments());
    command
}

/// A server that has said where it listens.
#[derive(Debug)]
pub struct Server {
    process: Running,
    first_line: String,
    /// A server that prints when nobody reads any more would fail.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// The echo server on a flavour, without any other options.
    pub fn echo(flavour: Flavour) -> Self {
        Self::start(&mut echo_on(flavour))
    }

    /// Starts it on a port that is free.
    pub fn start(command: &mut Command) -> Self {
        Self::start_on(command, "127.0.0.1:0")
    }

    /// Starts it on an address.
    pub fn start_on(command: &mut Command, address: &str) -> Self {
        command
            .args(["--addr", address])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        // A shell that starts the tests in the background ignores SIGINT for all of them.
        // SAFETY: the closure makes one system call, as is allowed after a fork.
        unsafe {
            command.pre_exec(|| {
                default_signal(libc::SIGINT);
                Ok(())
            })
        };
        let mut process = Running(command.spawn().unwrap());
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut first_line = String::new();
        stdout.read_line(&mut first_line).unwrap();
        Self {
            process,
            first_line,
            stdout,
        }
    }

    /// Starts it with these sockets, which are those that it listens at.
    pub fn start_with<const N: usize>(command: &Command, sockets: [OwnedFd; N]) -> Self {
        // The shell has the number of the process that the program becomes.
        let mut shell = Command::new("sh");
        let becomes = format!("LISTEN_PID=$$ LISTEN_FDS={N} exec \"$0\" \"$@\"");
        shell.args(["-c", &becomes]).arg(command.get_program());
        shell.args(command.get_args());
        // None is at the place of another.
        let sockets = sockets.map(|socket| fd::duplicate_from(3 + N as RawFd, &socket));
        // SAFETY: the closure makes system calls, as is allowed after a fork.
        unsafe {
            shell.pre_exec(move || {
                let mut places = (3..).zip(&sockets);
                places.try_for_each(|(number, socket)| fd::inherit_at(number, socket))
            })
        };
        Self::start(&mut shell)
    }

    /// What it said at the start.
    pub fn first_line(&self) -> &str {
        &self.first_line
    }

    /// Where it listens: the first thing in its first line that is an address.
    pub fn address(&self) -> SocketAddr {
        let mut words = self.first_line.split([' ', ',', '\n']);
        words
            .find_map(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no address in {:?}", self.first_line))
    }

    /// What it says from now on, up to its end.
    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }

    /// The number of the process that was started.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Running {
        &mut self.process
    }

    /// A new connection, on which reading fails rather than hangs.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
