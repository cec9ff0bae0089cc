//! One client's session.
//!
//! Read, write, again. What needs thought is a client that sends and does not read: at some time
//! there is no room to write. A server that waits for room does not read meanwhile, and a client
//! that sends everything before it reads anything waits for the server: both wait for ever. So what
//! cannot be written is kept, and reading goes on, up to a limit; beyond that the client has to
//! read. And it has to read at some pace: a byte an hour would keep the memory for ever.

use std::io;

use net::TcpStream;
use runtime::io::Interest;
use runtime::time::{Duration, Instant, timeout_at};

use super::sessions::Session;

/// What a client may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many bytes are kept for one that does not read.
    pub buffer: usize,
    /// So long may it take to read the next 64 KiB of them.
    pub stall: Duration,
}

/// Sends everything back until the client ends its stream, or the session is asked to end.
///
/// # Errors
///
/// When the client has gone, or takes too long to read.
pub async fn echo(session: Session, limits: Limits) -> io::Result<()> {
    let mut buffer = [0; CHUNK];
    session.begin().await;
    loop {
        let count = session.read(&mut buffer).await?;
        if count == 0 {
            return end(&session, &mut buffer, limits).await;
        }
        let sent = write_now(session.stream(), &buffer[..count])?;
        session.counts(1, sent);
        if sent < count {
            let mut backlog = Backlog::new(&buffer[sent..count], limits);
            backlog.work_off(&session, &mut buffer).await?;
        }
    }
}

/// Answers what has come already, and ends the stream behind it.
async fn end(session: &Session, buffer: &mut [u8], limits: Limits) -> io::Result<()> {
    if !session.is_asked_to_end() {
        // The client has ended its side: nothing can come any more.
        return Ok(());
    }
    let (mut backlog, mut has_ended) = (Backlog::new(&[], limits), false);
    while !has_ended && backlog.left() < MOST {
        let Ok(count) = session.stream().try_read(buffer) else {
            break;
        };
        has_ended = count == 0;
        session.counts(u64::from(count > 0), 0);
        backlog.bytes.extend_from_slice(&buffer[..count]);
    }
    backlog.work_off(session, buffer).await?;
    if !has_ended {
        session.finish(buffer).await;
    }
    Ok(())
}

/// Bytes that came faster than they went.
struct Backlog {
    bytes: Vec<u8>,
    sent: usize,
    limits: Limits,
    /// So many of them have to go until the deadline.
    batch: usize,
    deadline: Instant,
}

impl Backlog {
    fn new(bytes: &[u8], limits: Limits) -> Self {
        Self {
            bytes: bytes.to_vec(),
            sent: 0,
            limits,
            batch: bytes.len(),
            deadline: Instant::now() + limits.stall,
        }
    }

    /// Writes and reads until nothing is left to write.
    async fn work_off(&mut self, session: &Session, buffer: &mut [u8]) -> io::Result<()> {
        let mut has_ended = false;
        while self.left() > 0 {
            let may_read = !has_ended && !session.is_asked_to_end();
            let wants_more = may_read && self.left() < self.limits.buffer;
            let interest = match wants_more {
                true => Interest::READABLE | Interest::WRITABLE,
                false => Interest::WRITABLE,
            };
            timeout_at(self.deadline, session.stream().ready(interest)).await??;
            let sent = write_now(session.stream(), &self.bytes[self.sent..])?;
            self.went(sent)?;
            session.counts(0, sent);
            if wants_more {
                match session.stream().try_read(buffer) {
                    Ok(0) => has_ended = true,
                    Ok(count) => {
                        session.counts(1, 0);
                        self.bytes.extend_from_slice(&buffer[..count]);
                    }
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

    /// Notes that so many have gone. A batch that is late is an error, however much of it has gone.
    fn went(&mut self, count: usize) -> io::Result<()> {
        self.sent += count;
        // What is left is moved to the front when that is cheap for what it frees.
        if self.sent >= self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        let now = Instant::now();
        if count >= self.batch {
            self.batch = self.left().min(BATCH);
            self.deadline = now + self.limits.stall;
        } else {
            self.batch -= count;
        }
        match now < self.deadline {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
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
/// So much is answered after the session was asked to end: more than what a socket may hold when nobody
/// has said how much, 6 MiB.
const MOST: usize = 8 << 20;
/// What a client has to read in time.
const BATCH: usize = 64 * 1024;
