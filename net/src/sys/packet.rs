//! Datagrams, many a call, each with what the kernel knows of it.
//!
//! See `recvmmsg(2)`, `sendmmsg(2)`, `ip(7)`, `ipv6(7)`, `udp(7)`. What is known comes and goes as
//! control messages: the address that a packet was sent to, its type of service, and how a large
//! buffer is cut into datagrams. The danger is in the headers, which are pointers into arrays that
//! must stay where they are: they are made, used and forgotten within one function each.

#![allow(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::address::Address;
use super::control::{Control, messages, part};
use super::socket::retry;

/// As many datagrams as go through one call.
pub(crate) const MOST: usize = 32;

/// What the kernel says of a datagram that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) source: SocketAddr,
    pub(crate) is_cut: bool,
    pub(crate) segment: Option<usize>,
    pub(crate) destination: Option<(IpAddr, u32)>,
    pub(crate) service: Option<u8>,
}

/// A datagram to be sent, or several of one size behind each other.
pub(crate) struct Outgoing<'a> {
    bytes: &'a [u8],
    to: Option<Address>,
    control: Control<ROOM>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(bytes: &'a [u8], to: Option<SocketAddr>) -> Self {
        Self {
            bytes,
            to: to.map(Address::from),
            control: Control::new(),
        }
    }

    /// Cuts the bytes into datagrams of this size.
    pub(crate) fn set_segment(&mut self, size: u16) {
        self.push(libc::SOL_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes());
    }

    /// Sends from this address of the machine's.
    pub(crate) fn set_source(&mut self, source: IpAddr) {
        match source {
            IpAddr::V4(ip) => {
                // struct in_pktinfo: the interface, the source, and a field for receiving.
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&ip.octets());
                self.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            IpAddr::V6(ip) => {
                // struct in6_pktinfo: the source, and the interface.
                let mut info = [0; 20];
                info[..16].copy_from_slice(&ip.octets());
                self.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// Marks it with this type of service, whose last two bits are for congestion. A socket of
    /// version 6 says so for both: its peer may be one of version 4, and the kernel passes over what
    /// is not for the version by which a datagram goes.
    pub(crate) fn set_service(&mut self, service: u8, is_v4: bool) {
        let service = i32::from(service).to_ne_bytes();
        self.push(libc::IPPROTO_IP, libc::IP_TOS, &service);
        if !is_v4 {
            self.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &service);
        }
    }

    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let fits = self.control.push(level, kind, data);
        debug_assert!(fits, "there is room for one of each");
    }
}

/// Sends datagrams in this order, and says how many were. An error of a later one is not reported:
/// it will be when that is the first.
pub(crate) fn send_many<'a>(
    socket: BorrowedFd<'_>,
    datagrams: impl Iterator<Item = io::Result<Outgoing<'a>>>,
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let mut held = [const { None::<Outgoing<'_>> }; MOST];
    let mut count = 0;
    for (place, datagram) in held.iter_mut().zip(datagrams) {
        match datagram {
            Ok(datagram) => *place = Some(datagram),
            Err(error) if count == 0 => return Err(error),
            Err(_) => break,
        }
        count += 1;
    }
    let mut slices = [EMPTY_SLICE; MOST];
    // SAFETY: all zeroes is a valid header: no name, no buffers, no control data.
    let mut headers: [libc::mmsghdr; MOST] = unsafe { std::mem::zeroed() };
    let rooms = headers.iter_mut().zip(&mut slices);
    for ((header, slice), datagram) in rooms.zip(held.iter().flatten()) {
        slice.iov_base = datagram.bytes.as_ptr().cast_mut().cast();
        slice.iov_len = datagram.bytes.len();
        let header = &mut header.msg_hdr;
        header.msg_iov = slice;
        header.msg_iovlen = 1;
        if let Some(to) = &datagram.to {
            header.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_namelen = to.length();
        }
        let control = datagram.control.written();
        if !control.is_empty() {
            header.msg_control = control.as_ptr().cast_mut().cast();
            // The field is of another width in other C libraries.
            header.msg_controllen = control.len() as _;
        }
    }
    let start = headers.as_mut_ptr();
    let flags = libc::MSG_NOSIGNAL;
    // SAFETY: `count` headers are filled in, at most as many as there are, and what they point to
    // lives in `held` and `slices`.
    retry(|| unsafe { libc::sendmmsg(fd, start, count, flags as _) as isize })
}

/// Takes as many datagrams as there are, one a buffer, and tells of each. Says how many.
pub(crate) fn recv_many(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    mut each: impl FnMut(usize, Received),
) -> io::Result<usize> {
    let fd = socket.as_raw_fd();
    let mut slices = [EMPTY_SLICE; MOST];
    let mut sources = [Address::room(); MOST];
    let mut controls = [Control::<ROOM>::new(); MOST];
    // SAFETY: all zeroes is a valid header: no name, no buffers, no control data.
    let mut headers: [libc::mmsghdr; MOST] = unsafe { std::mem::zeroed() };
    let count = buffers.len().min(MOST);
    for (index, buffer) in buffers.iter_mut().take(count).enumerate() {
        slices[index].iov_base = buffer.as_mut_ptr().cast();
        slices[index].iov_len = buffer.len();
        let header = &mut headers[index].msg_hdr;
        header.msg_iov = &raw mut slices[index];
        header.msg_iovlen = 1;
        header.msg_namelen = sources[index].length();
        header.msg_name = sources[index].as_out().0.cast();
        let control = controls[index].room();
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.len() as _;
    }
    let start = headers.as_mut_ptr();
    let none = std::ptr::null_mut();
    // SAFETY: `count` headers are filled in, at most as many as there are, and what they point to
    // lives in `buffers` and the arrays above.
    let came = retry(|| unsafe { libc::recvmmsg(fd, start, count as _, 0, none) as isize })?;
    for (index, header) in headers.iter().take(came).enumerate() {
        let length: usize = header.msg_hdr.msg_controllen as _;
        let mut received = Received {
            length: header.msg_len as usize,
            source: sources[index].to_std()?,
            is_cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            segment: None,
            destination: None,
            service: None,
        };
        received.read(&controls[index].room()[..length.min(ROOM)]);
        each(index, received);
    }
    Ok(came)
}

impl Received {
    /// Takes in what the control messages say. What is not asked for here is passed over.
    fn read(&mut self, control: &[u8]) {
        for (level, kind, data) in messages(control) {
            match (level, kind) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size = part(data, 0).map(i32::from_ne_bytes);
                    self.segment = size.and_then(|size| usize::try_from(size).ok());
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let ip = part(data, 8).map(|bytes: [u8; 4]| Ipv4Addr::from(bytes).into());
                    let interface = part(data, 0).map(u32::from_ne_bytes);
                    self.destination = ip.zip(interface);
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let ip = part(data, 0).map(|bytes: [u8; 16]| Ipv6Addr::from(bytes).into());
                    let interface = part(data, 16).map(u32::from_ne_bytes);
                    self.destination = ip.zip(interface);
                }
                (libc::IPPROTO_IP, libc::IP_TOS) => self.service = data.first().copied(),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    let service = part(data, 0).map(i32::from_ne_bytes);
                    self.service = service.map(|service| service as u8);
                }
                _ => {}
            }
        }
    }
}

const EMPTY_SLICE: libc::iovec = libc::iovec {
    iov_base: std::ptr::null_mut(),
    iov_len: 0,
};

/// Room for one control message of each kind, and for a socket of version 6, which gives and takes
/// some of both versions.
const ROOM: usize = 160;
