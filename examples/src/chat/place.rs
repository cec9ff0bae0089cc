//! The files of sockets: whose they are, and whose turn it is to make one.
//!
//! A socket's file goes with its server, and one that a killed server left is replaced. The danger is to
//! remove what is another's: a file that somebody has put in the place of ours, that of a path which
//! means something else where this server was started, or that of a server which has found the same
//! place deserted, and was faster. So a file is known by its number and not by its name only, paths are
//! absolute, and of those who find a place deserted one at a time does something about it.

use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{self, Path, PathBuf};

/// The file of a socket, which goes with its server. To be dropped before the socket: as long as that is
/// there, no other file has its number.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// `None` if it is left to somebody.
    number: Option<(u64, u64)>,
}

impl SocketFile {
    /// The one that is there now.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            number: number(path),
        }
    }

    /// Wherever its server has been started.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file to another server.
    pub(super) fn leave(mut self) {
        self.number = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.number.is_some() && number(&self.path) == self.number {
            // Nobody listens there any more.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What tells a file from all others, whatever its name.
fn number(path: &Path) -> Option<(u64, u64)> {
    let file = fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// A server that was killed leaves its socket's file, at which nobody answers any more. (Nor does
/// anybody at a file of another kind: that is somebody's.)
///
/// It is asked by a socket of another kind, which a server that is alive does not notice.
pub(super) fn is_deserted(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let connected = UnixDatagram::unbound().and_then(|probe| probe.connect(path));
    is_socket && connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The right to make a socket at a place where nobody is; it ends with its process, however that ends.
#[derive(Debug)]
pub(super) struct Turn {
    /// A name that has no file.
    _name: UnixDatagram,
}

impl Turn {
    /// `AddrInUse` if it is another's turn.
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        let path = path::absolute(path)?;
        let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        // A folder may have several names.
        let folder = fs::metadata(folder)?;
        let mut name = format!("chat {}:{} ", folder.dev(), folder.ino()).into_bytes();
        // Two that differ before that wait for each other, and that is all.
        name.extend(file.as_bytes().iter().rev().take(MOST_OF_NAME));
        let name = SocketAddr::from_abstract_name(name)?;
        Ok(Self {
            _name: UnixDatagram::bind_addr(&name)?,
        })
    }
}

/// Of a file; a socket's name has 107 bytes at most.
const MOST_OF_NAME: usize = 50;
