//! Groups of receivers, where an option is a struct.
//!
//! See `ip(7)`, `ipv6(7)`. What is one number, and what std does already, is not here. The danger is
//! the order of the fields, which differs between the structs, and between systems: each is filled
//! in by name, and nowhere but here.

#![allow(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::BorrowedFd;

use super::address::Address;
use super::option::{self, Name, Plain};

/// Whether one begins to listen to a source of a group, or ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Join,
    Leave,
}

/// Changes a membership: what `source` sends to `group`, as it arrives at an interface's address.
pub(crate) fn change_source_v4(
    socket: BorrowedFd<'_>,
    change: Change,
    group: Ipv4Addr,
    source: Ipv4Addr,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let name = match change {
        Change::Join => libc::IP_ADD_SOURCE_MEMBERSHIP,
        Change::Leave => libc::IP_DROP_SOURCE_MEMBERSHIP,
    };
    let request = libc::ip_mreq_source {
        imr_multiaddr: in_addr(group),
        imr_interface: in_addr(interface),
        imr_sourceaddr: in_addr(source),
    };
    option::set(socket, (libc::IPPROTO_IP, name), &request)
}

/// Changes a membership: what `source` sends to `group`, as it arrives at an interface.
pub(crate) fn change_source_v6(
    socket: BorrowedFd<'_>,
    change: Change,
    group: Ipv6Addr,
    source: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let name = match change {
        Change::Join => libc::MCAST_JOIN_SOURCE_GROUP,
        Change::Leave => libc::MCAST_LEAVE_SOURCE_GROUP,
    };
    let storage = |ip| {
        let address = SocketAddr::from((ip, 0));
        Address::from(address).storage()
    };
    let request = libc::group_source_req {
        gsr_interface: interface,
        gsr_group: storage(group),
        gsr_source: storage(source),
    };
    option::set(socket, (libc::IPPROTO_IPV6, name), &request)
}

/// Chooses the interface that packets to groups leave by, by its address.
pub(crate) fn set_interface_v4(socket: BorrowedFd<'_>, interface: Ipv4Addr) -> io::Result<()> {
    let request = libc::ip_mreqn {
        imr_multiaddr: in_addr(Ipv4Addr::UNSPECIFIED),
        imr_address: in_addr(interface),
        imr_ifindex: 0,
    };
    option::set(socket, INTERFACE_V4, &request)
}

/// The address of the interface that packets to groups leave by, if one was chosen.
pub(crate) fn interface_v4(socket: BorrowedFd<'_>) -> io::Result<Ipv4Addr> {
    let address: libc::in_addr = option::get(socket, INTERFACE_V4)?;
    Ok(Ipv4Addr::from(address.s_addr.to_ne_bytes()))
}

fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from_ne_bytes(ip.octets()),
    }
}

const INTERFACE_V4: Name = (libc::IPPROTO_IP, libc::IP_MULTICAST_IF);

// SAFETY: a number.
unsafe impl Plain for libc::in_addr {}
// SAFETY: three addresses.
unsafe impl Plain for libc::ip_mreq_source {}
// SAFETY: two addresses and a number.
unsafe impl Plain for libc::ip_mreqn {}
// SAFETY: a number and two storages, which are bytes and numbers.
unsafe impl Plain for libc::group_source_req {}
