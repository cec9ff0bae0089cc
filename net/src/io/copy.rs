//! Everything from one stream to another, one way or both.
//!
//! Two things are easily got wrong. What was read must not wait for the buffer to be full, or two
//! peers that talk in turns wait for each other: so it is written at once, and flushed when the
//! reader has nothing more just now. And one direction may end long before the other: so an end is
//! passed on as an end, and the other direction goes on.
//!
//! Between two TCP streams of ours the kernel moves the bytes itself (`splice.rs`), and reading and
//! writing are what is fallen back to.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use super::splice::{Splice, Spliced};
use crate::error;

/// Copies until the reader ends, flushes, and returns how many bytes there were.
///
/// The writer is not closed. If both are TCP streams, or halves of them, and nothing is between,
/// the bytes do not leave the kernel (`splice(2)`).
///
/// # Errors
///
/// Whatever the reader or the writer reports.
///
/// # Cancel safety
///
/// None: bytes that were read and not written yet are lost with the future.
///
/// # Examples
///
/// ```
/// # use net::{TcpListener, TcpStream};
/// /// An echo server's session, in a line.
/// async fn echo(stream: TcpStream) -> std::io::Result<u64> {
///     net::io::copy(&mut &stream, &mut &stream).await
/// }
/// # let _ = echo;
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut way = Way::between::<R, W>();
    poll_fn(|context| way.poll_all(context, &mut *reader, &mut *writer)).await
}

/// Copies both ways until both have ended, and returns how many bytes went from `a` to `b` and from
/// `b` to `a`.
///
/// When one side ends, the other is told: it is closed for writing, and may still answer. Between
/// two TCP streams the bytes do not leave the kernel, as with [`copy`].
///
/// # Errors
///
/// Whatever either reports, as soon as it does. Drop both then: the other direction is cut off.
///
/// # Cancel safety
///
/// None: bytes that were read and not written yet are lost with the future.
///
/// # Examples
///
/// ```
/// use net::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (mut client, mut near) = duplex(64);
///     let (mut far, mut server) = duplex(64);
///     let proxy = runtime::spawn(async move { copy_bidirectional(&mut near, &mut far).await });
///     client.write_all(b"a question").await?;
///     client.close().await?;
///     let mut question = String::new();
///     server.read_to_string(&mut question).await?;
///     server.write_all(b"an answer").await?;
///     drop(server);
///     assert_eq!(proxy.await.unwrap()?, (10, 9));
///     Ok(())
/// })
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let (mut there, mut back) = (Way::between::<A, B>(), Way::between::<B, A>());
    poll_fn(|context| {
        let one = there.poll_to_end(context, &mut *a, &mut *b)?;
        let other = back.poll_to_end(context, &mut *b, &mut *a)?;
        match (one, other) {
            (Poll::Ready(one), Poll::Ready(other)) => Poll::Ready(Ok((one, other))),
            _ => Poll::Pending,
        }
    })
    .await
}

/// One direction: what was read and not written, and how much was.
struct Way {
    splice: Option<Splice>,
    /// Made when it is needed.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    copied: u64,
    needs_flush: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Copying,
    /// The reader has ended, and everything is written.
    Ended,
    /// And the writer was told.
    Closed,
}

impl Way {
    fn between<R: ?Sized, W: ?Sized>() -> Self {
        Self {
            splice: Splice::between::<R, W>(),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            copied: 0,
            needs_flush: false,
            state: State::Copying,
        }
    }

    /// Copies all, and closes the writer.
    fn poll_to_end(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin + ?Sized),
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Poll<io::Result<u64>> {
        if self.state != State::Closed {
            ready!(self.poll_all(context, reader, writer))?;
            ready!(Pin::new(writer).poll_close(context))?;
            self.state = State::Closed;
        }
        Poll::Ready(Ok(self.copied))
    }

    /// Copies all.
    fn poll_all(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin + ?Sized),
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Poll<io::Result<u64>> {
        let turn_ends = self.copied + A_TURN;
        while self.state == State::Copying {
            ready!(self.poll_write(context, writer))?;
            if self.copied >= turn_ends {
                // The budget counts calls, and one call may have moved very much.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(splice) = self.splice.as_mut().filter(|splice| splice.pays()) {
                match ready!(splice.poll_fill(context, reader))? {
                    Spliced::Filled(count) => {
                        splice.note(count, BUFFER);
                        continue;
                    }
                    Spliced::AskByReading => {}
                    Spliced::Refused => self.splice = None,
                }
            }
            self.buffer.resize(BUFFER, 0);
            match Pin::new(&mut *reader).poll_read(context, &mut self.buffer)? {
                Poll::Ready(0) => self.state = State::Ended,
                Poll::Ready(count) => {
                    (self.start, self.end) = (0, count.min(BUFFER));
                    if let Some(splice) = &mut self.splice {
                        splice.note(count, BUFFER);
                    }
                }
                Poll::Pending => {
                    ready!(self.poll_flush(context, writer))?;
                    return Poll::Pending;
                }
            }
        }
        ready!(self.poll_flush(context, writer))?;
        Poll::Ready(Ok(self.copied))
    }

    /// Writes what was read, or is in the pipe.
    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Poll<io::Result<()>> {
        while self.start < self.end {
            let rest = &self.buffer[self.start..self.end];
            match ready!(Pin::new(&mut *writer).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(error::takes_no_more())),
                count => {
                    self.start += count;
                    self.copied += count as u64;
                    self.needs_flush = true;
                }
            }
        }
        match &mut self.splice {
            Some(splice) => splice.poll_drain(context, writer, &mut self.copied),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_flush(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Poll<io::Result<()>> {
        if self.needs_flush {
            ready!(Pin::new(writer).poll_flush(context))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// As std's.
const BUFFER: usize = 8 * 1024;
/// Less than a millisecond's worth.
const A_TURN: u64 = 2 * 1024 * 1024;
