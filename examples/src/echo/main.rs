//! The echo server: every byte that a client sends comes back.
//!
//! ```text
//! cargo run --release -p examples --bin echo
//! nc 127.0.0.1 7000
//! ```
//!
//! One task accepts, one task a connection echoes; [`session`] is the whole of it. What this file
//! adds is what any server needs round that: a command line, an error that says what to do when the
//! port is taken, and more descriptors than a shell allows by default. [`draining`] is how it ends,
//! by Ctrl-C or `SIGTERM`: nobody is cut off in the middle. A second signal ends it at once.

mod draining;
mod options;
mod session;

use std::io;
use std::process::ExitCode;

use net::TcpListener;
use net::signal::{SignalKind, end_requested};

use self::draining::Sessions;
use self::options::{Flavor, Options};

fn main() -> ExitCode {
    match Options::from_command_line().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Option<Options>) -> io::Result<()> {
    let Some(options) = options else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    // Ten thousand connections need as many descriptors. It is no error to get fewer: then the
    // accept loop waits until some are free.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    build(&options)?.block_on(serve(options))
}

fn build(options: &Options) -> io::Result<runtime::Runtime> {
    let mut builder = match options.flavor {
        Flavor::Single => runtime::Builder::new_current_thread(),
        Flavor::Steal => runtime::Builder::new_multi_thread(),
    };
    if let (Flavor::Steal, Some(workers)) = (options.flavor, options.workers) {
        builder.worker_threads(workers);
    }
    // They must be named before there are threads that would get them.
    builder
        .signals([SignalKind::interrupt(), SignalKind::terminate()])
        .build()
}

async fn serve(options: Options) -> io::Result<()> {
    // Before anybody is told that the server is there: it can be asked to end from then on.
    let end = end_requested();
    let listener = TcpListener::bind(options.address)
        .await
        .map_err(|error| explain(error, &options))?;
    let address = listener.local_addr()?;
    let workers = match runtime::Handle::current().metrics().workers {
        1 => "1 worker".to_owned(),
        several => format!("{several} workers"),
    };
    println!(
        "echo listening on {address}, flavor {}, {workers}",
        options.flavor.name()
    );
    let sessions = Sessions::default();
    let asked = runtime::select! {
        asked = end => asked.map(drop),
        failed = accept_all(&listener, &sessions, options.buffer) => failed,
    };
    // From here on new clients are refused, rather than left to wait.
    drop(listener);
    sessions.drain().await;
    asked
}

/// Ends only if the listener is broken.
async fn accept_all(listener: &TcpListener, sessions: &Sessions, buffer: usize) -> io::Result<()> {
    let mut incoming = listener.incoming();
    loop {
        let (stream, _) = incoming.accept().await?;
        // Nobody waits for its result: a client that goes away in the middle is no news for others.
        runtime::spawn(session::echo(sessions.open(stream), buffer));
    }
}

fn explain(error: io::Error, options: &Options) -> io::Error {
    let address = options.address;
    match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::other(format!(
            "{address} is taken by another server: stop it, or choose another port with \
             --addr IP:PORT (port 0 takes any that is free)"
        )),
        io::ErrorKind::AddrNotAvailable => io::Error::other(format!(
            "{address} is not an address of this machine: choose one with --addr IP:PORT"
        )),
        io::ErrorKind::PermissionDenied => io::Error::other(format!(
            "{address} may not be bound by this user: choose a port from 1024 on with --addr"
        )),
        _ => error,
    }
}
