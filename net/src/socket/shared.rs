//! What every socket can do, and what all can that carry something.
//!
//! Waiting is [`AsyncFd`]'s business. The one thing to mind here is who else has the descriptor: a
//! socket that came from std, or was lent, may have duplicates, and then closing it alone does not
//! end its registration. So both say that it is exposed.

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;

use runtime::io::{AsyncFd, FdKind, Interest};

use super::kind::sealed::{Name, State};
use super::{Carrier, Kind};
use crate::sys::{self, file, option};

/// A socket over `S`, which says what it can do: see [`socket`](super).
#[derive(Debug)]
pub struct Socket<S: Kind> {
    pub(crate) io: AsyncFd<S>,
    pub(crate) state: S::State,
}

impl<S: Kind> Socket<S> {
    /// Takes a socket of std's, and puts it into non-blocking mode.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn from_std(socket: S) -> io::Result<Self> {
        // It may be anything that std takes for such a socket, and have duplicates.
        let call = format!("{}::from_std", S::NAME);
        let this = Self::over_at(socket, FdKind::Other, &call, Location::caller())?;
        this.io.expose();
        // Not before it is ours: what is refused stays as it is, for those who have the duplicates.
        file::set_nonblocking(this.inner().as_fd(), true)?;
        Ok(this)
    }

    /// Gives the socket to std. It stays in non-blocking mode.
    pub fn into_std(self) -> S {
        self.io.into_inner()
    }

    /// Takes a socket that nobody else has seen, and that is non-blocking.
    pub(crate) fn over_at(
        socket: S,
        kind: FdKind,
        call: &str,
        caller: &Location<'_>,
    ) -> io::Result<Self> {
        let io = AsyncFd::lazy_at(socket, kind, call, caller)?;
        let state = S::State::of(io.get_ref().as_fd())?;
        Ok(Self { io, state })
    }

    /// The socket, for a call on it; not to be shown to others.
    pub(crate) fn inner(&self) -> &S {
        self.io.get_ref()
    }

    /// The address of this end. That of an accepted connection through a unix socket is its
    /// listener's.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<S::Address> {
        S::Address::from_kernel(sys::local_address(self.inner().as_fd())?)
    }

    /// An error that waits on the socket, taken from it (`SO_ERROR`): what became of a datagram that
    /// was sent, for example. It is not reported again.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        option::take_error(self.inner().as_fd())
    }
}

/// # Readiness
impl<S: Carrier> Socket<S> {
    /// Waits until there may be something to read or to receive, be it an error: before taking a
    /// buffer for it, for example.
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

    /// Waits until there may be room to write, or to send to the peer.
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

    /// Waits until any direction of `interest` is ready.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<()>> + '_ {
        self.io.ready(interest)
    }

    /// Makes a system call of your own as soon as it does not block; see [`AsyncFd::async_io`]. The
    /// call is made on the descriptor: the methods of this socket would find its readiness taken.
    ///
    /// # Errors
    ///
    /// What the call reports, but `WouldBlock`; and when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no call has had an effect.
    pub fn async_io<R>(
        &self,
        interest: Interest,
        mut call: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.io.async_io(interest, move |_| call())
    }

    /// Makes a system call of your own if there is readiness; see [`AsyncFd::try_io`].
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.io.try_io(interest, |_| call())
    }
}

/// # The other end
impl<S: Carrier> Socket<S> {
    /// The address of the peer: that of a unix socket mostly has no name.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is none, or it has gone already.
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        S::Address::from_kernel(sys::peer_address(self.inner().as_fd())?)
    }

    /// Looks at what has come, or the next message, and leaves it.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.async_io(Interest::READABLE, |socket| {
            sys::peek(socket.as_fd(), buffer)
        })
    }

    /// Looks at what has come if something has, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has; else as [`peek`](Self::peek).
    pub fn try_peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |socket| {
            sys::peek(socket.as_fd(), buffer)
        })
    }

    /// Ends one direction, or both.
    ///
    /// The peer of a stream, or of a socket for packets, that is shut down for writing reads to its
    /// end, and can still answer. Of datagrams there is no end that the kernel would tell: sending
    /// fails from then on, and who receives is not told.
    ///
    /// # Errors
    ///
    /// `NotConnected` if there is no peer, or it has gone already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Shutdown;
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// client.shutdown(Shutdown::Write)?;
    /// assert_eq!(server.read(&mut [0; 16]).await?, 0);
    /// server.write_all(b"still here").await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        sys::shutdown(self.inner().as_fd(), how)
    }

    /// Ends the write direction, where it need not be known whether the peer has gone.
    pub(crate) fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

/// # Options
impl<S: Kind> Socket<S> {
    /// How many bytes may wait to be sent, by the kernel's account, which is twice what was set.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        option::number(self.inner().as_fd(), option::SEND_BUFFER)
    }

    /// Says how many bytes may wait to be sent. The kernel cuts it to `net.core.wmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_send_buffer_size(&self, bytes: u32) -> io::Result<()> {
        option::set_number(self.inner().as_fd(), option::SEND_BUFFER, bytes)
    }

    /// How many bytes may wait to be received, by the kernel's account, which is twice what was set.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        option::number(self.inner().as_fd(), option::RECEIVE_BUFFER)
    }

    /// Says how many bytes may wait to be received: a stream's peer waits then, but what comes by
    /// UDP beyond that is lost. The kernel cuts it to `net.core.rmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> io::Result<()> {
        option::set_number(self.inner().as_fd(), option::RECEIVE_BUFFER, bytes)
    }
}

/// # Options of the internet's sockets
impl<S: Kind<Address = SocketAddr>> Socket<S> {
    /// How many routers a packet may pass (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn ttl(&self) -> io::Result<u32> {
        option::either(self.inner().as_fd(), option::TIME_TO_LIVE)
    }

    /// Says how many routers a packet may pass.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports: `InvalidInput` for 0 and beyond 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        option::set_either(self.inner().as_fd(), option::TIME_TO_LIVE, ttl)
    }

    /// The type of service that packets are marked with, or the traffic class (`IP_TOS`,
    /// `IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn tos(&self) -> io::Result<u32> {
        option::either(self.inner().as_fd(), option::TYPE_OF_SERVICE)
    }

    /// Marks packets with a type of service, or a traffic class.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        option::set_either(self.inner().as_fd(), option::TYPE_OF_SERVICE, tos)
    }
}

impl<S: Kind> AsFd for Socket<S> {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io.as_fd()
    }
}

impl<S: Kind> AsRawFd for Socket<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }
}
