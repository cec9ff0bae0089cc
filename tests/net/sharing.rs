//! Descriptors used from several threads, and from several runtimes.
//!
//! An event is harvested on one thread while a second makes a call and a third begins to wait. A wake
//! that is lost between them is a hang here.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;

use net::TcpStream;
use net::pipe::Receiver;
use runtime::io::{AsyncFd, Interest};
use tests::event::Event;
use tests::flavours::flavours;
use tests::once::once;
use tests::{fd, foreign};

use crate::{listen, pair};

#[test]
fn a_descriptor_of_one_runtime_serves_a_task_of_another() {
    flavours(|flavour| {
        let (reader, mut writer) = fd::unix_pair();
        let home = flavour.build();
        let reader = home.block_on(async { AsyncFd::new(reader).unwrap() });
        let event = Event::new();
        let runs = std::thread::spawn({
            let event = event.clone();
            move || home.block_on(event.wait())
        });
        flavour.block_on(async {
            for _ in 0..100 {
                let mut read = pin!(
                    reader.async_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]))
                );
                assert!(once(read.as_mut()).await.is_pending());
                writer.write_all(b"x").unwrap();
                assert_eq!(read.await.unwrap(), 1);
            }
        });
        event.set();
        runs.join().unwrap();
    });
}

/// Takes, put-backs, waits and edges of four threads, all at once.
#[test]
fn threads_that_share_a_descriptor_lose_no_wake_between_them() {
    flavours(|flavour| {
        const BYTES: usize = 20_000;
        let (reader, mut writer) = fd::unix_pair();
        let home = flavour.build();
        let reader = home.block_on(async { Arc::new(AsyncFd::new(reader).unwrap()) });
        let consume = |reader: Arc<AsyncFd<UnixStream>>| async move {
            let mut consumed = 0;
            loop {
                let read =
                    reader.async_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 1]));
                match read.await.unwrap() {
                    0 => return consumed,
                    count => consumed += count,
                }
            }
        };
        let threads: Vec<_> = (0..3)
            .map(|_| consume(reader.clone()))
            .map(|consuming| std::thread::spawn(move || foreign::block_on(consuming)))
            .collect();
        let writes = std::thread::spawn(move || {
            writer.set_nonblocking(false).unwrap();
            for _ in 0..BYTES {
                writer.write_all(b"x").unwrap();
            }
        });
        let mut consumed = home.block_on(consume(reader));
        writes.join().unwrap();
        // The runtime goes on, for those who may still wait for the end.
        let done = Event::new();
        let runs = std::thread::spawn({
            let done = done.clone();
            move || home.block_on(done.wait())
        });
        for thread in threads {
            consumed += thread.join().unwrap();
        }
        done.set();
        runs.join().unwrap();
        assert_eq!(consumed, BYTES);
    });
}

/// One thread waits for room, another for bytes, and neither is the one that harvests.
#[test]
fn a_stream_is_written_and_read_by_two_threads_at_once() {
    flavours(|flavour| {
        const BYTES: usize = 3_000_000;
        let home = flavour.build();
        let (client, server) = home.block_on(pair());
        let client = Arc::new(client);
        let writes = std::thread::spawn({
            let client = client.clone();
            move || foreign::block_on(client.write_all(&vec![7; BYTES])).unwrap()
        });
        let reads = std::thread::spawn(move || {
            let mut back = vec![0; BYTES];
            foreign::block_on(client.read_exact(&mut back)).unwrap();
            assert!(back.iter().all(|byte| *byte == 7));
        });
        home.block_on(async {
            let mut buffer = [0; 5000];
            let mut left = BYTES;
            while left > 0 {
                let count = server.read(&mut buffer).await.unwrap();
                server.write_all(&buffer[..count]).await.unwrap();
                left -= count;
            }
        });
        let done = Event::new();
        let runs = std::thread::spawn({
            let done = done.clone();
            move || home.block_on(done.wait())
        });
        writes.join().unwrap();
        reads.join().unwrap();
        done.set();
        runs.join().unwrap();
    });
}

#[test]
fn streams_dropped_on_another_thread_end_their_registration() {
    flavours(|flavour| {
        let home = flavour.build();
        home.block_on(async {
            let listener = listen().await;
            let address = listener.local_addr().unwrap();
            let metrics = || runtime::Handle::current().metrics();
            for _ in 0..50 {
                let client = TcpStream::connect(address).await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                assert!(once(pin!(server.read(&mut [0; 1]))).await.is_pending());
                assert!(once(pin!(client.read(&mut [0; 1]))).await.is_pending());
                // The listener and these two.
                assert_eq!(metrics().registered_fds, 3);
                std::thread::spawn(move || drop((server, client)))
                    .join()
                    .unwrap();
                assert_eq!(metrics().registered_fds, 1);
            }
        });
    });
}

/// A duplicate that was given away and refused is no reason for the other one to change its mode.
#[test]
fn what_is_refused_outside_of_a_runtime_blocks_as_before() {
    let (socket, _other) = UnixStream::pair().unwrap();
    assert!(net::UnixStream::from_std(socket.try_clone().unwrap()).is_err());
    assert!(!fd::is_nonblocking(socket));
    let (reader, _writer) = fd::blocking_pipe();
    assert!(Receiver::from_owned_fd(OwnedFd::from(reader.try_clone().unwrap())).is_err());
    assert!(!fd::is_nonblocking(reader));
}
