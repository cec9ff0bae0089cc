//! Being asked to end.
//!
//! The first SIGTERM or SIGINT is a request, and the program ends in its own time. The danger is that
//! this takes too long for whoever asked: so the second one does what it does by default, and kills.
//!
//! The handlers are those of a crate; all they do is to set a flag and to write a byte into a socket,
//! which is read here.

use std::future::Future;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use net::UnixStream;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Waits until the program is asked to end. A request counts from the time of the call, not from the
/// first poll.
///
/// # Errors
///
/// If the handlers cannot be set.
pub(crate) fn end_requested() -> io::Result<impl Future<Output = io::Result<()>>> {
    let was_asked = Arc::new(AtomicBool::new(false));
    let (reader, writer) = StdStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first one finds the flag clear and sets it, the second finds it set.
        flag::register_conditional_default(signal, was_asked.clone())?;
        flag::register(signal, was_asked.clone())?;
        low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    let reader = UnixStream::from_std(reader)?;
    Ok(async move {
        reader.read(&mut [0]).await?;
        Ok(())
    })
}
