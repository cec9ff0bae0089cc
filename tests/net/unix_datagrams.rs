//! Datagrams that are not lost: unix sockets for them, and for packets over a connection.
//!
//! The sender waits while the receiver's queue is full. Who is connected to the receiver is told
//! when there is room; who is not may never be, and must come through all the same.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram as StdDatagram;
use std::pin::pin;

use net::UnixDatagram;
use net::unix::{UnixSeqpacket, UnixSeqpacketListener};
use runtime::io::Interest;
use runtime::task::unconstrained;
use runtime::time::{Duration, timeout};
use tests::deadline::soon;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;
use tests::place::{Place, abstract_name};

use crate::{paused, run, run_local};

fn blocks<R: std::fmt::Debug>(result: io::Result<R>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn datagrams_keep_their_borders_and_empty_ones_come_too() {
    run(async || {
        let (one, other) = UnixDatagram::pair().unwrap();
        let sent: [&[u8]; 4] = [b"one", b"", &[7; 30_000], b"four"];
        for datagram in sent {
            assert_eq!(one.send(datagram).await.unwrap(), datagram.len());
        }
        let mut buffer = vec![0; 40_000];
        for datagram in sent {
            let count = other.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], datagram);
        }
        blocks(other.try_recv(&mut buffer));
    });
}

#[test]
fn who_has_a_name_can_be_answered() {
    run(async || {
        let place = Place::new();
        let (at, from) = (place.file("server"), place.file("client"));
        let server = UnixDatagram::bind(&at).unwrap();
        let client = UnixDatagram::bind(&from).unwrap();
        client.send_to(b"ask", &at).await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 3);
        let (_, source) = server.peek_from(&mut buffer).await.unwrap();
        assert_eq!(source.as_pathname(), Some(&*from));
        let (count, source) = server.recv_from(&mut buffer).await.unwrap();
        assert_eq!((count, source.as_pathname()), (3, Some(&*from)));
        server.send_to_addr(b"answer", &source).await.unwrap();
        let (count, source) = client.try_recv_from(&mut buffer).unwrap();
        assert_eq!((count, source.as_pathname()), (6, Some(&*at)));
        assert_eq!(client.local_addr().unwrap().as_pathname(), Some(&*from));
    });
}

#[test]
fn every_way_to_send_meets_every_way_to_receive() {
    run(async || {
        let name = abstract_name();
        let server = UnixDatagram::bind(&name).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.connect(&name).unwrap();
        client.try_send(b"1").unwrap();
        client.try_send_to(b"2", &name).unwrap();
        poll_fn(|context| client.poll_send(context, b"3"))
            .await
            .unwrap();
        client.writable().await.unwrap();
        client.send(b"4").await.unwrap();
        let mut buffer = [0; 1];
        server.ready(Interest::READABLE).await.unwrap();
        server.readable().await.unwrap();
        server.try_recv(&mut buffer).unwrap();
        poll_fn(|context| server.poll_recv(context, &mut buffer))
            .await
            .unwrap();
        assert_eq!(&buffer, b"2");
        let received = poll_fn(|context| server.poll_recv_from(context, &mut buffer)).await;
        assert!(received.unwrap().1.is_unnamed());
        let receive = || fd::recv(&server, &mut buffer, 0);
        let received = server.async_io(Interest::READABLE, receive).await;
        assert_eq!(received.unwrap(), 1);
        let dry = server.try_io(Interest::READABLE, || fd::recv(&server, &mut [0; 1], 0));
        blocks(dry);
        assert_eq!(&buffer, b"4");
        assert!(client.peer_addr().unwrap().as_pathname().is_none());
        assert!(client.take_error().unwrap().is_none());
    });
}

/// Sends until there is no room, and says how many.
fn fill(mut send: impl FnMut() -> io::Result<usize>) -> usize {
    let mut count = 0;
    loop {
        match send() {
            Ok(_) => count += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return count;
            }
        }
    }
}

#[test]
fn who_is_connected_waits_for_room_and_is_told() {
    run(async || {
        let (one, other) = UnixDatagram::pair().unwrap();
        let count = fill(|| one.try_send(b"fill"));
        assert!(count > 0);
        for _ in 0..3 {
            let mut waiting = pin!(one.send(b"more"));
            assert!(once(waiting.as_mut()).await.is_pending());
            let mut buffer = [0; 8];
            for _ in 0..count {
                other.recv(&mut buffer).await.unwrap();
            }
            waiting.await.unwrap();
            assert_eq!(other.recv(&mut buffer).await.unwrap(), 4);
            fill(|| one.try_send(b"fill"));
        }
    });
}

/// The kernel tells the sender nothing of that queue, and makes its own socket writable each time.
#[test]
fn who_is_not_connected_gets_through_a_full_queue_and_does_not_spin() {
    soon(|| {
        paused().block_on(async {
            let name = abstract_name();
            let receiver = UnixDatagram::bind(&name).unwrap();
            let (other, waits) = (
                UnixDatagram::unbound().unwrap(),
                UnixDatagram::unbound().unwrap(),
            );
            let count = fill(|| other.try_send_to(b"fill", &name));
            assert!(count > 0);
            blocks(waits.try_send_to(b"x", &name));
            let polls = Cell::new(0);
            // Without a budget: who spins here does so within one poll.
            let mut sending = pin!(unconstrained(waits.send_to(b"at last", &name)));
            let mut sending = pin!(poll_fn(|context| {
                polls.set(polls.get() + 1);
                sending.as_mut().poll(context)
            }));
            let a_while = timeout(Duration::from_millis(60), sending.as_mut());
            a_while.await.unwrap_err();
            assert!((3..20).contains(&polls.get()), "{} polls", polls.get());
            let mut buffer = [0; 16];
            for _ in 0..count {
                receiver.recv(&mut buffer).await.unwrap();
            }
            assert_eq!(sending.await.unwrap(), 7);
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 7);
        });
    });
}

#[test]
fn who_is_not_connected_waits_for_room_of_its_own_too() {
    run(async || {
        let name = abstract_name();
        let receiver = UnixDatagram::bind(&name).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        // So large that the sender's room is used up before the receiver's queue is.
        let large = vec![7; 60_000];
        let count = fill(|| sender.try_send_to(&large, &name));
        let mut sending = pin!(sender.send_to(&large, &name));
        assert!(once(sending.as_mut()).await.is_pending());
        let mut buffer = vec![0; 60_000];
        for _ in 0..count {
            receiver.recv(&mut buffer).await.unwrap();
        }
        sending.await.unwrap();
        assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 60_000);
    });
}

#[test]
fn who_is_not_connected_sends_many_more_than_fit() {
    run_local(async || {
        let name = abstract_name();
        let receiver = UnixDatagram::bind(&name).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let sending = runtime::spawn_local(async move {
            for number in 0..2000_u32 {
                let bytes = number.to_ne_bytes();
                sender.send_to(&bytes, &name).await.unwrap();
            }
        });
        for number in 0..2000_u32 {
            let mut buffer = [0; 4];
            receiver.recv(&mut buffer).await.unwrap();
            assert_eq!(u32::from_ne_bytes(buffer), number);
        }
        sending.await.unwrap();
    });
}

#[test]
fn a_receiver_that_is_not_there_is_an_error() {
    run(async || {
        let place = Place::new();
        let path = place.file("socket");
        let sender = UnixDatagram::unbound().unwrap();
        let error = sender.send_to(b"x", &path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let receiver = UnixDatagram::bind(&path).unwrap();
        sender.connect(&path).unwrap();
        drop(receiver);
        let error = sender.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let again = UnixDatagram::bind(&path).unwrap_err();
        assert!(again.to_string().contains("remove it"), "{again}");
    });
}

#[test]
fn a_receiver_that_goes_wakes_who_waits_to_send() {
    run(async || {
        let (one, other) = UnixDatagram::pair().unwrap();
        fill(|| one.try_send(b"fill"));
        let mut waiting = pin!(one.send(b"more"));
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(other);
        waiting.await.unwrap_err();
    });
}

#[test]
fn a_pair_knows_who_made_it_and_others_do_not() {
    run(async || {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let own = std::process::id() as i32;
        assert_eq!(one.peer_cred().unwrap().pid(), Some(own));
        let alone = UnixDatagram::unbound().unwrap();
        let error = alone.peer_cred().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    });
}

#[test]
fn a_socket_goes_to_std_and_comes_back() {
    run(async || {
        let (std, other) = StdDatagram::pair().unwrap();
        let ours = UnixDatagram::from_std(std).unwrap();
        other.send(b"x").unwrap();
        ours.recv(&mut [0; 1]).await.unwrap();
        let ours = UnixDatagram::from_std(ours.into_std()).unwrap();
        assert!(once(pin!(ours.readable())).await.is_pending());
        ours.shutdown(Shutdown::Write).unwrap();
        let error = ours.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn packets_keep_their_borders_over_a_connection_and_tell_of_its_end() {
    run(async || {
        let name = abstract_name();
        let listener = UnixSeqpacketListener::bind(&name).unwrap();
        let client = UnixSeqpacket::connect(&name).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.send(b"one").await.unwrap();
        client.try_send(b"three").unwrap();
        poll_fn(|context| client.poll_send(context, b"seventeen"))
            .await
            .unwrap();
        let mut buffer = [0; 4];
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 3);
        assert_eq!(server.recv(&mut buffer).await.unwrap(), 3);
        // Cut, and the rest is gone.
        assert_eq!(server.try_recv(&mut buffer).unwrap(), 4);
        let received = poll_fn(|context| server.poll_recv(context, &mut buffer)).await;
        assert_eq!((received.unwrap(), &buffer), (4, b"seve"));
        blocks(server.try_recv(&mut buffer));
        let own = std::process::id() as i32;
        assert_eq!(server.peer_cred().unwrap().pid(), Some(own));
        {
            let mut waiting = pin!(server.recv(&mut buffer));
            assert!(once(waiting.as_mut()).await.is_pending());
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(waiting.await.unwrap(), 0);
        }
        server.send(b"still here").await.unwrap();
        client.readable().await.unwrap();
        assert_eq!(client.recv(&mut [0; 16]).await.unwrap(), 10);
        drop(client);
        let error = server.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn who_sends_packets_waits_for_room_and_is_told() {
    run(async || {
        let (one, other) = UnixSeqpacket::pair().unwrap();
        let count = fill(|| one.try_send(b"fill"));
        let mut waiting = pin!(one.send(b"more"));
        assert!(once(waiting.as_mut()).await.is_pending());
        for _ in 0..count {
            other.recv(&mut [0; 8]).await.unwrap();
        }
        waiting.await.unwrap();
        one.writable().await.unwrap();
    });
}

#[test]
fn connections_for_packets_are_accepted_in_a_loop() {
    run(async || {
        let name = abstract_name();
        let listener = UnixSeqpacketListener::bind(&name).unwrap();
        assert!(listener.local_addr().unwrap().as_pathname().is_none());
        let mut incoming = listener.incoming();
        for _ in 0..40 {
            let client = UnixSeqpacket::connect(&name).await.unwrap();
            let (server, _) = incoming.accept().await.unwrap();
            server.send(b"x").await.unwrap();
            client.recv(&mut [0; 1]).await.unwrap();
        }
    });
}

/// As `send_to`, step by step: another's queue is full, and no event tells of room in it.
#[test]
fn a_step_of_sending_gets_through_a_full_queue_too() {
    run(async || {
        let name = abstract_name();
        let server = UnixDatagram::bind(&name).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        let filled = fill(|| client.try_send_to(b"fill", &name));
        let counts = Foreign::new().armed();
        let mut sends = Box::pin(poll_fn(|context| {
            client.poll_send_to(context, b"more", &name)
        }));
        assert!(foreign::poll(&mut sends, &counts.waker()).is_pending());
        let mut buffer = [0; 8];
        for _ in 0..filled {
            server.recv(&mut buffer).await.unwrap();
        }
        // Whoever polled it last is woken, when a pause has passed.
        assert_eq!(sends.await.unwrap(), 4);
        assert_eq!(server.recv(&mut buffer).await.unwrap(), 4);
        let nobody = poll_fn(|context| client.poll_send_to(context, b"x", abstract_name()));
        assert_eq!(
            nobody.await.unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        let sent = poll_fn(|context| client.poll_send_to(context, b"at once", &name));
        assert_eq!(sent.await.unwrap(), 7);
        assert_eq!(server.recv(&mut buffer).await.unwrap(), 7);
    });
}
