//! The methods that every reader with a buffer has, and its lines.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::AsyncBufRead;

use crate::error;

/// What can be done with a reader that has a buffer.
///
/// # Examples
///
/// ```
/// use net::io::AsyncBufReadExt;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut lines = (&b"one\r\ntwo\n"[..]).lines();
///     assert_eq!(lines.next_line().await?.as_deref(), Some("one"));
///     assert_eq!(lines.next_line().await?.as_deref(), Some("two"));
///     assert_eq!(lines.next_line().await?, None);
///     Ok(())
/// })
/// # }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Reads up to a byte and the byte itself, appends what came, and returns how much this call
    /// read. At the end of the stream there is no such byte.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; what came before is in `bytes`.
    ///
    /// # Cancel safety
    ///
    /// What was read is in `bytes`: call it again with the same, and it goes on.
    fn read_until(
        &mut self,
        byte: u8,
        bytes: &mut Vec<u8>,
    ) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        async move {
            let before = bytes.len();
            poll_fn(|context| poll_until(Pin::new(&mut *self), context, byte, bytes)).await?;
            Ok(bytes.len() - before)
        }
    }

    /// The lines of the stream, without their ends.
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines {
            reader: self,
            bytes: Vec::new(),
        }
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}

/// The lines of a stream; see [`AsyncBufReadExt::lines`].
///
/// There is no limit to a line: peers that are not trusted are read with
/// [`LinesCodec`](crate::codec::LinesCodec), which has one.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    /// The beginning of a line whose end has not come.
    bytes: Vec<u8>,
}

impl<R> Lines<R> {
    /// What it reads from.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// What it reads from. What is read there directly is missing here.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Gives back what it reads from. The beginning of a line that was read is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line, without its line feed or carriage return and line feed; `None` at the end of
    /// the stream. The last line need not have a line feed.
    ///
    /// # Errors
    ///
    /// `InvalidData` if a line is not UTF-8; it is dropped, and the next call goes on after it. And
    /// whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: the beginning of a line is kept here, and the next call goes on.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        poll_fn(|context| self.poll_next_line(context)).await
    }

    /// One step of [`next_line`](Self::next_line), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`next_line`](Self::next_line).
    pub fn poll_next_line(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<String>>> {
        let reader = Pin::new(&mut self.reader);
        ready!(poll_until(reader, context, b'\n', &mut self.bytes))?;
        let mut line = std::mem::take(&mut self.bytes);
        if line.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let line = String::from_utf8(line).map_err(|_| error::not_text());
        Poll::Ready(line.map(Some))
    }
}

impl<R: AsyncBufRead + Unpin> Stream for Lines<R> {
    type Item = io::Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_line(context).map(Result::transpose)
    }
}

/// Moves bytes from the reader's buffer to `bytes`, up to `byte` or the end of the stream.
fn poll_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    context: &mut Context<'_>,
    byte: u8,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<()>> {
    loop {
        let there = ready!(reader.as_mut().poll_fill_buf(context))?;
        let at = there.iter().position(|one| *one == byte);
        let used = at.map_or(there.len(), |at| at + 1);
        bytes.extend_from_slice(&there[..used]);
        reader.as_mut().consume(used);
        if at.is_some() || used == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}
