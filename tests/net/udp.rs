//! Datagrams, one by one.
//!
//! Each comes whole or not at all, an empty one is one too, and an error that a datagram met on its
//! way is told once. After it the socket must be as good as before: neither deaf nor always ready.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};

use net::{UdpSocket, udp};
use runtime::io::Interest;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;

use crate::run;

async fn bind() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// Two sockets, each connected to the other.
async fn connected() -> (UdpSocket, UdpSocket) {
    let (one, other) = (bind().await, bind().await);
    one.connect(other.local_addr().unwrap()).await.unwrap();
    other.connect(one.local_addr().unwrap()).await.unwrap();
    (one, other)
}

/// A socket that is connected to a port where nobody listens.
async fn connected_to_nobody() -> UdpSocket {
    let (one, other) = connected().await;
    drop(other);
    one
}

fn refused<R: std::fmt::Debug>(result: io::Result<R>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

fn blocks<R: std::fmt::Debug>(result: io::Result<R>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn datagrams_keep_their_borders_and_empty_ones_come_too() {
    run(async || {
        let (sender, receiver) = (bind().await, bind().await);
        let to = receiver.local_addr().unwrap();
        let sent: [&[u8]; 4] = [b"one", b"", &[7; 9000], b"four"];
        for datagram in sent {
            assert_eq!(sender.send_to(datagram, to).await.unwrap(), datagram.len());
        }
        let mut buffer = vec![0; 10_000];
        for datagram in sent {
            let (count, source) = receiver.recv_from(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], datagram);
            assert_eq!(source, sender.local_addr().unwrap());
        }
        blocks(receiver.try_recv_from(&mut buffer));
    });
}

#[test]
fn what_does_not_fit_into_the_buffer_is_gone_and_the_next_is_whole() {
    run(async || {
        let (one, other) = connected().await;
        one.send(b"too long").await.unwrap();
        one.send(b"next").await.unwrap();
        let mut buffer = [0; 4];
        for expected in [b"too ", b"next"] {
            assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
            assert_eq!(&buffer, expected);
        }
    });
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    run(async || {
        let (one, other) = connected().await;
        let stranger = bind().await;
        let to = other.local_addr().unwrap();
        stranger.send_to(b"stranger", to).await.unwrap();
        one.send(b"peer").await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(other.peer_addr().unwrap(), one.local_addr().unwrap());
        let error = stranger.peer_addr().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn who_peeks_leaves_the_datagram() {
    run(async || {
        let (one, other) = connected().await;
        let mut buffer = [0; 2];
        blocks(other.try_peek(&mut buffer));
        one.send(b"whole").await.unwrap();
        let source = one.local_addr().unwrap();
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 2);
        assert_eq!(other.try_peek(&mut buffer).unwrap(), 2);
        assert_eq!(other.peek_from(&mut buffer).await.unwrap(), (2, source));
        assert_eq!(other.try_peek_from(&mut buffer).unwrap(), (2, source));
        let peeked = poll_fn(|context| other.poll_peek_from(context, &mut buffer));
        assert_eq!(peeked.await.unwrap(), (2, source));
        assert_eq!(other.try_recv(&mut [0; 16]).unwrap(), 5);
        blocks(other.try_recv(&mut buffer));
    });
}

#[test]
fn every_way_to_send_meets_every_way_to_receive() {
    run(async || {
        let (one, other) = connected().await;
        let (from, to) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        one.try_send(b"1").unwrap();
        // A connected socket may name its own peer.
        one.try_send_to(b"2", to).unwrap();
        poll_fn(|context| one.poll_send(context, b"3"))
            .await
            .unwrap();
        poll_fn(|context| one.poll_send_to(context, b"4", to))
            .await
            .unwrap();
        let same = std::net::UdpSocket::from(one.as_fd().try_clone_to_owned().unwrap());
        let call = || same.send(b"5");
        one.async_io(Interest::WRITABLE, call).await.unwrap();
        one.try_io(Interest::WRITABLE, || same.send(b"6")).unwrap();

        let mut buffer = [0; 1];
        other.readable().await.unwrap();
        other.try_recv(&mut buffer).unwrap();
        assert_eq!(&buffer, b"1");
        assert_eq!(other.try_recv_from(&mut buffer).unwrap(), (1, from));
        assert_eq!(&buffer, b"2");
        poll_fn(|context| other.poll_recv(context, &mut buffer))
            .await
            .unwrap();
        assert_eq!(&buffer, b"3");
        let received = poll_fn(|context| other.poll_recv_from(context, &mut buffer));
        assert_eq!(received.await.unwrap(), (1, from));
        assert_eq!(&buffer, b"4");
        other.ready(Interest::READABLE).await.unwrap();
        let call = || fd::recv(&other, &mut buffer, 0);
        other.async_io(Interest::READABLE, call).await.unwrap();
        assert_eq!(&buffer, b"5");
        other.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"6");
    });
}

#[test]
fn a_hundred_datagrams_behind_one_edge_are_all_received() {
    run(async || {
        let (one, other) = connected().await;
        for _ in 0..3 {
            let mut waiting = pin!(other.readable());
            assert!(once(waiting.as_mut()).await.is_pending());
            for number in 0..100_u8 {
                one.try_send(&[number]).unwrap();
            }
            waiting.await.unwrap();
            let mut buffer = [0; 1];
            for number in 0..100 {
                other.recv(&mut buffer).await.unwrap();
                assert_eq!(buffer, [number]);
            }
            blocks(other.try_recv(&mut buffer));
        }
    });
}

#[test]
fn a_refusal_wakes_who_receives_is_told_once_and_the_socket_goes_on() {
    run(async || {
        let socket = connected_to_nobody().await;
        let to = socket.peer_addr().unwrap();
        for _ in 0..10 {
            let mut buffer = [0; 16];
            {
                let mut receiving = pin!(socket.recv(&mut buffer));
                assert!(once(receiving.as_mut()).await.is_pending());
                socket.send(b"is anybody there?").await.unwrap();
                refused(receiving.await);
            }
            blocks(socket.try_recv(&mut buffer));
        }
        // And now somebody is.
        let peer = UdpSocket::bind(to).await.unwrap();
        let mut buffer = [0; 16];
        let mut receiving = pin!(socket.recv(&mut buffer));
        assert!(once(receiving.as_mut()).await.is_pending());
        let back = socket.local_addr().unwrap();
        peer.send_to(b"yes", back).await.unwrap();
        assert_eq!(receiving.await.unwrap(), 3);
    });
}

#[test]
fn a_refusal_may_be_told_to_who_sends_next_instead() {
    run(async || {
        let socket = connected_to_nobody().await;
        socket.send(b"first").await.unwrap();
        refused(socket.send(b"second").await);
        socket.send(b"third").await.unwrap();
        socket.writable().await.unwrap();
        refused(socket.try_recv(&mut [0; 1]));
    });
}

#[test]
fn an_error_that_was_taken_is_told_to_nobody_else() {
    run(async || {
        let socket = connected_to_nobody().await;
        socket.send(b"first").await.unwrap();
        socket.readable().await.unwrap();
        let error = socket.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(socket.take_error().unwrap().is_none());
        blocks(socket.try_recv(&mut [0; 1]));
        // The error was the readiness: who waits now waits for something new.
        assert!(once(pin!(socket.readable())).await.is_pending());
    });
}

#[test]
fn an_error_does_not_make_a_waiter_spin() {
    run(async || {
        let socket = connected_to_nobody().await;
        let mut buffer = [0; 16];
        socket.send(b"x").await.unwrap();
        refused(socket.recv(&mut buffer).await);
        let counts = Foreign::new().armed();
        let mut receiving = pin!(socket.recv(&mut buffer));
        assert!(foreign::poll(&mut receiving, &counts.waker()).is_pending());
        for _ in 0..20 {
            // Passes through the epoll each time.
            let (one, other) = connected().await;
            one.send(b"x").await.unwrap();
            other.recv(&mut [0; 1]).await.unwrap();
        }
        assert_eq!(counts.wakes(), 0);
    });
}

/// What a QUIC stack does: each connection has a future of its own that waits for the one socket.
#[test]
fn many_owned_futures_wait_for_one_socket() {
    type Waiting = Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>;
    fn wait(socket: Arc<UdpSocket>, interest: Interest) -> Waiting {
        Box::pin(async move { socket.ready(interest).await })
    }
    run(async || {
        let (one, other) = connected().await;
        let other = Arc::new(other);
        let mut readers: Vec<_> = (0..5)
            .map(|_| wait(other.clone(), Interest::READABLE))
            .collect();
        let writers = (0..5).map(|_| wait(other.clone(), Interest::WRITABLE));
        for reader in &mut readers {
            assert!(once(reader.as_mut()).await.is_pending());
        }
        for writer in writers {
            writer.await.unwrap();
        }
        drop(readers.remove(2));
        one.send(b"x").await.unwrap();
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(other.try_recv(&mut [0; 4]).unwrap(), 1);
    });
}

/// How a future that is written by hand receives: ask, try, and ask again.
#[test]
fn readiness_can_be_polled_and_used_by_a_call_of_ones_own() {
    run(async || {
        let (one, other) = connected().await;
        let same = std::net::UdpSocket::from(other.as_fd().try_clone_to_owned().unwrap());
        let mut buffer = [0; 8];
        let mut receive = async || {
            poll_fn(|context| {
                loop {
                    ready!(other.poll_recv_ready(context)).unwrap();
                    match other.try_io(Interest::READABLE, || same.recv(&mut buffer)) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        received => return Poll::Ready(received.unwrap()),
                    }
                }
            })
            .await
        };
        for round in 1..=5 {
            {
                let mut receiving = pin!(receive());
                assert!(once(receiving.as_mut()).await.is_pending());
                for _ in 0..round {
                    poll_fn(|context| one.poll_send_ready(context))
                        .await
                        .unwrap();
                    one.try_send(b"x").unwrap();
                }
                assert_eq!(receiving.await, 1);
            }
            for _ in 1..round {
                assert_eq!(receive().await, 1);
            }
        }
    });
}

#[test]
fn several_tasks_receive_from_one_socket() {
    run(async || {
        let (one, other) = connected().await;
        let other = Arc::new(other);
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let other = other.clone();
                runtime::spawn(async move {
                    for _ in 0..10 {
                        other.recv(&mut [0; 1]).await.unwrap();
                    }
                })
            })
            .collect();
        runtime::task::yield_now().await;
        for _ in 0..40 {
            one.send(b"x").await.unwrap();
            runtime::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_socket_goes_to_std_and_comes_back() {
    run(async || {
        let (one, other) = connected().await;
        let number = one.as_fd().try_clone_to_owned().unwrap();
        let std = one.into_std();
        drop(number);
        std.send(b"from std").unwrap();
        let one = UdpSocket::from_std(std).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 8);
        other.send(b"back").await.unwrap();
        assert_eq!(one.recv(&mut buffer).await.unwrap(), 4);
        // Blocking mode is given up on the way in.
        let blocking = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::from_std(blocking).unwrap();
        assert!(once(pin!(socket.recv(&mut buffer))).await.is_pending());
    });
}

#[test]
fn options_come_back_as_they_were_set() {
    run(async || {
        let socket = bind().await;
        assert!(!socket.broadcast().unwrap());
        socket.set_broadcast(true).unwrap();
        assert!(socket.broadcast().unwrap());
        socket.set_ttl(7).unwrap();
        assert_eq!(socket.ttl().unwrap(), 7);
        socket.set_ttl(256).unwrap_err();
        socket.set_tos(0b1010_0000).unwrap();
        assert_eq!(socket.tos().unwrap(), 0b1010_0000);
        socket.set_send_buffer_size(30_000).unwrap();
        assert_eq!(socket.send_buffer_size().unwrap(), 60_000);
        socket.set_recv_buffer_size(40_000).unwrap();
        assert_eq!(socket.recv_buffer_size().unwrap(), 80_000);
        let small = udp::Builder::new()
            .send_buffer_size(5_000)
            .recv_buffer_size(6_000);
        let small = small.bind("127.0.0.1:0").await.unwrap();
        assert_eq!(small.send_buffer_size().unwrap(), 10_000);
        assert_eq!(small.recv_buffer_size().unwrap(), 12_000);
    });
}

#[test]
fn version_six_has_its_options_too() {
    run(async || {
        let Ok(socket) = UdpSocket::bind("[::1]:0").await else {
            return tests::skip("options of version 6", "there is no [::1]");
        };
        socket.set_ttl(7).unwrap();
        assert_eq!(socket.ttl().unwrap(), 7);
        socket.set_tos(0b1010_0000).unwrap();
        assert_eq!(socket.tos().unwrap(), 0b1010_0000);
        let port = socket.local_addr().unwrap().port();
        socket
            .send_to(b"x", socket.local_addr().unwrap())
            .await
            .unwrap();
        socket.recv(&mut [0; 1]).await.unwrap();
        // It leaves version 4 alone, and its port too.
        let both = udp::Builder::new().only_v6(false);
        let both = both.bind("[::]:0").await.unwrap();
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, both.local_addr().unwrap().port()));
        bind().await.send_to(b"mapped", to).await.unwrap();
        let (_, source) = both.recv_from(&mut [0; 8]).await.unwrap();
        assert!(source.is_ipv6(), "{source}");
        let alone = udp::Builder::new().only_v6(true);
        let _alone = alone
            .bind(("::".parse::<std::net::Ipv6Addr>().unwrap(), 0))
            .await
            .unwrap();
        assert_ne!(port, 0);
    });
}

#[test]
fn a_port_is_shared_by_those_who_agree_to_it() {
    run(async || {
        let first = bind().await;
        let address = first.local_addr().unwrap();
        let error = UdpSocket::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let shared = || udp::Builder::new().reuse_port(true);
        shared().bind(address).await.unwrap_err();
        let one = shared().bind("127.0.0.1:0").await.unwrap();
        let other = shared().bind(one.local_addr().unwrap()).await.unwrap();
        first
            .send_to(b"x", one.local_addr().unwrap())
            .await
            .unwrap();
        let (mut one_buffer, mut other_buffer) = ([0; 1], [0; 1]);
        let (mut at_one, mut at_other) = (
            pin!(one.recv(&mut one_buffer)),
            pin!(other.recv(&mut other_buffer)),
        );
        poll_fn(|context| {
            let at_one = at_one.as_mut().poll(context);
            if at_one.is_ready() {
                at_one
            } else {
                at_other.as_mut().poll(context)
            }
        })
        .await
        .unwrap();
    });
}

#[test]
fn errors_name_the_call_and_the_caller() {
    run(async || {
        let error = UdpSocket::bind("no address").await.unwrap_err();
        assert!(error.to_string().contains("no address"), "{error}");
        let named = UdpSocket::bind("localhost:0").await.unwrap();
        let to = ("localhost", named.local_addr().unwrap().port());
        named.connect(to).await.unwrap();
        named
            .send_to(b"x", named.local_addr().unwrap())
            .await
            .unwrap();
        bind().await.connect(&[][..]).await.unwrap_err();
        let sent = bind().await.send_to(b"x", &[][..]).await;
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::InvalidInput);
        let device = udp::Builder::new().bind_device("nosuch0");
        device.bind("127.0.0.1:0").await.unwrap_err();
    });
    let outside = foreign::block_on(UdpSocket::bind("127.0.0.1:0"));
    let message = outside.unwrap_err().to_string();
    assert!(message.contains("UdpSocket::bind"), "{message}");
    assert!(message.contains(file!()), "{message}");
}
