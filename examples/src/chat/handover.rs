//! A new server takes the place of a running one, and no client is refused meanwhile.
//!
//! ```text
//!   former                                     new
//!     | listens, and at PATH too                | is started, and connects to PATH
//!     | ---- the listening sockets -----------> |
//!     | still accepts                           | makes its own place at PATH ready
//!     | <--- "taken" -------------------------- |
//!     | ---- "yours" -------------------------> | accepts
//!     | goodbye, and drains                     | is at PATH, for the next one
//! ```
//!
//! What travels are the sockets themselves (`SCM_RIGHTS`), with the clients that wait in their queues.
//! So there is always somebody who listens, and nobody is lost between two queues, as happens to those
//! who wait in the queue of the former with `SO_REUSEPORT`.
//!
//! The danger is that one of the two dies half-way. Until "taken" the former goes on as if nothing
//! had been; the new one says so when nothing is left to do that could fail. And who asks must be
//! allowed to: the doors are given to processes of the same user, and of root.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use net::{UnixListener, UnixStream};
use runtime::task::JoinSet;
use runtime::time::{Duration, timeout};

use super::door::{Doors, SocketFile};

/// Where the next server asks for the doors.
#[derive(Debug)]
pub(super) struct Handover {
    // Dropped first, as that of a door is.
    file: SocketFile,
    listener: UnixListener,
    /// Of this process.
    user: u32,
}

impl Handover {
    /// Takes the doors from the server at the path, or opens them if there is none; and is there from
    /// then on.
    pub(super) async fn begin(
        path: &Path,
        open: impl FnOnce() -> io::Result<Doors>,
    ) -> io::Result<(Doors, Self)> {
        let explain = |error: io::Error| {
            let path = path.display();
            io::Error::other(format!("cannot take over at --handover {path}: {error}"))
        };
        if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
            return Err(explain(io::Error::other(
                "that is no socket: choose another place, or remove it",
            )));
        }
        let doors = match UnixStream::connect(path).await {
            Ok(former) => return take(former, path).await.map_err(explain),
            Err(error) if is_nobody(&error) => open()?,
            Err(error) => return Err(explain(error)),
        };
        let ready = Ready::new(path).map_err(explain)?;
        Ok((doors, ready.appear().map_err(explain)?))
    }

    /// Waits until another server has taken the doors over.
    pub(super) async fn successor(&self, doors: &Doors) {
        let mut incoming = self.listener.incoming();
        let mut asked = JoinSet::new();
        loop {
            runtime::select! {
                accepted = incoming.accept(), if asked.len() < MOST_ASKING => match accepted {
                    Ok((asking, _)) => if self.offer(&asking, doors).await.is_ok() {
                        asked.spawn(timeout(PATIENCE, taken(asking)));
                    },
                    // That of a listener which is broken: then nobody takes over.
                    Err(_) => return std::future::pending().await,
                },
                Some(answer) = asked.join_next() => if let Ok(Ok(Ok(next))) = answer {
                    if next.write_all(YOURS).await.is_ok() {
                        return asked.shutdown().await;
                    }
                },
            }
        }
    }

    /// Sends the doors to who asks for them.
    async fn offer(&self, asking: &UnixStream, doors: &Doors) -> io::Result<()> {
        let user = asking.peer_cred()?.uid();
        if user != self.user && user != ROOT {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut fds = vec![doors.tcp.as_fd()];
        fds.extend(doors.unix.as_ref().map(|door| door.listener.as_fd()));
        // There is room: it is the first that is sent.
        asking.send_with_fds(DOORS, &fds).await?;
        Ok(())
    }

    /// Goes, and leaves the place to the one who has taken over.
    pub(super) fn leave(self) {
        self.file.leave();
    }
}

/// Waits until who has asked says that it has the doors.
async fn taken(asking: UnixStream) -> io::Result<UnixStream> {
    let mut answer = [0; TAKEN.len()];
    asking.read_exact(&mut answer).await?;
    match answer == *TAKEN {
        true => Ok(asking),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Takes the doors from the former server.
async fn take(former: UnixStream, path: &Path) -> io::Result<(Doors, Handover)> {
    let silent = |_| io::Error::other("the server there does not answer: is it stopped?");
    let mut said = [0; DOORS.len()];
    let received = timeout(LONG_PATIENCE, former.recv_with_fds(&mut said, MOST_DOORS));
    let (count, fds) = received.await.map_err(silent)?.map_err(too_late)?;
    if said[..count] != *DOORS {
        let what = "the one there does not give its doors to this user, or is no chat server";
        return Err(io::Error::other(what));
    }
    let doors = Doors::from_fds(fds)?;
    let agreed = timeout(LONG_PATIENCE, agree(&former, path)).await;
    match agreed.map_err(silent).and_then(|agreed| agreed) {
        Ok(handover) => Ok((doors, handover)),
        Err(error) => {
            // They are still another's.
            doors.leave();
            Err(error)
        }
    }
}

/// Says that nothing is left to do, and hears whether the doors are ours.
async fn agree(former: &UnixStream, path: &Path) -> io::Result<Handover> {
    let ready = Ready::new(path)?;
    former.write_all(TAKEN).await.map_err(too_late)?;
    let mut answer = [0; YOURS.len()];
    former.read_exact(&mut answer).await.map_err(too_late)?;
    ready.appear()
}

/// The former server has gone, and has not given its doors to us.
fn too_late(error: io::Error) -> io::Error {
    io::Error::other(format!(
        "the server there has ended, or another server has taken over from it meanwhile ({error}): \
         start this one again"
    ))
}

/// A place that is not to be seen yet, under another name.
struct Ready {
    listener: UnixListener,
    hidden: SocketFile,
    hidden_path: PathBuf,
    path: PathBuf,
}

impl Ready {
    fn new(path: &Path) -> io::Result<Self> {
        let mut hidden_path = path.as_os_str().to_owned();
        hidden_path.push(format!(".{}", std::process::id()));
        let hidden_path = PathBuf::from(hidden_path);
        Ok(Self {
            listener: UnixListener::bind(&hidden_path)?,
            hidden: SocketFile::new(&hidden_path),
            hidden_path,
            path: path.to_owned(),
        })
    }

    /// In the place of whatever was there, in one step.
    fn appear(self) -> io::Result<Handover> {
        fs::rename(&self.hidden_path, &self.path)?;
        self.hidden.leave();
        Ok(Handover {
            listener: self.listener,
            user: fs::metadata(&self.path)?.uid(),
            file: SocketFile::new(&self.path),
        })
    }
}

fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error.kind(), NotFound | ConnectionRefused)
}

const DOORS: &[u8] = b"doors\n";
const TAKEN: &[u8; 6] = b"taken\n";
const YOURS: &[u8; 6] = b"yours\n";
/// Askers that have the doors and have not said anything yet.
const MOST_ASKING: usize = 16;
/// TCP, and the unix socket.
const MOST_DOORS: usize = 2;
const ROOT: u32 = 0;
/// For what the other one has to do, which is nearly nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// For the former to turn to us, though as many others have asked before as it serves at once.
const LONG_PATIENCE: Duration = Duration::from_secs(15);
