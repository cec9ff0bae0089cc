//! The options of a socket, read and set.
//!
//! See `getsockopt(2)`, `socket(7)`, `ip(7)`, `udp(7)`. The danger is a value of another size than
//! the kernel has in mind: it reads and writes as many bytes as it is told. So every option is one
//! of the few types of [`Plain`], whose size goes with the pointer.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use super::socket::check;

/// An option by its level and its number.
pub(crate) type Name = (libc::c_int, libc::c_int);

pub(crate) const REUSE_ADDRESS: Name = (libc::SOL_SOCKET, libc::SO_REUSEADDR);
pub(crate) const REUSE_PORT: Name = (libc::SOL_SOCKET, libc::SO_REUSEPORT);
pub(crate) const SEND_BUFFER: Name = (libc::SOL_SOCKET, libc::SO_SNDBUF);
pub(crate) const RECEIVE_BUFFER: Name = (libc::SOL_SOCKET, libc::SO_RCVBUF);
pub(crate) const NO_DELAY: Name = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
pub(crate) const ONLY_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
pub(crate) const RECEIVE_OFFLOAD: Name = (libc::SOL_UDP, libc::UDP_GRO);
pub(crate) const MULTICAST_ALL_V4: Name = (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL);
pub(crate) const MULTICAST_HOPS_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS);
pub(crate) const MULTICAST_INTERFACE_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF);

/// The type of service: IPv4's, and what IPv6 calls the traffic class.
pub(crate) const TYPE_OF_SERVICE: [Name; 2] = [
    (libc::IPPROTO_IP, libc::IP_TOS),
    (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
];
/// How many routers a packet may pass: IPv4's, and IPv6's.
pub(crate) const TIME_TO_LIVE: [Name; 2] = [
    (libc::IPPROTO_IP, libc::IP_TTL),
    (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
];
/// Whether a packet comes with the address that it was sent to.
pub(crate) const PACKET_INFO: [Name; 2] = [
    (libc::IPPROTO_IP, libc::IP_PKTINFO),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
];
/// Whether a packet comes with its type of service.
pub(crate) const RECEIVE_TYPE_OF_SERVICE: [Name; 2] = [
    (libc::IPPROTO_IP, libc::IP_RECVTOS),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
];
/// What becomes of packets that are too long for the path; see [`PROBE`] and [`WANT`].
pub(crate) const PATH_MTU: [Name; 2] = [
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
    (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
];
/// Never cut, and sent whatever is known of the path.
pub(crate) const PROBE: u32 = libc::IP_PMTUDISC_PROBE as u32;
/// The kernel's choice: cut where they must be.
pub(crate) const WANT: u32 = libc::IP_PMTUDISC_WANT as u32;

/// Sets an option that is yes or no.
pub(crate) fn set_flag(socket: impl AsFd, option: Name, on: bool) -> io::Result<()> {
    set(socket, option, &libc::c_int::from(on))
}

/// An option that is yes or no.
pub(crate) fn flag(socket: impl AsFd, option: Name) -> io::Result<bool> {
    get::<libc::c_int>(socket, option).map(|value| value != 0)
}

/// Sets an option that is a number. One beyond what the kernel can hold is as much as it can.
pub(crate) fn set_number(socket: impl AsFd, option: Name, number: u32) -> io::Result<()> {
    let number = libc::c_int::try_from(number).unwrap_or(libc::c_int::MAX);
    set(socket, option, &number)
}

/// An option that is a number.
pub(crate) fn number(socket: impl AsFd, option: Name) -> io::Result<u32> {
    get::<libc::c_int>(socket, option).map(|value| value as u32)
}

/// Sets what has a form for each version of IP. A socket of version 6 may carry version 4 too.
pub(crate) fn set_either(socket: impl AsFd, [v4, v6]: [Name; 2], number: u32) -> io::Result<()> {
    if is_v6(&socket)? {
        set_number(&socket, v6, number)?;
    }
    set_number(socket, v4, number)
}

/// What has a form for each version of IP.
pub(crate) fn either(socket: impl AsFd, [v4, v6]: [Name; 2]) -> io::Result<u32> {
    let option = if is_v6(&socket)? { v6 } else { v4 };
    number(socket, option)
}

fn is_v6(socket: impl AsFd) -> io::Result<bool> {
    let family: libc::c_int = get(socket, (libc::SOL_SOCKET, libc::SO_DOMAIN))?;
    Ok(family == libc::AF_INET6)
}

/// Binds the socket to an interface, by its name; to all again if the name is empty.
pub(crate) fn bind_device(socket: impl AsFd, name: &[u8]) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let size = name.len() as libc::socklen_t;
    let value = name.as_ptr().cast();
    let (level, option) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
    // SAFETY: the call reads `size` bytes, which `name` has.
    check(unsafe { libc::setsockopt(fd, level, option, value, size) })?;
    Ok(())
}

/// The type of an option's value.
///
/// # Safety
///
/// Laid out as C does it, and any bytes are a valid value.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: a number.
unsafe impl Plain for libc::c_int {}

pub(super) fn set<T: Plain>(socket: impl AsFd, (level, name): Name, value: &T) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let size = size_of::<T>() as libc::socklen_t;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: the call reads one `T`, which `value` points to.
    check(unsafe { libc::setsockopt(fd, level, name, value, size) })?;
    Ok(())
}

pub(super) fn get<T: Plain>(socket: impl AsFd, (level, name): Name) -> io::Result<T> {
    let fd = socket.as_fd().as_raw_fd();
    let mut value = MaybeUninit::<T>::zeroed();
    let mut size = size_of::<T>() as libc::socklen_t;
    let room = value.as_mut_ptr().cast();
    // SAFETY: the call writes at most `size` bytes, for which `value` has room, and then `size`.
    check(unsafe { libc::getsockopt(fd, level, name, room, &raw mut size) })?;
    // SAFETY: zeroes, and what the kernel wrote over them: any bytes are a valid `T`.
    Ok(unsafe { value.assume_init() })
}
