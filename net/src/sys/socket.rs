//! Making sockets, and moving bytes through them.
//!
//! See `socket(2)`, `accept(2)`, `recv(2)`, `send(2)`, `poll(2)`, `tcp(7)`. `recv` and `send` are
//! used rather than `read` and `write`: they are a little cheaper for the kernel, and only `send`
//! can be told not to raise `SIGPIPE`.

#![allow(unsafe_code)]

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use runtime::io::Portion;

use super::address::Address;
use super::call;

/// A TCP socket for addresses such as this.
pub(crate) fn tcp_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    socket(family(address), libc::SOCK_STREAM, libc::IPPROTO_TCP)
}

/// What the kernel calls the version of an address.
pub(super) fn family(address: SocketAddr) -> libc::c_int {
    match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

/// A new socket, of these three numbers of the kernel's.
pub(super) fn socket(
    family: libc::c_int,
    kind: libc::c_int,
    protocol: libc::c_int,
) -> io::Result<OwnedFd> {
    // SAFETY: socket takes no pointer.
    let fd = check(unsafe { libc::socket(family, kind | FROM_BIRTH, protocol) })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives a socket its address.
pub(crate) fn bind(socket: BorrowedFd<'_>, address: &Address) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    // SAFETY: the pointer and the length are those of one whole address.
    check(unsafe { libc::bind(fd, address.as_ptr(), address.length()) })?;
    Ok(())
}

/// Listens, with a queue of `backlog` connections; the kernel cuts it to
/// `/proc/sys/net/core/somaxconn`.
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
    let backlog = libc::c_int::try_from(backlog).unwrap_or(libc::c_int::MAX);
    // SAFETY: listen takes no pointer.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog) })?;
    Ok(())
}

/// The address that a socket is bound to.
pub(crate) fn local_address(socket: BorrowedFd<'_>) -> io::Result<Address> {
    let mut own = Address::room();
    let (address, length) = own.as_out();
    // SAFETY: there is room at `address` for as many bytes as `length` says.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), address, length) })?;
    Ok(own)
}

/// The address that a socket is connected to.
pub(crate) fn peer_address(socket: BorrowedFd<'_>) -> io::Result<Address> {
    let mut peer = Address::room();
    let (address, length) = peer.as_out();
    // SAFETY: there is room at `address` for as many bytes as `length` says.
    check(unsafe { libc::getpeername(socket.as_raw_fd(), address, length) })?;
    Ok(peer)
}

/// Ends one direction, or both.
pub(crate) fn shutdown(socket: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: shutdown takes no pointer.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), how) })?;
    Ok(())
}

/// Starts to connect. True if the connection stands already.
pub(crate) fn connect(socket: BorrowedFd<'_>, address: &Address) -> io::Result<bool> {
    let fd = socket.as_raw_fd();
    let mut was_interrupted = false;
    loop {
        // SAFETY: the pointer and the length are those of one whole address.
        let Err(error) = check(unsafe { libc::connect(fd, address.as_ptr(), address.length()) })
        else {
            return Ok(true);
        };
        match error.raw_os_error() {
            Some(libc::EINPROGRESS) => return Ok(false),
            // Whether it goes on by itself, or never began, is told by a second call.
            Some(libc::EINTR) => was_interrupted = true,
            Some(libc::EALREADY) if was_interrupted => return Ok(false),
            Some(libc::EISCONN) if was_interrupted => return Ok(true),
            _ => return Err(error),
        }
    }
}

/// Takes a connection from a listener's queue.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, Address)> {
    let fd = listener.as_raw_fd();
    let mut peer = Address::room();
    let accepted = retry(|| {
        let (address, length) = peer.as_out();
        // SAFETY: there is room at `address` for as many bytes as `length` says.
        unsafe { libc::accept4(fd, address, length, FROM_BIRTH) as isize }
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(accepted as libc::c_int) };
    Ok((socket, peer))
}

/// Whether there is something to read, or a connection to accept, now.
///
/// An `accept` that finds nothing costs eighteen times this: the kernel makes the new socket before
/// it looks.
pub(crate) fn is_readable(socket: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(socket, libc::POLLIN)? != 0)
}

/// Whether there is room to write, now.
pub(crate) fn is_writable(socket: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(socket, libc::POLLOUT)? != 0)
}

/// Which of the `events` there are now, and whether there is an error or a hang-up.
pub(super) fn poll(socket: BorrowedFd<'_>, events: libc::c_short) -> io::Result<libc::c_short> {
    let mut query = libc::pollfd {
        fd: socket.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: `query` is one entry, as the count says.
    retry(|| unsafe { libc::poll(&raw mut query, 1, 0) as isize })?;
    Ok(query.revents)
}

/// Reads bytes that have come.
#[inline]
pub(crate) fn recv_portion(
    socket: &impl AsRawFd,
    buffer: &mut [u8],
    portion: Portion,
) -> io::Result<usize> {
    recv_with(socket, buffer, portion, 0)
}

/// Reads bytes that have come, from a socket that need not be in non-blocking mode.
pub(crate) fn recv_now(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    recv_with(&socket, buffer, Portion::ALL, libc::MSG_DONTWAIT)
}

/// Looks at bytes that have come, and leaves them.
pub(crate) fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    recv_with(&socket, buffer, Portion::ALL, libc::MSG_PEEK)
}

#[inline]
fn recv_with(
    socket: &impl AsRawFd,
    buffer: &mut [u8],
    portion: Portion,
    flags: libc::c_int,
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let room = portion.of(buffer.len());
    // SAFETY: the call writes to `buffer`, at most as many bytes as it has.
    call::retry(portion, || unsafe {
        call::recv(fd, buffer.as_mut_ptr(), room, flags)
    })
}

/// Reads into several buffers, one after the other.
pub(crate) fn recv_vectored_portion(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    portion: Portion,
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let count = slices(buffers.len(), portion) as libc::c_int;
    // SAFETY: an `IoSliceMut` is laid out as an `iovec`, and the call writes where they point.
    retry(|| unsafe { libc::readv(fd, buffers.as_mut_ptr().cast(), count) })
}

/// How many bytes [`recv_vectored`] asks for.
pub(crate) fn vectored_length(buffers: &[IoSliceMut<'_>]) -> usize {
    let passed = buffers.iter().take(MOST_SLICES);
    passed.map(|buffer| buffer.len()).sum()
}

/// Reads into the capacity that a vector has left, and makes it longer by as much as was read.
pub(crate) fn recv_spare(socket: BorrowedFd<'_>, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let room = bytes.spare_capacity_mut();
    // SAFETY: the call writes to `room`, at most as many bytes as it has.
    let read = || unsafe { call::recv(fd, room.as_mut_ptr().cast(), room.len(), 0) };
    let count = call::retry(Portion::ALL, read)?;
    let length = bytes.len() + count;
    // SAFETY: there is capacity for them, and the kernel has written as many.
    unsafe { bytes.set_len(length) };
    Ok(count)
}

/// Takes the urgent byte. `WouldBlock` if it is announced and has not come; `InvalidInput` if none
/// was announced, or it was taken already.
pub(crate) fn recv_urgent(socket: BorrowedFd<'_>) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let count = recv_with(&socket, &mut byte, Portion::ALL, libc::MSG_OOB)?;
    Ok((count > 0).then_some(byte[0]))
}

/// Whether the peer has ended its direction, or the connection has gone.
pub(crate) fn has_ended(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let ended = libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR;
    Ok(poll(socket, libc::POLLRDHUP)? & ended != 0)
}

/// Writes bytes for which there is room.
#[inline]
pub(crate) fn send_portion(
    socket: &impl AsRawFd,
    bytes: &[u8],
    portion: Portion,
) -> io::Result<usize> {
    send_with(socket, bytes, portion, 0)
}

/// Writes bytes of which the last is urgent.
pub(crate) fn send_urgent(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    send_with(&socket, bytes, Portion::ALL, libc::MSG_OOB)
}

#[inline]
fn send_with(
    socket: &impl AsRawFd,
    bytes: &[u8],
    portion: Portion,
    flags: libc::c_int,
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let flags = flags | libc::MSG_NOSIGNAL;
    let count = portion.of(bytes.len());
    // SAFETY: the call reads `bytes`, at most as many as there are.
    call::retry(portion, || unsafe {
        call::send(fd, bytes.as_ptr(), count, flags)
    })
}

/// Writes bytes for which there is room, to a socket that need not be in non-blocking mode.
pub(crate) fn send_now(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    send_with(&socket, bytes, Portion::ALL, libc::MSG_DONTWAIT)
}

/// Writes from several buffers, one after the other.
pub(crate) fn send_vectored_portion(
    socket: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    portion: Portion,
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    // SAFETY: all zeroes is a valid header: no name, no buffers, no control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    // The field is of another width in other C libraries.
    message.msg_iovlen = slices(buffers.len(), portion) as _;
    // SAFETY: an `IoSlice` is laid out as an `iovec`, and the call only reads where they point.
    retry(|| unsafe { libc::sendmsg(fd, &raw const message, libc::MSG_NOSIGNAL) })
}

/// Reads bytes that have come: as many as there is room for.
#[inline]
pub(crate) fn recv(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    recv_portion(&socket, buffer, Portion::ALL)
}

/// Reads into several buffers, one after the other.
pub(crate) fn recv_vectored(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    recv_vectored_portion(socket, buffers, Portion::ALL)
}

/// Writes bytes for which there is room.
#[inline]
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    send_portion(&socket, bytes, Portion::ALL)
}

/// Writes from several buffers, one after the other.
pub(crate) fn send_vectored(socket: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    send_vectored_portion(socket, buffers, Portion::ALL)
}

/// How many of the buffers to pass: one alone where a portion is to be moved.
fn slices(count: usize, portion: Portion) -> usize {
    match portion {
        Portion::ALL => count.min(MOST_SLICES),
        _ => count.min(1),
    }
}

/// Calls again for as long as a signal interrupts.
#[inline]
pub(super) fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    match call() {
        count @ 0.. => Ok(count as usize),
        _ => after_error(call),
    }
}

/// The call has just failed: was it interrupted?
#[cold]
#[inline(never)]
fn after_error(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        if let count @ 0.. = call() {
            return Ok(count as usize);
        }
    }
}

pub(super) fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}

/// What every socket here is.
pub(super) const FROM_BIRTH: libc::c_int = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
/// `IOV_MAX`: the kernel refuses more.
pub(super) const MOST_SLICES: usize = 1024;
