//! Messages instead of bytes.
//!
//! A stream of bytes has no ends in it. A [`Decoder`] finds where a message ends, an [`Encoder`]
//! writes one so that it can be found, and [`Framed`] does both over a stream. [`LinesCodec`] ends
//! its messages with a line feed, [`LengthDelimitedCodec`] says their length first.
//!
//! The danger is a peer that never ends its message: what waits for the end grows. So both codecs
//! have a longest message from the start, and what is longer is an error, not memory.

mod framed;
mod length;
mod lines;

pub use framed::Framed;
pub use length::LengthDelimitedCodec;
pub use lines::{LinesCodec, LinesCodecError};

use std::io;

use crate::error;
use crate::io::Buffer;

/// Finds messages in a stream of bytes.
///
/// # Examples
///
/// Messages of two bytes each:
///
/// ```
/// use net::codec::{Decoder, Framed};
/// use net::io::Buffer;
///
/// struct Pairs;
///
/// impl Decoder for Pairs {
///     type Item = [u8; 2];
///
///     fn decode(&mut self, buffer: &mut Buffer) -> std::io::Result<Option<[u8; 2]>> {
///         let Some(&pair) = buffer.first_chunk() else {
///             return Ok(None);
///         };
///         buffer.consume(2);
///         Ok(Some(pair))
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut pairs = Framed::new(&b"abcd"[..], Pairs);
///     assert_eq!(pairs.next().await.transpose()?, Some(*b"ab"));
///     assert_eq!(pairs.next().await.transpose()?, Some(*b"cd"));
///     assert_eq!(pairs.next().await.transpose()?, None);
///     Ok(())
/// })
/// # }
/// ```
pub trait Decoder {
    /// A message.
    type Item;

    /// Takes one message out of the front of the buffer. `None`, and nothing taken, if it is not
    /// all there.
    ///
    /// # Errors
    ///
    /// If what is there can be no message, or is too long for one. The stream is over then, unless
    /// the codec [recovers](Self::recovers).
    fn decode(&mut self, buffer: &mut Buffer) -> io::Result<Option<Self::Item>>;

    /// As [`decode`](Self::decode), when the stream has ended. It is called until it returns `None`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ended in the middle of a message.
    fn decode_end(&mut self, buffer: &mut Buffer) -> io::Result<Option<Self::Item>> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(error::ends_early()),
            decoded => Ok(decoded),
        }
    }

    /// Whether the next message can be found after the error that was just reported: then
    /// [`Framed`] goes on. Mostly nobody knows where it would begin.
    fn recovers(&self) -> bool {
        false
    }
}

/// Writes messages so that they can be found again.
pub trait Encoder<Item> {
    /// Appends one message to the bytes. What it appends before an error is taken away again.
    ///
    /// # Errors
    ///
    /// If it is too long for one.
    fn encode(&mut self, item: Item, bytes: &mut Vec<u8>) -> io::Result<()>;
}
