//! Accepting TCP connections.
//!
//! The loop, its pauses and its look into the queue are those of [`accept`](crate::accept). Here is
//! what TCP adds: the options that a server wants, set where they cost one call and not one a
//! connection.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::AsFd;
use std::panic::Location;

use runtime::io::FdKind;

use crate::accept::{Accepting, Listens};
use crate::addr::{self, ToSocketAddrs};
use crate::socket::{Kind, Socket, sealed};
use crate::sys::{self, Address, option};

/// A TCP socket that accepts connections.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `accept`, `incoming`, `local_addr` and more.
///
/// # Examples
///
/// ```
/// use net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, peer) = listener.accept().await?;
///     assert_eq!(client.local_addr()?, peer);
///     server.write_all(b"hello").await?;
///     Ok(())
/// })
/// # }
/// ```
pub type TcpListener = Socket<StdListener>;

/// # Listening
impl TcpListener {
    /// Binds an address and listens on it.
    ///
    /// `SO_REUSEADDR` is on, so that a server can be started again while old connections linger; the
    /// queue is as long as the kernel allows; accepted connections have `TCP_NODELAY` on.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if there is no such name; if no address can be bound (`AddrInUse` if
    /// the port is taken).
    ///
    /// # Cancel safety
    ///
    /// It waits only for a name to be looked up; if the future is dropped then, nothing is bound.
    #[track_caller]
    pub fn bind<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        const CALL: &str = "TcpListener::bind";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move {
            let listener = addr::first_that_works(addresses.await?, listen)?;
            Self::over_at(listener, FdKind::Other, CALL, caller)
        }
    }
}

impl sealed::Kind for StdListener {
    const NAME: &'static str = "TcpListener";
    type State = Accepting;
}

impl Kind for StdListener {
    type Address = SocketAddr;
}

impl Listens for StdListener {
    type Connection = StdStream;
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = sys::tcp_socket(address)?;
    option::set_flag(socket.as_fd(), option::REUSE_ADDRESS, true)?;
    // Inherited by what is accepted: one call here instead of one a connection.
    option::set_flag(socket.as_fd(), option::NO_DELAY, true)?;
    sys::bind(socket.as_fd(), &Address::from(address))?;
    sys::listen(socket.as_fd(), LONGEST_QUEUE)?;
    Ok(socket.into())
}

/// As long as the kernel allows.
const LONGEST_QUEUE: u32 = u32::MAX;
