//! The options of TCP: that what is set is what the kernel has, and does what it is for.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::pin;

use net::tcp::{Keepalive, TcpState};
use net::{TcpListener, TcpSocket, TcpStream};
use runtime::time::Duration;
use tests::once::once;
use tests::skip;

use crate::{listen, pair, pair_with_std, run};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

#[test]
fn a_socket_is_built_and_then_listens_or_connects() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        assert!(socket.reuseaddr().unwrap() && socket.nodelay().unwrap());
        socket.bind(ANY).unwrap();
        let address = socket.local_addr().unwrap();
        let listener = socket.listen(16).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);

        let socket = TcpSocket::new_for(address).unwrap();
        socket.bind(ANY).unwrap();
        let own = socket.local_addr().unwrap();
        let client = socket.connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!((peer, client.local_addr().unwrap()), (own, own));
        assert!(client.nodelay().unwrap() && server.nodelay().unwrap());
        client.write_all(b"built").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
    });
}

#[test]
fn what_a_socket_is_told_it_says() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(false).unwrap();
        socket.set_reuseport(true).unwrap();
        socket.set_nodelay(false).unwrap();
        socket.set_send_buffer_size(32 * 1024).unwrap();
        socket.set_recv_buffer_size(48 * 1024).unwrap();
        socket.set_tos(0x10).unwrap();
        socket.set_defer_accept(Duration::from_millis(1)).unwrap();
        socket
            .set_user_timeout(Some(Duration::from_secs(7)))
            .unwrap();
        assert!(!socket.reuseaddr().unwrap() && socket.reuseport().unwrap());
        assert!(!socket.nodelay().unwrap());
        assert_eq!(socket.send_buffer_size().unwrap(), 64 * 1024);
        assert_eq!(socket.recv_buffer_size().unwrap(), 96 * 1024);
        assert_eq!(socket.tos().unwrap(), 0x10);
        assert_eq!(socket.keepalive().unwrap(), None);
        assert_eq!(socket.device().unwrap(), None);
    });
}

#[test]
fn two_listeners_share_a_port_if_both_want_to() {
    run(async || {
        let shared = |address| {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            socket.bind(address).and_then(|()| socket.listen(16))
        };
        let first = shared(ANY).unwrap();
        let address = first.local_addr().unwrap();
        let _second = shared(address).unwrap();
        let alone = TcpSocket::new_v4().unwrap();
        let error = alone.bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_socket_is_bound_to_an_interface_by_name() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        if let Err(error) = socket.bind_device(Some(b"lo")) {
            return skip("binding to an interface", &error.to_string());
        }
        assert_eq!(socket.device().unwrap().as_deref(), Some(&b"lo"[..]));
        let listener = listen().await;
        let client = socket.connect(listener.local_addr().unwrap());
        client.await.unwrap();

        let socket = TcpSocket::new_v4().unwrap();
        let error = socket.bind_device(Some(b"no such thing")).unwrap_err();
        assert!(error.raw_os_error().is_some());
        socket.bind_device(Some(b"lo")).unwrap();
        socket.bind_device(None).unwrap();
        assert_eq!(socket.device().unwrap(), None);
    });
}

#[test]
fn a_deferred_connection_is_accepted_when_it_has_spoken() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_defer_accept(Duration::from_secs(60)).unwrap();
        socket.bind(ANY).unwrap();
        let listener = socket.listen(16).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let client = client.await.unwrap();
        let mut accepting = pin!(listener.accept());
        assert!(once(accepting.as_mut()).await.is_pending());
        client.write_all(b"hello").await.unwrap();
        let (server, _) = accepting.await.unwrap();
        // It is there already: no wait.
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 5);
    });
}

#[test]
fn the_first_write_may_go_with_the_first_packet() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_fast_open(16).unwrap();
        socket.bind(ANY).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        // The first asks for permission, the second may have it.
        for _ in 0..2 {
            let socket = TcpSocket::new_v4().unwrap();
            if let Err(error) = socket.set_fast_open_connect(true) {
                return skip("fast open", &error.to_string());
            }
            let client = socket.connect(address).await.unwrap();
            client.write_all(b"first").await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            server.read_exact(&mut [0; 5]).await.unwrap();
            server.write_all(b"and back").await.unwrap();
            client.read_exact(&mut [0; 8]).await.unwrap();
        }
    });
}

#[test]
fn what_a_stream_is_told_it_says() {
    run(async || {
        let (client, _server) = pair().await;
        let keepalive = Keepalive {
            idle: Duration::from_millis(59_001),
            interval: Duration::from_secs(20),
            count: 3,
        };
        assert_eq!(client.keepalive().unwrap(), None);
        client.set_keepalive(Some(keepalive)).unwrap();
        let expected = Keepalive {
            idle: Duration::from_secs(60),
            ..keepalive
        };
        assert_eq!(client.keepalive().unwrap(), Some(expected));
        client.set_keepalive(None).unwrap();
        assert_eq!(client.keepalive().unwrap(), None);
        let never = Keepalive {
            count: 1000,
            ..keepalive
        };
        let error = client.set_keepalive(Some(never)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        assert_eq!(client.user_timeout().unwrap(), None);
        for limit in [Some(Duration::from_millis(1500)), None] {
            client.set_user_timeout(limit).unwrap();
            assert_eq!(client.user_timeout().unwrap(), limit);
        }
        // Zero would mean no limit of ours.
        client.set_user_timeout(Some(Duration::ZERO)).unwrap();
        let shortest = Some(Duration::from_millis(1));
        assert_eq!(client.user_timeout().unwrap(), shortest);

        assert_eq!(client.linger().unwrap(), None);
        client
            .set_linger(Some(Duration::from_millis(1001)))
            .unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(2)));
        client.set_linger(None).unwrap();
        assert_eq!(client.linger().unwrap(), None);

        client.set_notsent_lowat(4096).unwrap();
        assert_eq!(client.notsent_lowat().unwrap(), 4096);
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        client.set_tos(0x28).unwrap();
        assert_eq!(client.tos().unwrap(), 0x28);
        client.set_quickack(true).unwrap();
        assert!(client.quickack().unwrap());
    });
}

#[test]
fn both_versions_of_ip_have_a_ttl_and_a_type_of_service() {
    run(async || {
        let Ok(listener) = StdListener::bind("[::1]:0") else {
            return skip("options of version 6", "this machine has no ::1");
        };
        let address = listener.local_addr().unwrap();
        let socket = TcpSocket::new_v6().unwrap();
        socket.set_tos(0x20).unwrap();
        assert_eq!(socket.tos().unwrap(), 0x20);
        let client = socket.connect(address).await.unwrap();
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        // Version 6 would take it, and version 4 does not.
        assert!(client.set_ttl(0).is_err() && client.set_tos(256).is_err());
        assert_eq!((client.ttl().unwrap(), client.tos().unwrap()), (42, 0x20));
    });
}

#[test]
fn a_cork_holds_what_is_written_until_it_is_taken_out() {
    run(async || {
        let (client, server) = pair().await;
        client.set_cork(true).unwrap();
        assert!(client.cork().unwrap());
        client.write_all(b"head ").await.unwrap();
        let mut buffer = [0; 16];
        let mut reading = pin!(server.read(&mut buffer));
        assert!(once(reading.as_mut()).await.is_pending());
        client.write_all(b"and body").await.unwrap();
        client.set_cork(false).unwrap();
        assert_eq!(reading.await.unwrap(), 13);
    });
}

#[test]
fn zero_linger_cuts_the_connection_off() {
    run(async || {
        let (ours, mut peer) = pair_with_std().await;
        ours.set_zero_linger().unwrap();
        assert_eq!(ours.linger().unwrap(), Some(Duration::ZERO));
        drop(ours);
        let error = peer.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// While bytes wait to be sent beyond the mark, there is no room for more.
#[test]
fn a_low_mark_keeps_the_queue_in_the_kernel_short() {
    async fn fill(stream: &TcpStream) -> usize {
        let mut written = 0;
        while let Ok(count) = stream.try_write(&[0; 16 * 1024]) {
            written += count;
        }
        written
    }
    run(async || {
        let (marked, _peer) = pair_with_std().await;
        let (plain, _other_peer) = pair_with_std().await;
        marked.set_notsent_lowat(16 * 1024).unwrap();
        let (marked, plain) = (fill(&marked).await, fill(&plain).await);
        assert!(marked < plain, "{marked} against {plain} bytes");
    });
}

#[test]
fn the_kernel_tells_what_it_knows_of_a_connection() {
    run(async || {
        let (client, server) = pair().await;
        client.write_all(&[7; 1000]).await.unwrap();
        server.read_exact(&mut [0; 1000]).await.unwrap();
        let (here, there) = (client.info().unwrap(), server.info().unwrap());
        assert_eq!(here.state(), TcpState::Established);
        assert_eq!(there.bytes_received(), 1000);
        assert_eq!(here.bytes_sent(), 1000);
        assert!(here.send_mss() > 0 && here.congestion_window() > 0);
        assert!(here.rto() > Duration::ZERO && here.path_mtu() > 0);
        assert!(here.rtt() < Duration::from_secs(60));
        assert_eq!(here.total_retransmits(), 0);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(server.info().unwrap().state(), TcpState::CloseWait);
    });
}

#[test]
fn outside_of_a_runtime_the_builder_says_so() {
    tests::deadline::soon(|| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(ANY).unwrap();
        let address = socket.local_addr().unwrap();
        let message = socket.listen(1).unwrap_err().to_string();
        assert!(message.starts_with("TcpSocket::listen was called at"));
        assert!(message.contains("outside of a runtime"), "{message}");
        // Closed with the builder.
        assert!(StdStream::connect(address).is_err());
    });
}

#[test]
fn a_listener_takes_what_its_socket_was_told() {
    run(async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_nodelay(false).unwrap();
        socket.set_keepalive(Some(Keepalive::default())).unwrap();
        socket.bind(ANY).unwrap();
        let listener: TcpListener = socket.listen(u32::MAX).unwrap();
        let _client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(!server.nodelay().unwrap());
        assert_eq!(server.keepalive().unwrap(), Some(Keepalive::default()));
    });
}
