//! Nonblocking TCP sockets: listen, accept, connect, receive, send.
//!
//! The danger is a signal in place of an error: a send to a peer that is gone
//! raises SIGPIPE, which kills a program that has not asked otherwise. So
//! every send carries MSG_NOSIGNAL, and there is no other way to send here.

use super::{check, check_length};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// The queue of connections not yet accepted. The standard library asks for
/// 128, which a burst of connects overflows, and an overflow costs the client
/// a second of waiting.
const BACKLOG: libc::c_int = 4096;

/// Listens on `address` with a long queue and TCP_NODELAY, which accepted
/// sockets inherit. The listener is still blocking.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // SAFETY: listen takes no pointers; a second call only changes the queue.
    check(unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) })?;
    set_flag(&listener, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    Ok(listener)
}

/// Accepts one connection, nonblocking and closed on exec.
pub fn accept(listener: &TcpListener) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let listener = listener.as_raw_fd();
    // SAFETY: null for the peer's address and its length is allowed: we do
    // not want it.
    let raw = check(unsafe { libc::accept4(listener, ptr::null_mut(), ptr::null_mut(), flags) })?;
    // SAFETY: accept4 has just given us this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Starts a connection to `address`, from the address `source` if one is
/// named. It is usually still in progress on return: once writable,
/// [`socket_error`] tells how it went.
pub fn connect(address: SocketAddrV4, source: Option<Ipv4Addr>) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes no pointers.
    let raw = check(unsafe { libc::socket(libc::AF_INET, kind, 0) })?;
    // SAFETY: socket has just given us this descriptor; nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    set_flag(&socket, libc::IPPROTO_TCP, libc::TCP_NODELAY)?;
    if let Some(source) = source {
        bind_without_port(&socket, source)?;
    }
    let (target, length) = encode(address);
    // SAFETY: `target` lives across the call and `length` is its size.
    let result = check(unsafe { libc::connect(raw, (&raw const target).cast(), length) });
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

/// Chooses only the source address and leaves the port to connect, which can
/// share it between connections to different targets.
fn bind_without_port(socket: &OwnedFd, source: Ipv4Addr) -> io::Result<()> {
    set_flag(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT)?;
    let (address, length) = encode(SocketAddrV4::new(source, 0));
    let raw = socket.as_raw_fd();
    // SAFETY: `address` lives across the call and `length` is its size.
    check(unsafe { libc::bind(raw, (&raw const address).cast(), length) })?;
    Ok(())
}

/// The error a socket holds, which reading it clears: for a connection in
/// progress, its outcome.
pub fn socket_error(socket: &OwnedFd) -> io::Result<()> {
    let mut code: libc::c_int = 0;
    let mut length = mem::size_of_val(&code) as libc::socklen_t;
    let (raw, level, name) = (socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR);
    let value = (&raw mut code).cast();
    // SAFETY: `value` and `length` point into this frame, and `length` is the
    // size of what `value` points to.
    check(unsafe { libc::getsockopt(raw, level, name, value, &mut length) })?;
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Receives what is there into `buffer`; 0 is the end of the stream.
#[inline]
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (raw, room) = (socket.as_raw_fd(), buffer.len());
    // SAFETY: the pointer is valid for `room` bytes, as both come from the
    // slice.
    check_length(unsafe { libc::recv(raw, buffer.as_mut_ptr().cast(), room, 0) })
}

/// Sends as much of `bytes` as there is room for.
#[inline]
pub fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    let (raw, length) = (socket.as_raw_fd(), bytes.len());
    // SAFETY: the pointer is valid for `length` bytes, as both come from the
    // slice.
    check_length(unsafe { libc::send(raw, bytes.as_ptr().cast(), length, libc::MSG_NOSIGNAL) })
}

fn set_flag(socket: &impl AsFd, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let length = mem::size_of_val(&on) as libc::socklen_t;
    let raw = socket.as_fd().as_raw_fd();
    // SAFETY: the value lives across the call and `length` is its size.
    check(unsafe { libc::setsockopt(raw, level, name, (&raw const on).cast(), length) })?;
    Ok(())
}

fn encode(address: SocketAddrV4) -> (libc::sockaddr_in, libc::socklen_t) {
    let encoded = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.ip().octets()),
        },
        sin_zero: [0; 8],
    };
    (encoded, mem::size_of_val(&encoded) as libc::socklen_t)
}
