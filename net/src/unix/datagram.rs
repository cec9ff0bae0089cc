//! Datagrams between processes of one machine.
//!
//! Unlike UDP's they are not lost: if the receiver's queue is full, the sender waits. There lies the
//! danger. A socket that is *connected* to the receiver is told when there is room again. One that
//! names the receiver with each datagram is told nothing of that queue; instead, each attempt that
//! fails makes the socket itself writable anew, as the room for the datagram is taken and given
//! back. Who waited for that edge would spin. So [`send_to`](UnixDatagram::send_to) tries again after
//! a while, and waits for an edge only if it is its own socket that has no room.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{SocketAddr, UnixDatagram as StdDatagram};
use std::panic::Location;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use runtime::Handle;
use runtime::io::{FdKind, Interest};
use runtime::task::consume_budget;

use super::{address, local};
use crate::pause::Pauses;
use crate::socket::{Carrier, Kind, Local, Messages, Socket, sealed};
use crate::sys::{self, Address, Carries};

/// A unix socket for datagrams, connected or not.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `send`, `recv_from`, `send_with_fds` and more.
///
/// # Examples
///
/// ```
/// use net::UnixDatagram;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let name = format!("\0edgewake datagrams {}", std::process::id());
///     let server = UnixDatagram::bind(&name)?;
///     let client = UnixDatagram::unbound()?;
///     client.send_to(b"ping", &name).await?;
///     let mut buffer = [0; 64];
///     let (count, source) = server.recv_from(&mut buffer).await?;
///     assert_eq!(&buffer[..count], b"ping");
///     assert!(source.is_unnamed(), "nobody could answer");
///     Ok(())
/// })
/// # }
/// ```
pub type UnixDatagram = Socket<StdDatagram>;

/// What is remembered of a unix socket for datagrams.
#[derive(Debug)]
pub struct Clock {
    /// In which pauses run.
    runtime: Handle,
    /// The pause of whoever polls [`poll_send_to`](UnixDatagram::poll_send_to). Taken out to be used:
    /// nobody's waker is touched under the lock.
    polled: Mutex<Option<Pauses>>,
}

impl sealed::State for Clock {
    fn of(_: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            runtime: Handle::try_current().map_err(io::Error::other)?,
            polled: Mutex::default(),
        })
    }
}

/// # Datagrams
impl UnixDatagram {
    /// Binds a path, or an abstract name, if it begins with a zero byte.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if the path is too long (107 bytes is the most); `AddrInUse` if there
    /// is such a file.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let address = address::from_path(path.as_ref())?;
        let this = Self::new("UnixDatagram::bind", Location::caller())?;
        address::bind(this.inner(), &address)?;
        Ok(this)
    }

    /// As [`bind`](Self::bind), for an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        let this = Self::new("UnixDatagram::bind_addr", Location::caller())?;
        address::bind(this.inner(), address)?;
        Ok(this)
    }

    /// A socket without a name: it can send, and nobody can answer.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn unbound() -> io::Result<Self> {
        Self::new("UnixDatagram::unbound", Location::caller())
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        local::pair(Carries::Datagrams, "UnixDatagram::pair", Location::caller())
    }

    /// Chooses the peer: [`send`](Self::send) goes there, and only what comes from there is
    /// received.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it bound.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.connect_addr(&address::from_path(path.as_ref())?)
    }

    /// As [`connect`](Self::connect), for an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        sys::connect_now(self.inner().as_fd(), &Address::from(address))
    }

    /// Sends a datagram to a path or an abstract name, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such file; `ConnectionRefused` if nobody has it bound; and whatever
    /// `sendto(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub async fn send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let address = address::from_path(path.as_ref())?;
        self.send_to_addr(bytes, &address).await
    }

    /// As [`send_to`](Self::send_to), for an address: whose datagram was received, say.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub async fn send_to_addr(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        let to = Address::from(address);
        let mut pauses = pauses();
        // The socket is not asked for readiness, which would count the call.
        consume_budget().await;
        loop {
            match sys::send_to(self.inner().as_fd(), bytes, &to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return sent,
            }
            if sys::is_writable(self.inner().as_fd())? {
                pauses.wait(&self.state.runtime).await?;
            } else {
                self.io.async_io(Interest::WRITABLE, has_room).await?;
            }
        }
    }

    /// One step of [`send_to`](Self::send_to), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        path: P,
    ) -> Poll<io::Result<usize>> {
        let to = Address::from(&address::from_path(path.as_ref())?);
        ready!(pin!(consume_budget()).poll(context));
        let mut pauses = self.polled().take().unwrap_or_else(pauses);
        let sent = self.poll_send_pausing(context, bytes, &to, &mut pauses);
        if sent.is_pending() {
            let former = self.polled().replace(pauses);
            // With another caller's waker in it, perhaps: not under the lock.
            drop(former);
        }
        sent
    }

    fn poll_send_pausing(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        to: &Address,
        pauses: &mut Pauses,
    ) -> Poll<io::Result<usize>> {
        loop {
            match sys::send_to(self.inner().as_fd(), bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
            if sys::is_writable(self.inner().as_fd())? {
                pauses.go_on(&self.state.runtime);
                ready!(pauses.poll(context))?;
            } else {
                ready!(self.io.poll_io(context, Interest::WRITABLE, has_room))?;
            }
        }
    }

    fn polled(&self) -> MutexGuard<'_, Option<Pauses>> {
        let polled = self.state.polled.lock();
        polled.unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a datagram to a path or an abstract name if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send_to`](Self::send_to).
    pub fn try_send_to<P: AsRef<Path>>(&self, bytes: &[u8], path: P) -> io::Result<usize> {
        let to = Address::from(&address::from_path(path.as_ref())?);
        // Not by what is known of this socket: the room is another's.
        sys::send_to(self.inner().as_fd(), bytes, &to)
    }

    fn new(call: &str, caller: &Location<'_>) -> io::Result<Self> {
        let socket = sys::unix_socket(Carries::Datagrams)?.into();
        Self::over_at(socket, FdKind::Other, call, caller)
    }
}

impl sealed::Kind for StdDatagram {
    const NAME: &'static str = "UnixDatagram";
    type State = Clock;
}

impl Kind for StdDatagram {
    type Address = SocketAddr;
}

impl Carrier for StdDatagram {}

impl Messages for StdDatagram {}

impl sealed::Local for StdDatagram {
    const KEEPS_BORDERS: bool = true;
}

impl Local for StdDatagram {}

fn pauses() -> Pauses {
    Pauses::between(SHORTEST_PAUSE, LONGEST_PAUSE)
}

/// Whether the socket has room of its own.
fn has_room(socket: &StdDatagram) -> io::Result<()> {
    match sys::is_writable(socket.as_fd())? {
        true => Ok(()),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// A receiver that works has room again after about as long.
const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
/// A crowd of senders that all try this often does not keep a slow receiver from its work.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
