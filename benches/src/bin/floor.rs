//! The floor: an echo server written by hand on edge-triggered epoll, with
//! nothing between it and the kernel. A runtime is measured against it.
//!
//! The danger of edge triggering is to stop before a socket is drained and
//! then to wait for an edge that never comes. It is met by one rule: reading
//! ends only at "would block", or at a short receive, which means drained
//! unless the event spoke of more than plain data (the end of the stream, an
//! error, urgent data). The rule is what makes a message cost exactly one
//! receive and one send.

use benches::failure::{Failure, exit_code};
use benches::sys::{self, Epoll, Event};
use lexopt::prelude::*;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const BUFFER: usize = 4096;
const EVENTS: usize = 256;
const LISTENER: u64 = u64::MAX;

/// How long accepting rests when descriptors have run out. The listener's edge
/// is spent by then, so only the clock can bring us back to it.
const REST: Duration = Duration::from_millis(100);

/// What every connection is first registered for. Room to send is asked for
/// only once there was none: most connections never need it.
const READ_EDGES: u32 = sys::READABLE | sys::PEER_CLOSED | sys::URGENT | sys::EDGE;

/// The flags after which a short receive does not mean drained.
const MORE_THAN_DATA: u32 = sys::PEER_CLOSED | sys::HANGUP | sys::ERROR | sys::URGENT;

const USAGE: &str = "floor [--addr 127.0.0.1:7000]";

fn main() -> ExitCode {
    exit_code("floor", start())
}

fn start() -> Result<(), Failure> {
    let Some(address) = parse(lexopt::Parser::from_env())? else {
        println!("{USAGE}");
        return Ok(());
    };
    sys::raise_nofile()
        .map_err(|error| Failure::call("raising RLIMIT_NOFILE", &error, "see ulimit -n"))?;
    let listener = sys::listen(address).map_err(|error| {
        let cure = "stop the other program on that port or choose another --addr";
        Failure::call(&format!("listening on {address}"), &error, cure)
    })?;
    let broken = |error| Failure::call("epoll", &error, "see ulimit -n and the kernel's log");
    let floor = Floor::new(listener).map_err(broken)?;
    let address = floor.listener.local_addr().map_err(broken)?;
    println!("floor listening on {address}");
    floor.run().map_err(broken)
}

fn parse(mut parser: lexopt::Parser) -> Result<Option<SocketAddr>, lexopt::Error> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 7000));
    while let Some(argument) = parser.next()? {
        match argument {
            Long("addr") => address = parser.value()?.parse()?,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(address))
}

/// A connection and the bytes it has yet to send back: `buffer[start..end]`.
struct Connection {
    socket: OwnedFd,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Whether an event has spoken of more than data. Kept, because the event
    /// may come while we wait for room to send and do not read.
    thorough: bool,
    awaits_room: bool,
}

/// What became of a connection in its turn.
enum Turn {
    Drained,
    NoRoom,
    Over,
}

impl Connection {
    fn new(socket: OwnedFd, buffer: Box<[u8]>) -> Connection {
        Connection {
            socket,
            buffer,
            start: 0,
            end: 0,
            thorough: false,
            awaits_room: false,
        }
    }

    /// Echoes until the socket is drained, full or at its end. The end of the
    /// peer's stream is seen only when everything has been sent back, as
    /// nothing is received while bytes are owed: closing then honours a
    /// half-closed peer.
    #[inline]
    fn echo(&mut self, flags: u32) -> Turn {
        if flags & MORE_THAN_DATA != 0 {
            self.thorough = true;
        }
        if self.start < self.end {
            if let Some(unfinished) = self.send_owed() {
                return unfinished;
            }
        }
        loop {
            let received = match sys::receive(&self.socket, &mut self.buffer) {
                Ok(0) => return Turn::Over,
                Ok(received) => received,
                Err(error) => return without_transfer(&error, Turn::Drained),
            };
            match sys::send(&self.socket, &self.buffer[..received]) {
                Ok(sent) if sent == received => {}
                outcome => {
                    (self.start, self.end) = (0, received);
                    return self.owe(outcome);
                }
            }
            if received < BUFFER && !self.thorough {
                return Turn::Drained;
            }
        }
    }

    /// Sends on what an earlier turn left over. If that empties the buffer,
    /// reading must go on to "would block" or a short receive of this turn:
    /// while we waited for room, an edge for new data may have come and gone.
    #[cold]
    fn send_owed(&mut self) -> Option<Turn> {
        let outcome = sys::send(&self.socket, &self.buffer[self.start..self.end]);
        match self.owe(outcome) {
            Turn::Drained => None,
            unfinished => Some(unfinished),
        }
    }

    /// Books a send of the owed bytes. A short one means no room, and the
    /// kernel has noted that we wait for some.
    #[cold]
    fn owe(&mut self, outcome: io::Result<usize>) -> Turn {
        match outcome {
            Ok(sent) => self.start += sent,
            Err(error) => return without_transfer(&error, Turn::NoRoom),
        }
        match self.start < self.end {
            true => Turn::NoRoom,
            false => Turn::Drained,
        }
    }
}

/// What a call that moved nothing means: `blocked`, or the end.
#[cold]
fn without_transfer(error: &io::Error, blocked: Turn) -> Turn {
    match would_block(error) {
        true => blocked,
        false => Turn::Over,
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// The loop and all it serves. A connection's token is its place in
/// `connections`. A place may be used again within one batch of events: the
/// one event of its former owner is then already behind us.
struct Floor {
    epoll: Epoll,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    /// Free places, with the buffers of those who left them.
    free: Vec<(usize, Box<[u8]>)>,
    resting_until: Option<Instant>,
}

impl Floor {
    fn new(listener: TcpListener) -> io::Result<Floor> {
        let epoll = Epoll::new()?;
        listener.set_nonblocking(true)?;
        epoll.add(&listener, sys::READABLE | sys::EDGE, LISTENER)?;
        Ok(Floor {
            epoll,
            listener,
            connections: Vec::new(),
            free: Vec::new(),
            resting_until: None,
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = [sys::NOTHING_YET; EVENTS];
        loop {
            let rest = self
                .resting_until
                .map(|until| until.saturating_duration_since(Instant::now()));
            let count = self.epoll.wait(&mut events, rest)?;
            for event in &events[..count] {
                self.handle(event)?;
            }
            if self
                .resting_until
                .is_some_and(|until| until <= Instant::now())
            {
                self.accept_all()?;
            }
        }
    }

    #[inline]
    fn handle(&mut self, event: &Event) -> io::Result<()> {
        let (flags, token) = (event.events, event.u64);
        if token == LISTENER {
            return self.accept_all();
        }
        let place = token as usize;
        let Some(connection) = &mut self.connections[place] else {
            return Ok(());
        };
        match connection.echo(flags) {
            Turn::Drained => Ok(()),
            Turn::NoRoom if connection.awaits_room => Ok(()),
            Turn::NoRoom => {
                connection.awaits_room = true;
                let edges = READ_EDGES | sys::WRITABLE;
                self.epoll.modify(&connection.socket, edges, token)
            }
            Turn::Over => {
                if let Some(former) = self.connections[place].take() {
                    self.free.push((place, former.buffer));
                }
                Ok(())
            }
        }
    }

    /// Accepts until nobody waits. A poll before each further accept is
    /// cheaper than an accept in vain, which sets up a socket first.
    fn accept_all(&mut self) -> io::Result<()> {
        self.resting_until = None;
        loop {
            match sys::accept(&self.listener) {
                Ok(socket) => self.welcome(socket)?,
                Err(error) if would_block(&error) => return Ok(()),
                Err(error) if sys::is_exhaustion(&error) => {
                    self.resting_until = Some(Instant::now() + REST);
                    return Ok(());
                }
                // Anything else befell one connection before we got to it.
                Err(_) => {}
            }
            if !sys::readable_within(&self.listener, Duration::ZERO)? {
                return Ok(());
            }
        }
    }

    fn welcome(&mut self, socket: OwnedFd) -> io::Result<()> {
        let (place, buffer) = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            (self.connections.len() - 1, vec![0; BUFFER].into())
        });
        self.epoll.add(&socket, READ_EDGES, place as u64)?;
        self.connections[place] = Some(Connection::new(socket, buffer));
        Ok(())
    }
}
