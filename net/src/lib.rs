//! Sockets for the [`runtime`]: TCP so far; and what goes over them, bytes in [`io`] and messages in
//! [`codec`]. Signals are in [`signal`].
//!
//! A server in a few lines:
//!
//! ```no_run
//! use net::TcpListener;
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:7000").await?;
//!     let mut incoming = listener.incoming();
//!     loop {
//!         let (stream, _) = incoming.accept().await?;
//!         runtime::spawn(async move { net::io::copy(&mut &stream, &mut &stream).await });
//!     }
//! }
//! ```
//!
//! # Reading order
//!
//! [`TcpStream`] first: each of its methods names one system call and leaves the waiting to
//! [`AsyncFd`](runtime::io::AsyncFd). Then [`TcpListener`] and [`Incoming`](tcp::Incoming), the
//! accept loop that survives running out of descriptors. [`io`] begins with the rule for what is
//! lost when a future is dropped; [`io::copy`] is worth reading for how it splices. `sys/` holds the
//! system calls, and all of the crate's `unsafe`.
#![deny(unsafe_code)]

mod addr;
pub mod codec;
mod error;
pub mod io;
pub mod signal;
mod sys;
pub mod tcp;

pub use addr::{ToSocketAddrs, lookup_host};
pub use tcp::{TcpListener, TcpSocket, TcpStream};

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
