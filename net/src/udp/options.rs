//! What can be set on a UDP socket at any time.
//!
//! Names are std's and tokio's where they have one. The danger is in the groups: joining one does
//! not choose the interface that datagrams *leave* by, and a socket that is bound to the wildcard
//! address gets what is sent to any group that anybody on the machine has joined. Both are said
//! where they matter.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;

use super::UdpSocket;
use crate::sys::multicast::{self, Change};
use crate::sys::option;

/// # Options of UDP
impl UdpSocket {
    /// Whether datagrams may be sent to broadcast addresses: they may not, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast()
    }

    /// Allows datagrams to broadcast addresses, or forbids them.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(on)
    }

    /// Forbids that datagrams are cut on their way, or allows it, which is the default. Forbidden,
    /// one that is longer than the interface carries fails with `EMSGSIZE`, which is how the longest
    /// that passes is found out.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_dont_fragment(&self, on: bool) -> io::Result<()> {
        let how = if on { option::PROBE } else { option::WANT };
        option::set_either(self.io.get_ref().as_fd(), option::PATH_MTU, how)
    }
}

/// # Groups
///
/// Joining says what is received. What is sent to a group leaves by the interface chosen with
/// [`set_multicast_interface_v4`](UdpSocket::set_multicast_interface_v4), else by that of the
/// default route.
impl UdpSocket {
    /// Receives what is sent to a group and arrives at the interface with this address; at one that
    /// the kernel chooses if it is `0.0.0.0`.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if it was joined already; and whatever `setsockopt(2)` reports.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use net::UdpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// runtime::block_on(async {
    ///     let group = Ipv4Addr::new(239, 7, 7, 7);
    ///     let socket = UdpSocket::bind("0.0.0.0:0").await?;
    ///     socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    ///     socket.set_multicast_interface_v4(Ipv4Addr::LOCALHOST)?;
    ///     let port = socket.local_addr()?.port();
    ///     socket.send_to(b"to all", (group, port)).await?;
    ///     assert_eq!(socket.recv(&mut [0; 16]).await?, 6);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().join_multicast_v4(&group, &interface)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v4(&group, &interface)
    }

    /// Receives what is sent to a group and arrives at the interface of this number; at one that the
    /// kernel chooses if it is 0.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if it was joined already; and whatever `setsockopt(2)` reports.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v6(group, interface)
    }

    /// Receives what one source sends to a group. Several sources may be joined, one by one.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn join_source_multicast_v4(
        &self,
        group: Ipv4Addr,
        source: Ipv4Addr,
        interface: Ipv4Addr,
    ) -> io::Result<()> {
        multicast::change_source_v4(
            self.io.get_ref().as_fd(),
            Change::Join,
            group,
            source,
            interface,
        )
    }

    /// Leaves a source of a group.
    ///
    /// # Errors
    ///
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_source_multicast_v4(
        &self,
        group: Ipv4Addr,
        source: Ipv4Addr,
        interface: Ipv4Addr,
    ) -> io::Result<()> {
        multicast::change_source_v4(
            self.io.get_ref().as_fd(),
            Change::Leave,
            group,
            source,
            interface,
        )
    }

    /// Receives what one source sends to a group. Several sources may be joined, one by one.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn join_source_multicast_v6(
        &self,
        group: &Ipv6Addr,
        source: &Ipv6Addr,
        interface: u32,
    ) -> io::Result<()> {
        multicast::change_source_v6(
            self.io.get_ref().as_fd(),
            Change::Join,
            *group,
            *source,
            interface,
        )
    }

    /// Leaves a source of a group.
    ///
    /// # Errors
    ///
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_source_multicast_v6(
        &self,
        group: &Ipv6Addr,
        source: &Ipv6Addr,
        interface: u32,
    ) -> io::Result<()> {
        multicast::change_source_v6(
            self.io.get_ref().as_fd(),
            Change::Leave,
            *group,
            *source,
            interface,
        )
    }

    /// Says by which interface datagrams to groups leave: that with this address, or the one of the
    /// default route for `0.0.0.0`.
    ///
    /// # Errors
    ///
    /// `AddrNotAvailable` if no interface has the address.
    pub fn set_multicast_interface_v4(&self, interface: Ipv4Addr) -> io::Result<()> {
        multicast::set_interface_v4(self.io.get_ref().as_fd(), interface)
    }

    /// The address of the interface that was chosen for datagrams to groups; `0.0.0.0` if none was.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_interface_v4(&self) -> io::Result<Ipv4Addr> {
        multicast::interface_v4(self.io.get_ref().as_fd())
    }

    /// Says by which interface datagrams to groups leave, by its number.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_interface_v6(&self, interface: u32) -> io::Result<()> {
        let option = option::MULTICAST_INTERFACE_V6;
        option::set_number(self.io.get_ref().as_fd(), option, interface)
    }

    /// The number of the interface that was chosen for datagrams to groups; 0 if none was.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_interface_v6(&self) -> io::Result<u32> {
        option::number(self.io.get_ref().as_fd(), option::MULTICAST_INTERFACE_V6)
    }

    /// Whether what is sent to a group comes back to members on this machine: it does.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.io.get_ref().multicast_loop_v4()
    }

    /// Lets what is sent to a group come back to members on this machine, or not.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_multicast_loop_v4(on)
    }

    /// Whether what is sent to a group comes back to members on this machine: it does.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.io.get_ref().multicast_loop_v6()
    }

    /// Lets what is sent to a group come back to members on this machine, or not.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.io.get_ref().set_multicast_loop_v6(on)
    }

    /// How many routers a datagram to a group may pass: 1, which is none, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.io.get_ref().multicast_ttl_v4()
    }

    /// Says how many routers a datagram to a group may pass.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.io.get_ref().set_multicast_ttl_v4(ttl)
    }

    /// How many routers a datagram to a group may pass: 1, which is none, from the start.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_hops_v6(&self) -> io::Result<u32> {
        option::number(self.io.get_ref().as_fd(), option::MULTICAST_HOPS_V6)
    }

    /// Says how many routers a datagram to a group may pass.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_hops_v6(&self, hops: u32) -> io::Result<()> {
        option::set_number(self.io.get_ref().as_fd(), option::MULTICAST_HOPS_V6, hops)
    }

    /// Whether a socket that is bound to the wildcard address gets what is sent to groups that
    /// others on this machine have joined, and it has not: it does, unless told otherwise.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn multicast_all_v4(&self) -> io::Result<bool> {
        option::flag(self.io.get_ref().as_fd(), option::MULTICAST_ALL_V4)
    }

    /// Says whether it gets what is sent to groups that only others have joined.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_multicast_all_v4(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.io.get_ref().as_fd(), option::MULTICAST_ALL_V4, on)
    }
}
