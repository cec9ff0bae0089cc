//! What sockets have in common, written once: [`Socket`], of whatever [`Kind`].
//!
//! [`TcpStream`](crate::TcpStream), [`UdpSocket`](crate::UdpSocket), [`UnixListener`](crate::UnixListener)
//! and the others are names for a `Socket` over the type that std has for the same thing. What it
//! can do follows from that type: all can be asked for their address, those that carry
//! [`Bytes`] read and write, those that carry [`Messages`] send and receive, listeners accept. What
//! only one kind can do stands with that kind, in [`tcp`](crate::tcp), [`udp`](crate::udp) and
//! [`unix`](crate::unix).
//!
//! So code can be written for any socket of a sort, and is compiled for each:
//!
//! ```
//! use net::socket::{Bytes, Socket};
//!
//! /// Over TCP or a unix socket.
//! async fn greet<S: Bytes>(stream: &Socket<S>) -> std::io::Result<()> {
//!     stream.write_all(b"hello\n").await
//! }
//! # let _ = greet::<std::net::TcpStream>;
//! # let _ = greet::<std::os::unix::net::UnixStream>;
//! ```

mod bytes;
mod halves;
mod kind;
mod messages;
mod shared;
mod traits;

pub use halves::{Ending, ReadHalf, ReuniteError, WriteHalf};
pub(crate) use kind::sealed;
pub use kind::{Bytes, Carrier, Kind, Local, Messages};
pub use shared::Socket;
