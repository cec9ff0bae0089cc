//! Errors that more than one part says.

use std::error::Error;
use std::io;
use std::panic::Location;

/// What was asked for cannot be, whoever is asked.
pub(crate) fn invalid(message: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// The stream has ended in the middle of what was asked for.
pub(crate) fn ends_early() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the stream ended before the buffer was full",
    )
}

/// The writer takes no more.
pub(crate) fn takes_no_more() -> io::Error {
    io::Error::new(
        io::ErrorKind::WriteZero,
        "the writer takes no more bytes, and has not said why",
    )
}

/// What should be text is not.
pub(crate) fn not_text() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "what was read is not UTF-8: read it as bytes, with read_until or read_to_end",
    )
}

/// Said as the runtime says it, for what waits before it has a descriptor.
pub(crate) fn outside(call: &str, caller: &Location<'_>) -> io::Error {
    io::Error::other(format!(
        "{call} was called at {caller}, outside of a runtime: call it in a future that \
         #[runtime::main] or Runtime::block_on runs, or hold the guard of Handle::enter"
    ))
}
