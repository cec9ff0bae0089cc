//! UDP: [`UdpSocket`] sends and receives datagrams.
//!
//! One at a time by the methods that std has too; many at a time, with all that the kernel knows of
//! each, by [`recv_many`](UdpSocket::recv_many) and [`send_many`](UdpSocket::send_many), on which a
//! QUIC stack can stand. [`Builder`] sets what must be set before a socket is bound.

mod builder;
mod options;
mod packets;
mod socket;

pub use builder::Builder;
pub use packets::{RecvMeta, Transmit};
pub use socket::UdpSocket;
