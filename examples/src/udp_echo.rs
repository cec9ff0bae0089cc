//! Every datagram comes back, from the address that it was sent to.
//!
//! ```text
//! cargo run --release -p examples --bin udp_echo
//! nc -u 127.0.0.1 7003
//! ```
//!
//! A server on the wildcard address (`udp_echo 0.0.0.0:7003`) has as many addresses as the machine,
//! and a client takes an answer only from the one that it has asked. So the kernel is asked where each datagram was sent
//! to, and the answer leaves from there. Many are received, and answered, with one call each.
//!
//! An error here is one datagram's, mostly: a client that has gone, a network that is not there. It
//! is no reason for the server to end. (Nor is it one for an open network: who sends a datagram may
//! lie about where it is from, and two servers that answer everything never stop.)

use std::io::{self, IoSliceMut};
use std::process::ExitCode;

use examples::program;
use net::UdpSocket;
use net::udp::{RecvMeta, Transmit};

const USAGE: &str = "\
Sends every datagram back, from the address that it was sent to.

usage: udp_echo [ADDRESS:PORT]

  ADDRESS:PORT   where to listen   (127.0.0.1:7003)";

#[runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("udp_echo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let Some(words) = program::words(USAGE)? else {
        return Ok(());
    };
    let address = match &words[..] {
        [] => "127.0.0.1:7003",
        [address] => address,
        _ => return Err(program::misuse("one address at a time", USAGE)),
    };
    let socket = UdpSocket::bind(address).await?;
    socket.set_packet_info(true)?;
    println!("udp_echo listening on {}", socket.local_addr()?);

    let mut buffers = vec![[0; LONGEST]; AT_ONCE];
    loop {
        let mut meta = [RecvMeta::default(); AT_ONCE];
        let mut slices: Vec<_> = buffers.iter_mut().map(|it| IoSliceMut::new(it)).collect();
        match socket.recv_many(&mut slices, &mut meta).await {
            Ok(count) => answer(&socket, &buffers[..count], &meta[..count]).await,
            Err(error) => eprintln!("receiving: {error}"),
        }
    }
}

async fn answer(socket: &UdpSocket, buffers: &[[u8; LONGEST]], meta: &[RecvMeta]) {
    let answers = buffers.iter().zip(meta).map(|(bytes, meta)| {
        let answer = Transmit::new(&bytes[..meta.len]).to(meta.source);
        match meta.destination {
            Some(asked) => answer.from(asked),
            None => answer,
        }
    });
    let answers: Vec<_> = answers.collect();
    let mut left = &answers[..];
    while !left.is_empty() {
        match socket.send_many(left).await {
            Ok(sent) => left = &left[sent..],
            Err(error) => {
                eprintln!(
                    "answering {}: {error}",
                    meta[meta.len() - left.len()].source
                );
                left = &left[1..];
            }
        }
    }
}

/// Longer than any datagram is.
const LONGEST: usize = 64 * 1024;
/// A busy server saves most of its calls with a few at a time.
const AT_ONCE: usize = 16;
