//! Thread per connection: the blocking echo server that everybody can write,
//! the other thing a runtime is measured against.
//!
//! The danger is to compare with a straw man. So it gets the same buffer, the
//! same listen queue and the same TCP_NODELAY as the others, and its stacks
//! can be made small: an untouched page of a stack costs nothing, but the
//! address space of many large ones does.

use benches::failure::{Failure, exit_code};
use benches::sys;
use lexopt::prelude::*;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const BUFFER: usize = 4096;

/// What the standard library gives a thread.
const STACK: usize = 2 * 1024 * 1024;

/// How long accepting rests when descriptors or threads have run out.
const REST: Duration = Duration::from_millis(100);

const USAGE: &str = "threads [--addr 127.0.0.1:7000] [--stack BYTES]";

struct Options {
    address: SocketAddr,
    stack: usize,
}

fn main() -> ExitCode {
    exit_code("threads", start())
}

fn start() -> Result<(), Failure> {
    let Some(options) = parse(lexopt::Parser::from_env())? else {
        println!("{USAGE}");
        return Ok(());
    };
    sys::raise_nofile()
        .map_err(|error| Failure::call("raising RLIMIT_NOFILE", &error, "see ulimit -n"))?;
    let address = options.address;
    let cure = "stop the other program on that port or choose another --addr";
    let failed = |error| Failure::call(&format!("listening on {address}"), &error, cure);
    let listener = sys::listen(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    println!("threads listening on {address}");
    loop {
        let served = listener
            .accept()
            .and_then(|(stream, _)| serve(stream, options.stack));
        if let Err(error) = served {
            eprintln!("threads: accepting: {error}; resting for {REST:?}");
            thread::sleep(REST);
        }
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 7000)),
        stack: STACK,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("addr") => options.address = parser.value()?.parse()?,
            Long("stack") => options.stack = parser.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn serve(stream: TcpStream, stack: usize) -> io::Result<()> {
    // How a connection ends, well or badly, is for its client to tell.
    let body = move || drop(echo(stream));
    thread::Builder::new().stack_size(stack).spawn(body)?;
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let received = stream.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..received])?;
    }
}
