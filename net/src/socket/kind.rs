//! The kinds of sockets, and what this crate must know of each.
//!
//! The traits that users see are for bounds: code that is written for several kinds. Behind them
//! stand others, which only this crate can name, so that nobody adds a kind: one that claimed too
//! much for its short reads would make tasks wait for what is there already.

use std::net::SocketAddr;
use std::os::unix::net::SocketAddr as UnixAddr;

/// What is within a [`Socket`](super::Socket) and says what it can do: a type of std's, mostly.
pub trait Kind: sealed::Kind {
    /// What it calls its ends.
    type Address: sealed::Name;
}

/// A socket that carries something, and does not listen.
pub trait Carrier: Kind {}

/// A socket that carries a stream of bytes, both ways.
pub trait Bytes: Carrier + sealed::Bytes {}

/// A socket that carries messages, each taken whole: datagrams, or packets.
pub trait Messages: Carrier {}

/// A socket that carries [`Bytes`] or [`Messages`] and, with them, descriptors: between processes of
/// one machine.
pub trait Local: Carrier<Address = UnixAddr> + sealed::Local {}

impl sealed::Name for SocketAddr {
    fn from_kernel(address: crate::sys::Address) -> std::io::Result<Self> {
        address.to_std()
    }
}

impl sealed::Name for UnixAddr {
    fn from_kernel(address: crate::sys::Address) -> std::io::Result<Self> {
        Ok(address.to_unix())
    }
}

/// What the crate must know, and nobody else can name.
pub(crate) mod sealed {
    use std::fmt::Debug;
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
    use std::task::{Context, Poll};

    use runtime::io::AsyncFd;

    use crate::sys::Address;

    /// Of any socket.
    pub trait Kind: AsFd + AsRawFd + From<OwnedFd> + Send + Sync + 'static {
        /// What users call it, for errors.
        const NAME: &'static str;
        /// What is remembered beside the socket.
        type State: State;
    }

    /// What is remembered beside a socket.
    pub trait State: Debug + Sized {
        /// What there is to remember of a socket that is new here.
        fn of(socket: BorrowedFd<'_>) -> io::Result<Self>;
    }

    impl State for () {
        fn of(_: BorrowedFd<'_>) -> io::Result<Self> {
            Ok(())
        }
    }

    /// Of an address.
    pub trait Name: Sized {
        /// From the kernel's layout.
        fn from_kernel(address: Address) -> io::Result<Self>;
    }

    /// Of a stream.
    pub trait Bytes: Kind<State = ()> {
        /// A read of no buffers, which may be an order to splice.
        fn poll_read_nothing(_: &AsyncFd<Self>, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }

        /// A write of no buffers, which may be an order to splice.
        fn poll_write_nothing(_: &AsyncFd<Self>, _: &mut Context<'_>) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(0))
        }
    }

    /// Of what goes between processes of one machine.
    pub trait Local {
        /// Whether there are borders between messages, so that an empty one is something.
        const KEEPS_BORDERS: bool;
    }
}
