//! TCP: [`TcpListener`] accepts, [`TcpStream`] carries.
//!
//! Each is a thin layer over [`AsyncFd`](runtime::io::AsyncFd): which system call to make. When to
//! make it, and when to wait, is decided there.

mod listener;
mod split;
mod stream;
mod traits;

pub use listener::TcpListener;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use stream::TcpStream;
