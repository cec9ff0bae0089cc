//! One speaks, and all who have joined the group hear it.
//!
//! ```text
//! cargo run --release -p examples --bin multicast -- hear      # in as many terminals as you like
//! cargo run --release -p examples --bin multicast -- say hello
//! ```
//!
//! Nobody knows who hears: the speaker sends to the group's address, and the kernel gives a copy to
//! each who has joined it. Two things are easily forgotten. The listeners share one port, which all
//! of them have to allow. And joining says where to hear, not where to speak: the interface that a
//! datagram leaves by is chosen by itself. Here both are the loopback interface, so that nothing
//! leaves this machine.

use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use examples::program;
use net::{UdpSocket, udp};

const USAGE: &str = "\
Speaks to a group, or hears what is said to it.

usage: multicast hear
       multicast say WORD...";

#[runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("multicast: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let Some(words) = program::words(USAGE)? else {
        return Ok(());
    };
    match words.split_first() {
        Some((verb, [])) if verb == "hear" => hear().await,
        Some((verb, words)) if verb == "say" && !words.is_empty() => say(&words.join(" ")).await,
        _ => Err(program::misuse("hear, or say what?", USAGE)),
    }
}

async fn hear() -> io::Result<()> {
    // Bound to the group's address: what is sent to the port otherwise is none of our business.
    let shared = udp::Builder::new().reuse_address(true);
    let socket = shared.bind((GROUP, PORT)).await?;
    socket.join_multicast_v4(GROUP, INTERFACE)?;
    println!("listening to {GROUP}:{PORT}");
    let mut buffer = [0; 1500];
    loop {
        let (count, speaker) = socket.recv_from(&mut buffer).await?;
        let words = String::from_utf8_lossy(&buffer[..count]);
        println!("{} says: {words}", speaker.ip());
    }
}

async fn say(words: &str) -> io::Result<()> {
    let socket = UdpSocket::bind((INTERFACE, 0)).await?;
    socket.set_multicast_interface_v4(INTERFACE)?;
    socket.send_to(words.as_bytes(), (GROUP, PORT)).await?;
    println!("said to {GROUP}:{PORT}");
    Ok(())
}

/// From the range that anybody may use within his own house.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 7, 7, 7);
const PORT: u16 = 7002;
const INTERFACE: Ipv4Addr = Ipv4Addr::LOCALHOST;
