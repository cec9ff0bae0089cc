//! The doors: where clients come in, over TCP and over a unix socket.
//!
//! The danger at a door is too many: each client may cost its whole outbox, so there are so many and
//! no more. One who comes when it is full is told so, and is not left in the queue, where nobody
//! would answer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use net::io::{AsyncRead, AsyncWrite};
use net::{
    Incoming, Listener, TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, tcp, unix,
};
use runtime::sync::Semaphore;
use runtime::task::TaskTracker;
use runtime::time::{Duration, timeout};

use crate::hall::Hall;
use crate::options::Options;
use crate::session::{self, Limits};

/// What all doors lead to.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) hall: Arc<Hall>,
    pub(crate) sessions: TaskTracker,
    pub(crate) limits: Limits,
    pub(crate) places: Arc<Semaphore>,
}

/// A connection of either kind.
pub(crate) trait Connection: Send + 'static {
    type Reader: AsyncRead + Unpin + Send + 'static;
    type Writer: AsyncWrite + Unpin + Send + 'static;

    /// Says something, if there is room for it, before the connection is closed.
    fn turn_away(&self, why: &[u8]);
    fn into_halves(self) -> (Self::Reader, Self::Writer);
}

impl Connection for TcpStream {
    type Reader = tcp::OwnedReadHalf;
    type Writer = tcp::OwnedWriteHalf;

    fn turn_away(&self, why: &[u8]) {
        let _ = self.try_write(why);
    }

    fn into_halves(self) -> (Self::Reader, Self::Writer) {
        // A line is sent when it is said. Frames that come together are written together.
        let _ = self.set_nodelay(true);
        self.into_split()
    }
}

impl Connection for UnixStream {
    type Reader = unix::OwnedReadHalf;
    type Writer = unix::OwnedWriteHalf;

    fn turn_away(&self, why: &[u8]) {
        let _ = self.try_write(why);
    }

    fn into_halves(self) -> (Self::Reader, Self::Writer) {
        self.into_split()
    }
}

impl House {
    /// Lets clients in for ever; each is a task of its own.
    ///
    /// # Errors
    ///
    /// If the listener is broken; what happens to one connection is none.
    pub(crate) async fn admit<L>(&self, mut incoming: Incoming<'_, L>) -> io::Result<()>
    where
        L: Listener<Connection: Connection>,
    {
        loop {
            let (connection, _) = incoming.accept().await?;
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                connection.turn_away(FULL);
                continue;
            };
            let (reader, writer) = connection.into_halves();
            let (hall, limits) = (self.hall.clone(), self.limits);
            self.sessions.spawn(async move {
                session::serve(reader, writer, hall, limits).await;
                drop(place);
            });
        }
    }

    /// Says goodbye to everybody, and waits until all have got it, but no longer than `grace`. How
    /// many have not.
    pub(crate) async fn close(&self, grace: Duration) -> usize {
        self.hall.close();
        self.sessions.close();
        let _ = timeout(grace, self.sessions.wait()).await;
        self.sessions.len()
    }
}

/// Opens the door for TCP. What is said to the clients that come through it waits in their outboxes:
/// the kernel would keep megabytes more for one that does not read.
pub(crate) fn tcp(options: &Options) -> io::Result<TcpListener> {
    let open = || {
        let socket = TcpSocket::new_for(options.address)?;
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(options.address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| {
        io::Error::other(format!(
            "cannot listen on {} ({error}): choose another address with --addr IP:PORT (port 0 \
             takes any that is free)",
            options.address
        ))
    })
}

/// A listener at a path. The file goes with it.
pub(crate) struct UnixDoor {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl Drop for UnixDoor {
    fn drop(&mut self) {
        // Nobody listens there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the door for unix sockets.
pub(crate) fn unix(path: &Path) -> io::Result<UnixDoor> {
    let explain = |error: io::Error| {
        io::Error::other(format!(
            "cannot listen on {} ({error}): choose another place with --unix PATH",
            path.display()
        ))
    };
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_deserted(path) => {
            fs::remove_file(path).map_err(explain)?;
            UnixListener::bind(path)
        }
        other => other,
    };
    Ok(UnixDoor {
        listener: listener.map_err(explain)?,
        path: path.to_owned(),
    })
}

/// A server that was killed leaves its socket's file, at which nobody answers any more.
fn is_deserted(path: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// Said to who comes when all places are taken.
const FULL: &[u8] = b"* all places are taken: come again later\n";
/// Of the kernel, for each client.
const SEND_BUFFER: u32 = 64 * 1024;
/// As long a queue as the system allows.
const BACKLOG: u32 = u32::MAX;
