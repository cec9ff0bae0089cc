//! Who is at the other end of a unix socket.
//!
//! The kernel notes it when the connection is made, and says it to whoever asks. The danger is to
//! take the process for the one that is there *now*: it may have ended, passed its socket on, or
//! become another user. The user and the group are what it had when it connected, which is what
//! access is granted by.

use std::io;
use std::os::fd::AsFd;

use crate::sys;

/// The process, user and group that made the other end of a connection.
///
/// # Examples
///
/// ```
/// use net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (one, _other) = UnixStream::pair()?;
///     let peer = one.peer_cred()?;
///     assert_eq!(peer.pid(), Some(std::process::id() as i32));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UCred {
    pid: i32,
    uid: u32,
    gid: u32,
}

impl UCred {
    /// The process, unless it is in a namespace that cannot be seen from here.
    pub fn pid(&self) -> Option<i32> {
        (self.pid > 0).then_some(self.pid)
    }

    /// The user.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The group.
    pub fn gid(&self) -> u32 {
        self.gid
    }
}

/// Of a connected socket; `NotConnected` if it is not.
pub(super) fn of_peer(socket: impl AsFd) -> io::Result<UCred> {
    let (pid, uid, gid) = sys::peer_credentials(socket.as_fd())?;
    Ok(UCred { pid, uid, gid })
}
