//! A chat server: rooms, for `nc` and telnet.
//!
//! ```text
//! cargo run --release -p examples --bin chat
//! nc 127.0.0.1 7001
//! ```
//!
//! `rooms` is who is where, `hall` in which order things are said; `outbox` is what becomes of
//! a client that does not read; `session` is one client, and how to close a connection without
//! losing anything. `door` lets clients in, and `lines` and `request` are what they may say.
//! `settings` is what can be changed meanwhile, and `handover` how the next server takes over, with
//! `place` for the files of sockets.
//!
//! What this file adds is the beginning and the end. The danger of an end is to hang, or to lose what
//! was accepted. When the program is asked to end, first those who wait at the doors are let in, and
//! the doors close; then everybody is told goodbye behind the last line that was said; what is waiting
//! is sent, for as long as `--grace` allows, and the program ends well, with code 0.

mod door;
mod hall;
mod handover;
mod lines;
mod options;
mod outbox;
mod place;
mod request;
mod rooms;
mod session;
mod settings;

use std::future::pending;
use std::io;
use std::pin::pin;
use std::process::ExitCode;

use examples::program::{self, complain, say};
use net::UnixStream;
use net::signal::{SignalKind, end_requested, signal};

pub use self::door::{Connection, House};
pub use self::outbox::Policy;
pub use self::session::Limits;
pub use self::settings::Settings;

use self::door::Doors;
use self::handover::Handover;
use self::options::Options;

fn main() -> ExitCode {
    program::run("chat", options::USAGE, Options::parse, |mut options| {
        let mut signals = vec![SignalKind::interrupt(), SignalKind::terminate()];
        if options.config.is_some() {
            signals.push(SignalKind::hangup());
        }
        options.settings = options.settings()?;
        options.executor.run(&signals, serve(options))
    })
}

async fn serve(options: Options) -> io::Result<()> {
    // Before anybody is told that the server is there: it can be asked to end from then on.
    let mut end = pin!(end_requested());
    let (doors, handover, told) = runtime::select! {
        opened = open(&options) => opened?,
        // While it waits for a server that does not answer.
        asked = &mut end => return asked.map(drop),
    };
    say(&format!("chat listening on {doors}, {options}")).await;

    let house = House::new(options.settings);
    house.recall(&told);
    // To the last: a signal that nobody takes would end the program in the middle of its end.
    let mut reloading = pin!(reload(&house, &options));
    let next = runtime::select! {
        broken = house.admit(doors.tcp.incoming()) => return broken,
        broken = admit_local(&house, &doors) => return broken,
        broken = &mut reloading => return broken,
        next = successor(handover.as_ref(), &doors) => Some(next),
        asked = &mut end => {
            asked?;
            None
        }
    };
    let (house, grace) = (&house, options.grace);
    let ending = async move {
        match (next, handover) {
            (Some(next), Some(handover)) => {
                doors.leave();
                // Nothing is said from now on, so this is all.
                let told = house.close_rooms();
                let passed_on = handover.pass_on(next, &told);
                let said = say("chat has handed its doors over");
                runtime::join!(passed_on, house.close(grace), said).1
            }
            (_, handover) => {
                empty_doors(house, &doors).await;
                drop((doors, handover));
                house.close(grace).await
            }
        }
    };
    let cut = runtime::select! {
        cut = ending => cut,
        broken = &mut reloading => return broken,
    };
    say(&format!(
        "chat has ended; {cut} clients were cut off at the end"
    ))
    .await;
    Ok(())
}

/// Opens the doors, or takes them over from the server that is there, with what that one tells.
async fn open(options: &Options) -> io::Result<(Doors, Option<Handover>, String)> {
    match &options.handover {
        None => Ok((Doors::open(options)?, None, String::new())),
        Some(path) => {
            let begun = Handover::begin(path, || Doors::open(options)).await?;
            Ok((begun.doors, Some(begun.handover), begun.told))
        }
    }
}

/// The second door, if there is one.
async fn admit_local(house: &House, doors: &Doors) -> io::Result<()> {
    match &doors.unix {
        Some(door) => house.admit(door.listener.incoming()).await,
        None => pending().await,
    }
}

/// Lets those in who wait at the doors, to be told goodbye with the others.
async fn empty_doors(house: &House, doors: &Doors) {
    let by_tcp = program::empty_queue(&doors.tcp, |client| house.welcome(client));
    let local = async {
        if let Some(door) = &doors.unix {
            program::empty_queue(&door.listener, |client| house.welcome(client)).await;
        }
    };
    runtime::join!(by_tcp, local);
}

/// Reads the settings again whenever it is asked to.
async fn reload(house: &House, options: &Options) -> io::Result<()> {
    let Some(path) = &options.config else {
        return pending().await;
    };
    let mut hangups = signal(SignalKind::hangup())?;
    while hangups.recv().await.is_some() {
        match options.settings() {
            Ok(settings) => {
                house.set(settings);
                say(&format!("chat has read {} again", path.display())).await;
            }
            Err(error) => complain(&format!("chat: {error}; all stays as it was")).await,
        }
    }
    pending().await
}

/// Waits for the next server, if it can come.
async fn successor(handover: Option<&Handover>, doors: &Doors) -> UnixStream {
    match handover {
        Some(handover) => handover.successor(doors).await,
        None => pending().await,
    }
}
