//! Sockets for the [`runtime`]: TCP, UDP, unix sockets and pipes; and what goes over them, bytes in
//! [`io`] and messages in [`codec`]. Signals are in [`signal`].
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
//! [`socket`] first: what all sockets have in common is written once, and each of its methods names
//! one system call and leaves the waiting to [`AsyncFd`](runtime::io::AsyncFd). [`TcpStream`] and the
//! others are names for it. Then [`Listens`] and [`Incoming`], the accept loop that survives running
//! out of descriptors; [`Inherited`] are listeners that the process was started with. [`UdpSocket`]
//! is for datagrams, [`unix`] and [`pipe`] for what stays on the machine, [`stdio`] for what the
//! program was started with. [`io`] begins with the rule for what is lost when a future is dropped;
//! [`io::copy`] is worth reading for how it splices. `sys/` holds the system calls, and all of the
//! crate's `unsafe`.
#![deny(unsafe_code)]

mod accept;
mod addr;
pub mod codec;
mod error;
mod forward;
mod inherited;
pub mod io;
mod pause;
pub mod pipe;
pub mod signal;
pub mod socket;
pub mod stdio;
mod sys;
pub mod tcp;
pub mod udp;
pub mod unix;
mod whole;

pub use accept::{Incoming, Listener, Listens};
pub use addr::{ToSocketAddrs, lookup_host};
pub use inherited::Inherited;
pub use tcp::{TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
pub use unix::{UnixDatagram, UnixListener, UnixStream};

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
