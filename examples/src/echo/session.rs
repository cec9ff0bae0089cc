//! One client's session.
//!
//! Read, write, again. What needs thought is a client that sends and does not read: at some time
//! there is no room to write. A server that waits for room does not read meanwhile, and a client
//! that sends everything before it reads anything waits for the server: both wait for ever. So what
//! cannot be written is kept, and reading goes on, up to a limit; beyond that the client has to
//! read.

use std::io;

use net::TcpStream;
use runtime::io::Interest;

use crate::draining::Session;

/// Sends everything back until the client ends its stream, keeping `most` bytes at most.
pub(crate) async fn echo(session: Session, most: usize) -> io::Result<()> {
    let stream = &*session.stream;
    let mut buffer = [0; CHUNK];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let sent = write_now(stream, &buffer[..count])?;
        if sent < count {
            let mut backlog = Backlog::new(&buffer[sent..count]);
            backlog.work_off(stream, &mut buffer, most).await?;
        }
    }
}

/// Bytes that came faster than they went.
struct Backlog {
    bytes: Vec<u8>,
    sent: usize,
}

impl Backlog {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            sent: 0,
        }
    }

    /// Writes and reads until nothing is left to write.
    async fn work_off(
        &mut self,
        stream: &TcpStream,
        buffer: &mut [u8],
        most: usize,
    ) -> io::Result<()> {
        let mut has_ended = false;
        while self.left() > 0 {
            let wants_more = !has_ended && self.left() < most;
            let interest = match wants_more {
                true => Interest::READABLE | Interest::WRITABLE,
                false => Interest::WRITABLE,
            };
            stream.ready(interest).await?;
            self.sent += write_now(stream, &self.bytes[self.sent..])?;
            self.forget_sent();
            if wants_more {
                match stream.try_read(buffer) {
                    Ok(0) => has_ended = true,
                    Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Moves what is left to the front, when that is cheap for what it frees.
    fn forget_sent(&mut self) {
        if self.sent >= self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

/// Writes as much as there is room for now.
#[inline]
fn write_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

/// Part of each session's memory, idle or not.
const CHUNK: usize = 4096;
