//! Making sockets, and moving bytes through them.
//!
//! See `socket(2)`, `accept(2)`, `recv(2)`, `send(2)`, `poll(2)`, `tcp(7)`. `recv` and `send` are
//! used rather than `read` and `write`: they are a little cheaper for the kernel, and only `send`
//! can be told not to raise `SIGPIPE`.

#![allow(unsafe_code)]

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use runtime::io::Portion;

use super::address::Address;
use super::call;

/// A TCP socket of the address's family.
pub(crate) fn tcp_socket(address: &Address) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket takes no pointer.
    let fd = check(unsafe { libc::socket(address.family(), kind, libc::IPPROTO_TCP) })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets an option that is yes or no.
pub(crate) fn set_flag(socket: impl AsFd, (level, name): (i32, i32), on: bool) -> io::Result<()> {
    let value = libc::c_int::from(on);
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the call reads one `c_int`, `value`.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) })?;
    Ok(())
}

/// Binds a socket and listens, with the longest queue that the kernel allows.
pub(crate) fn listen(socket: impl AsFd, address: &Address) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer and the length are those of one whole address.
    check(unsafe { libc::bind(fd, address.as_ptr(), address.length()) })?;
    // The kernel cuts it to /proc/sys/net/core/somaxconn.
    // SAFETY: listen takes no pointer.
    check(unsafe { libc::listen(fd, libc::c_int::MAX) })?;
    Ok(())
}

/// Starts to connect. True if the connection stands already.
pub(crate) fn connect(socket: impl AsFd, address: &Address) -> io::Result<bool> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer and the length are those of one whole address.
    match check(unsafe { libc::connect(fd, address.as_ptr(), address.length()) }) {
        Ok(_) => Ok(true),
        // An interrupted connect goes on by itself, and a second call would be refused.
        Err(error) => match error.raw_os_error() {
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(false),
            _ => Err(error),
        },
    }
}

/// Takes a connection from a listener's queue.
pub(crate) fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, SocketAddr)> {
    let fd = listener.as_fd().as_raw_fd();
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let mut peer = Address::room();
    let accepted = retry(|| {
        let (address, length) = peer.as_out();
        // SAFETY: there is room at `address` for as many bytes as `length` says.
        unsafe { libc::accept4(fd, address, length, flags) as isize }
    })?;
    // SAFETY: the kernel has just made this descriptor and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(accepted as libc::c_int) };
    Ok((socket, peer.to_std()?))
}

/// Whether there is something to read, or a connection to accept, now.
///
/// An `accept` that finds nothing costs eighteen times this: the kernel makes the new socket before
/// it looks.
pub(crate) fn is_readable(socket: impl AsFd) -> io::Result<bool> {
    let mut query = libc::pollfd {
        fd: socket.as_fd().as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `query` is one entry, as the count says.
    let ready = retry(|| unsafe { libc::poll(&raw mut query, 1, 0) as isize })?;
    Ok(ready > 0)
}

/// Reads bytes that have come.
#[inline]
pub(crate) fn recv(socket: impl AsFd, buffer: &mut [u8], portion: Portion) -> io::Result<usize> {
    recv_with(socket, buffer, portion, 0)
}

/// Looks at bytes that have come, and leaves them.
pub(crate) fn peek(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    recv_with(socket, buffer, Portion::ALL, libc::MSG_PEEK)
}

#[inline]
fn recv_with(
    socket: impl AsFd,
    buffer: &mut [u8],
    portion: Portion,
    flags: libc::c_int,
) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    let room = portion.of(buffer.len());
    // SAFETY: the call writes to `buffer`, at most as many bytes as it has.
    call::retry(portion, || unsafe {
        call::recv(fd, buffer.as_mut_ptr(), room, flags)
    })
}

/// Reads into several buffers, one after the other.
pub(crate) fn recv_vectored(
    socket: impl AsFd,
    buffers: &mut [IoSliceMut<'_>],
    portion: Portion,
) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    let count = slices(buffers.len(), portion) as libc::c_int;
    // SAFETY: an `IoSliceMut` is laid out as an `iovec`, and the call writes where they point.
    retry(|| unsafe { libc::readv(fd, buffers.as_mut_ptr().cast(), count) })
}

/// How many bytes [`recv_vectored`] asks for.
pub(crate) fn vectored_length(buffers: &[IoSliceMut<'_>]) -> usize {
    let passed = buffers.iter().take(MOST_SLICES);
    passed.map(|buffer| buffer.len()).sum()
}

/// Writes bytes for which there is room.
#[inline]
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], portion: Portion) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    let count = portion.of(bytes.len());
    // SAFETY: the call reads `bytes`, at most as many as there are.
    call::retry(portion, || unsafe {
        call::send(fd, bytes.as_ptr(), count, libc::MSG_NOSIGNAL)
    })
}

/// Writes from several buffers, one after the other.
pub(crate) fn send_vectored(
    socket: impl AsFd,
    buffers: &[IoSlice<'_>],
    portion: Portion,
) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: all zeroes is a valid header: no name, no buffers, no control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = buffers.as_ptr().cast_mut().cast();
    // The field is of another width in other C libraries.
    message.msg_iovlen = slices(buffers.len(), portion) as _;
    // SAFETY: an `IoSlice` is laid out as an `iovec`, and the call only reads where they point.
    retry(|| unsafe { libc::sendmsg(fd, &raw const message, libc::MSG_NOSIGNAL) })
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
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
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

fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}

/// `IOV_MAX`: the kernel refuses more.
const MOST_SLICES: usize = 1024;
