//! The life of a descriptor's number.
//!
//! Numbers are used again at once, and epoll watches what is behind a number, not the number: it
//! goes on watching when the number is closed and a duplicate lives on, here or in a child. So these
//! tests look at the number that a descriptor gets, and each runs in a process of its own, where
//! nobody else opens anything.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::pin::pin;
use std::process::{Command, Stdio};

use net::TcpStream;
use runtime::io::{AsyncFd, Interest};
use tests::apart::apart;
use tests::fd;
use tests::flavours::flavours;
use tests::foreign::{self, Foreign};
use tests::once::once;
use tests::process::Running;

use crate::{all_told, listen, pair, pair_with_std, run, run_local};

fn metrics() -> runtime::Metrics {
    runtime::Handle::current().metrics()
}

/// Accepts a stream without showing its number to anybody, and tells the number.
async fn unseen(listener: &net::TcpListener) -> (TcpStream, RawFd) {
    let before = fd::all_open();
    let (stream, _) = listener.accept().await.unwrap();
    let opened = fd::opened_since(&before);
    assert_eq!(opened.len(), 1, "{opened:?}");
    (stream, opened[0])
}

fn connect(listener: &net::TcpListener) -> std::net::TcpStream {
    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

#[test]
fn a_descriptor_is_registered_once_at_whichever_core() {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let (ours, theirs) = fd::unix_pair();
    // From outside each goes to another core than the one before.
    let register = || runtime.block_on(async { AsyncFd::new(ours.as_fd()) });
    let first = register().unwrap();
    for _ in 0..2 {
        let error = register().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("try_clone"), "{error}");
    }
    drop(first);
    drop(register().unwrap());
    drop(theirs);
}

#[test]
fn a_number_that_is_used_again_at_once_sees_no_event_of_the_old_one() {
    apart(|| {
        flavours(|flavour| {
            flavour.block_on(async {
                let listener = listen().await;
                for _ in 0..20 {
                    let (mut old_peer, mut new_peer) = (connect(&listener), connect(&listener));
                    let (old, number) = unseen(&listener).await;
                    assert!(once(pin!(old.readable())).await.is_pending());
                    // Ready, and not told yet, when it is closed.
                    old_peer.write_all(b"old").unwrap();
                    drop(old);
                    let (new, again) = unseen(&listener).await;
                    assert_eq!(again, number);
                    let wakes = Foreign::new().armed();
                    let mut waiting = Box::pin(new.readable());
                    assert!(foreign::poll(&mut waiting, &wakes.waker()).is_pending());
                    let _ = old_peer.write_all(b"old");
                    all_told().await;
                    assert_eq!(wakes.wakes(), 0);
                    new_peer.write_all(b"new").unwrap();
                    let mut buffer = [0; 8];
                    assert_eq!(new.read(&mut buffer).await.unwrap(), 3);
                    assert_eq!(&buffer[..3], b"new");
                }
            });
        })
    });
}

#[test]
fn a_number_works_again_while_a_duplicate_of_the_old_one_lives() {
    apart(|| {
        flavours(|flavour| {
            flavour.block_on(async {
                let listener = listen().await;
                let stale = metrics().stale_events;
                let (mut old_peer, mut new_peer) = (connect(&listener), connect(&listener));
                let (old, number) = unseen(&listener).await;
                assert!(once(pin!(old.readable())).await.is_pending());
                let mut duplicate =
                    std::net::TcpStream::from(old.as_fd().try_clone_to_owned().unwrap());
                let registered = metrics().registered_fds;
                drop(old);
                assert_eq!(metrics().registered_fds, registered - 1);
                let (new, again) = unseen(&listener).await;
                assert_eq!(again, number);
                let wakes = Foreign::new().armed();
                let mut waiting = Box::pin(new.readable());
                assert!(foreign::poll(&mut waiting, &wakes.waker()).is_pending());
                old_peer.write_all(b"for the duplicate").unwrap();
                all_told().await;
                assert_eq!((wakes.wakes(), metrics().stale_events), (0, stale));
                new_peer.write_all(b"new").unwrap();
                new.read_exact(&mut [0; 3]).await.unwrap();
                duplicate.set_nonblocking(false).unwrap();
                duplicate.read_exact(&mut [0; 17]).unwrap();
            });
        })
    });
}

/// The kernel goes on watching what the child holds: nobody could have told it not to.
#[test]
fn a_number_works_again_while_a_child_holds_the_old_one() {
    apart(|| {
        runtime::block_on(async {
            let listener = listen().await;
            let stale = metrics().stale_events;
            let (mut old_peer, mut new_peer) = (connect(&listener), connect(&listener));
            let (old, number) = unseen(&listener).await;
            assert!(once(pin!(old.readable())).await.is_pending());
            let mut command = Command::new("cat");
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            // SAFETY: the closure makes one system call, as is allowed after a fork.
            unsafe { command.pre_exec(move || fd::inherit(number)) };
            let _child = Running(command.spawn().unwrap());
            drop(old);
            let (new, again) = unseen(&listener).await;
            assert_eq!(again, number);
            let wakes = Foreign::new().armed();
            let mut waiting = Box::pin(new.readable());
            assert!(foreign::poll(&mut waiting, &wakes.waker()).is_pending());
            for told in 1..=3 {
                old_peer.write_all(b"for the child").unwrap();
                while metrics().stale_events - stale < told {
                    all_told().await;
                }
            }
            assert_eq!(wakes.wakes(), 0);
            new_peer.write_all(b"new").unwrap();
            new.read_exact(&mut [0; 3]).await.unwrap();
        });
    });
}

#[test]
fn a_duplicate_that_outlives_its_async_fd_tells_nobody_anything() {
    run(async || {
        let (ours, mut theirs) = fd::unix_pair();
        let mut duplicate = ours.try_clone().unwrap();
        let fd = AsyncFd::new(ours).unwrap();
        // That there is room is told before it goes, or another worker might be about to tell it.
        fd.writable().await.unwrap();
        all_told().await;
        drop(fd);
        let stale = metrics().stale_events;
        theirs.write_all(b"x").unwrap();
        all_told().await;
        assert_eq!(metrics().stale_events, stale);
        assert_eq!(duplicate.read(&mut [0; 8]).unwrap(), 1);
        // It can be registered itself.
        let duplicate = AsyncFd::new(duplicate).unwrap();
        theirs.write_all(b"y").unwrap();
        duplicate.readable().await.unwrap();
    });
}

#[test]
fn what_was_taken_out_can_be_put_in_again() {
    run(async || {
        let (mut ours, mut theirs) = fd::unix_pair();
        let registered = metrics().registered_fds;
        for _ in 0..10 {
            let number = ours.as_raw_fd();
            let fd = AsyncFd::new(ours).unwrap();
            theirs.write_all(b"x").unwrap();
            let read = fd.async_io(Interest::READABLE, |mut socket| socket.read(&mut [0; 8]));
            assert_eq!(read.await.unwrap(), 1);
            ours = fd.into_inner();
            assert_eq!(ours.as_raw_fd(), number);
            assert_eq!(metrics().registered_fds, registered);
        }
    });
}

/// Several workers have an epoll each, and only the same one sees the second.
#[test]
fn a_second_async_fd_of_one_descriptor_is_refused_with_the_cure() {
    run_local(async || {
        let (ours, mut theirs) = fd::unix_pair();
        let first = AsyncFd::new(ours).unwrap();
        let error = AsyncFd::new(first.as_fd()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("try_clone"), "{error}");
        // The first one does not suffer.
        theirs.write_all(b"x").unwrap();
        first.readable().await.unwrap();
        let second = AsyncFd::new(first.get_ref().try_clone().unwrap()).unwrap();
        second.readable().await.unwrap();
        let registered = metrics().registered_fds;
        drop((first, second));
        assert_eq!(metrics().registered_fds, registered - 2);
    });
}

#[test]
fn a_descriptor_in_blocking_mode_is_refused_with_the_cure() {
    run(async || {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let error = AsyncFd::new(ours).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let message = error.to_string();
        assert!(message.contains("set_nonblocking(true)"), "{message}");
        assert!(message.contains(file!()), "{message}");
    });
}

#[test]
fn a_regular_file_and_a_directory_are_refused_with_the_cure() {
    run(async || {
        let registered = metrics().registered_fds;
        for path in [std::env::current_exe().unwrap(), std::env::temp_dir()] {
            let error = AsyncFd::new(File::open(&path).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path:?}");
            let message = error.to_string();
            assert!(message.contains("spawn_blocking"), "{message}");
            assert!(message.contains(file!()), "{message}");
        }
        assert_eq!(metrics().registered_fds, registered);
    });
}

#[test]
fn every_descriptor_that_is_made_is_closed_on_exec() {
    apart(|| {
        let before = fd::all_open();
        runtime::block_on(async {
            let listener = listen().await;
            let client = TcpStream::connect(listener.local_addr().unwrap());
            let client = client.await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            client.write_all(b"x").await.unwrap();
            server.read_exact(&mut [0; 1]).await.unwrap();
            // An epoll, an eventfd, a listener and two streams.
            let opened = fd::opened_since(&before);
            assert_eq!(opened.len(), 5, "{opened:?}");
            for number in opened {
                let what = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
                assert!(!fd::is_inherited(number), "{what:?}");
            }
        });
    });
}

#[test]
fn a_thousand_connections_that_come_and_go_leave_no_descriptor_behind() {
    apart(|| {
        flavours(|flavour| {
            flavour.block_on(async {
                let listener = listen().await;
                let address = listener.local_addr().unwrap();
                let before = (fd::all_open(), metrics().registered_fds + 1);
                for round in 0..1000 {
                    let client = TcpStream::connect(address).await.unwrap();
                    let (server, _) = listener.accept().await.unwrap();
                    match round % 4 {
                        0 => {}
                        1 => client.write_all(b"x").await.unwrap(),
                        2 => drop(once(pin!(server.read(&mut [0; 1]))).await),
                        _ => drop(server.into_split().0.reunite(client.into_split().1)),
                    }
                }
                assert_eq!((fd::all_open(), metrics().registered_fds), before);
                drop(listener);
                assert_eq!(metrics().registered_fds, before.1 - 1);
            });
        })
    });
}

#[test]
fn runtimes_that_come_and_go_leave_no_descriptor_behind() {
    apart(|| {
        flavours(|flavour| {
            let before = fd::all_open();
            for _ in 0..50 {
                let runtime = flavour.build();
                let kept = runtime.block_on(async { pair().await });
                drop(runtime);
                drop(kept);
            }
            assert_eq!(fd::all_open(), before);
        });
    });
}

#[test]
fn a_stream_that_showed_its_descriptor_is_as_good_as_before() {
    run(async || {
        let (stream, mut peer) = pair_with_std().await;
        assert!(stream.as_raw_fd() >= 0);
        peer.write_all(b"x").unwrap();
        stream.read_exact(&mut [0; 1]).await.unwrap();
        let std = stream.into_std();
        let stream = TcpStream::from_std(std).unwrap();
        peer.write_all(b"y").unwrap();
        stream.read_exact(&mut [0; 1]).await.unwrap();
    });
}
