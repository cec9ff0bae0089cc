//! Unix sockets, and who is at their other end.
//!
//! See `unix(7)`, `socketpair(2)`. What all sockets have in common is in
//! [`socket`](super::socket) and [`datagram`](super::datagram).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use super::option::{self, Plain};
use super::socket::{self, FROM_BIRTH, check};

/// What a socket carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carries {
    Stream,
    Datagrams,
    /// Datagrams in order, over a connection.
    Packets,
}

impl Carries {
    /// The kernel's word.
    fn kind(self) -> libc::c_int {
        match self {
            Self::Stream => libc::SOCK_STREAM,
            Self::Datagrams => libc::SOCK_DGRAM,
            Self::Packets => libc::SOCK_SEQPACKET,
        }
    }
}

/// A unix socket.
pub(crate) fn unix_socket(carries: Carries) -> io::Result<OwnedFd> {
    socket::socket(libc::AF_UNIX, carries.kind(), 0)
}

/// Two unix sockets that are connected to each other.
pub(crate) fn unix_pair(carries: Carries) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let (kind, room) = (carries.kind() | FROM_BIRTH, ends.as_mut_ptr());
    // SAFETY: `ends` has room for the two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, room) })?;
    // SAFETY: the kernel has just made these descriptors and nobody else owns them.
    let [one, other] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    Ok((one, other))
}

/// Who was at the other end when it was connected: process, user, group. A process that cannot be
/// seen from here is 0.
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<(i32, u32, u32)> {
    let peer: libc::ucred = option::get(socket, (libc::SOL_SOCKET, libc::SO_PEERCRED))?;
    if peer.uid == u32::MAX {
        // There has been nobody.
        return Err(io::ErrorKind::NotConnected.into());
    }
    Ok((peer.pid, peer.uid, peer.gid))
}

// SAFETY: three numbers.
unsafe impl Plain for libc::ucred {}
