//! A connection between processes of one machine.
//!
//! What it does as a stream of bytes stands in [`socket`](crate::socket), and what goes with the bytes
//! in `local.rs`. Here is how one connects.

use std::future::Future;
use std::io;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::panic::Location;
use std::path::Path;

use super::{address, local};
use crate::socket::{Bytes, Carrier, Kind, Local, Socket, sealed};
use crate::sys::Carries;

/// A connection through a unix socket, accepted or made.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `read`, `write_all`, `send_with_fds` and more.
///
/// # Examples
///
/// ```
/// use net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (one, other) = UnixStream::pair()?;
///     one.write_all(b"ping").await?;
///     let mut buffer = [0; 4];
///     other.read_exact(&mut buffer).await?;
///     assert_eq!(&buffer, b"ping");
///     Ok(())
/// })
/// # }
/// ```
pub type UnixStream = Socket<StdStream>;

/// # Connecting
impl UnixStream {
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
            let call = "UnixStream::connect";
            address::connect(Carries::Stream, address, call, caller).await
        }
    }

    /// As [`connect`](Self::connect), for an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, the attempt is given up.
    #[track_caller]
    pub fn connect_addr(address: &SocketAddr) -> impl Future<Output = io::Result<Self>> + use<> {
        let caller = Location::caller();
        let address = Ok(address.clone());
        async move {
            let call = "UnixStream::connect_addr";
            address::connect(Carries::Stream, address, call, caller).await
        }
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; and whatever `socketpair(2)` reports.
    #[track_caller]
    pub fn pair() -> io::Result<(Self, Self)> {
        local::pair(Carries::Stream, "UnixStream::pair", Location::caller())
    }
}

impl sealed::Kind for StdStream {
    const NAME: &'static str = "UnixStream";
    type State = ();
}

impl Kind for StdStream {
    type Address = SocketAddr;
}

impl Carrier for StdStream {}

impl sealed::Bytes for StdStream {}

impl Bytes for StdStream {}

impl sealed::Local for StdStream {
    const KEEPS_BORDERS: bool = false;
}

impl Local for StdStream {}
