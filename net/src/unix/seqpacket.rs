//! Datagrams over a connection: borders are kept, nothing is lost, and both ends know of the end.
//!
//! std has no type for these sockets. Inside are its types for datagrams and for listeners, whose
//! calls are those of any unix socket. The danger is in the number 0: an empty packet and the end of
//! the connection are both received as no bytes. Who sends empty packets has to tell the end in
//! another way.

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{SocketAddr, UnixDatagram as StdSocket, UnixListener as StdListener};
use std::panic::Location;
use std::path::Path;
use std::task::{Context, Poll};

use runtime::Handle;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::credentials::{self, UCred};
use super::{address, fds};
use crate::accept::{Incoming, Listener, Queue, sealed};
use crate::sys::{self, Carries};

/// A connection that carries packets, accepted or made.
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
#[derive(Debug)]
pub struct UnixSeqpacket {
    io: AsyncFd<StdSocket>,
}

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
            let io = address::connect(Carries::Packets, address, call, caller).await?;
            Ok(Self { io })
        }
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = sys::unix_pair(Carries::Packets)?;
        let call = "UnixSeqpacket::pair";
        let one = AsyncFd::lazy(one.into(), FdKind::Other, call)?;
        let other = AsyncFd::lazy(other.into(), FdKind::Other, call)?;
        Ok((Self { io: one }, Self { io: other }))
    }

    /// Sends a packet, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the peer has gone; and whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send(&self, packet: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.write_with(|socket| sys::send(socket, packet))
    }

    /// Sends a packet if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send`](Self::send).
    pub fn try_send(&self, packet: &[u8]) -> io::Result<usize> {
        self.io.try_write_with(|socket| sys::send(socket, packet))
    }

    /// One step of [`send`](Self::send), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn poll_send(&self, context: &mut Context<'_>, packet: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(context, |socket| sys::send(socket, packet))
    }

    /// Receives a packet. What does not fit into the buffer is gone. 0 is the end, or an empty
    /// packet.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no packet was taken.
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// Receives a packet if one is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io
            .try_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// One step of [`recv`](Self::recv), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            sys::recv(socket, buffer)
        })
    }

    /// Looks at the next packet, and leaves it.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .async_io(Interest::READABLE, |socket| sys::peek(socket, buffer))
    }

    /// Sends a packet, and duplicates of descriptors with it. 253 is the most.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for too many; and whatever `sendmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send_with_fds<'a>(
        &'a self,
        packet: &'a [u8],
        fds: &'a [BorrowedFd<'_>],
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        fds::send(&self.io, packet, fds, false)
    }

    /// Receives a packet and the descriptors that came with it, `limit` at most. They are
    /// close-on-exec.
    ///
    /// # Errors
    ///
    /// `InvalidData` if more descriptors were sent than `limit`, or than this process may have: then
    /// none is left open, and the packet is gone. And whatever `recvmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was taken.
    pub fn recv_with_fds(
        &self,
        buffer: &mut [u8],
        limit: usize,
    ) -> impl Future<Output = io::Result<(usize, Vec<OwnedFd>)>> {
        fds::recv(&self.io, buffer, limit)
    }

    /// Waits until there may be something to receive.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.readable()
    }

    /// Waits until there may be room to send.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.writable()
    }

    /// Ends one direction of the connection, or both.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end: mostly it has no name.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Who made the other end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        credentials::of_peer(self.io.get_ref())
    }
}

impl AsFd for UnixSeqpacket {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl AsRawFd for UnixSeqpacket {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}

/// A unix socket that accepts connections which carry packets.
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
#[derive(Debug)]
pub struct UnixSeqpacketListener {
    io: AsyncFd<StdListener>,
    queue: Queue,
    runtime: Handle,
}

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
        let caller = Location::caller();
        let (io, runtime) = address::listen(Carries::Packets, &address, call, caller)?;
        Ok(Self {
            io,
            queue: Queue::default(),
            runtime,
        })
    }

    /// Accepts the next connection. A server that is to survive everything uses
    /// [`incoming`](Self::incoming).
    ///
    /// # Errors
    ///
    /// Whatever `accept(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no connection was accepted.
    pub async fn accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let accept = |listener: &StdListener| self.queue.accept(listener);
        let (socket, peer) = self.io.async_io(Interest::READABLE, accept).await?;
        Ok((self.wrap(socket), peer.to_unix()))
    }

    /// Accepts connections for ever, whatever happens to any of them.
    pub fn incoming(&self) -> Incoming<'_, Self> {
        Incoming::new(self)
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    fn wrap(&self, socket: OwnedFd) -> UnixSeqpacket {
        UnixSeqpacket {
            io: self.io.lazy_like(socket.into(), FdKind::Other),
        }
    }
}

impl Listener for UnixSeqpacketListener {
    type Connection = UnixSeqpacket;
    type Address = SocketAddr;

    fn poll_accept(
        &self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixSeqpacket, SocketAddr)>> {
        self.io
            .poll_io(context, Interest::READABLE, |listener| {
                self.queue.accept(listener)
            })
            .map_ok(|(socket, peer)| (self.wrap(socket), peer.to_unix()))
    }
}

impl sealed::Sealed for UnixSeqpacketListener {
    fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl AsFd for UnixSeqpacketListener {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}
