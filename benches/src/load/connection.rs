//! One connection of the load generator: what it has sent, what it has got
//! back, and whether that is the same.
//!
//! The danger is to check too little: a server that duplicates a chunk, or
//! answers before it was asked, can still end on a right byte. So the received
//! offset may never pass the sent one, each byte is held against the pattern
//! at exactly that offset, and nothing is ever skipped.

use crate::failure::Failure;
use crate::pattern::Pattern;
use crate::sys;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

/// The flags after which a short receive does not mean drained.
const MORE_THAN_DATA: u32 = sys::PEER_CLOSED | sys::HANGUP | sys::ERROR | sys::URGENT;

/// How many bytes of a wrong chunk decide whose they are.
const TELLING: usize = 16;

/// One stream to the server.
#[derive(Debug)]
pub struct Connection {
    /// The socket, to register it.
    pub socket: OwnedFd,
    /// The number that picks the pattern; never used twice in a run.
    pub identity: u64,
    /// Whether the connect has not been answered yet.
    pub connecting: bool,
    pattern: Pattern,
    size: u64,
    /// When each message that is not yet in flight should have been sent.
    queued: VecDeque<u64>,
    /// The same for the messages in flight.
    in_flight: VecDeque<u64>,
    /// The offset up to which messages may be sent: the end of the last begun.
    granted: u64,
    sent: u64,
    received: u64,
}

impl Connection {
    /// A connection still in progress that will send messages of `size` bytes.
    pub fn new(socket: OwnedFd, identity: u64, size: usize) -> Connection {
        Connection {
            socket,
            identity,
            connecting: true,
            pattern: Pattern::of(identity),
            size: size as u64,
            queued: VecDeque::new(),
            in_flight: VecDeque::new(),
            granted: 0,
            sent: 0,
            received: 0,
        }
    }

    /// Queues a message whose latency counts from `nanoseconds`.
    pub fn queue(&mut self, nanoseconds: u64) {
        self.queued.push_back(nanoseconds);
    }

    /// Whether the server owes us bytes.
    pub fn is_owed(&self) -> bool {
        self.received < self.granted
    }

    /// Sends what is queued, with at most `pipeline` messages in flight, as
    /// far as there is room. `scratch` is where the bytes are made.
    pub fn push(&mut self, pipeline: usize, scratch: &mut [u8]) -> Result<(), Failure> {
        while self.in_flight.len() < pipeline {
            let Some(since) = self.queued.pop_front() else {
                break;
            };
            self.in_flight.push_back(since);
            self.granted += self.size;
        }
        while self.sent < self.granted {
            let length = (self.granted - self.sent).min(scratch.len() as u64) as usize;
            let bytes = &mut scratch[..length];
            self.pattern.fill(self.sent, bytes);
            match sys::send(&self.socket, bytes) {
                Ok(sent) => self.sent += sent as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    let cure = "see why the server ended the connection";
                    let call =
                        format!("connection {}: send at offset {}", self.identity, self.sent);
                    return Err(Failure::call(&call, &error, cure));
                }
            }
        }
        Ok(())
    }

    /// Receives and checks all there is; `flags` are those of the event.
    pub fn pull(&mut self, flags: u32, scratch: &mut [u8]) -> Result<(), Failure> {
        let thorough = flags & MORE_THAN_DATA != 0;
        loop {
            let received = match sys::receive(&self.socket, scratch) {
                Ok(0) => return Err(self.early_end()),
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => {
                    let cure = "see why the server ended the connection";
                    let (identity, offset) = (self.identity, self.received);
                    let call = format!("connection {identity}: receive at offset {offset}");
                    return Err(Failure::call(&call, &error, cure));
                }
            };
            self.check(&scratch[..received])?;
            if received < scratch.len() && !thorough {
                return Ok(());
            }
        }
    }

    /// The start of the oldest message that has come back whole, which is
    /// then no longer in flight.
    pub fn completed(&mut self) -> Option<u64> {
        let first_in_flight = self.granted - self.in_flight.len() as u64 * self.size;
        if self.received < first_in_flight + self.size {
            return None;
        }
        self.in_flight.pop_front()
    }

    fn check(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(index) = self.pattern.first_wrong(self.received, bytes) {
            return Err(self.wrong_byte(&bytes[index..], self.received + index as u64));
        }
        self.received += bytes.len() as u64;
        if self.received > self.sent {
            return Err(Failure::new(format!(
                "connection {}: {} bytes came back of {} sent: the server invents bytes",
                self.identity, self.received, self.sent
            )));
        }
        Ok(())
    }

    fn wrong_byte(&self, bytes: &[u8], offset: u64) -> Failure {
        let identity = self.identity;
        let expected = self.pattern.byte(offset);
        let telling = &bytes[..bytes.len().min(TELLING)];
        let belongs = |other: u64| Pattern::of(other).first_wrong(offset, telling).is_none();
        // Few bytes fit many connections by chance, and name nobody.
        let owner = match telling.len() {
            TELLING => (0..identity + 100_000).find(|other| belongs(*other)),
            _ => None,
        };
        let whose = match owner {
            Some(other) => format!(", and it belongs to connection {other}"),
            None => String::new(),
        };
        Failure::new(format!(
            "connection {identity}: wrong byte at offset {offset}: \
             expected {expected:#04x}, got {:#04x}{whose}",
            bytes[0]
        ))
    }

    fn early_end(&self) -> Failure {
        Failure::new(format!(
            "connection {}: unexpected end of stream at offset {} of {} sent: \
             the server closed a connection that we had not closed",
            self.identity, self.received, self.sent
        ))
    }

    /// Tells where the server fell silent.
    pub fn stalled(&self) -> Failure {
        Failure::new(format!(
            "connection {}: the server fell silent at offset {} of {} sent: \
             look for a lost wakeup, or allow it longer with --stall",
            self.identity, self.received, self.sent
        ))
    }
}
