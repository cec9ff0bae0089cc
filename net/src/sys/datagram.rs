//! Datagrams, one a call.
//!
//! See `recvfrom(2)`, `sendto(2)`, `udp(7)`. A datagram is taken whole: what does not fit into the
//! buffer is gone. Those that need more than an address are in [`packet`](super::packet).

#![allow(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::address::Address;
use super::socket::{self, family, retry};

/// A UDP socket for addresses such as this.
pub(crate) fn udp_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    socket::socket(family(address), libc::SOCK_DGRAM, libc::IPPROTO_UDP)
}

/// Connects a socket that is connected at once or not at all: any but TCP's.
pub(crate) fn connect_now(socket: BorrowedFd<'_>, to: &Address) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let (address, length) = (to.as_ptr(), to.length());
    // SAFETY: the pointer and the length are those of one whole address.
    retry(|| unsafe { libc::connect(fd, address, length) as isize })?;
    Ok(())
}

/// Takes a datagram, and the address that it came from.
pub(crate) fn recv_from(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
    recv_from_with(socket, buffer, 0)
}

/// Looks at a datagram, and leaves it.
pub(crate) fn peek_from(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
    recv_from_with(socket, buffer, libc::MSG_PEEK)
}

fn recv_from_with(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> io::Result<(usize, Address)> {
    let fd = socket.as_raw_fd();
    let (bytes, size) = (buffer.as_mut_ptr().cast(), buffer.len());
    let mut source = Address::room();
    let count = retry(|| {
        let (address, length) = source.as_out();
        // SAFETY: the call writes to `buffer`, at most as many bytes as it has, and to `address`, at
        // most as many as `length` says.
        unsafe { libc::recvfrom(fd, bytes, size, flags, address, length) }
    })?;
    Ok((count, source))
}

/// Sends a datagram to an address.
pub(crate) fn send_to(socket: BorrowedFd<'_>, bytes: &[u8], to: &Address) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let (start, size) = (bytes.as_ptr().cast(), bytes.len());
    let (address, length) = (to.as_ptr(), to.length());
    // SAFETY: the call reads `bytes`, and the address, which is whole.
    retry(|| unsafe { libc::sendto(fd, start, size, libc::MSG_NOSIGNAL, address, length) })
}
