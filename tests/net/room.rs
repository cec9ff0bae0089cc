//! What the kernel says once, and what it does not say again: writing.
//!
//! There is mostly room, so writing is tried before anybody asks. The danger is the other time: the
//! buffer is full, its one edge will come when room appears, and it must meet a writer that waits.

use std::io::{ErrorKind, Read, Write};
use std::pin::pin;
use std::task::Poll;

use net::TcpStream;
use runtime::io::{AsyncFd, FdKind, Interest};
use tests::fd;
use tests::once::once;

use crate::{pair, pair_with_std, run, run_local};

/// Writes until there is no room, and says how much there was.
fn fill(stream: &TcpStream) -> usize {
    let block = vec![7; 64 * 1024];
    let mut written = 0;
    loop {
        match stream.try_write(&block) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
            Err(error) => panic!("{error}"),
        }
    }
}

fn drain(peer: &mut std::net::TcpStream, count: usize) {
    let mut sink = vec![0; 64 * 1024];
    let mut left = count;
    while left > 0 {
        let most = left.min(sink.len());
        left -= peer.read(&mut sink[..most]).unwrap();
    }
}

#[test]
fn a_full_pipe_makes_its_writer_wait_until_it_is_emptied() {
    run(async || {
        for kind in [FdKind::Other, FdKind::PlainPipe] {
            let (mut reader, writer) = fd::pipe();
            let writer = AsyncFd::lazy(writer, kind, "test").unwrap();
            for _ in 0..20 {
                let mut written = 0;
                let write = || writer.write_with(|mut pipe| pipe.write(&[7; 4096]));
                // Until one of them waits.
                let mut waiting = loop {
                    let mut write = Box::pin(write());
                    match once(write.as_mut()).await {
                        Poll::Ready(count) => written += count.unwrap(),
                        Poll::Pending => break write,
                    }
                };
                let mut sink = vec![0; written];
                reader.read_exact(&mut sink).unwrap();
                assert_eq!(waiting.as_mut().await.unwrap(), 4096);
                reader.read_exact(&mut sink[..4096]).unwrap();
            }
        }
    });
}

#[test]
fn a_full_socket_makes_its_writer_wait_until_it_is_drained() {
    run(async || {
        let (writer, mut peer) = pair_with_std().await;
        for _ in 0..5 {
            let filled = fill(&writer);
            let mut waiting = pin!(writer.write_all(&[8; 100_000]));
            assert!(once(waiting.as_mut()).await.is_pending());
            let drained = std::thread::spawn(move || {
                drain(&mut peer, filled + 100_000);
                peer
            });
            waiting.await.unwrap();
            peer = drained.join().unwrap();
        }
    });
}

#[test]
fn megabytes_pass_between_a_fast_writer_and_a_slow_reader() {
    run(async || {
        let (writer, reader) = pair().await;
        let bytes: Vec<u8> = (0..4_000_000_u32).map(|n| (n >> 6) as u8).collect();
        let expected = bytes.clone();
        let sender = runtime::spawn(async move {
            writer.write_all(&bytes).await.unwrap();
        });
        let mut received = Vec::new();
        let mut buffer = [0; 10_000];
        loop {
            let count = reader.read(&mut buffer).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..count]);
            runtime::task::yield_now().await;
        }
        sender.await.unwrap();
        assert!(received == expected, "{} bytes", received.len());
    });
}

#[test]
fn room_after_a_full_buffer_is_told_by_writable() {
    run(async || {
        let (writer, mut peer) = pair_with_std().await;
        let filled = fill(&writer);
        let mut waiting = pin!(writer.writable());
        assert!(once(waiting.as_mut()).await.is_pending());
        drain(&mut peer, filled);
        waiting.await.unwrap();
        assert!(writer.try_write(b"again").unwrap() > 0);
    });
}

/// A writer that never waits, but tries now and then: beside a reader that waits on the same stream.
#[test]
fn trying_to_write_works_again_when_the_peer_has_made_room() {
    run(async || {
        let (stream, mut peer) = pair_with_std().await;
        let mut buffer = [0; 16];
        peer.write_all(b"1").unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
        let filled = fill(&stream);
        drain(&mut peer, filled);
        // What the peer sends comes after the room that it has made.
        peer.write_all(b"2").unwrap();
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
        assert_eq!(stream.try_write(b"again").unwrap(), 5);
    });
}

#[test]
fn a_pipe_whose_reader_goes_wakes_its_writer_with_an_error() {
    run(async || {
        let (reader, writer) = fd::pipe();
        let writer = AsyncFd::new(writer).unwrap();
        // Full, so that the kernel reports the error and nothing else.
        writer.writable().await.unwrap();
        let write = || writer.write_with(|mut pipe| pipe.write(&[7; 65536]));
        let mut written = 0;
        while let Poll::Ready(count) = once(pin!(write())).await {
            written += count.unwrap();
        }
        assert!(written > 0);
        let mut waiting = pin!(write());
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(reader);
        assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(write().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_wakes_a_writer_that_waits_for_room() {
    run(async || {
        let (writer, peer) = pair_with_std().await;
        fill(&writer);
        let mut waiting = pin!(writer.write(b"more"));
        assert!(once(waiting.as_mut()).await.is_pending());
        fd::reset_on_close(&peer);
        drop(peer);
        assert_eq!(
            waiting.await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        assert_eq!(
            writer.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn a_reader_and_a_writer_of_one_stream_wait_at_once() {
    run_local(async || {
        let (stream, mut peer) = pair_with_std().await;
        let stream = std::rc::Rc::new(stream);
        let filled = fill(&stream);
        let writer = runtime::spawn_local({
            let stream = stream.clone();
            async move { stream.write_all(&[8; 1000]).await.unwrap() }
        });
        let reader = runtime::spawn_local({
            let stream = stream.clone();
            async move { stream.read_exact(&mut [0; 5]).await.unwrap() }
        });
        runtime::task::yield_now().await;
        // News for the reader is none for the writer.
        peer.write_all(b"hello").unwrap();
        reader.await.unwrap();
        assert!(!writer.is_finished());
        drain(&mut peer, filled);
        writer.await.unwrap();
        drain(&mut peer, 1000);
    });
}

#[test]
fn a_descriptor_registered_for_one_direction_can_wait_for_the_other_later() {
    run(async || {
        let (one, mut other) = fd::unix_pair();
        let one = AsyncFd::with_interest(one, Interest::WRITABLE).unwrap();
        let mut buffer = [0; 16];
        let mut read = pin!(one.read_with(16, |mut socket| socket.read(&mut buffer)));
        assert!(once(read.as_mut()).await.is_pending());
        other.write_all(b"hello").unwrap();
        assert_eq!(read.await.unwrap(), 5);

        let (one, mut other) = fd::unix_pair();
        let one = AsyncFd::with_interest(one, Interest::READABLE).unwrap();
        one.writable().await.unwrap();
        let mut written = 0;
        while let Ok(count) = one.try_io(Interest::WRITABLE, |mut socket| socket.write(&[7; 4096]))
        {
            written += count;
        }
        let mut waiting = pin!(one.writable());
        assert!(once(waiting.as_mut()).await.is_pending());
        let mut sink = vec![0; written];
        other.read_exact(&mut sink).unwrap();
        waiting.await.unwrap();
    });
}
