//! What comes from the kernel in one call: it has happened, or it has not.

use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut, Read};
use std::net::Shutdown;
use std::pin::pin;

use net::io::{AsyncReadExt, AsyncWriteExt};
use net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use runtime::Builder;
use runtime::io::Interest;
use runtime::task::yield_now;
use tests::apart::apart;
use tests::cancel::{Place, cut, everywhere};
use tests::event::Event;
use tests::fd;
use tests::once::once;

use crate::{listen, pair, pair_with_std, run, run_local};

pub(super) const PLACES: [Place; 2] = [
    Place::FIRST,
    Place {
        when_woken: true,
        ..Place::FIRST
    },
];

/// Sends a byte at a time, and lets the other end wait for each.
fn dribble(stream: TcpStream, bytes: Vec<u8>) {
    runtime::spawn(async move {
        for byte in bytes {
            stream.write_all(&[byte]).await.unwrap();
            for _ in 0..3 {
                yield_now().await;
            }
        }
    });
}

/// Reads by an operation that is dropped wherever it waits, and begun again. On one thread, or the
/// writer could be ahead of every read.
async fn reads_all(mut read: impl AsyncFnMut(&TcpStream, &mut [u8], Place) -> Option<usize>) {
    for place in PLACES {
        let (client, server) = pair().await;
        let sent: Vec<u8> = (0..100).collect();
        dribble(client, sent.clone());
        let (mut received, mut drops) = (Vec::new(), 0);
        while received.len() < sent.len() {
            let mut buffer = [0; 7];
            match read(&server, &mut buffer, place).await {
                Some(count) => received.extend_from_slice(&buffer[..count]),
                None => {
                    drops += 1;
                    yield_now().await;
                }
            }
        }
        assert_eq!(received, sent);
        assert!(drops > 0);
    }
}

#[test]
fn a_read_that_is_dropped_has_taken_nothing() {
    run_local(async || {
        reads_all(async |stream, buffer, place| {
            cut(place, stream.read(buffer)).await.transpose().unwrap()
        })
        .await;
        reads_all(async |stream, buffer, place| {
            let mut slices = [IoSliceMut::new(buffer)];
            let read = stream.read_vectored(&mut slices);
            cut(place, read).await.transpose().unwrap()
        })
        .await;
        reads_all(async |stream, buffer, place| {
            let mut bytes = Vec::with_capacity(buffer.len());
            let read = cut(place, stream.read_buf(&mut bytes)).await;
            buffer[..bytes.len()].copy_from_slice(&bytes);
            read.transpose().unwrap()
        })
        .await;
        reads_all(async |mut stream, buffer, place| {
            let read = AsyncReadExt::read(&mut stream, buffer);
            cut(place, read).await.transpose().unwrap()
        })
        .await;
        reads_all(async |mut stream, buffer, place| {
            let mut bytes = Vec::with_capacity(buffer.len());
            let read = AsyncReadExt::read_buf(&mut stream, &mut bytes);
            let read = cut(place, read).await;
            buffer[..bytes.len()].copy_from_slice(&bytes);
            read.transpose().unwrap()
        })
        .await;
    });
}

#[test]
fn a_look_and_a_wait_take_nothing() {
    run_local(async || {
        reads_all(async |stream, buffer, place| {
            cut(place, stream.peek(buffer)).await?.unwrap();
            Some(stream.try_read(buffer).unwrap())
        })
        .await;
        reads_all(async |stream, buffer, place| {
            cut(place, stream.readable()).await?.unwrap();
            stream.try_read(buffer).ok()
        })
        .await;
        reads_all(async |stream, buffer, place| {
            cut(place, stream.ready(Interest::READABLE)).await?.unwrap();
            stream.try_read(buffer).ok()
        })
        .await;
    });
}

/// Writes by an operation that is dropped wherever it waits, and begun again.
async fn writes_all(mut write: impl AsyncFnMut(&TcpStream, &[u8], Place) -> Option<usize>) {
    for place in PLACES {
        let (stream, mut peer) = pair_with_std().await;
        let sent: Vec<u8> = (0..8_000_000_u32).map(|n| (n >> 6) as u8).collect();
        let expected = sent.clone();
        // Nobody reads until a write had to wait: else it might never have to.
        let waited = Event::new();
        let gate = waited.clone();
        let receiver = std::thread::spawn(move || {
            gate.wait_here();
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            assert!(received == expected);
        });
        let (mut written, mut drops) = (0, 0);
        while written < sent.len() {
            let most = sent.len().min(written + 100_000);
            let mut writing = pin!(write(&stream, &sent[written..most], place));
            let outcome = poll_fn(|context| {
                let polled = writing.as_mut().poll(context);
                if polled.is_pending() {
                    waited.set();
                }
                polled
            });
            match outcome.await {
                Some(count) => written += count,
                None => {
                    drops += 1;
                    waited.set();
                    yield_now().await;
                }
            }
        }
        drop(stream);
        receiver.join().unwrap();
        assert!(drops > 0);
    }
}

#[test]
fn a_write_that_is_dropped_has_written_nothing() {
    run_local(async || {
        writes_all(async |stream, bytes, place| {
            cut(place, stream.write(bytes)).await.transpose().unwrap()
        })
        .await;
        writes_all(async |stream, bytes, place| {
            let (head, tail) = bytes.split_at(bytes.len() / 2);
            let slices = [IoSlice::new(head), IoSlice::new(tail)];
            let written = cut(place, stream.write_vectored(&slices)).await;
            written.transpose().unwrap()
        })
        .await;
        writes_all(async |mut stream, bytes, place| {
            let written = AsyncWriteExt::write(&mut stream, bytes);
            cut(place, written).await.transpose().unwrap()
        })
        .await;
        writes_all(async |stream, bytes, place| {
            cut(place, stream.writable()).await?.unwrap();
            stream.try_write(bytes).ok()
        })
        .await;
    });
}

#[test]
fn a_file_that_is_not_sent_is_not_sent_in_part() {
    let path = std::env::temp_dir().join(format!("edgewake-cut-{}", std::process::id()));
    // The bytes of `writes_all`, so that a place in it is a place here.
    let bytes: Vec<u8> = (0..8_000_000_u32).map(|n| (n >> 6) as u8).collect();
    std::fs::write(&path, bytes).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    run(async move || {
        let mut offset = 0;
        writes_all(async |stream, bytes, place| {
            let sent = stream.send_file(&file, offset, bytes.len());
            let sent = cut(place, sent).await.transpose().unwrap();
            offset = (offset + sent.unwrap_or(0) as u64) % 8_000_000;
            sent
        })
        .await;
    });
}

#[test]
fn an_urgent_byte_is_taken_or_there() {
    run(async || {
        for place in PLACES {
            let (server, mut peer) = pair_with_std().await;
            let (server, urgent) = server.with_urgent().unwrap();
            let mut waiting = Box::pin(urgent.recv());
            assert!(once(waiting.as_mut()).await.is_pending());
            fd::send_urgent(&peer, b"!");
            if place.when_woken {
                yield_now().await;
            }
            drop(waiting);
            assert_eq!(urgent.recv().await.unwrap(), Some(b'!'));

            // There is no room: neither is an urgent byte sent.
            let mut filled = 0;
            while let Ok(count) = server.try_write(&[7; 4096]) {
                filled += count;
            }
            let full = Place::FIRST;
            assert!(cut(full, server.send_urgent(b'?')).await.is_none());
            // With its place not read yet, closing would be a reset.
            server.shutdown(Shutdown::Write).unwrap();
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            assert!(received.len() == filled && !received.contains(&b'?'));
        }
    });
}

#[test]
fn an_accept_that_is_dropped_has_accepted_nobody() {
    run(async || {
        for place in PLACES {
            let listener = listen().await;
            let address = listener.local_addr().unwrap();
            for _ in 0..10 {
                let client = TcpStream::connect(address);
                let mut client = Box::pin(client);
                // The listener waits, the client comes, and nobody takes it.
                let mut accepting = Box::pin(cut(place, listener.accept()));
                let early = once(accepting.as_mut()).await;
                let client = client.as_mut().await.unwrap();
                yield_now().await;
                drop((early, accepting));
                let (_, peer) = listener.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());

                let mut incoming = listener.incoming();
                assert!(cut(Place::FIRST, incoming.accept()).await.is_none());
                let client = TcpStream::connect(address).await.unwrap();
                let (_, peer) = incoming.accept().await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
        }
    });
}

/// Descriptors are counted, so no other test may run beside it.
#[test]
fn what_is_dropped_while_it_comes_to_be_leaves_nothing() {
    apart(|| {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (begun, go_on) = (Event::new(), Event::new());
        let (begins, waits) = (begun.clone(), go_on.clone());
        runtime.block_on(async {
            // The one thread for lookups is busy, so they wait.
            runtime::spawn_blocking(move || {
                begins.set();
                waits.wait_here();
            });
            begun.wait().await;
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            fd::shorten_queue(&listener);
            let silent = listener.local_addr().unwrap();
            let _only = std::net::TcpStream::connect(silent).unwrap();
            let before = fd::all_open();
            let place = Place::FIRST;
            for _ in 0..3 {
                assert!(cut(place, TcpStream::connect(silent)).await.is_none());
                let several = TcpStream::connect(vec![silent; 3]);
                assert!(cut(place, several).await.is_none());
                let socket = TcpSocket::new_v4().unwrap();
                assert!(cut(place, socket.connect(silent)).await.is_none());
                assert!(
                    cut(place, TcpStream::connect("localhost:1"))
                        .await
                        .is_none()
                );
                assert!(cut(place, TcpListener::bind("localhost:0")).await.is_none());
                assert!(cut(place, lookup_host("localhost:0")).await.is_none());
                assert_eq!(fd::opened_since(&before), []);
            }
            go_on.set();
        });
    });
}

#[test]
fn halves_promise_what_their_stream_does() {
    run(async || {
        for place in PLACES {
            let (client, server) = pair().await;
            dribble(client, (0..50).collect());
            let (reader, writer) = server.into_split();
            let mut received = Vec::new();
            while received.len() < 50 {
                let mut buffer = [0; 3];
                match cut(place, reader.read(&mut buffer)).await {
                    Some(count) => received.extend_from_slice(&buffer[..count.unwrap()]),
                    None => yield_now().await,
                }
            }
            assert!(received.iter().copied().eq(0..50));
            while cut(place, writer.writable()).await.is_none() {
                yield_now().await;
            }
            assert_eq!(writer.try_write(b"x").unwrap(), 1);
        }
    });
}

/// `read_exact` and `write_all` of a plain stream promise nothing about their own bytes, and only
/// about those.
#[test]
fn what_promises_nothing_loses_its_own_bytes_only() {
    run(async || {
        everywhere(async |place| {
            let (client, server) = pair().await;
            dribble(client, (0..40).collect());
            let mut head = [0; 8];
            let was_cut = cut(place, server.read_exact(&mut head)).await.is_none();
            let mut rest = Vec::new();
            (&server).read_to_end(&mut rest).await.unwrap();
            let first = usize::from(rest[0]);
            assert!(first <= 8 && rest.iter().copied().eq(first as u8..40));
            was_cut
        })
        .await;
        for vectored in [false, true] {
            loses_its_own_bytes_only(vectored).await;
        }
    });
}

async fn loses_its_own_bytes_only(vectored: bool) {
    // Nobody reads until it is dropped, so it waits.
    let (client, mut peer) = pair_with_std().await;
    let bytes = vec![7; 8_000_000];
    let place = Place::FIRST;
    let done = if vectored {
        let (head, tail) = bytes.split_at(1000);
        let mut slices = [IoSlice::new(head), IoSlice::new(tail)];
        cut(place, client.write_all_vectored(&mut slices)).await
    } else {
        cut(place, client.write_all(&bytes)).await
    };
    assert!(done.is_none());
    let receiver = std::thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        received
    });
    client.write_all(b"end").await.unwrap();
    drop(client);
    let received = receiver.join().unwrap();
    let body = received.strip_suffix(b"end").unwrap();
    assert!(body.len() < bytes.len() && body.iter().all(|byte| *byte == 7));
}
