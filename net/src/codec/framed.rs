//! A stream of messages over a stream of bytes.
//!
//! Both buffers live here, not in a future: a `next` that is dropped leaves what it has read, and
//! a `send` that is dropped leaves a whole message or none, never half of one with the next one
//! behind it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use runtime::task::consume_budget;

use super::{Decoder, Encoder};
use crate::error;
use crate::io::Buffer;

/// Messages over a stream of bytes.
///
/// # Examples
///
/// ```
/// use net::codec::{Framed, LinesCodec};
/// # use net::{TcpListener, TcpStream};
/// # fn main() -> std::io::Result<()> {
/// # runtime::block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let client = TcpStream::connect(listener.local_addr()?).await?;
/// # let (server, _) = listener.accept().await?;
/// let mut client = Framed::new(client, LinesCodec::new());
/// let mut server = Framed::new(server, LinesCodec::new());
/// client.send("hello").await?;
/// while let Some(line) = server.next().await {
///     assert_eq!(line?, "hello");
/// #   break;
/// }
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Framed<S, C> {
    stream: S,
    codec: C,
    read: Buffer,
    ends: Ends,
    /// Messages that were taken; so many bytes of them were written.
    taken: Vec<u8>,
    written: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    NotYet,
    /// No more bytes will come, but there may be messages in the buffer.
    Bytes,
    Messages,
}

/// Who has failed.
enum Failure {
    Stream(io::Error),
    Codec(io::Error),
}

impl Failure {
    fn into_error(self) -> io::Error {
        match self {
            Self::Stream(error) | Self::Codec(error) => error,
        }
    }
}

impl<S, C> Framed<S, C> {
    /// Reads and writes messages of `codec` over `stream`.
    pub fn new(stream: S, codec: C) -> Self {
        Self {
            stream,
            codec,
            read: Buffer::default(),
            ends: Ends::NotYet,
            taken: Vec::new(),
            written: 0,
        }
    }

    /// The stream of bytes.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream of bytes. What is read or written there directly is missing here, or overtakes.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// The codec.
    pub fn codec_mut(&mut self) -> &mut C {
        &mut self.codec
    }

    /// Gives back the stream, and what was read and is no message yet. What was taken and not
    /// written is lost: [`flush`](Self::flush) first.
    pub fn into_parts(self) -> (S, Buffer) {
        (self.stream, self.read)
    }
}

impl<S: AsyncRead + Unpin, C: Decoder> Framed<S, C> {
    /// The next message; `None` at the end of the stream, and after an error, unless the codec
    /// [recovers](Decoder::recovers) from it.
    ///
    /// # Errors
    ///
    /// What the stream and the codec report.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: what was read is kept here, and the next call goes on.
    pub async fn next(&mut self) -> Option<io::Result<C::Item>> {
        poll_fn(|context| self.poll_message(context)).await
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<C::Item>>> {
        if self.ends == Ends::Messages {
            return Poll::Ready(None);
        }
        let message = ready!(self.poll_decode(context));
        let goes_on = match &message {
            Ok(message) => message.is_some(),
            Err(Failure::Codec(_)) => self.codec.recovers(),
            Err(Failure::Stream(_)) => false,
        };
        if !goes_on {
            self.ends = Ends::Messages;
        }
        Poll::Ready(message.map_err(Failure::into_error).transpose())
    }

    fn poll_decode(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<C::Item>, Failure>> {
        loop {
            if self.ends == Ends::Bytes {
                let last = self.codec.decode_end(&mut self.read);
                return Poll::Ready(last.map_err(Failure::Codec));
            }
            if !self.read.is_empty() {
                // Thousands may have come with one read: each counts, or others wait for all of them.
                ready!(pin!(consume_budget()).poll(context));
                let message = self.codec.decode(&mut self.read).map_err(Failure::Codec)?;
                if message.is_some() {
                    return Poll::Ready(Ok(message));
                }
            }
            let stream = Pin::new(&mut self.stream);
            let filled = ready!(self.read.poll_fill(context, stream, READ));
            if filled.map_err(Failure::Stream)? == 0 {
                self.ends = Ends::Bytes;
            }
        }
    }
}

impl<S: AsyncWrite + Unpin, C> Framed<S, C> {
    /// Sends a message, and all that were [taken](Self::feed) before.
    ///
    /// # Errors
    ///
    /// What the stream and the codec report.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the message was either not taken at all, or as a
    /// whole, and the rest of it leaves with the next message or [`flush`](Self::flush). To know
    /// which, [`feed`](Self::feed) it and then flush.
    pub async fn send<Item>(&mut self, item: Item) -> io::Result<()>
    where
        C: Encoder<Item>,
    {
        self.feed(item).await?;
        self.flush().await
    }

    /// Takes a message, to be sent with others; waits while much is to be written already.
    ///
    /// # Errors
    ///
    /// What the stream and the codec report; then the message was not taken.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the message was not taken.
    pub async fn feed<Item>(&mut self, item: Item) -> io::Result<()>
    where
        C: Encoder<Item>,
    {
        if self.taken.len() - self.written >= ENOUGH {
            poll_fn(|context| self.poll_drain(context)).await?;
        }
        let before = self.taken.len();
        let encoded = self.codec.encode(item, &mut self.taken);
        if encoded.is_err() {
            self.taken.truncate(before);
        }
        encoded
    }

    /// Writes all messages that were taken, and flushes the stream.
    ///
    /// # Errors
    ///
    /// What the stream reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; flush again.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            ready!(self.poll_drain(context))?;
            Pin::new(&mut self.stream).poll_flush(context)
        })
        .await
    }

    /// Writes all messages that were taken, and ends the stream for who reads it.
    ///
    /// # Errors
    ///
    /// What the stream reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; close again.
    pub async fn close(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            ready!(self.poll_drain(context))?;
            Pin::new(&mut self.stream).poll_close(context)
        })
        .await
    }

    /// Writes all that was taken. Where it stops, it goes on.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.taken.len() {
            let rest = &self.taken[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(error::takes_no_more())),
                count => self.written += count,
            }
        }
        self.written = 0;
        self.taken.clear();
        // One long message is no reason to keep so much for ever.
        self.taken.shrink_to(ENOUGH);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin, C: Decoder + Unpin> Stream for Framed<S, C> {
    type Item = io::Result<C::Item>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_message(context)
    }
}

/// Room for a read.
const READ: usize = 8 * 1024;
/// As much is worth a write.
const ENOUGH: usize = 8 * 1024;
