//! The doors: where clients come in, over TCP and over a unix socket.
//!
//! The danger at a door is too many: each client may cost its whole outbox, so there are so many and
//! no more. One who comes when it is full is told so, and is not left in the queue, where nobody
//! would answer. To tell somebody takes a moment too, so there are so many of those, and no more.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use examples::program::Given;
use net::io::{AsyncRead, AsyncWrite};
use net::{
    Incoming, Listener, TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, tcp, unix,
};
use runtime::task::TaskTracker;
use runtime::time::{Duration, timeout};

use super::hall::Hall;
use super::options::Options;
use super::place::{SocketFile, Turn, is_deserted};
use super::session;
use super::settings::Settings;

/// What all doors lead to.
#[derive(Debug)]
pub struct House {
    hall: Arc<Hall>,
    sessions: TaskTracker,
    /// Those that are just told that there is no place.
    turned_away: TaskTracker,
    settings: Mutex<Settings>,
}

/// A connection of either kind.
pub trait Connection: Send + 'static {
    /// What comes.
    type Reader: AsyncRead + Unpin + Send + 'static;
    /// What goes.
    type Writer: AsyncWrite + Unpin + Send + 'static;

    /// Both, each for a task of its own.
    fn into_halves(self) -> (Self::Reader, Self::Writer);
}

impl Connection for TcpStream {
    type Reader = tcp::OwnedReadHalf;
    type Writer = tcp::OwnedWriteHalf;

    fn into_halves(self) -> (Self::Reader, Self::Writer) {
        // A line is sent when it is said. Frames that come together are written together.
        let _ = self.set_nodelay(true);
        self.into_split()
    }
}

impl Connection for UnixStream {
    type Reader = unix::OwnedReadHalf;
    type Writer = unix::OwnedWriteHalf;

    fn into_halves(self) -> (Self::Reader, Self::Writer) {
        self.into_split()
    }
}

impl House {
    /// With nobody in it.
    pub fn new(settings: Settings) -> Self {
        Self {
            hall: Arc::new(Hall::new()),
            sessions: TaskTracker::new(),
            turned_away: TaskTracker::new(),
            settings: Mutex::new(settings),
        }
    }

    /// Changes the settings for those who come from now on.
    pub fn set(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn settings(&self) -> Settings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets clients in for ever; each is a task of its own.
    ///
    /// # Errors
    ///
    /// If the listener is broken; what happens to one connection is none.
    pub async fn admit<L>(&self, mut incoming: Incoming<'_, L>) -> io::Result<()>
    where
        L: Listener<Connection: Connection>,
    {
        loop {
            let (connection, _) = incoming.accept().await?;
            self.welcome(connection);
        }
    }

    /// Lets a client in, if there is a place.
    pub fn welcome(&self, connection: impl Connection) {
        let settings = self.settings();
        let (reader, writer) = connection.into_halves();
        if self.sessions.len() < settings.clients {
            let session = session::serve(reader, writer, self.hall.clone(), settings);
            self.sessions.spawn(session);
        } else if self.turned_away.len() < MOST_TURNED_AWAY {
            let farewell = session::turn_away(reader, writer, FULL);
            self.turned_away.spawn(farewell);
        }
    }

    /// Goes on with what was said in the rooms of another one.
    pub(super) fn recall(&self, told: &str) {
        self.hall.recall(told);
    }

    /// Ends all rooms, and returns what was said in them.
    pub(super) fn close_rooms(&self) -> String {
        self.hall.close()
    }

    /// Says goodbye to everybody, and waits until all have got it, but no longer than `grace`. How
    /// many have not.
    pub async fn close(&self, grace: Duration) -> usize {
        self.hall.close();
        self.sessions.close();
        self.turned_away.close();
        let all = async {
            self.sessions.wait().await;
            self.turned_away.wait().await;
        };
        let _ = timeout(grace, all).await;
        self.sessions.len()
    }
}

/// All doors of a server.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) tcp: TcpListener,
    pub(super) unix: Option<UnixDoor>,
}

impl Doors {
    /// Those that the program was started with, as by systemd, and else those that it was told.
    pub(super) fn open(options: &Options) -> io::Result<Self> {
        let given = Given::take()?;
        let tcp = match given.tcp {
            Some(listener) => {
                listener.set_send_buffer_size(SEND_BUFFER)?;
                listener
            }
            None => tcp(options)?,
        };
        let unix = match (given.unix, &options.unix) {
            (Some(listener), _) => Some(UnixDoor {
                file: None,
                listener,
            }),
            (None, Some(path)) => Some(unix(path)?),
            (None, None) => None,
        };
        Ok(Self { tcp, unix })
    }

    /// Those that another server has opened, in the order in which they stand here.
    pub(super) fn from_fds(fds: Vec<OwnedFd>) -> io::Result<Self> {
        let mut fds = fds.into_iter();
        let tcp = fds.next().ok_or(io::ErrorKind::UnexpectedEof)?;
        let unix = |fd: OwnedFd| {
            io::Result::Ok(UnixDoor {
                file: None,
                listener: UnixListener::from_std(fd.into())?,
            })
        };
        Ok(Self {
            tcp: TcpListener::from_std(tcp.into())?,
            unix: fds.next().map(unix).transpose()?,
        })
    }

    /// Lets the file go with this server from now on.
    pub(super) fn own(&mut self, file: &Path) {
        if let Some(door) = &mut self.unix {
            door.file = Some(SocketFile::new(file));
        }
    }

    /// The file that goes with the server, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        Some(self.unix.as_ref()?.file.as_ref()?.path())
    }

    /// Goes, and leaves them open to the one who has taken them over.
    pub(super) fn leave(self) {
        if let Some(file) = self.unix.and_then(|door| door.file) {
            file.leave();
        }
    }
}

/// What the first line says of them.
impl fmt::Display for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.tcp.local_addr().map_err(|_| fmt::Error)?;
        write!(f, "{address}")?;
        if let Some(door) = &self.unix {
            let address = door.listener.local_addr().map_err(|_| fmt::Error)?;
            if let Some(path) = address.as_pathname() {
                write!(f, ", {}", path.display())?;
            } else if let Some(name) = address.as_abstract_name() {
                write!(f, ", @{}", name.escape_ascii())?;
            }
        }
        Ok(())
    }
}

/// Opens the door for TCP. What is said to the clients that come through it waits in their outboxes:
/// the kernel would keep megabytes more for one that does not read.
fn tcp(options: &Options) -> io::Result<TcpListener> {
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

/// A unix socket that listens.
#[derive(Debug)]
pub(super) struct UnixDoor {
    // Dropped first: a server that found it deserted would put its own in the place, and lose it.
    // `None` if it is another's, as systemd's, or there is none.
    file: Option<SocketFile>,
    pub(super) listener: UnixListener,
}

/// Opens the door for unix sockets.
fn unix(path: &Path) -> io::Result<UnixDoor> {
    let explain = |error: io::Error| {
        io::Error::other(format!(
            "cannot listen on {} ({error}): choose another place with --unix PATH",
            path.display()
        ))
    };
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => replace(path, error),
        other => other,
    };
    Ok(UnixDoor {
        listener: listener.map_err(explain)?,
        file: Some(SocketFile::new(path)),
    })
}

/// Listens in the place of a server that was killed, if it was one.
fn replace(path: &Path, taken: io::Error) -> io::Result<UnixListener> {
    let _turn = Turn::take(path)?;
    if !is_deserted(path) {
        return Err(taken);
    }
    fs::remove_file(path)?;
    UnixListener::bind(path)
}

/// Said to who comes when all places are taken.
const FULL: &[u8] = b"* all places are taken: come again later\n";
/// At once; more than that are none who mean to talk, and are closed without a word.
const MOST_TURNED_AWAY: usize = 1024;
/// Of the kernel, for each client.
const SEND_BUFFER: u32 = 64 * 1024;
/// As long a queue as the system allows.
const BACKLOG: u32 = u32::MAX;
