//! One program opens a file, another reads it.
//!
//! ```text
//! cargo run --release -p examples --bin fdpass -- serve /tmp/fdpass.socket Cargo.toml
//! cargo run --release -p examples --bin fdpass -- fetch /tmp/fdpass.socket
//! ```
//!
//! What travels is not the file but the right to it: the descriptor arrives open, and the one who
//! gets it need not be allowed to open the file himself. That is how a small program with many rights
//! serves large ones without any, and how a server hands its listening socket to the one that takes
//! its place. Who asks is known: the kernel says which process and which user.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;

use examples::program;
use net::{UnixListener, UnixStream};

const USAGE: &str = "\
Passes an open file to another process.

usage: fdpass serve SOCKET FILE    opens it for the next two that fetch it
       fdpass fetch SOCKET         counts its lines";

#[runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fdpass: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let Some(words) = program::words(USAGE)? else {
        return Ok(());
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", socket, file] => serve(socket, file).await,
        ["fetch", socket] => fetch(socket).await,
        _ => Err(program::misuse("serve, or fetch?", USAGE)),
    }
}

async fn serve(socket: &str, name: &str) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    println!("serving {name} at {socket}");
    let mut incoming = listener.incoming();
    for _ in 0..CLIENTS {
        let (stream, _) = incoming.accept().await?;
        let client = stream.peer_cred()?;
        // Opened anew for each: those who share an open file share its position too.
        let file =
            File::open(name).map_err(|error| io::Error::other(format!("{name}: {error}")))?;
        match stream.send_with_fds(name.as_bytes(), &[file.as_fd()]).await {
            Ok(_) => println!("gave it to a process of user {}", client.uid()),
            // Only this client's: it has gone already, say.
            Err(error) => println!("could not give it: {error}"),
        }
    }
    // The file outlives the socket, and would be in the way at the next start.
    fs::remove_file(socket)
}

async fn fetch(socket: &str) -> io::Result<()> {
    let stream = UnixStream::connect(socket).await.map_err(|error| {
        io::Error::other(format!(
            "nobody serves at {socket} ({error}): start that first"
        ))
    })?;
    let mut name = [0; 256];
    // One descriptor: if there were more, none would be left open, and this would fail.
    let (count, fds) = stream.recv_with_fds(&mut name, 1).await?;
    let name = String::from_utf8_lossy(&name[..count]);
    let Some(fd) = fds.into_iter().next() else {
        return Err(io::Error::other("the server sent no descriptor"));
    };
    let mut text = String::new();
    File::from(fd).read_to_string(&mut text)?;
    println!("{name} has {} lines", text.lines().count());
    Ok(())
}

/// Then it ends.
const CLIENTS: usize = 2;
