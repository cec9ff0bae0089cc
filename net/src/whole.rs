//! All of it, by calls of which each may do a part.
//!
//! The danger is a call that makes no progress, as it would be made again for ever: a read of nothing
//! is the end of the stream, a write of nothing a writer that takes no more, and both are errors here.
//!
//! Each caller makes the calls itself. A loop that was given them as a closure would hide from the
//! compiler that its future may be sent.

use std::io;

use crate::error;

/// A buffer that is to be filled by reads.
pub(crate) struct ToRead<'a> {
    buffer: &'a mut [u8],
    filled: usize,
}

impl<'a> ToRead<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, filled: 0 }
    }

    /// Where the next read goes; `None` when all is read.
    pub(crate) fn rest(&mut self) -> Option<&mut [u8]> {
        let rest = self.buffer.get_mut(self.filled..)?;
        (!rest.is_empty()).then_some(rest)
    }

    /// So much was read.
    pub(crate) fn came(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(error::ends_early());
        }
        self.filled += count;
        Ok(())
    }
}

/// Bytes that are to be written.
pub(crate) struct ToWrite<'a>(&'a [u8]);

impl<'a> ToWrite<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What the next write is of; `None` when all is written.
    pub(crate) fn rest(&self) -> Option<&'a [u8]> {
        (!self.0.is_empty()).then_some(self.0)
    }

    /// So much was written.
    pub(crate) fn went(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(error::takes_no_more());
        }
        self.0 = &self.0[count..];
        Ok(())
    }
}
