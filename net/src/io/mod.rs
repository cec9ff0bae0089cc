//! Reading and writing byte streams of any kind.
//!
//! The traits are those of the `futures-io` crate, so what is written for them works with our
//! streams, and the other way round. [`AsyncReadExt`] and [`AsyncWriteExt`] add the methods that
//! code uses; [`copy`] moves everything from one stream to another.

mod copy;
mod ext;

pub use copy::copy;
pub use ext::{AsyncReadExt, AsyncWriteExt};
pub use futures_io::{AsyncRead, AsyncWrite};

use std::io;

/// The stream has ended in the middle of what was asked for.
pub(crate) fn ends_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the stream ended before the buffer was full",
    )
}
