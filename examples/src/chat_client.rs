//! A client for the chat server, and for any other that talks in lines.
//!
//! ```text
//! cargo run --release -p examples --bin chat_client
//! ```
//!
//! What is typed goes to the server, what that says is printed, and both at once, on one thread: the
//! terminal is waited for as a socket is. The danger is to end too early: when the input has ended,
//! what was asked is still to be answered. So only its side of the connection is ended then, and the
//! program goes on until the server ends the other.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::prelude::*;
use net::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy};
use net::{TcpStream, UnixStream, stdio};

const USAGE: &str = "\
Talks to a chat server.

usage: chat_client [--addr IP:PORT | --unix PATH]

  --addr IP:PORT    where the server listens   (127.0.0.1:7001)
  --unix PATH       the same, on this machine";

/// Where the server listens.
enum Server {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

#[runtime::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat_client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let server = from_command_line(lexopt::Parser::from_env())
        .map_err(|error| io::Error::other(format!("{error}\n{USAGE}")))?;
    match server {
        None => {
            println!("{USAGE}");
            Ok(())
        }
        Some(Server::Tcp(address)) => {
            let stream = TcpStream::connect(address).await;
            let (reader, writer) = stream.map_err(explain)?.into_split();
            talk(reader, writer).await
        }
        Some(Server::Unix(path)) => {
            let stream = UnixStream::connect(path).await;
            let (reader, writer) = stream.map_err(explain)?.into_split();
            talk(reader, writer).await
        }
    }
}

/// Until the server ends its side.
async fn talk(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut input = stdio::stdin()?;
    let mut output = stdio::stdout()?;
    let say = async {
        copy(&mut input, &mut writer).await?;
        writer.close().await?;
        std::future::pending::<io::Result<()>>().await
    };
    let hear = async {
        copy(&mut reader, &mut output).await?;
        output.flush().await
    };
    runtime::select! {
        // What the server has said comes before its not listening any more.
        biased;
        heard = hear => heard,
        failed = say => failed,
    }
}

fn explain(error: io::Error) -> io::Error {
    io::Error::other(format!(
        "cannot reach the server ({error}): start it with `chat`, or say where it is with --addr or \
         --unix"
    ))
}

fn from_command_line(mut line: lexopt::Parser) -> Result<Option<Server>, lexopt::Error> {
    let mut server = Server::Tcp(SocketAddr::from(([127, 0, 0, 1], 7001)));
    while let Some(argument) = line.next()? {
        match argument {
            Long("addr") => server = Server::Tcp(line.value()?.parse()?),
            Long("unix") => server = Server::Unix(line.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(server))
}
