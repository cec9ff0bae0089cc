//! Bytes that were read and not used yet.
//!
//! Whoever looks for the end of a line, or of a frame, has to read before he knows how much he
//! wants. So bytes go in at the back, a read at a time, and out at the front when something whole is
//! there. Nothing is taken out for a try: that is what makes the readers over it safe to drop at any
//! time.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::AsyncRead;

/// Bytes that were read and not used yet: a slice from which bytes can be taken at the front.
///
/// A [`Decoder`](crate::codec::Decoder) is given one.
///
/// # Examples
///
/// ```
/// use net::io::Buffer;
///
/// let mut buffer = Buffer::from(b"head and body".to_vec());
/// assert_eq!(&buffer[..4], b"head");
/// buffer.consume(9);
/// assert_eq!(&*buffer, b"body");
/// ```
#[derive(Default)]
pub struct Buffer {
    /// All initialised; what lies in `start..end` was read.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// Forgets bytes at the front: they were used.
    ///
    /// # Panics
    ///
    /// If there are fewer.
    pub fn consume(&mut self, count: usize) {
        assert!(
            count <= self.len(),
            "{count} bytes cannot be taken from a buffer that holds {}",
            self.len()
        );
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads once, behind what is there, and returns how much came.
    pub(crate) fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        reader: Pin<&mut (impl AsyncRead + ?Sized)>,
        usual: usize,
    ) -> Poll<io::Result<usize>> {
        self.make_room(usual);
        let room = &mut self.bytes[self.end..];
        let most = room.len();
        let count = ready!(reader.poll_read(context, room))?;
        // A reader that claims more than it was given room for is wrong, and must not break us.
        self.end += count.min(most);
        Poll::Ready(Ok(count))
    }

    fn make_room(&mut self, usual: usize) {
        if self.start == self.end && self.bytes.len() > usual.saturating_mul(EXCEPTION) {
            // There was one long line, and there need not be another.
            self.bytes = Vec::new();
        }
        if self.end < self.bytes.len() {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; usual];
        } else if self.start > self.bytes.len() / 2 {
            self.bytes.copy_within(self.start.., 0);
            (self.start, self.end) = (0, self.end - self.start);
        } else {
            self.bytes.resize(self.bytes.len() * 2, 0);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self {
            bytes,
            start: 0,
            end,
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("len", &self.len()).finish()
    }
}

/// So many times the usual size are given back when they are empty.
const EXCEPTION: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut Buffer, mut from: &[u8]) -> usize {
        let context = &mut Context::from_waker(std::task::Waker::noop());
        match buffer.poll_fill(context, Pin::new(&mut from), 4) {
            Poll::Ready(Ok(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_grows_moves_and_shrinks_and_keeps_the_bytes() {
        let mut buffer = Buffer::default();
        assert_eq!(fill(&mut buffer, b"abcdef"), 4);
        assert_eq!(fill(&mut buffer, b"efgh"), 4);
        assert_eq!(&*buffer, b"abcdefgh");
        buffer.consume(5);
        assert_eq!(fill(&mut buffer, b"ijklmno"), 5);
        assert_eq!((&*buffer, buffer.bytes.len()), (&b"fghijklm"[..], 8));
        while buffer.len() < 20 {
            fill(&mut buffer, b"nopqrstuvwxyz");
        }
        assert!(buffer.starts_with(b"fghijklmn"));
        buffer.consume(buffer.len());
        assert_eq!((fill(&mut buffer, b"end"), buffer.bytes.len()), (3, 4));
        assert_eq!(&*buffer, b"end");
    }

    #[test]
    #[should_panic(expected = "2 bytes cannot be taken from a buffer that holds 1")]
    fn more_than_there_is_is_not_taken() {
        Buffer::from(vec![0]).consume(2);
    }
}
