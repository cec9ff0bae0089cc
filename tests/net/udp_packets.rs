//! Many datagrams a call, and what is known of each.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;

use net::UdpSocket;
use net::udp::{self, RecvMeta, Transmit};
use tests::once::once;

use crate::run;

async fn bind(address: &str) -> UdpSocket {
    UdpSocket::bind(address).await.unwrap()
}

/// A socket, and one that is connected to it.
async fn pair() -> (UdpSocket, UdpSocket) {
    let (receiver, sender) = (bind("127.0.0.1:0").await, bind("127.0.0.1:0").await);
    let to = receiver.local_addr().unwrap();
    sender.connect(to).await.unwrap();
    (receiver, sender)
}

/// Everything that can be received now, into buffers of `size` bytes.
async fn drain(socket: &UdpSocket, at_once: usize, size: usize) -> Vec<(Vec<u8>, RecvMeta)> {
    let mut all = Vec::new();
    loop {
        let mut bytes = vec![vec![0; size]; at_once];
        let mut buffers: Vec<_> = bytes.iter_mut().map(|it| IoSliceMut::new(it)).collect();
        let mut meta = vec![RecvMeta::default(); at_once];
        let received = match all.is_empty() {
            true => socket.recv_many(&mut buffers, &mut meta).await,
            false => socket.try_recv_many(&mut buffers, &mut meta),
        };
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
            Err(error) => panic!("{error}"),
        };
        assert!(count > 0 && count <= at_once);
        let came = bytes.into_iter().zip(meta).take(count);
        all.extend(came.map(|(bytes, meta)| (bytes[..meta.len].to_vec(), meta)));
    }
}

async fn receive_one(socket: &UdpSocket) -> RecvMeta {
    let mut buffer = [0; 64];
    let mut meta = [RecvMeta::default()];
    let mut buffers = [IoSliceMut::new(&mut buffer)];
    let count = socket.recv_many(&mut buffers, &mut meta).await.unwrap();
    assert_eq!(count, 1);
    meta[0]
}

#[test]
fn many_are_sent_and_received_in_order() {
    run(async || {
        let (receiver, sender) = pair().await;
        for at_once in [1, 3, 32, 50] {
            let contents: Vec<[u8; 2]> = (0..100).map(|number| [number, 7]).collect();
            let transmits: Vec<_> = contents.iter().map(|it| Transmit::new(it)).collect();
            let mut rest = &transmits[..];
            while !rest.is_empty() {
                let count = sender
                    .send_many(&rest[..rest.len().min(at_once)])
                    .await
                    .unwrap();
                assert_eq!(count, at_once.min(32).min(rest.len()));
                rest = &rest[count..];
            }
            let received = drain(&receiver, at_once, 16).await;
            let received: Vec<_> = received.iter().map(|(bytes, _)| &bytes[..]).collect();
            assert_eq!(received, contents);
        }
    });
}

#[test]
fn each_tells_whose_it_is_how_long_and_whether_it_was_cut() {
    run(async || {
        let (receiver, sender) = pair().await;
        let other = bind("127.0.0.1:0").await;
        let to = receiver.local_addr().unwrap();
        sender.send(b"short").await.unwrap();
        other.send_to(b"too long by far", to).await.unwrap();
        sender.send(b"").await.unwrap();
        let told: Vec<_> = drain(&receiver, 4, 8)
            .await
            .into_iter()
            .map(|(_, meta)| (meta.len, meta.is_truncated, meta.source))
            .collect();
        let (one, two) = (sender.local_addr().unwrap(), other.local_addr().unwrap());
        assert_eq!(told, [(5, false, one), (8, true, two), (0, false, one)]);
    });
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    run(async || {
        let (receiver, sender) = pair().await;
        sender.send(b"x").await.unwrap();
        let meta = receive_one(&receiver).await;
        let expected = RecvMeta::default();
        assert_eq!(
            (
                meta.destination,
                meta.interface,
                meta.tos,
                meta.segment_size
            ),
            (
                expected.destination,
                expected.interface,
                expected.tos,
                expected.segment_size
            )
        );
    });
}

#[test]
fn an_empty_list_is_no_wait() {
    run(async || {
        let (receiver, sender) = pair().await;
        assert_eq!(sender.send_many(&[]).await.unwrap(), 0);
        sender.send(b"x").await.unwrap();
        assert_eq!(receiver.recv_many(&mut [], &mut []).await.unwrap(), 0);
        // Nothing was taken for it.
        assert_eq!(receiver.recv(&mut [0; 4]).await.unwrap(), 1);
    });
}

#[test]
fn who_waits_for_many_is_woken_by_one() {
    run(async || {
        let (receiver, sender) = pair().await;
        let mut buffer = [0; 16];
        let mut meta = [RecvMeta::default()];
        let mut buffers = [IoSliceMut::new(&mut buffer)];
        {
            let mut receiving = pin!(receiver.recv_many(&mut buffers, &mut meta));
            assert!(once(receiving.as_mut()).await.is_pending());
            sender.send(b"one").await.unwrap();
            assert_eq!(receiving.await.unwrap(), 1);
        }
        assert_eq!(meta[0].len, 3);
    });
}

#[test]
fn a_server_answers_from_the_address_that_it_was_asked_at() {
    run(async || {
        let server = bind("0.0.0.0:0").await;
        server.set_packet_info(true).unwrap();
        let port = server.local_addr().unwrap().port();
        for last in [1, 2, 77] {
            let asked = Ipv4Addr::new(127, 0, 0, last);
            let client = bind("127.0.0.1:0").await;
            client.send_to(b"ask", (asked, port)).await.unwrap();
            let meta = receive_one(&server).await;
            assert_eq!(meta.destination, Some(IpAddr::V4(asked)));
            assert_eq!(meta.interface, Some(1), "the loopback interface");
            let answer = Transmit::new(b"answer").to(meta.source).from(asked.into());
            assert_eq!(server.send_many(&[answer]).await.unwrap(), 1);
            let (_, source) = client.recv_from(&mut [0; 16]).await.unwrap();
            assert_eq!(source, SocketAddr::from((asked, port)));
        }
        // An address that is not the machine's is refused.
        let nobodys = IpAddr::from([203, 0, 113, 7]);
        let to = server.local_addr().unwrap();
        let forged = Transmit::new(b"forged").to(to).from(nobodys);
        server.send_many(&[forged]).await.unwrap_err();
    });
}

#[test]
fn version_six_tells_its_addresses_too_and_those_of_version_four() {
    run(async || {
        let both = udp::Builder::new().only_v6(false);
        let Ok(server) = both.bind("[::]:0").await else {
            return tests::skip("packets of version 6", "the machine has no version 6");
        };
        server.set_packet_info(true).unwrap();
        server.set_recv_tos(true).unwrap();
        let port = server.local_addr().unwrap().port();

        let Ok(client) = UdpSocket::bind("[::1]:0").await else {
            return tests::skip("packets of version 6", "there is no [::1]");
        };
        let to = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let marked = Transmit::new(b"six").to(to).tos(2);
        client.send_many(&[marked]).await.unwrap();
        let meta = receive_one(&server).await;
        assert_eq!(meta.destination, Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!((meta.interface, meta.tos), (Some(1), Some(2)));
        let source = Ipv6Addr::LOCALHOST.into();
        let answer = Transmit::new(b"answer").to(meta.source).from(source);
        server.send_many(&[answer]).await.unwrap();
        client.recv(&mut [0; 16]).await.unwrap();

        let client = bind("127.0.0.1:0").await;
        let to = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 5), port));
        client
            .send_many(&[Transmit::new(b"four").to(to).tos(1)])
            .await
            .unwrap();
        let meta = receive_one(&server).await;
        let asked = Ipv4Addr::new(127, 0, 0, 5).to_ipv6_mapped();
        let told = meta.destination.map(|ip| ip.to_canonical());
        assert_eq!(told, Some(IpAddr::V6(asked).to_canonical()));
        assert_eq!(meta.tos, Some(1));
        let answer = Transmit::new(b"answer")
            .to(meta.source)
            .from(asked.into())
            .tos(3);
        client.set_recv_tos(true).unwrap();
        server.send_many(&[answer]).await.unwrap();
        let meta = receive_one(&client).await;
        assert_eq!(meta.source, to);
        assert_eq!(meta.tos, Some(3));
    });
}

/// What `send_many` says of a datagram whose source is of the other version than its way.
async fn refused(socket: &UdpSocket, transmit: Transmit<'_>) -> String {
    let error = socket.send_many(&[transmit]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let tried = socket.try_send_many(&[transmit]).unwrap_err();
    assert_eq!(tried.to_string(), error.to_string());
    error.to_string()
}

#[test]
fn a_source_of_the_other_version_is_used_or_refused() {
    run(async || {
        let (receiver, sender) = (bind("127.0.0.1:0").await, bind("0.0.0.0:0").await);
        let to = receiver.local_addr().unwrap();
        let datagram = Transmit::new(b"x").to(to);
        let source = Ipv4Addr::new(127, 0, 0, 5);
        let mapped = datagram.from(source.to_ipv6_mapped().into());
        assert_eq!(sender.send_many(&[mapped]).await.unwrap(), 1);
        assert_eq!(receive_one(&receiver).await.source.ip(), source);

        let wrong = datagram.from(Ipv6Addr::LOCALHOST.into());
        let said = refused(&sender, wrong).await;
        assert!(said.contains("::1") && said.contains("version 4"), "{said}");
        // Those before it go.
        assert_eq!(sender.send_many(&[datagram, wrong]).await.unwrap(), 1);
        receive_one(&receiver).await;
    });
}

#[test]
fn a_socket_of_version_six_sends_from_a_source_of_the_peers_version() {
    run(async || {
        let both = || udp::Builder::new().only_v6(false);
        let Ok(sender) = both().bind("[::]:0").await else {
            return tests::skip("packets of version 6", "the machine has no version 6");
        };
        let receiver = bind("127.0.0.1:0").await;
        let port = receiver.local_addr().unwrap().port();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port));
        let source = Ipv4Addr::new(127, 0, 0, 5);
        let both_forms = [source.into(), source.to_ipv6_mapped().into()];
        let wrong = Transmit::new(b"x").to(to).from(Ipv6Addr::LOCALHOST.into());
        let said = refused(&sender, wrong).await;
        assert!(said.contains("::1") && said.contains("version 4"), "{said}");
        for form in both_forms {
            let datagram = Transmit::new(b"x").to(to).from(form);
            assert_eq!(sender.send_many(&[datagram]).await.unwrap(), 1);
            assert_eq!(receive_one(&receiver).await.source.ip(), source);
        }
        sender.connect(to).await.unwrap();
        for form in both_forms {
            let datagram = Transmit::new(b"x").from(form);
            assert_eq!(sender.send_many(&[datagram]).await.unwrap(), 1);
            assert_eq!(receive_one(&receiver).await.source.ip(), source);
        }

        let (Ok(sender), Ok(receiver)) = (
            both().bind("[::]:0").await,
            UdpSocket::bind("[::1]:0").await,
        ) else {
            return tests::skip("packets of version 6", "there is no [::1]");
        };
        let to = receiver.local_addr().unwrap();
        for form in both_forms {
            let said = refused(&sender, Transmit::new(b"x").to(to).from(form)).await;
            assert!(
                said.contains("127.0.0.5") && said.contains("version 6"),
                "{said}"
            );
        }
        // Who the peer is, the kernel knows.
        sender.connect(to).await.unwrap();
        for form in both_forms {
            refused(&sender, Transmit::new(b"x").from(form)).await;
        }
    });
}

#[test]
fn a_datagram_carries_its_mark_of_congestion() {
    run(async || {
        let (receiver, sender) = pair().await;
        receiver.set_recv_tos(true).unwrap();
        for mark in 0..4 {
            sender
                .send_many(&[Transmit::new(b"x").tos(mark)])
                .await
                .unwrap();
            assert_eq!(receive_one(&receiver).await.tos, Some(mark));
        }
        sender.set_tos(0b1011_1000).unwrap();
        sender.send(b"x").await.unwrap();
        assert_eq!(receive_one(&receiver).await.tos, Some(0b1011_1000));
    });
}

/// The version of what is sent is known from the peer then, not from the datagram.
#[test]
fn a_socket_of_version_six_marks_what_it_sends_to_its_peer_of_version_four() {
    run(async || {
        let receiver = bind("127.0.0.1:0").await;
        receiver.set_recv_tos(true).unwrap();
        let both = udp::Builder::new().only_v6(false);
        let Ok(sender) = both.bind("[::]:0").await else {
            return tests::skip("packets of version 6", "the machine has no version 6");
        };
        let port = receiver.local_addr().unwrap().port();
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        sender.connect((mapped, port)).await.unwrap();
        let marked = Transmit::new(b"x").tos(0b1010);
        sender.send_many(&[marked]).await.unwrap();
        assert_eq!(receive_one(&receiver).await.tos, Some(0b1010));
    });
}

/// Whether the kernel cuts large buffers into datagrams.
async fn cuts(sender: &UdpSocket) -> io::Result<usize> {
    let all = [7; 2500];
    let one = Transmit::new(&all).segment_size(1000);
    sender.send_many(&[one]).await
}

#[test]
fn a_large_buffer_is_cut_into_datagrams() {
    run(async || {
        let (receiver, sender) = pair().await;
        if let Err(error) = cuts(&sender).await {
            return tests::skip("segmentation", &error.to_string());
        }
        let lengths: Vec<_> = drain(&receiver, 8, 2000)
            .await
            .iter()
            .map(|(bytes, meta)| (bytes.len(), meta.segment_size))
            .collect();
        assert_eq!(lengths, [(1000, None), (1000, None), (500, None)]);
    });
}

#[test]
fn who_asks_for_it_receives_several_datagrams_in_one_buffer() {
    run(async || {
        let (receiver, sender) = pair().await;
        if let Err(error) = receiver.set_gro(true) {
            return tests::skip("joined datagrams", &error.to_string());
        }
        if let Err(error) = cuts(&sender).await {
            return tests::skip("segmentation", &error.to_string());
        }
        let received = drain(&receiver, 8, 64 * 1024).await;
        let bytes: usize = received.iter().map(|(bytes, _)| bytes.len()).sum();
        assert_eq!(bytes, 2500);
        if received.len() == 3 {
            return tests::skip("joined datagrams", "the kernel did not join them");
        }
        assert_eq!(received[0].1.segment_size, Some(1000));
    });
}

#[test]
fn an_error_in_the_middle_of_many_is_told_at_the_next_call() {
    run(async || {
        let sender = bind("127.0.0.1:0").await;
        let receiver = bind("127.0.0.1:0").await;
        let to = receiver.local_addr().unwrap();
        let too_long = vec![0; 70_000];
        let good = Transmit::new(b"good").to(to);
        let bad = Transmit::new(&too_long).to(to);
        assert_eq!(sender.send_many(&[good, bad, good]).await.unwrap(), 1);
        let error = sender.send_many(&[bad, good]).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(sender.send_many(&[good]).await.unwrap(), 1);
        assert_eq!(drain(&receiver, 4, 16).await.len(), 2);
    });
}

#[test]
fn what_must_not_be_cut_on_its_way_is_refused_if_it_is_too_long() {
    run(async || {
        let (_receiver, sender) = pair().await;
        sender.set_dont_fragment(true).unwrap();
        // The loopback interface carries 64 KiB, so that nothing has to be cut on it.
        sender.send(&[0; 60_000]).await.unwrap();
        sender.set_dont_fragment(false).unwrap();
        sender.send(&[0; 60_000]).await.unwrap();
    });
}
