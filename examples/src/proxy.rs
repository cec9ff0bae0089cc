//! A TCP proxy: what a client sends goes to another server, and what that answers comes back.
//!
//! ```text
//! cargo run --release -p examples --bin echo
//! cargo run --release -p examples --bin proxy -- --to localhost:7000
//! nc 127.0.0.1 7001
//! ```
//!
//! A connection is two streams, and [`copy_bidirectional`] is all that happens between them. It
//! passes on the end of each direction by itself: a client that has sent its question and ended its
//! stream still gets the whole answer. And the bytes do not pass through here: the kernel moves them
//! from one socket to the other while there are many.
//!
//! What remains to be thought of is a server that does not answer. A client must not wait for it for
//! ever, so connecting has a limit; its connection is then closed, and the reason is printed.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use examples::program::{complain, say};
use lexopt::prelude::*;
use net::io::copy_bidirectional;
use net::{TcpListener, TcpStream};
use runtime::time::{Duration, timeout};

const USAGE: &str = "\
Passes every connection on to another server.

usage: proxy [--addr IP:PORT] [--to HOST:PORT]

  --addr IP:PORT    where to listen                      (127.0.0.1:7001)
  --to HOST:PORT    the server, by its name or address   (127.0.0.1:7000)";

fn main() -> ExitCode {
    match Options::from_command_line().and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Option<Options>) -> io::Result<()> {
    let Some(options) = options else {
        println!("{USAGE}");
        return Ok(());
    };
    // Two sockets a client. With fewer descriptors the accept loop waits until some are free.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    runtime::Builder::new_current_thread()
        .build()?
        .block_on(serve(options))
}

async fn serve(Options { address, server }: Options) -> io::Result<()> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        io::Error::other(format!(
            "cannot listen on {address} ({error}): choose another address with --addr IP:PORT \
             (port 0 takes any that is free)"
        ))
    })?;
    let address = listener.local_addr()?;
    say(&format!(
        "proxy listening on {address}, passing on to {server}"
    ))
    .await;
    let mut incoming = listener.incoming();
    loop {
        let (client, peer) = incoming.accept().await?;
        let server = server.clone();
        runtime::spawn(async move {
            match connect(&server).await {
                Ok(server) => pass_on(client, server).await,
                Err(error) => {
                    // The reason is for others, so the client does not wait for it to be read.
                    drop(client);
                    let why = format!("{peer} is turned away, as {server}: {error}");
                    complain(&format!("proxy: {why}")).await;
                }
            }
        });
    }
}

async fn connect(server: &str) -> io::Result<TcpStream> {
    timeout(PATIENCE, TcpStream::connect(server))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn pass_on(mut client: TcpStream, mut server: TcpStream) {
    // An error is one of the two having cut the connection off. Dropping both tells the other.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

struct Options {
    address: SocketAddr,
    server: String,
}

impl Options {
    /// `None` if only help was asked for.
    fn from_command_line() -> io::Result<Option<Self>> {
        Self::parse(lexopt::Parser::from_env())
            .map_err(|error| io::Error::other(format!("{error}\n{USAGE}")))
    }

    fn parse(mut line: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7001)),
            server: String::from("127.0.0.1:7000"),
        };
        while let Some(argument) = line.next()? {
            match argument {
                Long("addr") => options.address = line.value()?.parse()?,
                Long("to") => options.server = line.value()?.string()?,
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

/// For a server that does not answer; a client that waits so long has gone, mostly.
const PATIENCE: Duration = Duration::from_secs(10);
