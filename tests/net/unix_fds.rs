//! Descriptors that travel through unix sockets.
//!
//! What arrives is owned or closed, whatever goes wrong: each of these counts the open descriptors
//! afterwards, and so runs in a process of its own.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::pin;

use net::unix::UnixSeqpacket;
use net::{UnixDatagram, UnixStream};
use tests::apart::apart;
use tests::fd;
use tests::once::once;
use tests::place::Place;
use tests::process::leave_free;

use crate::run;

/// A file that says `text`.
fn file(place: &Place, text: &str) -> File {
    let path = place.file(text);
    std::fs::write(&path, text).unwrap();
    File::open(path).unwrap()
}

/// What the file behind a descriptor says.
fn content(fd: OwnedFd) -> String {
    assert!(!fd::is_inherited(fd.as_raw_fd()));
    let mut text = String::new();
    let mut file = File::from(fd);
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn descriptors_arrive_in_order_with_their_bytes_on_every_kind_of_socket() {
    run(async || {
        let place = Place::new();
        let files = ["one", "two", "three"].map(|text| file(&place, text));
        let fds: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        let mut buffer = [0; 16];
        let check = |(count, fds): (usize, Vec<OwnedFd>)| {
            assert_eq!(count, 5);
            let texts: Vec<_> = fds.into_iter().map(content).collect();
            assert_eq!(texts, ["one", "two", "three"]);
        };
        let (one, other) = UnixStream::pair().unwrap();
        one.send_with_fds(b"bytes", &fds).await.unwrap();
        check(other.recv_with_fds(&mut buffer, 3).await.unwrap());
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send_with_fds(b"bytes", &fds).await.unwrap();
        check(other.recv_with_fds(&mut buffer, 253).await.unwrap());
        let (one, other) = UnixSeqpacket::pair().unwrap();
        one.send_with_fds(b"bytes", &fds).await.unwrap();
        check(other.recv_with_fds(&mut buffer, 1000).await.unwrap());
        // A datagram may be all descriptors and no bytes.
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send_with_fds(b"", &fds[..1]).await.unwrap();
        let (count, fds) = other.recv_with_fds(&mut buffer, 1).await.unwrap();
        assert_eq!((count, fds.len()), (0, 1));
    });
}

#[test]
fn who_waits_for_descriptors_is_woken_and_bytes_without_any_come_too() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let mut buffer = [0; 16];
        {
            let mut waiting = pin!(other.recv_with_fds(&mut buffer, 1));
            assert!(once(waiting.as_mut()).await.is_pending());
            one.send_with_fds(b"x", &[one.as_fd()]).await.unwrap();
            assert_eq!(waiting.await.unwrap().1.len(), 1);
        }
        one.send_with_fds(b"plain", &[]).await.unwrap();
        let (count, fds) = other.recv_with_fds(&mut buffer, 1).await.unwrap();
        assert_eq!((count, fds.len()), (5, 0));
        drop(one);
        let (count, fds) = other.recv_with_fds(&mut buffer, 1).await.unwrap();
        assert_eq!((count, fds.len()), (0, 0));
    });
}

#[test]
fn descriptors_keep_to_their_bytes_in_a_stream() {
    run(async || {
        let place = Place::new();
        let (first, second) = (file(&place, "first"), file(&place, "second"));
        let (one, other) = UnixStream::pair().unwrap();
        one.write_all(b"before").await.unwrap();
        one.send_with_fds(b"a", &[first.as_fd()]).await.unwrap();
        one.send_with_fds(b"b", &[second.as_fd()]).await.unwrap();
        one.write_all(b"after").await.unwrap();
        let (mut bytes, mut texts) = (Vec::new(), Vec::new());
        while bytes.len() < 13 {
            let mut buffer = [0; 64];
            let (count, fds) = other.recv_with_fds(&mut buffer, 8).await.unwrap();
            // Never those of two messages at once.
            assert!(fds.len() <= 1);
            bytes.extend_from_slice(&buffer[..count]);
            texts.extend(fds.into_iter().map(content));
        }
        assert_eq!(bytes, b"beforeabafter");
        assert_eq!(texts, ["first", "second"]);
    });
}

/// The kernel puts the credentials before them.
#[test]
fn descriptors_come_beside_what_else_the_socket_receives() {
    const SO_PASSPIDFD: libc::c_int = 76;
    apart(|| {
        runtime::block_on(async {
            for options in [&[libc::SO_PASSCRED][..], &[libc::SO_PASSCRED, SO_PASSPIDFD]] {
                let (one, other) = UnixStream::pair().unwrap();
                for &option in options {
                    if let Err(error) = fd::turn_on(&other, option) {
                        tests::skip("an option of sockets", &error.to_string());
                    }
                }
                other.writable().await.unwrap();
                let before = fd::all_open();
                for (sent, limit) in [(2, 2), (1, 1), (0, 0), (3, 253), (253, 253)] {
                    let fds = vec![one.as_fd(); sent];
                    one.send_with_fds(b"x", &fds).await.unwrap();
                    let (_, fds) = other.recv_with_fds(&mut [0; 1], limit).await.unwrap();
                    assert_eq!(fds.len(), sent);
                }
                for (sent, limit) in [(2, 1), (1, 0), (9, 2), (253, 252)] {
                    let fds = vec![one.as_fd(); sent];
                    one.send_with_fds(b"x", &fds).await.unwrap();
                    let error = other.recv_with_fds(&mut [0; 1], limit).await;
                    let message = error.unwrap_err().to_string();
                    assert!(message.contains(&format!("more than {limit}")), "{message}");
                }
                assert_eq!(fd::all_open(), before);
            }
        });
    });
}

#[test]
fn what_else_takes_their_room_is_named() {
    apart(|| {
        runtime::block_on(async {
            let (one, other) = UnixDatagram::pair().unwrap();
            fd::turn_on(&other, libc::SO_TIMESTAMP).unwrap();
            one.send_with_fds(b"x", &[one.as_fd()]).await.unwrap();
            let error = other.recv_with_fds(&mut [0; 1], 1).await.unwrap_err();
            assert!(error.to_string().contains("SO_TIMESTAMP"), "{error}");
        });
    });
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_cure() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let many = vec![one.as_fd(); 254];
        let error = one.send_with_fds(b"x", &many).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("253"), "{error}");
        let error = one.send_with_fds(b"", &many[..1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("at least one"), "{error}");
        one.send_with_fds(b"x", &many[..253]).await.unwrap();
        let (_, fds) = other.recv_with_fds(&mut [0; 1], 253).await.unwrap();
        assert_eq!(fds.len(), 253);
    });
}

#[test]
fn more_than_the_limit_is_an_error_and_none_is_left_open() {
    apart(|| {
        runtime::block_on(async {
            let (one, other) = UnixStream::pair().unwrap();
            other.writable().await.unwrap();
            let before = fd::all_open();
            for (sent, limit) in [(2, 1), (1, 0), (5, 2), (100, 99)] {
                one.send_with_fds(b"x", &vec![one.as_fd(); sent])
                    .await
                    .unwrap();
                let error = other.recv_with_fds(&mut [0; 1], limit).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                let message = error.to_string();
                assert!(message.contains(&format!("more than {limit}")), "{message}");
                assert_eq!(fd::all_open(), before, "{sent} for {limit}");
            }
            // The stream is as good as before.
            one.write_all(b"x").await.unwrap();
            let (count, fds) = other.recv_with_fds(&mut [0; 1], 1).await.unwrap();
            assert_eq!((count, fds.len()), (1, 0));
        });
    });
}

#[test]
fn without_room_for_them_none_is_left_open_and_the_error_says_why() {
    apart(|| {
        runtime::block_on(async {
            let (one, other) = UnixDatagram::pair().unwrap();
            other.writable().await.unwrap();
            let before = fd::all_open();
            // Whether there would have been room for many more or for few.
            for (free, limit) in [(1, 2), (2, 5), (4, 5), (2, 8), (4, 8), (4, 253)] {
                let sent = limit.min(5);
                one.send_with_fds(b"x", &vec![one.as_fd(); sent])
                    .await
                    .unwrap();
                leave_free(free);
                let error = other.recv_with_fds(&mut [0; 1], limit).await.unwrap_err();
                leave_free(20);
                let message = error.to_string();
                assert!(
                    message.contains("RLIMIT_NOFILE"),
                    "{free}, {limit}: {message}"
                );
                let came = format!("the {free} that came");
                assert!(message.contains(&came), "{message}");
                assert_eq!(fd::all_open(), before);
            }
        });
    });
}

#[test]
fn descriptors_that_nobody_asks_for_are_closed() {
    apart(|| {
        runtime::block_on(async {
            let before = fd::all_open();
            let (reader, mut writer) = fd::pipe();
            let (one, other) = UnixStream::pair().unwrap();
            // A plain read takes the bytes, and the last duplicate of the reader goes.
            one.send_with_fds(b"x", &[reader.as_fd()]).await.unwrap();
            drop(reader);
            writer.write_all(b"still open").unwrap();
            other.read_exact(&mut [0; 1]).await.unwrap();
            let error = writer.write(b"x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            // A future that is dropped takes nothing.
            {
                let mut buffer = [0; 1];
                let mut waiting = pin!(other.recv_with_fds(&mut buffer, 1));
                assert!(once(waiting.as_mut()).await.is_pending());
                one.send_with_fds(b"y", &[one.as_fd()]).await.unwrap();
            }
            let (_, fds) = other.recv_with_fds(&mut [0; 1], 1).await.unwrap();
            assert_eq!(fds.len(), 1);
            // What is in the queue goes with the socket.
            one.send_with_fds(b"z", &[writer.as_fd()]).await.unwrap();
            drop((one, other, fds, writer));
            assert_eq!(fd::all_open(), before);
        });
    });
}
