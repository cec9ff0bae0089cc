//! Messages that end with a line feed.

use std::error::Error;
use std::fmt;
use std::io;

use super::{Decoder, Encoder};
use crate::error;
use crate::io::Buffer;

/// A codec for lines of text, 64 KiB long at most, unless it is told otherwise.
///
/// A line ends with a line feed, or a carriage return and a line feed; neither is part of it. The
/// last one of a stream need not have an end.
///
/// What is sent ends with a line feed. Text with a line feed in it is refused, with `InvalidInput`: it
/// would arrive as several lines. A carriage return is sent as it is, so one at the end of a text is
/// taken for a part of the line's end, and does not arrive.
///
/// A line that is too long, or is no UTF-8, is an error of the kind `InvalidData`, and the next one can
/// be read all the same: of the long one nothing is kept. Which of the two it was is a
/// [`LinesCodecError`] within the error.
///
/// # Examples
///
/// ```
/// use net::codec::{Framed, LinesCodec};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let text = &b"short\nmuch longer\nend\n"[..];
///     let mut lines = Framed::new(text, LinesCodec::with_max_length(8));
///     assert_eq!(lines.next().await.transpose()?.as_deref(), Some("short"));
///     let error = lines.next().await.unwrap().unwrap_err();
///     assert!(error.to_string().contains("longer than 8 bytes"));
///     assert_eq!(lines.next().await.transpose()?.as_deref(), Some("end"));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LinesCodec {
    longest: usize,
    /// So much of the buffer is known to hold no line feed.
    searched: usize,
    /// What comes up to the next line feed belongs to a line that was too long.
    discards: bool,
}

impl LinesCodec {
    /// Lines of 64 KiB at most.
    pub fn new() -> Self {
        Self::with_max_length(LONGEST)
    }

    /// Lines of `longest` bytes at most, their ends not counted.
    pub fn with_max_length(longest: usize) -> Self {
        Self {
            longest,
            searched: 0,
            discards: false,
        }
    }

    /// The longest line, in bytes.
    pub fn max_length(&self) -> usize {
        self.longest
    }

    /// Takes `length` bytes, and the `end` behind them, as a line.
    fn take(&mut self, buffer: &mut Buffer, length: usize, end: usize) -> io::Result<String> {
        self.searched = 0;
        let line = buffer[..length].to_vec();
        buffer.consume(length + end);
        String::from_utf8(line).map_err(|_| LinesCodecError::NotUtf8.into())
    }

    /// Throws away what belongs to a line that was too long. True when that is all of it.
    fn discard(&mut self, buffer: &mut Buffer) -> bool {
        let feed = buffer.iter().position(|byte| *byte == b'\n');
        buffer.consume(feed.map_or(buffer.len(), |feed| feed + 1));
        self.searched = 0;
        self.discards = feed.is_none();
        !self.discards
    }

    fn too_long(&self) -> io::Error {
        let longest = self.longest;
        LinesCodecError::MaxLineLengthExceeded { longest }.into()
    }
}

/// What is wrong with a line: it is within the [`io::Error`] of a [`LinesCodec`].
///
/// Its text is for who writes the program, and names methods; a peer is to be told in words of yours.
///
/// # Examples
///
/// ```
/// use net::codec::{Framed, LinesCodec, LinesCodecError};
///
/// fn answer(error: std::io::Error) -> std::io::Result<&'static str> {
///     match error.downcast::<LinesCodecError>()? {
///         LinesCodecError::MaxLineLengthExceeded { .. } => Ok("too long"),
///         LinesCodecError::NotUtf8 => Ok("not UTF-8"),
///         _ => Ok("not understood"),
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut lines = Framed::new(&b"much longer\n\xff\n"[..], LinesCodec::with_max_length(8));
///     assert_eq!(answer(lines.next().await.unwrap().unwrap_err())?, "too long");
///     assert_eq!(answer(lines.next().await.unwrap().unwrap_err())?, "not UTF-8");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinesCodecError {
    /// It has more bytes than the codec allows.
    MaxLineLengthExceeded {
        /// So many are allowed.
        longest: usize,
    },
    /// Its bytes are no text.
    NotUtf8,
}

impl fmt::Display for LinesCodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxLineLengthExceeded { longest } => write!(
                f,
                "a line is longer than {longest} bytes: if that is no attack, allow for it with \
                 LinesCodec::with_max_length"
            ),
            Self::NotUtf8 => f.write_str(
                "a line is not UTF-8: read bytes, with read_until or a codec of your own",
            ),
        }
    }
}

impl Error for LinesCodecError {}

impl From<LinesCodecError> for io::Error {
    fn from(error: LinesCodecError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl Default for LinesCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder for LinesCodec {
    type Item = String;

    fn decode(&mut self, buffer: &mut Buffer) -> io::Result<Option<String>> {
        if self.discards && !self.discard(buffer) {
            return Ok(None);
        }
        let unsearched = buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = buffer.len();
            // One more: it may be the carriage return.
            let is_too_long = buffer.len() > self.longest.saturating_add(1);
            return if is_too_long {
                self.discards = true;
                Err(self.too_long())
            } else {
                Ok(None)
            };
        };
        let feed = self.searched + at;
        let length = buffer[..feed].strip_suffix(b"\r").map_or(feed, <[u8]>::len);
        if length > self.longest {
            self.discards = true;
            return Err(self.too_long());
        }
        self.take(buffer, length, feed + 1 - length).map(Some)
    }

    fn decode_end(&mut self, buffer: &mut Buffer) -> io::Result<Option<String>> {
        match self.decode(buffer)? {
            None if buffer.len() > self.longest => {
                self.discards = true;
                Err(self.too_long())
            }
            None if !buffer.is_empty() => self.take(buffer, buffer.len(), 0).map(Some),
            decoded => Ok(decoded),
        }
    }

    /// Of a line that was refused everything is thrown away, up to the next.
    fn recovers(&self) -> bool {
        true
    }
}

impl<T: AsRef<str>> Encoder<T> for LinesCodec {
    fn encode(&mut self, line: T, bytes: &mut Vec<u8>) -> io::Result<()> {
        let line = line.as_ref();
        if line.len() > self.longest {
            return Err(self.too_long());
        }
        if line.contains('\n') {
            // Else who may choose a part of a line could add lines of his own.
            return Err(error::invalid(
                "the text holds a line feed, and would arrive as several lines: send each by itself",
            ));
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        Ok(())
    }
}

/// Longer than lines that people write, and little memory for a peer that never ends one.
const LONGEST: usize = 64 * 1024;
