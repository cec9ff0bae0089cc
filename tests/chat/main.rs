//! The chat server, as people run it: the release build, in a process of its own.
//!
//! `commands` is what a client may ask for, and by which door. `manners` are clients that go away, or
//! send what is no line. `slow` are those that do not read. `crowds` is a thousand in a room. `ending`
//! is how the server ends, and what becomes of what was said by then; `restarts` is how another one takes
//! its place, and how it gets other settings. `command_line` is how it starts.

mod client;
mod command_line;
mod commands;
mod crowds;
mod ending;
mod manners;
mod restarts;
mod slow;

use std::process::Command;
use std::time::Duration;

use tests::deadline::within;
use tests::flavours::{Flavour, flavours_within};
use tests::server::{Server, program};

/// A server on a flavour, with more arguments.
fn start(flavour: Flavour, arguments: &[&str]) -> Server {
    Server::start(&mut command(flavour, arguments))
}

fn command(flavour: Flavour, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("chat"));
    command.args(flavour.arguments()).args(arguments);
    command
}

/// Runs a test on each flavour. The program is built before the time for it begins.
fn chat(test: impl Fn(Flavour) + Send + Sync + 'static) {
    within(Duration::from_secs(600), || program("chat"));
    flavours_within(Duration::from_secs(60), test);
}
