//! Pipes and FIFOs: bytes in one direction.
//!
//! [`pipe`] makes a pair; [`OpenOptions`] opens the ends of a FIFO, which is a pipe with a name in
//! the file system. A [`Receiver`] reads, a [`Sender`] writes; what both can do stands with [`End`].
//!
//! The danger is the end of a FIFO, which is no end: when the last writer goes the reader reads 0,
//! and when another comes there is more. [`Receiver::next_writer`] waits for that.

mod end;
mod open;
mod receiver;
mod sender;

use std::io;
use std::panic::Location;

pub use end::End;
pub use open::OpenOptions;
pub use receiver::{Reading, Receiver};
pub use sender::{Sender, Writing};

use crate::sys;

/// Makes a pipe.
///
/// # Errors
///
/// Outside of a runtime; and whatever `pipe(2)` reports.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (sender, receiver) = net::pipe::pipe()?;
///     sender.write_all(b"through the pipe").await?;
///     drop(sender);
///     let mut buffer = [0; 64];
///     assert_eq!(receiver.read(&mut buffer).await?, 16);
///     assert_eq!(receiver.read(&mut buffer).await?, 0);
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    pair(false, "pipe::pipe", Location::caller())
}

/// Makes a pipe that keeps borders: each read returns what one write wrote. A write of more than
/// 4096 bytes is cut into several packets, and what does not fit into a reader's buffer is gone.
///
/// # Errors
///
/// Outside of a runtime; and whatever `pipe(2)` reports.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (sender, receiver) = net::pipe::packet_pipe()?;
///     sender.write(b"one").await?;
///     sender.write(b"another").await?;
///     let mut buffer = [0; 4096];
///     assert_eq!(receiver.read(&mut buffer).await?, 3);
///     assert_eq!(receiver.read(&mut buffer).await?, 7);
///     Ok(())
/// })
/// # }
/// ```
#[track_caller]
pub fn packet_pipe() -> io::Result<(Sender, Receiver)> {
    pair(true, "pipe::packet_pipe", Location::caller())
}

fn pair(with_packets: bool, call: &str, caller: &Location<'_>) -> io::Result<(Sender, Receiver)> {
    let (reader, writer) = sys::pipe::pipe(with_packets)?;
    let sender = Sender::over_at(writer, call, caller)?;
    Ok((sender, Receiver::over_at(reader, call, caller)?))
}
