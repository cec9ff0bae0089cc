//! Numbers the lines that come through a FIFO, or through standard input.
//!
//! ```text
//! mkfifo /tmp/lines
//! cargo run --release -p examples --bin tail_pipe -- /tmp/lines
//! echo hello > /tmp/lines              # in another terminal, as often as you like
//!
//! seq 3 | cargo run --release -p examples --bin tail_pipe
//! ```
//!
//! Standard input ends once. A FIFO does not: when the last writer closes it, the reader reads
//! nothing, for as long as there is no other writer. Who then reads on and on is busy with nothing;
//! `next_writer` sleeps until somebody writes again.

use std::io;
use std::process::ExitCode;

use examples::program;
use net::pipe::{OpenOptions, Receiver};
use net::stdio::{Stdin, stdin};

const USAGE: &str = "\
Numbers the lines that come through a FIFO, or through standard input.

usage: tail_pipe [FIFO]";

#[runtime::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tail_pipe: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> io::Result<()> {
    let Some(words) = program::words(USAGE)? else {
        return Ok(());
    };
    match &words[..] {
        [path] => match OpenOptions::new().open_receiver(path) {
            Ok(receiver) => tail(receiver).await,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(io::Error::other(
                format!("there is no {path}: make it with `mkfifo {path}` first"),
            )),
            Err(error) => Err(error),
        },
        [] => until_the_end(stdin()?).await,
        _ => Err(program::misuse("one FIFO at a time", USAGE)),
    }
}

async fn tail(receiver: Receiver) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        match receiver.read(&mut buffer).await? {
            0 => {
                lines.end();
                println!("(nobody writes any more)");
                receiver.next_writer().await?;
            }
            count => lines.add(&buffer[..count]),
        }
    }
}

async fn until_the_end(mut stdin: Stdin) -> io::Result<()> {
    let mut lines = Lines::default();
    let mut buffer = [0; 4096];
    loop {
        match stdin.read(&mut buffer).await? {
            0 => {
                lines.end();
                return Ok(());
            }
            count => lines.add(&buffer[..count]),
        }
    }
}

/// A read ends anywhere, also in the middle of a line: what has no end yet is kept.
#[derive(Default)]
struct Lines {
    count: usize,
    begun: Vec<u8>,
}

impl Lines {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // A line that never ends must not fill the memory.
            if *byte == b'\n' || self.begun.len() == LONGEST {
                self.print();
            }
            if *byte != b'\n' {
                self.begun.push(*byte);
            }
        }
    }

    /// The last line may have no end.
    fn end(&mut self) {
        if !self.begun.is_empty() {
            self.print();
        }
    }

    fn print(&mut self) {
        self.count += 1;
        println!("{:4}  {}", self.count, String::from_utf8_lossy(&self.begun));
        self.begun.clear();
    }
}

const LONGEST: usize = 4096;
