//! The options of a socket, read and set.
//!
//! See `getsockopt(2)`, `socket(7)`, `ip(7)`, `tcp(7)`, `udp(7)`. The danger is a value of another
//! size than the kernel has in mind: it reads and writes as many bytes as it is told. So every option
//! is one of the few types of [`Plain`], whose size goes with the pointer, and a struct that the
//! kernel knows less of is zero where it wrote nothing.

#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::socket::check;

/// An option by its level and its number.
pub(crate) type Name = (libc::c_int, libc::c_int);

pub(crate) const REUSE_ADDRESS: Name = (libc::SOL_SOCKET, libc::SO_REUSEADDR);
pub(crate) const REUSE_PORT: Name = (libc::SOL_SOCKET, libc::SO_REUSEPORT);
pub(crate) const SEND_BUFFER: Name = (libc::SOL_SOCKET, libc::SO_SNDBUF);
pub(crate) const RECEIVE_BUFFER: Name = (libc::SOL_SOCKET, libc::SO_RCVBUF);
pub(crate) const LISTENS: Name = (libc::SOL_SOCKET, libc::SO_ACCEPTCONN);
pub(crate) const CARRIES: Name = (libc::SOL_SOCKET, libc::SO_TYPE);
pub(crate) const KEEP_ALIVE: Name = (libc::SOL_SOCKET, libc::SO_KEEPALIVE);
pub(crate) const URGENT_INLINE: Name = (libc::SOL_SOCKET, libc::SO_OOBINLINE);
pub(crate) const PASS_CREDENTIALS: Name = (libc::SOL_SOCKET, libc::SO_PASSCRED);
/// Of newer kernels; the C library's name for it is newer still.
pub(crate) const PASS_PIDFD: Name = (libc::SOL_SOCKET, 76);
pub(crate) const NO_DELAY: Name = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
pub(crate) const ONLY_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
pub(crate) const RECEIVE_OFFLOAD: Name = (libc::SOL_UDP, libc::UDP_GRO);
pub(crate) const MULTICAST_ALL_V4: Name = (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL);
pub(crate) const MULTICAST_HOPS_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS);
pub(crate) const MULTICAST_INTERFACE_V6: Name = (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF);
pub(crate) const CORK: Name = (libc::IPPROTO_TCP, libc::TCP_CORK);
pub(crate) const QUICK_ACK: Name = (libc::IPPROTO_TCP, libc::TCP_QUICKACK);
pub(crate) const KEEP_IDLE: Name = (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE);
pub(crate) const KEEP_INTERVAL: Name = (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL);
pub(crate) const KEEP_COUNT: Name = (libc::IPPROTO_TCP, libc::TCP_KEEPCNT);
pub(crate) const USER_TIMEOUT: Name = (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT);
pub(crate) const NOT_SENT_LOW: Name = (libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT);
pub(crate) const DEFER_ACCEPT: Name = (libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT);
pub(crate) const FAST_OPEN: Name = (libc::IPPROTO_TCP, libc::TCP_FASTOPEN);
pub(crate) const FAST_OPEN_CONNECT: Name = (libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT);

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

/// What [`CARRIES`] says of a stream.
pub(crate) const STREAM: u32 = libc::SOCK_STREAM as u32;

/// Sets an option that is yes or no.
pub(crate) fn set_flag(socket: BorrowedFd<'_>, option: Name, on: bool) -> io::Result<()> {
    set(socket, option, &libc::c_int::from(on))
}

/// An option that is yes or no.
pub(crate) fn flag(socket: BorrowedFd<'_>, option: Name) -> io::Result<bool> {
    get::<libc::c_int>(socket, option).map(|value| value != 0)
}

/// Sets an option that is a number. One beyond what the kernel can hold is as much as it can.
pub(crate) fn set_number(socket: BorrowedFd<'_>, option: Name, number: u32) -> io::Result<()> {
    let number = libc::c_int::try_from(number).unwrap_or(libc::c_int::MAX);
    set(socket, option, &number)
}

/// An option that is a number.
pub(crate) fn number(socket: BorrowedFd<'_>, option: Name) -> io::Result<u32> {
    get::<libc::c_int>(socket, option).map(|value| value as u32)
}

/// Takes an error that waits on a socket.
pub(crate) fn take_error(socket: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let error: libc::c_int = get(socket, (libc::SOL_SOCKET, libc::SO_ERROR))?;
    Ok((error != 0).then(|| io::Error::from_raw_os_error(error)))
}

/// Sets what has a form for each version of IP. A socket of version 6 may carry version 4 too.
pub(crate) fn set_either(
    socket: BorrowedFd<'_>,
    [v4, v6]: [Name; 2],
    number: u32,
) -> io::Result<()> {
    if !is_v6(socket)? {
        return set_number(socket, v4, number);
    }
    let before = self::number(socket, v6)?;
    set_number(socket, v6, number)?;
    // What the one takes the other may refuse: then neither is to have it.
    set_number(socket, v4, number).inspect_err(|_| {
        let _ = set_number(socket, v6, before);
    })
}

/// What has a form for each version of IP.
pub(crate) fn either(socket: BorrowedFd<'_>, [v4, v6]: [Name; 2]) -> io::Result<u32> {
    let option = if is_v6(socket)? { v6 } else { v4 };
    number(socket, option)
}

fn is_v6(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let family: libc::c_int = get(socket, (libc::SOL_SOCKET, libc::SO_DOMAIN))?;
    Ok(family == libc::AF_INET6)
}

/// Sets how long closing waits for what is not sent yet, in whole seconds, rounded up.
pub(crate) fn set_linger(socket: BorrowedFd<'_>, time: Option<Duration>) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: libc::c_int::from(time.is_some()),
        l_linger: libc::c_int::try_from(whole_seconds(time.unwrap_or_default()))
            .unwrap_or(libc::c_int::MAX),
    };
    set(socket, (libc::SOL_SOCKET, libc::SO_LINGER), &linger)
}

/// How long closing waits for what is not sent yet.
pub(crate) fn linger(socket: BorrowedFd<'_>) -> io::Result<Option<Duration>> {
    let linger: libc::linger = get(socket, (libc::SOL_SOCKET, libc::SO_LINGER))?;
    Ok((linger.l_onoff != 0).then(|| Duration::from_secs(linger.l_linger as u64)))
}

/// Rounded up, so that what is not zero does not become it.
pub(crate) fn whole_seconds(time: Duration) -> u32 {
    let rest = u64::from(time.subsec_nanos() > 0);
    u32::try_from(time.as_secs().saturating_add(rest)).unwrap_or(u32::MAX)
}

/// Binds the socket to an interface, by its name; to all again if the name is empty.
pub(crate) fn bind_device(socket: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let size = name.len() as libc::socklen_t;
    let value = name.as_ptr().cast();
    let (level, option) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
    // SAFETY: the call reads `size` bytes, which `name` has.
    check(unsafe { libc::setsockopt(fd, level, option, value, size) })?;
    Ok(())
}

/// The interface that the socket is bound to; empty if there is none.
pub(crate) fn device(socket: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let mut name = vec![0_u8; libc::IFNAMSIZ];
    let mut size = name.len() as libc::socklen_t;
    let fd = socket.as_raw_fd();
    let value = name.as_mut_ptr().cast();
    let (level, option) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
    // SAFETY: the call writes at most `size` bytes, for which `name` has room, and then `size`.
    check(unsafe { libc::getsockopt(fd, level, option, value, &raw mut size) })?;
    name.truncate(size as usize);
    // The kernel counts the zero at the end.
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// What the kernel knows of a connection.
pub(crate) fn tcp_info(socket: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    get(socket, (libc::IPPROTO_TCP, libc::TCP_INFO))
}

/// The kernel's `struct tcp_info`, up to what Linux 5.4 has. A field that an older kernel does not
/// know is zero.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct TcpInfo {
    pub(crate) state: u8,
    pub(crate) congestion_state: u8,
    pub(crate) retransmits: u8,
    pub(crate) probes: u8,
    pub(crate) backoff: u8,
    pub(crate) options: u8,
    pub(crate) window_scales: u8,
    pub(crate) flags: u8,

    pub(crate) retransmit_timeout: u32,
    pub(crate) ack_timeout: u32,
    pub(crate) send_segment: u32,
    pub(crate) receive_segment: u32,

    pub(crate) unacknowledged: u32,
    pub(crate) selectively_acknowledged: u32,
    pub(crate) lost: u32,
    pub(crate) retransmitted: u32,
    pub(crate) forward_acknowledged: u32,

    pub(crate) since_data_sent: u32,
    pub(crate) since_ack_sent: u32,
    pub(crate) since_data_received: u32,
    pub(crate) since_ack_received: u32,

    pub(crate) path_mtu: u32,
    pub(crate) receive_threshold: u32,
    pub(crate) round_trip: u32,
    pub(crate) round_trip_variance: u32,
    pub(crate) slow_start_threshold: u32,
    pub(crate) congestion_window: u32,
    pub(crate) advertised_segment: u32,
    pub(crate) reordering: u32,

    pub(crate) receiver_round_trip: u32,
    pub(crate) receive_space: u32,
    pub(crate) total_retransmits: u32,

    pub(crate) pacing_rate: u64,
    pub(crate) most_pacing_rate: u64,
    pub(crate) bytes_acknowledged: u64,
    pub(crate) bytes_received: u64,
    pub(crate) segments_sent: u32,
    pub(crate) segments_received: u32,

    pub(crate) bytes_not_sent: u32,
    pub(crate) least_round_trip: u32,
    pub(crate) data_segments_received: u32,
    pub(crate) data_segments_sent: u32,

    pub(crate) delivery_rate: u64,
    pub(crate) busy_time: u64,
    pub(crate) window_limited_time: u64,
    pub(crate) buffer_limited_time: u64,

    pub(crate) delivered: u32,
    pub(crate) delivered_marked: u32,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retransmitted: u64,
    pub(crate) duplicates_reported: u32,
    pub(crate) reorderings_seen: u32,
    pub(crate) received_out_of_order: u32,
    pub(crate) send_window: u32,
}

/// The type of an option's value.
///
/// # Safety
///
/// Laid out as C does it, and any bytes are a valid value.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: a number.
unsafe impl Plain for libc::c_int {}
// SAFETY: two numbers.
unsafe impl Plain for libc::linger {}
// SAFETY: numbers, each at a multiple of its size, as the test below asserts of the whole.
unsafe impl Plain for TcpInfo {}

pub(super) fn set<T: Plain>(
    socket: BorrowedFd<'_>,
    (level, name): Name,
    value: &T,
) -> io::Result<()> {
    let fd = socket.as_raw_fd();
    let size = size_of::<T>() as libc::socklen_t;
    let value = std::ptr::from_ref(value).cast();
    // SAFETY: the call reads one `T`, which `value` points to.
    check(unsafe { libc::setsockopt(fd, level, name, value, size) })?;
    Ok(())
}

pub(super) fn get<T: Plain>(socket: BorrowedFd<'_>, (level, name): Name) -> io::Result<T> {
    let fd = socket.as_raw_fd();
    let mut value = MaybeUninit::<T>::zeroed();
    let mut size = size_of::<T>() as libc::socklen_t;
    let room = value.as_mut_ptr().cast();
    // SAFETY: the call writes at most `size` bytes, for which `value` has room, and then `size`.
    check(unsafe { libc::getsockopt(fd, level, name, room, &raw mut size) })?;
    // SAFETY: zeroes, and what the kernel wrote over them: any bytes are a valid `T`.
    Ok(unsafe { value.assume_init() })
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn the_kernels_struct_is_met_at_its_seams() {
        assert_eq!(offset_of!(TcpInfo, retransmit_timeout), 8);
        assert_eq!(offset_of!(TcpInfo, round_trip), 68);
        assert_eq!(offset_of!(TcpInfo, total_retransmits), 100);
        assert_eq!(offset_of!(TcpInfo, pacing_rate), 104);
        assert_eq!(offset_of!(TcpInfo, delivery_rate), 160);
        assert_eq!(offset_of!(TcpInfo, bytes_sent), 200);
        assert_eq!(size_of::<TcpInfo>(), 232);
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::ZERO), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_millis(2001)), 3);
        assert_eq!(whole_seconds(Duration::MAX), u32::MAX);
    }
}
