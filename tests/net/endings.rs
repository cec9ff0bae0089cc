//! How a connection ends, and how an operation ends before it is done.

use std::io::{ErrorKind, IoSlice, Write};
use std::pin::pin;
use std::task::Poll;

use tests::apart::apart;
use tests::fd;
use tests::once::once;
use tests::process::default_signal;

use crate::{listen, pair, pair_with_std, run};

#[test]
fn the_end_of_the_stream_is_read_again_and_again() {
    run(async || {
        let (client, server) = pair().await;
        client.write_all(b"last words").await.unwrap();
        drop(client);
        let mut buffer = [0; 64];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 10);
        for _ in 0..10 {
            assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        }
        let error = server.read_exact(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn the_end_wakes_a_reader_that_waits() {
    run(async || {
        let (client, server) = pair().await;
        let mut buffer = [0; 8];
        let mut reading = pin!(server.read(&mut buffer));
        assert!(once(reading.as_mut()).await.is_pending());
        drop(client);
        assert_eq!(reading.await.unwrap(), 0);
    });
}

#[test]
fn the_last_bytes_and_the_end_come_at_once() {
    run(async || {
        for _ in 0..50 {
            let (server, mut client) = pair_with_std().await;
            let mut buffer = [0; 64];
            let mut reading = Box::pin(server.read(&mut buffer));
            assert!(once(reading.as_mut()).await.is_pending());
            client.write_all(b"last").unwrap();
            drop(client);
            assert_eq!(reading.await.unwrap(), 4);
            assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        }
    });
}

#[test]
fn a_reset_is_told_as_a_reset() {
    run(async || {
        for waits in [false, true] {
            let (client, server) = pair().await;
            fd::reset_on_close(&client);
            let mut buffer = [0; 8];
            let mut reading = Box::pin(server.read(&mut buffer));
            if waits {
                assert!(once(reading.as_mut()).await.is_pending());
            }
            drop(client);
            let error = reading.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            // Once; then it is the end as any other.
            assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
        }
    });
}

#[test]
fn the_error_that_waits_on_a_socket_can_be_taken() {
    run(async || {
        let (client, server) = pair().await;
        assert!(server.take_error().unwrap().is_none());
        fd::reset_on_close(&client);
        drop(client);
        server.readable().await.unwrap();
        let error = server.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(server.take_error().unwrap().is_none());
    });
}

/// In a process of its own, since the signal would end all tests.
#[test]
fn writing_to_a_peer_that_has_gone_is_an_error_and_no_signal() {
    apart(|| {
        default_signal(libc::SIGPIPE);
        runtime::block_on(async {
            let (client, server) = pair().await;
            drop(client);
            assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
            // The first goes out, and the answer to it is a reset.
            server.write_all(b"anybody there?").await.unwrap();
            while server.write(b"x").await.is_ok() {
                runtime::task::yield_now().await;
            }
            let error = server.write(b"x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let slices = [IoSlice::new(b"x")];
            let error = server.write_vectored(&slices).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let error = server.try_write(b"x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            let copied = net::io::copy(&mut &b"some bytes"[..], &mut &server).await;
            assert_eq!(copied.unwrap_err().kind(), ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn a_read_that_is_dropped_while_it_waits_takes_no_byte() {
    run(async || {
        let (client, server) = pair().await;
        let mut lost = [0; 64];
        for _ in 0..10 {
            assert!(once(pin!(server.read(&mut lost))).await.is_pending());
        }
        client.write_all(b"all of it").await.unwrap();
        let mut buffer = [0; 9];
        server.read_exact(&mut buffer).await.unwrap();
        assert_eq!((&buffer, lost), (b"all of it", [0; 64]));
    });
}

/// Reads are begun and dropped all the time, while bytes come at any moment.
#[test]
fn reads_dropped_at_any_moment_lose_no_byte() {
    run(async || {
        let (server, mut client) = pair_with_std().await;
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n >> 3) as u8).collect();
        let expected = bytes.clone();
        let sender = std::thread::spawn(move || {
            for chunk in bytes.chunks(777) {
                client.write_all(chunk).unwrap();
            }
        });
        let mut received = Vec::new();
        let mut dropped = 0;
        while received.len() < expected.len() {
            let mut buffer = [0; 1000];
            let outcome = once(pin!(server.read(&mut buffer))).await;
            match outcome {
                Poll::Ready(count) => received.extend_from_slice(&buffer[..count.unwrap()]),
                Poll::Pending => {
                    dropped += 1;
                    runtime::task::yield_now().await;
                }
            }
        }
        sender.join().unwrap();
        assert!(received == expected, "{dropped} reads were dropped");
    });
}

#[test]
fn a_write_that_is_dropped_while_it_waits_has_written_nothing() {
    run(async || {
        let (client, server) = pair().await;
        let mut filled = 0;
        while let Ok(count) = client.try_write(&[7; 4096]) {
            filled += count;
        }
        // The peer has room by and by, so it may take some tries until one waits.
        while let Poll::Ready(count) = once(pin!(client.write(&[7; 4096]))).await {
            filled += count.unwrap();
        }
        drop(client);
        let mut received = 0;
        let mut buffer = vec![0; 65536];
        loop {
            match server.read(&mut buffer).await.unwrap() {
                0 => break,
                count => received += count,
            }
        }
        assert_eq!(received, filled);
    });
}

#[test]
fn an_accept_that_is_dropped_while_it_waits_takes_no_connection() {
    run(async || {
        let listener = listen().await;
        for _ in 0..10 {
            assert!(once(pin!(listener.accept())).await.is_pending());
        }
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        for client in &clients {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        assert!(once(pin!(listener.accept())).await.is_pending());
    });
}

#[test]
fn a_connection_dropped_before_it_stands_is_given_up() {
    run(async || {
        let before = runtime::Handle::current().metrics().registered_fds;
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        for _ in 0..20 {
            drop(once(pin!(net::TcpStream::connect(address))).await);
        }
        drop(listener);
        assert_eq!(runtime::Handle::current().metrics().registered_fds, before);
    });
}
