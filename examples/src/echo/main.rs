//! The echo server: every byte that a client sends comes back.
//!
//! ```text
//! cargo run --release -p examples --bin echo
//! nc 127.0.0.1 7000
//! ```
//!
//! One task accepts, one task a connection echoes; `session` is the whole of it. The rest is what
//! any server needs round that, and none of it costs a message anything: `sessions` is who is there,
//! how many may be, and who has gone to sleep; `draining` is how it ends, by Ctrl-C or `SIGTERM`,
//! with nobody cut off in the middle; `stats` is what it says while it runs. A second signal ends it
//! at once.

mod draining;
mod options;
mod session;
mod sessions;
mod stats;

use std::io;
use std::process::ExitCode;

use examples::program::{self, Given, say};
use net::TcpListener;
use net::signal::{SignalKind, end_requested};

use self::options::Options;
pub use self::session::{Limits, echo};
pub use self::sessions::Sessions;

fn main() -> ExitCode {
    program::run("echo", options::USAGE, Options::parse, |options| {
        let signals = [SignalKind::interrupt(), SignalKind::terminate()];
        options.executor.run(&signals, serve(options))
    })
}

async fn serve(options: Options) -> io::Result<()> {
    // Before anybody is told that the server is there: it can be asked to end from then on.
    let end = end_requested();
    let listener = listen(&options).await?;
    let address = listener.local_addr()?;
    let workers = match runtime::Handle::current().metrics().workers {
        1 => "1 worker".to_owned(),
        several => format!("{several} workers"),
    };
    let flavor = options.executor.flavor;
    say(&format!(
        "echo listening on {address}, flavor {flavor}, {workers}"
    ))
    .await;

    let sessions = Sessions::new(options.max_connections);
    let asked = runtime::select! {
        asked = end => asked.map(drop),
        failed = accept_all(&listener, &sessions, options.limits) => failed,
        never = sessions.end_idle(options.idle) => never,
        never = stats::print(&sessions, options.stats) => never,
    };
    // Who is in the queue is connected already, and is served, be there a place or not.
    program::empty_queue(&listener, |stream| {
        runtime::spawn(echo(sessions.open(stream, None), options.limits));
    })
    .await;
    // From here on new clients are refused, rather than left to wait.
    drop(listener);
    let end = sessions.drain(options.grace).await;
    say(&format!("echo has ended; {end}")).await;
    asked
}

/// The socket that the program was started with, as by systemd, or else one of its own.
async fn listen(options: &Options) -> io::Result<TcpListener> {
    let given = Given::take()?;
    if given.unix.is_some() {
        let what = "started with a unix socket, and listens at TCP: give it a TCP socket";
        return Err(io::Error::other(what));
    }
    if let Some(listener) = given.tcp {
        return Ok(listener);
    }
    let bound = TcpListener::bind(options.address).await;
    bound.map_err(|error| explain(error, options))
}

/// Ends only if the listener is broken.
async fn accept_all(listener: &TcpListener, sessions: &Sessions, limits: Limits) -> io::Result<()> {
    let mut incoming = listener.incoming();
    loop {
        // With all places taken, who comes next waits in the kernel's queue, as it does when there
        // are no descriptors left.
        let place = sessions.place().await;
        let (stream, _) = incoming.accept().await?;
        // Nobody waits for its result: a client that goes away in the middle is no news for others.
        runtime::spawn(echo(sessions.open(stream, place), limits));
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
