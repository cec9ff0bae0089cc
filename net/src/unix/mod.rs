//! Unix sockets: between processes of one machine, and within one.
//!
//! [`UnixStream`] and [`UnixListener`] are to [`TcpStream`](crate::TcpStream) and
//! [`TcpListener`](crate::TcpListener) what paths are to ports. [`UnixDatagram`] carries datagrams
//! that are never lost; [`UnixSeqpacket`] carries them over a connection, in order. All of them can
//! carry descriptors too, and tell who is at the other end.

mod address;
mod credentials;
mod datagram;
mod listener;
mod local;
mod seqpacket;
mod stream;

use std::sync::Arc;

use crate::socket;

pub use credentials::UCred;
pub use datagram::UnixDatagram;
pub use listener::UnixListener;
pub use seqpacket::{PacketListener, PacketSocket, UnixSeqpacket, UnixSeqpacketListener};
pub use std::os::unix::net::SocketAddr;
pub use stream::UnixStream;

/// The read half of a stream that is borrowed; see [`UnixStream::split`].
pub type ReadHalf<'a> = socket::ReadHalf<&'a UnixStream>;
/// The write half of a stream that is borrowed; see [`UnixStream::split`].
pub type WriteHalf<'a> = socket::WriteHalf<&'a UnixStream>;
/// The read half of a stream; see [`UnixStream::into_split`].
pub type OwnedReadHalf = socket::ReadHalf<Arc<UnixStream>>;
/// The write half of a stream; see [`UnixStream::into_split`]. Dropping it ends the stream for the
/// peer.
pub type OwnedWriteHalf = socket::WriteHalf<socket::Ending<std::os::unix::net::UnixStream>>;
/// The two halves belong to different streams: here they are.
pub type ReuniteError = socket::ReuniteError<std::os::unix::net::UnixStream>;
