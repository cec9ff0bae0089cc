//! A new server takes the place of a running one, and no client is refused meanwhile.
//!
//! ```text
//!   former                                     new
//!     | listens, and at PATH too                | is started, and connects to PATH
//!     | ---- the listening sockets -----------> |   (and which file goes with the server)
//!     | still accepts                           | makes its own place at PATH ready
//!     | <--- "taken" -------------------------- |
//!     | ---- "yours" -------------------------> | waits
//!     | tells all goodbye                       |
//!     | ---- what was said lately, its end ---> | is at PATH in its stead, and accepts
//!     | <--- the end -------------------------- |
//!     | is at PATH no more, and drains          |
//! ```
//!
//! What travels are the sockets themselves (`SCM_RIGHTS`), with the clients that wait in their queues.
//! So there is always somebody who listens, and nobody is lost between two queues, as happens to those
//! who wait in the queue of the former with `SO_REUSEPORT`.
//!
//! The danger is that one of the two dies half-way. Until "taken" the former goes on as if nothing
//! had been; the new one says so when nothing is left to do that could fail. And there may be a third,
//! that is started meanwhile: it must not find the place empty, for then it would open doors of its
//! own. So the former leaves the place when the new one is there, and who was in its queue by then
//! asks again. And who asks must be allowed to: the doors are given to processes of the same user, and
//! of root.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use net::io::AsyncReadExt;
use net::{UnixListener, UnixStream};
use runtime::task::JoinSet;
use runtime::time::{Duration, Elapsed, Instant, sleep, timeout};

use super::door::Doors;
use super::place::{SocketFile, Turn};
use super::rooms::MOST_TOLD;

/// A place where the next server asks for the doors.
#[derive(Debug)]
pub(super) struct Handover {
    // Dropped first, as that of a door is.
    file: SocketFile,
    listener: UnixListener,
    /// Of this process.
    user: u32,
}

/// What a server begins with.
pub(super) struct Beginning {
    pub(super) doors: Doors,
    pub(super) handover: Handover,
    /// What was said in the rooms of the former one, as these tell it.
    pub(super) told: String,
}

impl Handover {
    /// Takes the doors from the server at the path, or opens them if there is none; and is there from
    /// then on.
    pub(super) async fn begin(
        path: &Path,
        open: impl Fn() -> io::Result<Doors>,
    ) -> io::Result<Beginning> {
        let explain = |error: io::Error| {
            let path = path.display();
            io::Error::other(format!("cannot take over at --handover {path}: {error}"))
        };
        if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
            return Err(explain(io::Error::other(
                "that is no socket: choose another place, or remove it",
            )));
        }
        let mut turn = None;
        for _ in 0..MOST_ATTEMPTS {
            let former = match UnixStream::connect(path).await {
                Ok(former) => former,
                Err(error) if is_nobody(&error) && turn.is_none() => {
                    turn = Some(its_turn(path).await.map_err(explain)?);
                    // There may be somebody by now.
                    continue;
                }
                Err(error) if is_nobody(&error) => {
                    let ready = Ready::new(path).map_err(explain)?;
                    return Ok(Beginning {
                        doors: open()?,
                        handover: ready.appear().map_err(explain)?,
                        told: String::new(),
                    });
                }
                Err(error) => return Err(explain(error)),
            };
            turn = None;
            match take(former, path).await {
                // It has ended, or another one is at the path now.
                Err(error) if has_gone(&error) => {}
                other => return other.map_err(explain),
            }
        }
        Err(explain(io::Error::other(
            "others take over all the time: start this one again",
        )))
    }

    /// Waits until another server has taken the doors over, and returns the connection to it. They are
    /// no longer ours then.
    pub(super) async fn successor(&self, doors: &Doors) -> UnixStream {
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
                        // Nothing is waited for behind that: it cannot be taken back.
                        return next;
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
        let file = doors.file().map(|path| path.as_os_str().as_bytes());
        // There is room: it is the first that is sent.
        let offer = [DOORS, file.unwrap_or_default()].concat();
        asking.send_with_fds(&offer, &fds).await?;
        Ok(())
    }

    /// Tells the one who has taken over what was said, and leaves the place when it is there.
    pub(super) async fn pass_on(self, next: UnixStream, told: &str) {
        self.file.leave();
        let until_it_is_there = async {
            next.write_all(told.as_bytes()).await?;
            next.shutdown(Shutdown::Write)?;
            next.read(&mut [0]).await
        };
        // One that does not want to know is there all the same.
        let _ = timeout(PATIENCE, until_it_is_there).await;
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

/// Waits until nobody else is about to open doors for want of a server at the path: one of those who
/// find none opens them, and the others take them over from that one.
async fn its_turn(path: &Path) -> io::Result<Turn> {
    let until = Instant::now() + LONG_PATIENCE;
    loop {
        match Turn::take(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(MOMENT).await;
            }
            other => return other,
        }
    }
}

/// Takes the doors from the former server.
async fn take(former: UnixStream, path: &Path) -> io::Result<Beginning> {
    let mut said = [0; DOORS.len() + LONGEST_PATH];
    let received = timeout(LONG_PATIENCE, former.recv_with_fds(&mut said, MOST_DOORS));
    let (count, fds) = received.await.map_err(silent)??;
    let Some(file) = said[..count].strip_prefix(DOORS) else {
        let what = "the one there does not give its doors to this user, or is no chat server";
        return Err(io::Error::other(what));
    };
    let mut doors = Doors::from_fds(fds)?;
    let ready = agree(&former, path).await?;
    // Until now it was the former's to remove.
    if !file.is_empty() {
        doors.own(Path::new(OsStr::from_bytes(file)));
    }
    let told = hear(&former).await;
    let handover = ready.appear()?;
    // Only now: the former waits for that.
    drop(former);
    Ok(Beginning {
        doors,
        handover,
        told,
    })
}

/// Says that nothing is left to do, and hears that the doors are ours.
async fn agree(former: &UnixStream, path: &Path) -> io::Result<Ready> {
    let ready = Ready::new(path)?;
    former.write_all(TAKEN).await?;
    let mut answer = [0; YOURS.len()];
    let answered = timeout(LONG_PATIENCE, former.read_exact(&mut answer));
    answered.await.map_err(silent)??;
    Ok(ready)
}

/// What the former server tells, as far as it comes in time: it may have died, and that is no reason
/// not to serve.
async fn hear(former: &UnixStream) -> String {
    let mut told = Vec::new();
    let _ = timeout(PATIENCE, former.take(MOST_TOLD).read_to_end(&mut told)).await;
    String::from_utf8_lossy(&told).into_owned()
}

fn silent(_: Elapsed) -> io::Error {
    io::Error::other("the server there does not answer: is it stopped?")
}

/// A server that goes, or has given its doors to another one, hangs up.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
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
/// Each time another one was faster.
const MOST_ATTEMPTS: usize = 100;
/// TCP, and the unix socket.
const MOST_DOORS: usize = 2;
const ROOT: u32 = 0;
/// In bytes, as the kernel takes one.
const LONGEST_PATH: usize = 4096;
/// Opening the doors takes less.
const MOMENT: Duration = Duration::from_millis(5);
/// For what the other one has to do, which is nearly nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// For the former to turn to us, though as many others have asked before as it serves at once.
const LONG_PATIENCE: Duration = Duration::from_secs(15);
