//! Descriptors whose tasks live on several workers, and which therefore move between them.
//!
//! A descriptor moves when it was waited for away from home several times running. Here tasks are made
//! to run on the workers in turn, while bytes come, so that moves happen at every point of a wait.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use net::TcpStream;
use runtime::io::{AsyncFd, Interest};
use runtime::task::yield_now;
use runtime::{Builder, Runtime};
use tests::apart::apart;
use tests::deadline::within;
use tests::{fd, foreign};

use crate::{listen, pair};

const LIMIT: Duration = Duration::from_secs(60);

fn workers(count: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(count).build().unwrap()
}

/// Bytes that differ wherever two could be taken for each other.
fn bytes(count: usize) -> Vec<u8> {
    (0..count as u64)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8)
        .collect()
}

/// Tasks that keep all workers busy, and steal from each other, until the guard is dropped.
fn unrest(runtime: &Runtime) -> impl Drop {
    let spin = || async {
        loop {
            for _ in 0..50 {
                std::hint::spin_loop();
            }
            yield_now().await;
        }
    };
    let tasks: Vec<_> = (0..12).map(|_| runtime.spawn(spin())).collect();
    tests::panics::on_drop(move || tasks.iter().for_each(|task| task.abort()))
}

/// A new task for each piece goes to the workers in turn, so home is never where the waiting is.
#[test]
fn bytes_that_a_new_task_reads_each_time_come_whole_and_in_order() {
    within(LIMIT, || {
        let runtime = workers(3);
        let (client, server) = runtime.block_on(pair());
        let (client, server) = (Arc::new(client), Arc::new(server));
        let sent = bytes(60_000);
        let expected = sent.clone();
        let handle = runtime.handle().clone();
        let writes = thread::spawn(move || {
            for piece in sent.chunks(37) {
                let (client, piece) = (client.clone(), piece.to_vec());
                let task = handle.spawn(async move { client.write_all(&piece).await });
                foreign::block_on(task).unwrap().unwrap();
            }
        });
        let mut received = Vec::new();
        while received.len() < expected.len() {
            let server = server.clone();
            let task = runtime.spawn(async move {
                let mut piece = [0; 64];
                let count = server.read(&mut piece).await.unwrap();
                piece[..count].to_vec()
            });
            received.extend(foreign::block_on(task).unwrap());
        }
        writes.join().unwrap();
        assert!(received == expected);
    });
}

#[test]
fn a_reader_and_a_writer_of_one_stream_on_several_workers_lose_no_byte() {
    within(LIMIT, || {
        let runtime = workers(2);
        let _unrest = unrest(&runtime);
        let (client, server) = runtime.block_on(pair());
        let client = Arc::new(client);
        let sent = bytes(1 << 20);
        let echoes = runtime.spawn(async move {
            let mut buffer = [0; 3000];
            loop {
                match server.read(&mut buffer).await.unwrap() {
                    0 => return,
                    count => server.write_all(&buffer[..count]).await.unwrap(),
                }
            }
        });
        let writes = runtime.spawn({
            let (client, sent) = (client.clone(), sent.clone());
            async move {
                for piece in sent.chunks(1009) {
                    client.write_all(piece).await.unwrap();
                    yield_now().await;
                }
            }
        });
        let reads = runtime.spawn(async move {
            let mut back = vec![0; 1 << 20];
            for piece in back.chunks_mut(777) {
                client.read_exact(piece).await.unwrap();
                yield_now().await;
            }
            back
        });
        foreign::block_on(writes).unwrap();
        assert!(foreign::block_on(reads).unwrap() == sent);
        foreign::block_on(echoes).unwrap();
    });
}

fn read(mut socket: &UnixStream) -> std::io::Result<usize> {
    socket.read(&mut [0; 1])
}

#[test]
fn many_readers_of_one_descriptor_are_all_served_while_it_moves() {
    within(LIMIT, || {
        const READERS: usize = 16;
        const BYTES: usize = 20_000;
        let runtime = workers(3);
        let (ours, mut theirs) = fd::unix_pair();
        let ours = Arc::new(runtime.block_on(async { AsyncFd::new(ours).unwrap() }));
        let reader = || {
            let ours = ours.clone();
            async move {
                let mut count = 0;
                while ours.async_io(Interest::READABLE, read).await.unwrap() > 0 {
                    count += 1;
                    if count % 3 == 0 {
                        yield_now().await;
                    }
                }
                count
            }
        };
        let readers: Vec<_> = (0..READERS).map(|_| runtime.spawn(reader())).collect();
        let writes = thread::spawn(move || {
            theirs.set_nonblocking(false).unwrap();
            for piece in bytes(BYTES).chunks(7) {
                theirs.write_all(piece).unwrap();
            }
        });
        writes.join().unwrap();
        let counts = readers
            .into_iter()
            .map(|task| foreign::block_on(task).unwrap());
        assert_eq!(counts.sum::<usize>(), BYTES);
    });
}

#[test]
fn futures_that_are_dropped_in_a_crowd_take_nobodys_wake_along() {
    within(LIMIT, || {
        let runtime = workers(3);
        for round in 0..300 {
            let (ours, mut theirs) = fd::unix_pair();
            let ours = Arc::new(runtime.block_on(async { AsyncFd::new(ours).unwrap() }));
            let wait = |_| {
                let ours = ours.clone();
                runtime.spawn(async move { ours.readable().await.map(drop) })
            };
            let waiters: Vec<_> = (0..6).map(wait).collect();
            let aborts = waiters.iter().step_by(2).map(|task| task.abort_handle());
            let aborts: Vec<_> = aborts.collect();
            let aborter = thread::spawn(move || aborts.iter().for_each(|task| task.abort()));
            // A passer-by makes it move.
            for _ in 0..round % 24 {
                let ours = ours.clone();
                let look = runtime.spawn(async move {
                    let mut waiting = std::pin::pin!(ours.readable());
                    let _ = tests::once::once(waiting.as_mut()).await;
                });
                foreign::block_on(look).unwrap();
            }
            theirs.write_all(b"x").unwrap();
            for (number, task) in waiters.into_iter().enumerate() {
                match foreign::block_on(task) {
                    Ok(told) => told.unwrap(),
                    Err(error) => assert!(number % 2 == 0 && error.is_cancelled()),
                }
            }
            aborter.join().unwrap();
        }
    });
}

#[test]
fn streams_dropped_while_they_move_leave_nothing_registered() {
    within(LIMIT, || {
        let runtime = workers(2);
        let _unrest = unrest(&runtime);
        let handle = runtime.handle().clone();
        let before = handle.metrics().registered_fds;
        for round in 0..200 {
            let (client, server) = runtime.block_on(pair());
            let client = Arc::new(client);
            let pings = |stream: Arc<TcpStream>| async move {
                let mut byte = [0];
                for _ in 0..round % 20 {
                    stream.write_all(b"x").await.unwrap();
                    stream.read_exact(&mut byte).await.unwrap();
                }
            };
            let echo = runtime.spawn(async move {
                let mut byte = [0];
                while server.read(&mut byte).await.unwrap() > 0 {
                    server.write_all(&byte).await.unwrap();
                }
            });
            foreign::block_on(runtime.spawn(pings(client.clone()))).unwrap();
            let aborted = runtime.spawn(pings(client));
            aborted.abort();
            let _ = foreign::block_on(aborted);
            echo.abort();
            let _ = foreign::block_on(echo);
        }
        tests::event::until(|| handle.metrics().registered_fds == before);
    });
}

#[test]
fn a_number_that_is_used_again_after_a_move_sees_no_event_of_the_old_one() {
    apart(|| {
        let runtime = workers(2);
        let listener = runtime.block_on(listen());
        let address = listener.local_addr().unwrap();
        let mut number = None;
        for round in 0..100_u8 {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let stream = Arc::new(runtime.block_on(listener.accept()).unwrap().0);
            let again = number.replace(stream.as_raw_fd());
            assert!(again.is_none_or(|it| it == stream.as_raw_fd()));
            // Waited for by the workers in turn, often enough to move.
            for _ in 0..20 {
                peer.write_all(&[round]).unwrap();
                let stream = stream.clone();
                let reads = runtime.spawn(async move {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await.unwrap();
                    byte
                });
                assert_eq!(foreign::block_on(reads).unwrap(), [round]);
            }
            // Ready, and perhaps not told yet, when it is closed.
            peer.write_all(b"old").unwrap();
            drop(stream);
        }
    });
}
