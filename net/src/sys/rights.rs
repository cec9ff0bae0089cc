//! Descriptors that travel through a unix socket.
//!
//! See `unix(7)`, SCM_RIGHTS. The danger is a descriptor that arrives and that nobody owns: the
//! kernel has put it into the process's table before the call returns, whatever else went wrong with
//! the message. So the first thing after the call, before any error is looked at, is that each one
//! gets an owner; from then on every way out closes those that are not handed on. The room for
//! control messages is as large as the limit asks, so the kernel opens no more than that; beside it
//! there is room for what else the socket was told to receive, which would be in the way of them.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::control::{Control, length_of, messages, space_of};
use super::option;
use super::socket::retry;

/// What came with descriptors.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) length: usize,
    pub(crate) fds: Vec<OwnedFd>,
    /// Why there are not all of them.
    pub(crate) loss: Option<Loss>,
}

/// Why descriptors were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// More came than were asked for.
    Limit,
    /// Something else that came with them took their room: a security label, a time.
    Room,
    /// The process may not have as many.
    Table,
}

/// Sends bytes, and duplicates of descriptors with the first of them.
pub(crate) fn send_with_fds(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let mut numbers = [0; MOST_FDS * FD];
    for (to, fd) in numbers.chunks_exact_mut(FD).zip(fds) {
        to.copy_from_slice(&fd.as_raw_fd().to_ne_bytes());
    }
    let mut control = Control::<ROOM>::new();
    if !fds.is_empty() {
        let numbers = &numbers[..fds.len().min(MOST_FDS) * FD];
        let fits = control.push(libc::SOL_SOCKET, libc::SCM_RIGHTS, numbers);
        debug_assert!(fits, "there is room for as many as there may be");
    }
    let mut slice = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let mut message = message(&mut slice);
    let control = control.written();
    if !control.is_empty() {
        message.msg_control = control.as_ptr().cast_mut().cast();
        // The field is of another width in other C libraries.
        message.msg_controllen = control.len() as _;
    }
    let fd = socket.as_raw_fd();
    // SAFETY: the call reads what the message points to, all of which lives here or in `bytes`.
    retry(|| unsafe { libc::sendmsg(fd, &raw const message, libc::MSG_NOSIGNAL) })
}

/// Receives bytes, and at most `limit` descriptors that came with them.
pub(crate) fn recv_with_fds(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    limit: usize,
) -> io::Result<Delivery> {
    let mut slice = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut control = Control::<ROOM>::new();
    let limit = limit.min(MOST_FDS);
    let room = length_of(limit * FD) + beside(socket);
    let room = &mut control.room()[..room];
    let mut message = message(&mut slice);
    message.msg_control = room.as_mut_ptr().cast();
    message.msg_controllen = room.len() as _;
    let room = room.len();
    let fd = socket.as_raw_fd();
    let flags = libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the call writes to what the message points to, at most as much as it says there is.
    let length = retry(|| unsafe { libc::recvmsg(fd, &raw mut message, flags) })?;
    let written: usize = message.msg_controllen as _;
    let written = &control.room()[..written.min(ROOM)];
    let had_room = room_for_fds(room, written);
    let fds = owned(written);
    let is_cut = message.msg_flags & libc::MSG_CTRUNC != 0;
    let loss = match fds.len() {
        came if came > limit => Some(Loss::Limit),
        _ if !is_cut => None,
        came if came == limit => Some(Loss::Limit),
        came if came >= had_room => Some(Loss::Room),
        _ => Some(Loss::Table),
    };
    Ok(Delivery { length, fds, loss })
}

/// The room for what a socket may have been told to receive with each message.
fn beside(socket: BorrowedFd<'_>) -> usize {
    let is_on = |name| option::flag(socket, name).unwrap_or(false);
    let credentials = if is_on(option::PASS_CREDENTIALS) {
        CREDENTIALS
    } else {
        0
    };
    let pidfd = if is_on(option::PASS_PIDFD) { PIDFD } else { 0 };
    credentials + pidfd
}

/// For how many descriptors there was room, behind what the kernel wrote before them.
fn room_for_fds(room: usize, control: &[u8]) -> usize {
    let fds = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
    let before = messages(control).take_while(|(level, kind, _)| (*level, *kind) != fds);
    let before: usize = before.map(|(_, _, data)| space_of(data.len())).sum();
    room.saturating_sub(before + length_of(0)) / FD
}

/// Takes over every descriptor in what the kernel wrote, and closes those that were not meant.
fn owned(control: &[u8]) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    for (level, kind, data) in messages(control) {
        if level != libc::SOL_SOCKET || ![libc::SCM_RIGHTS, SCM_PIDFD].contains(&kind) {
            continue;
        }
        for number in data.chunks_exact(FD) {
            let number = number.first_chunk().copied().map_or(-1, i32::from_ne_bytes);
            if number < 0 {
                continue;
            }
            // SAFETY: the kernel has just opened this descriptor for this message, and nobody else
            // knows of it.
            let fd = unsafe { OwnedFd::from_raw_fd(number) };
            if kind == libc::SCM_RIGHTS {
                fds.push(fd);
            }
        }
    }
    fds
}

/// A message of these bytes.
fn message(slice: &mut libc::iovec) -> libc::msghdr {
    // SAFETY: all zeroes is a valid header: no name, no buffers, no control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = slice;
    message.msg_iovlen = 1;
    message
}

/// As many descriptors as the kernel takes with one message (its `SCM_MAX_FD`).
pub(crate) const MOST_FDS: usize = 253;

/// The sender's process, as a descriptor; for those who have asked the socket for it.
const SCM_PIDFD: libc::c_int = 4;
/// The size of a descriptor's number.
const FD: usize = size_of::<libc::c_int>();
const CREDENTIALS: usize = space_of(size_of::<libc::ucred>());
const PIDFD: usize = space_of(FD);
const ROOM: usize = space_of(MOST_FDS * FD) + CREDENTIALS + PIDFD;
