//! A chat server: rooms, for `nc` and telnet.
//!
//! ```text
//! cargo run --release -p examples --bin chat
//! nc 127.0.0.1 7001
//! ```
//!
//! [`rooms`] is who is where, [`hall`] in which order things are said; [`outbox`] is what becomes of
//! a client that does not read; [`session`] is one client, and how to close a connection without
//! losing anything. [`door`] lets clients in, and [`lines`] and [`request`] are what they may say.
//!
//! What this file adds is the beginning and the end. The danger of an end is to hang, or to lose what
//! was accepted. When the program is asked to end, first the doors close, then everybody is told
//! goodbye behind the last line that was said; what is waiting is sent, for as long as `--grace`
//! allows, and the program ends well, with code 0.

mod door;
mod hall;
mod lines;
mod options;
mod outbox;
mod request;
mod rooms;
mod session;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use net::signal::{SignalKind, end_requested};
use runtime::sync::Semaphore;
use runtime::task::TaskTracker;

use self::door::{House, UnixDoor};
use self::hall::Hall;
use self::options::{Flavor, Options};

fn main() -> ExitCode {
    match Options::from_command_line().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Option<Options>) -> io::Result<()> {
    let Some(options) = options else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    // A descriptor a client. With fewer, the accept loop waits until some are free.
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
    let tcp = door::tcp(&options)?;
    let unix = options.unix.as_deref().map(door::unix).transpose()?;
    println!("chat listening on {}, {options}", tcp.local_addr()?);

    let house = House {
        hall: Arc::new(Hall::new(options.policy, options.outbox)),
        sessions: TaskTracker::new(),
        limits: options.limits,
        places: Arc::new(Semaphore::new(options.clients)),
    };
    runtime::select! {
        broken = house.admit(tcp.incoming()) => return broken,
        broken = admit_local(&house, unix.as_ref()) => return broken,
        asked = end => drop(asked?),
    }
    drop((tcp, unix));
    let cut = house.close(options.grace).await;
    // Not `println!`: that nobody reads it any more is no reason to end badly.
    let _ = writeln!(io::stdout(), "chat has ended; {cut} clients were cut off");
    Ok(())
}

/// The second door, if there is one.
async fn admit_local(house: &House, door: Option<&UnixDoor>) -> io::Result<()> {
    match door {
        Some(door) => house.admit(door.listener.incoming()).await,
        None => std::future::pending().await,
    }
}
