//! The echo server, as people run it: the release build, in a process of its own.
//!
//! `command_line` is how it starts, `draining` how it ends. `clients` are clients of all manners, the rude ones too.
//! `limits` is what it bears. `crowds` is ten thousand connections, and more clients than descriptors. `counts` is what a
//! message costs, counted by tools that do not care how busy the machine is.

mod clients;
mod command_line;
mod counts;
mod crowds;
mod draining;
mod limits;
mod size;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tests::deadline::SOON;
use tests::flavours::Flavour;
use tests::server::program;

/// Runs a test on each flavour of the server. The programs are built before the deadline begins.
fn flavours(test: impl Fn(Flavour) + Send + Sync + 'static) {
    flavours_within(SOON, test);
}

/// The same, with a limit for each.
fn flavours_within(limit: Duration, test: impl Fn(Flavour) + Send + Sync + 'static) {
    program("echo");
    tests::flavours::flavours_within(limit, test);
}

/// The same, for tests that need much of the machine: they come one after the other, and the time of
/// each begins when its turn has come.
fn heavy(limit: Duration, test: impl Fn(Flavour) + Send + Sync + 'static) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    flavours_within(limit, test);
}

/// Runs a test of the program. It is built before the deadline begins.
fn soon(test: impl FnOnce() + Send + 'static) {
    program("echo");
    tests::deadline::soon(test);
}

/// Sends something and waits until it is back.
fn ping(stream: &mut TcpStream, message: &[u8]) {
    stream.write_all(message).unwrap();
    let mut back = vec![0; message.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, message);
}

/// Bytes that differ wherever two chunks could be taken for each other.
fn bytes(count: usize) -> Vec<u8> {
    let words = (0..count.div_ceil(8) as u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut bytes: Vec<u8> = words.flat_map(u64::to_be_bytes).collect();
    bytes.truncate(count);
    bytes
}
