//! TCP: [`TcpListener`] accepts, [`TcpStream`] carries, [`TcpSocket`] is what either was before.
//!
//! Each is a thin layer over [`AsyncFd`](runtime::io::AsyncFd): which system call to make. When to
//! make it, and when to wait, is decided there.

mod connect;
mod incoming;
mod info;
mod keepalive;
mod listener;
mod options;
mod race;
mod send_file;
mod socket;
mod splice;
mod split;
mod stream;
mod traits;
mod urgent;

pub use incoming::Incoming;
pub use info::{TcpInfo, TcpState};
pub use keepalive::Keepalive;
pub use listener::TcpListener;
pub use socket::TcpSocket;
pub(crate) use splice::{is_stream, order};
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::TcpStream;
pub use urgent::Urgent;
