//! Messages that say their length first.

use std::io;

use super::{Decoder, Encoder};
use crate::io::Buffer;

/// A codec for messages with their length in front: four bytes, the most significant first, and
/// 8 MiB at most, unless it is told otherwise.
///
/// The length is believed only as bytes come: a peer that announces much and sends little costs
/// little.
///
/// # Examples
///
/// ```
/// use net::codec::{Framed, LengthDelimitedCodec};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let codec = LengthDelimitedCodec::new().length_bytes(2).max_length(1000);
///     let mut messages = Framed::new(&b"\0\x05hello\0\x02hi"[..], codec);
///     assert_eq!(messages.next().await.transpose()?.as_deref(), Some(&b"hello"[..]));
///     assert_eq!(messages.next().await.transpose()?.as_deref(), Some(&b"hi"[..]));
///     assert!(messages.next().await.is_none());
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LengthDelimitedCodec {
    length_bytes: usize,
    little_endian: bool,
    longest: usize,
}

impl LengthDelimitedCodec {
    /// Four bytes of length, the most significant first; 8 MiB at most.
    pub fn new() -> Self {
        Self {
            length_bytes: 4,
            little_endian: false,
            longest: LONGEST,
        }
    }

    /// So many bytes of length.
    ///
    /// # Panics
    ///
    /// If they are not 1 to 8.
    pub fn length_bytes(mut self, count: usize) -> Self {
        assert!(
            (1..=8).contains(&count),
            "a length has 1 to 8 bytes, not {count}"
        );
        self.length_bytes = count;
        self
    }

    /// The least significant byte of the length first.
    pub fn little_endian(mut self) -> Self {
        self.little_endian = true;
        self
    }

    /// Messages of `longest` bytes at most, their length in front not counted.
    pub fn max_length(mut self, longest: usize) -> Self {
        self.longest = longest;
        self
    }

    fn length(&self, head: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        if self.little_endian {
            bytes[..head.len()].copy_from_slice(head);
            u64::from_le_bytes(bytes)
        } else {
            bytes[8 - head.len()..].copy_from_slice(head);
            u64::from_be_bytes(bytes)
        }
    }

    /// The longest message that the length in front can say, too.
    fn longest(&self) -> u64 {
        let longest = self.longest as u64;
        match self.length_bytes {
            8 => longest,
            count => longest.min((1 << (8 * count)) - 1),
        }
    }

    fn too_long(&self, length: u64) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "a message of {length} bytes is longer than {} bytes: if that is no attack, allow \
                 for it with LengthDelimitedCodec::max_length and length_bytes",
                self.longest()
            ),
        )
    }
}

impl Default for LengthDelimitedCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for LengthDelimitedCodec {
    type Item = Vec<u8>;

    fn decode(&mut self, buffer: &mut Buffer) -> io::Result<Option<Vec<u8>>> {
        let Some((head, rest)) = buffer.split_at_checked(self.length_bytes) else {
            return Ok(None);
        };
        let announced = self.length(head);
        if announced > self.longest() {
            return Err(self.too_long(announced));
        }
        // It fits: it is no more than the longest, which is a `usize`.
        let length = announced as usize;
        let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else {
            return Ok(None);
        };
        buffer.consume(self.length_bytes + length);
        Ok(Some(message))
    }
}

impl<T: AsRef<[u8]>> Encoder<T> for LengthDelimitedCodec {
    fn encode(&mut self, message: T, bytes: &mut Vec<u8>) -> io::Result<()> {
        let message = message.as_ref();
        let length = message.len() as u64;
        if length > self.longest() {
            return Err(self.too_long(length));
        }
        if self.little_endian {
            bytes.extend_from_slice(&length.to_le_bytes()[..self.length_bytes]);
        } else {
            bytes.extend_from_slice(&length.to_be_bytes()[8 - self.length_bytes..]);
        }
        bytes.extend_from_slice(message);
        Ok(())
    }
}

/// Enough for most messages, and an amount that a peer may be let to keep.
const LONGEST: usize = 8 * 1024 * 1024;
