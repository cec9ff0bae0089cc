//! The same for standard input, of which each process has one, and urgent bytes, which TCP alone has.
//!
//! Who reads standard input does so by `&mut`: there is one waiter, and what wakes it is a read. Each
//! test runs in a process of its own, with a pipe, a terminal and a socket as standard input.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;

use net::stdio::{Stdin, stdin};
use tests::apart::apart;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;

use crate::{all_told, pair, run};

/// Runs a test with each kind of standard input that can be waited for. The other end writes.
fn with_each_input(test: impl AsyncFn(File)) {
    let (reader, writer) = fd::blocking_pipe();
    let (master, terminal) = fd::terminal();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (ours, theirs) = (OwnedFd::from(ours), OwnedFd::from(theirs));
    let given = [
        (reader.into(), writer),
        (terminal.into(), master),
        (ours, theirs.into()),
    ];
    for (given, other) in given {
        let put = fd::put_at(0, &given);
        drop(given);
        runtime::block_on(test(other));
        drop(put);
    }
}

async fn read(stdin: &mut Stdin) -> io::Result<usize> {
    stdin.read(&mut [0; 16]).await
}

async fn is_dry(stdin: &mut Stdin) -> bool {
    once(pin!(read(stdin))).await.is_pending()
}

#[test]
fn input_after_a_drain_is_seen() {
    apart(|| {
        with_each_input(async |mut other| {
            let mut stdin = stdin().unwrap();
            assert!(!stdin.needs_thread());
            for _ in 0..20 {
                let mut buffer = [0; 16];
                let mut reading = pin!(stdin.read(&mut buffer));
                assert!(once(reading.as_mut()).await.is_pending());
                other.write_all(b"line\n").unwrap();
                assert_eq!(reading.await.unwrap(), 5);
            }
            // What is left by a read is remembered, and so is that nothing is.
            other.write_all(b"ab\n").unwrap();
            for _ in 0..3 {
                assert_eq!(stdin.read(&mut [0; 1]).await.unwrap(), 1);
            }
            assert!(is_dry(&mut stdin).await);
        });
    });
}

#[test]
fn a_read_of_input_that_goes_takes_no_wake_along() {
    apart(|| {
        with_each_input(async |mut other| {
            let mut stdin = stdin().unwrap();
            for is_late in [false, true] {
                assert!(is_dry(&mut stdin).await);
                {
                    let mut reading = Box::pin(read(&mut stdin));
                    assert!(once(reading.as_mut()).await.is_pending());
                    if is_late {
                        other.write_all(b"x\n").unwrap();
                        all_told().await;
                    }
                }
                if !is_late {
                    other.write_all(b"x\n").unwrap();
                }
                assert_eq!(read(&mut stdin).await.unwrap(), 2);
            }
        });
    });
}

#[test]
fn the_end_of_input_wakes_who_reads_and_does_not_spin() {
    apart(|| {
        with_each_input(async |other| {
            let mut stdin = stdin().unwrap();
            let counts = Foreign::new().armed();
            let mut buffer = [0; 4];
            let mut reading = Box::pin(stdin.read(&mut buffer));
            assert!(foreign::poll(&mut reading, &counts.waker()).is_pending());
            for _ in 0..10 {
                all_told().await;
            }
            assert_eq!(counts.wakes(), 0, "nothing has happened");
            drop(other);
            while counts.wakes() == 0 {
                all_told().await;
            }
            // A terminal that has gone is an error to some, and the end to others.
            assert!(matches!(reading.await, Ok(0) | Err(_)));
            for _ in 0..10 {
                assert!(matches!(read(&mut stdin).await, Ok(0) | Err(_)));
                all_told().await;
            }
            assert!(counts.wakes() <= 2, "{}", counts.wakes());
        });
    });
}

#[test]
fn who_has_input_after_another_sees_no_event_of_the_old_one() {
    apart(|| {
        with_each_input(async |mut other| {
            all_told().await;
            let before = fd::all_open();
            let mut numbers = None;
            for _ in 0..10 {
                let mut stdin = stdin().unwrap();
                let opened = fd::opened_since(&before);
                assert_eq!(numbers.get_or_insert(opened.clone()), &opened);
                let counts = Foreign::new().armed();
                {
                    let mut reading = Box::pin(read(&mut stdin));
                    assert!(foreign::poll(&mut reading, &counts.waker()).is_pending());
                    all_told().await;
                    assert_eq!(counts.wakes(), 0);
                }
                other.write_all(b"x\n").unwrap();
                assert_eq!(read(&mut stdin).await.unwrap(), 2);
                assert!(is_dry(&mut stdin).await);
            }
            assert_eq!(fd::all_open(), before);
        });
    });
}

/// Urgent bytes (`EPOLLPRI`) wake who waits for them; who reads the stream may look once, and sleeps on.
#[test]
fn an_urgent_byte_wakes_whom_it_must_and_does_not_spin() {
    run(async || {
        let (client, server) = pair().await;
        let (server, urgent) = server.with_urgent().unwrap();
        let (reads, waits) = (Foreign::new().armed(), Foreign::new().armed());
        let mut buffer = [0; 8];
        for round in 1..=3 {
            let mut reading = Box::pin(server.read(&mut buffer));
            let mut waiting = Box::pin(urgent.recv());
            assert!(foreign::poll(&mut reading, &reads.waker()).is_pending());
            assert!(foreign::poll(&mut waiting, &waits.waker()).is_pending());
            client.send_urgent(b'!').await.unwrap();
            while waits.wakes() < round {
                all_told().await;
            }
            assert_eq!(waiting.await.unwrap(), Some(b'!'));
            // There is nothing to read, and whoever waits for that is not woken again and again.
            assert!(once(reading.as_mut()).await.is_pending());
            let before = reads.wakes();
            for _ in 0..10 {
                all_told().await;
            }
            assert!(reads.wakes() <= before + 1);
            client.write_all(b"read").await.unwrap();
            assert_eq!(reading.await.unwrap(), 4);
        }
        // The end wakes both.
        let mut buffer = [0; 8];
        let mut waiting = Box::pin(urgent.recv());
        let mut reading = Box::pin(server.read(&mut buffer));
        assert!(foreign::poll(&mut waiting, &waits.waker()).is_pending());
        assert!(foreign::poll(&mut reading, &reads.waker()).is_pending());
        drop(client);
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(reading.await.unwrap(), 0);
    });
}
