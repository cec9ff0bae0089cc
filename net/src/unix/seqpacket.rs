//! Datagrams over a connection: borders are kept, nothing is lost, and both ends know of the end.
//!
//! The danger is in the number 0: an empty packet and the end of the connection are both received as
//! no bytes. Who sends empty packets has to tell the end in another way.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::panic::Location;
use std::path::Path;

use super::{address, local};
use crate::accept::{Accepting, Listens};
use crate::socket::{Carrier, Kind, Local, Messages, Socket, sealed};
use crate::sys::Carries;

/// A socket for packets. std has no type for it; this one holds a descriptor, for
/// [`from_std`](Socket::from_std) and [`into_std`](Socket::into_std).
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

/// A listener for connections that carry packets, as [`PacketSocket`] is a connection.
#[derive(Debug)]
pub struct PacketListener(OwnedFd);

/// A connection that carries packets, accepted or made.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `send`, `recv`, `send_with_fds` and more.
///
/// # Examples
///
/// ```
/// use net::unix::UnixSeqpacket;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (one, other) = UnixSeqpacket::pair()?;
///     one.send(b"one").await?;
///     one.send(b"packet each").await?;
///     let mut buffer = [0; 64];
///     assert_eq!(other.recv(&mut buffer).await?, 3);
///     assert_eq!(other.recv(&mut buffer).await?, 11);
///     drop(one);
///     assert_eq!(other.recv(&mut buffer).await?, 0);
///     Ok(())
/// })
/// # }
/// ```
pub type UnixSeqpacket = Socket<PacketSocket>;

/// # Connecting
impl UnixSeqpacket {
    /// Connects to the listener at a path, or at an abstract name, if it begins with a zero byte. If
    /// the listener's queue is full, it tries again until there is room.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; `NotFound` if there is no such file; `ConnectionRefused` if nobody
    /// listens.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect<P: AsRef<Path>>(path: P) -> impl Future<Output = io::Result<Self>> {
        let caller = Location::caller();
        let address = address::from_path(path.as_ref());
        async move {
            let call = "UnixSeqpacket::connect";
            address::connect(Carries::Packets, address, call, caller).await
        }
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        local::pair(Carries::Packets, "UnixSeqpacket::pair", Location::caller())
    }
}

/// A unix socket that accepts connections which carry packets.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `accept`, `incoming`, `local_addr` and more.
///
/// # Examples
///
/// ```
/// use net::unix::{UnixSeqpacket, UnixSeqpacketListener};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let name = format!("\0edgewake packets {}", std::process::id());
///     let listener = UnixSeqpacketListener::bind(&name)?;
///     let client = UnixSeqpacket::connect(&name).await?;
///     let (server, _) = listener.accept().await?;
///     server.send(b"hello").await?;
///     assert_eq!(client.recv(&mut [0; 64]).await?, 5);
///     Ok(())
/// })
/// # }
/// ```
pub type UnixSeqpacketListener = Socket<PacketListener>;

/// # Listening
impl UnixSeqpacketListener {
    /// Binds a path and listens on it, or an abstract name, if it begins with a zero byte.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if the path is too long (107 bytes is the most); `AddrInUse` if there
    /// is such a file.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let call = "UnixSeqpacketListener::bind";
        let address = address::from_path(path.as_ref())?;
        address::listen(Carries::Packets, &address, call, Location::caller())
    }
}

impl sealed::Kind for PacketSocket {
    const NAME: &'static str = "UnixSeqpacket";
    type State = ();
}

impl Kind for PacketSocket {
    type Address = SocketAddr;
}

impl Carrier for PacketSocket {}

impl Messages for PacketSocket {}

impl sealed::Local for PacketSocket {
    const KEEPS_BORDERS: bool = true;
}

impl Local for PacketSocket {}

impl sealed::Kind for PacketListener {
    const NAME: &'static str = "UnixSeqpacketListener";
    type State = Accepting;
}

impl Kind for PacketListener {
    type Address = SocketAddr;
}

impl Listens for PacketListener {
    type Connection = PacketSocket;
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for PacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for PacketListener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl From<OwnedFd> for PacketSocket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<OwnedFd> for PacketListener {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<PacketSocket> for OwnedFd {
    fn from(socket: PacketSocket) -> Self {
        socket.0
    }
}

impl From<PacketListener> for OwnedFd {
    fn from(listener: PacketListener) -> Self {
        listener.0
    }
}
