//! Datagrams to groups, all of it on the loopback interface.
//!
//! Who has joined hears, who has left does not, and a source that was not joined is not heard. That
//! something does *not* come is seen by sending something else after it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use net::UdpSocket;

use crate::run;

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 71, 13, 5);

/// A member to be, and a socket that sends to groups by the loopback interface.
async fn member_and_sender() -> (UdpSocket, UdpSocket, SocketAddr) {
    let member = UdpSocket::bind("0.0.0.0:0").await.unwrap();
    member.set_multicast_all_v4(false).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    sender.set_multicast_interface_v4(LOOPBACK).unwrap();
    let to = SocketAddr::from((GROUP, member.local_addr().unwrap().port()));
    (member, sender, to)
}

/// What comes before the mark, which is sent to the member alone.
async fn heard(member: &UdpSocket, sender: &UdpSocket) -> Vec<Vec<u8>> {
    let own = SocketAddr::from((LOOPBACK, member.local_addr().unwrap().port()));
    sender.send_to(b"mark", own).await.unwrap();
    let mut all = Vec::new();
    loop {
        let mut buffer = [0; 64];
        let count = member.recv(&mut buffer).await.unwrap();
        if &buffer[..count] == b"mark" {
            return all;
        }
        all.push(buffer[..count].to_vec());
    }
}

#[test]
fn who_has_joined_hears_and_who_has_left_does_not() {
    run(async || {
        let (member, sender, to) = member_and_sender().await;
        sender.send_to(b"before", to).await.unwrap();
        assert!(heard(&member, &sender).await.is_empty());
        member.join_multicast_v4(GROUP, LOOPBACK).unwrap();
        let twice = member.join_multicast_v4(GROUP, LOOPBACK).unwrap_err();
        assert_eq!(twice.kind(), io::ErrorKind::AddrInUse);
        sender.send_to(b"hear", to).await.unwrap();
        assert_eq!(heard(&member, &sender).await, [b"hear"]);
        member.leave_multicast_v4(GROUP, LOOPBACK).unwrap();
        sender.send_to(b"after", to).await.unwrap();
        assert!(heard(&member, &sender).await.is_empty());
        let left = member.leave_multicast_v4(GROUP, LOOPBACK).unwrap_err();
        assert_eq!(left.kind(), io::ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_source_is_heard_that_was_joined_and_no_other() {
    run(async || {
        let (member, sender, to) = member_and_sender().await;
        let other = Ipv4Addr::new(127, 0, 0, 9);
        member
            .join_source_multicast_v4(GROUP, other, LOOPBACK)
            .unwrap();
        sender.send_to(b"not joined", to).await.unwrap();
        assert!(heard(&member, &sender).await.is_empty());
        member
            .join_source_multicast_v4(GROUP, LOOPBACK, LOOPBACK)
            .unwrap();
        sender.send_to(b"joined", to).await.unwrap();
        assert_eq!(heard(&member, &sender).await, [b"joined"]);
        member
            .leave_source_multicast_v4(GROUP, LOOPBACK, LOOPBACK)
            .unwrap();
        sender.send_to(b"left", to).await.unwrap();
        assert!(heard(&member, &sender).await.is_empty());
        member
            .leave_source_multicast_v4(GROUP, LOOPBACK, LOOPBACK)
            .unwrap_err();
    });
}

#[test]
fn a_wildcard_socket_hears_the_groups_of_others_unless_told_otherwise() {
    run(async || {
        let (member, sender, to) = member_and_sender().await;
        let bystander = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        bystander.join_multicast_v4(GROUP, LOOPBACK).unwrap();
        assert!(bystander.multicast_all_v4().unwrap());
        assert!(!member.multicast_all_v4().unwrap());
        sender.send_to(b"another's", to).await.unwrap();
        assert!(heard(&member, &sender).await.is_empty());
        member.set_multicast_all_v4(true).unwrap();
        sender.send_to(b"another's", to).await.unwrap();
        assert_eq!(heard(&member, &sender).await, [b"another's"]);
    });
}

#[test]
fn options_of_groups_come_back_as_they_were_set() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 1);
        socket.set_multicast_ttl_v4(9).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 9);
        assert!(socket.multicast_loop_v4().unwrap());
        socket.set_multicast_loop_v4(false).unwrap();
        assert!(!socket.multicast_loop_v4().unwrap());
        let none = socket.multicast_interface_v4().unwrap();
        assert_eq!(none, Ipv4Addr::UNSPECIFIED);
        socket.set_multicast_interface_v4(LOOPBACK).unwrap();
        assert_eq!(socket.multicast_interface_v4().unwrap(), LOOPBACK);
        let nobodys = Ipv4Addr::new(203, 0, 113, 7);
        let error = socket.set_multicast_interface_v4(nobodys).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn groups_of_version_six() {
    run(async || {
        let Ok(member) = UdpSocket::bind("[::]:0").await else {
            return tests::skip("groups of version 6", "the machine has no version 6");
        };
        let (group, loopback) = (Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0, 7, 13), 1);
        member.set_multicast_hops_v6(3).unwrap();
        assert_eq!(member.multicast_hops_v6().unwrap(), 3);
        assert!(member.multicast_loop_v6().unwrap());
        member.set_multicast_interface_v6(loopback).unwrap();
        assert_eq!(member.multicast_interface_v6().unwrap(), loopback);
        if let Err(error) = member.join_multicast_v6(&group, loopback) {
            return tests::skip("joining groups of version 6", &error.to_string());
        }
        let port = member.local_addr().unwrap().port();
        let to = SocketAddr::from(SocketAddrV6::new(group, port, 0, loopback));
        match member.send_to(b"six", to).await {
            Ok(_) => assert_eq!(member.recv(&mut [0; 8]).await.unwrap(), 3),
            Err(error) => tests::skip("sending to groups of version 6", &error.to_string()),
        }
        member.leave_multicast_v6(&group, loopback).unwrap();
        let source = Ipv6Addr::LOCALHOST;
        member
            .join_source_multicast_v6(&group, &source, loopback)
            .unwrap();
        member
            .leave_source_multicast_v6(&group, &source, loopback)
            .unwrap();
        member
            .leave_source_multicast_v6(&group, &source, loopback)
            .unwrap_err();
    });
}
