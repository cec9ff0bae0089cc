//! TCP: [`TcpListener`] accepts, [`TcpStream`] carries, [`TcpSocket`] is what either was before.
//!
//! What they share with other sockets stands in [`socket`](crate::socket). Here is what only TCP has:
//! connecting to names, options, urgent bytes, files and streams that do not leave the kernel.

mod connect;
mod info;
mod keepalive;
mod listener;
mod options;
mod race;
mod send_file;
mod socket;
mod splice;
mod stream;
mod urgent;

use std::sync::Arc;

pub use info::{TcpInfo, TcpState};
pub use keepalive::Keepalive;
pub use listener::TcpListener;
pub use socket::TcpSocket;
pub(crate) use splice::{is_stream, order};
pub use stream::TcpStream;
pub use urgent::Urgent;

/// The read half of a stream that is borrowed; see [`TcpStream::split`].
pub type ReadHalf<'a> = crate::socket::ReadHalf<&'a TcpStream>;
/// The write half of a stream that is borrowed; see [`TcpStream::split`].
pub type WriteHalf<'a> = crate::socket::WriteHalf<&'a TcpStream>;
/// The read half of a stream; see [`TcpStream::into_split`].
pub type OwnedReadHalf = crate::socket::ReadHalf<Arc<TcpStream>>;
/// The write half of a stream; see [`TcpStream::into_split`]. Dropping it ends the stream for the
/// peer.
pub type OwnedWriteHalf = crate::socket::WriteHalf<crate::socket::Ending<std::net::TcpStream>>;
/// The two halves belong to different streams: here they are.
pub type ReuniteError = crate::socket::ReuniteError<std::net::TcpStream>;
