//! Accepting connections on a unix socket.
//!
//! The same as on TCP: see [`accept`](crate::accept). What is new is the file. It is made when the
//! socket is bound, and stays when the socket is closed; who starts a server again has to remove it,
//! and nobody else can know whether it is still somebody's. An abstract name has no file.

use std::io;
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::panic::Location;
use std::path::Path;

use super::address;
use crate::accept::{Accepting, Listens};
use crate::socket::{Kind, Socket, sealed};
use crate::sys::Carries;

/// A unix socket that accepts connections.
///
/// Dropping it leaves its file behind, as std's does: it may be the next server's by then. A server
/// that is the only one of its path removes the file before it binds, or when it ends.
///
/// [`Socket`](crate::socket::Socket) has the methods that it shares with other sockets:
/// `accept`, `incoming`, `local_addr` and more.
///
/// # Examples
///
/// ```
/// use net::{UnixListener, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     // A name that begins with a zero byte is in no file system.
///     let name = format!("\0edgewake example {}", std::process::id());
///     let listener = UnixListener::bind(&name)?;
///     let client = UnixStream::connect(&name).await?;
///     let (server, _) = listener.accept().await?;
///     server.write_all(b"hello").await?;
///     client.read_exact(&mut [0; 5]).await?;
///     Ok(())
/// })
/// # }
/// ```
pub type UnixListener = Socket<StdListener>;

/// # Listening
impl UnixListener {
    /// Binds a path and listens on it, or an abstract name, if it begins with a zero byte. The queue
    /// is as long as the kernel allows.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; if the path is too long (107 bytes is the most); `AddrInUse` if there
    /// is such a file.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let address = address::from_path(path.as_ref())?;
        let call = "UnixListener::bind";
        address::listen(Carries::Stream, &address, call, Location::caller())
    }

    /// As [`bind`](Self::bind), for an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    #[track_caller]
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        let call = "UnixListener::bind_addr";
        address::listen(Carries::Stream, address, call, Location::caller())
    }
}

impl sealed::Kind for StdListener {
    const NAME: &'static str = "UnixListener";
    type State = Accepting;
}

impl Kind for StdListener {
    type Address = SocketAddr;
}

impl Listens for StdListener {
    type Connection = StdStream;
}
