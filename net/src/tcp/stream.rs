//! A TCP connection.
//!
//! What it does as a stream of bytes stands in [`socket`](crate::socket). Here is what TCP adds: how
//! one connects to a name, and that a read or a write of nothing may be an order to splice.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::panic::Location;
use std::task::{Context, Poll};

use runtime::io::AsyncFd;

use super::{connect, splice};
use crate::addr::{self, ToSocketAddrs};
use crate::socket::{Bytes, Carrier, Kind, Socket, sealed};

/// A TCP connection, accepted or made.
///
/// Dropping it closes the connection: what was written is still sent. Reading and writing are
/// methods on `&self`; the traits of [`net::io`](crate::io) are implemented too.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `read`, `write_all`, `split` and more.
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
///     let (server, _) = listener.accept().await?;
///
///     client.write_all(b"ping").await?;
///     let mut buffer = [0; 4];
///     server.read_exact(&mut buffer).await?;
///     assert_eq!(&buffer, b"ping");
///     Ok(())
/// })
/// # }
/// ```
pub type TcpStream = Socket<StdStream>;

/// # Connecting
impl TcpStream {
    /// Connects to the first address that answers. `TCP_NODELAY` is on.
    ///
    /// If there are several, each has a quarter of a second before the next is tried beside it; of a
    /// name's, the versions of IP take turns (RFC 8305).
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if there is no such name; and, when no address answers, what happened
    /// to each.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, all attempts are given up.
    #[track_caller]
    pub fn connect<A: ToSocketAddrs>(address: A) -> impl Future<Output = io::Result<Self>> {
        const CALL: &str = "TcpStream::connect";
        let caller = Location::caller();
        let addresses = addr::resolve(address, CALL, caller);
        async move { connect::connect_any(addresses.await?, CALL, caller).await }
    }
}

impl sealed::Kind for StdStream {
    const NAME: &'static str = "TcpStream";
    type State = ();
}

impl Kind for StdStream {
    type Address = SocketAddr;
}

impl Carrier for StdStream {}

impl sealed::Bytes for StdStream {
    fn poll_read_nothing(io: &AsyncFd<Self>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        splice::poll_from(io, context)
    }

    fn poll_write_nothing(
        io: &AsyncFd<Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        splice::poll_to(io, context)
    }
}

impl Bytes for StdStream {}
