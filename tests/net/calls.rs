//! Operations of the user's own: what their result proves, and what it does not.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Poll, Waker};

use runtime::io::{AsyncFd, Interest};
use tests::apart::apart;
use tests::fd;
use tests::foreign::{self, Foreign};
use tests::once::once;

use crate::{pair_with_std, run, run_local};

/// A descriptor with something to read, that the runtime knows of.
async fn readable() -> (AsyncFd<UnixStream>, UnixStream) {
    let (ours, mut theirs) = fd::unix_pair();
    let ours = AsyncFd::new(ours).unwrap();
    theirs.write_all(b"something").unwrap();
    ours.readable().await.unwrap();
    (ours, theirs)
}

#[test]
fn an_error_of_the_operation_leaves_readiness_as_it_was() {
    run(async || {
        let (fd, _peer) = readable().await;
        for both in [Interest::READABLE, Interest::READABLE | Interest::WRITABLE] {
            let failed = fd.try_io(both, |_| Err::<(), _>(io::Error::other("no")));
            assert_eq!(failed.unwrap_err().to_string(), "no");
            assert!(once(pin!(fd.readable())).await.is_ready());
            let failed = fd.async_io(both, |_| Err::<(), _>(io::Error::other("no")));
            assert_eq!(failed.await.unwrap_err().to_string(), "no");
            assert!(once(pin!(fd.readable())).await.is_ready());
        }
        let failed = fd.read_with(8, |_| Err(io::Error::other("no"))).await;
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert!(once(pin!(fd.readable())).await.is_ready());
    });
}

#[test]
fn would_block_is_believed() {
    run(async || {
        let (fd, mut peer) = readable().await;
        let blocks = fd.try_io(Interest::READABLE, |_| {
            Err::<(), _>(io::Error::from(ErrorKind::WouldBlock))
        });
        assert_eq!(blocks.unwrap_err().kind(), ErrorKind::WouldBlock);
        // Though there is something: nobody but the operation can know.
        assert!(once(pin!(fd.readable())).await.is_pending());
        let untold = fd.try_io(Interest::READABLE, |_| -> io::Result<()> {
            panic!("it is called without readiness")
        });
        assert_eq!(untold.unwrap_err().kind(), ErrorKind::WouldBlock);
        peer.write_all(b"x").unwrap();
        fd.readable().await.unwrap();
    });
}

#[test]
fn an_operation_that_panics_leaves_readiness_as_it_was() {
    run_local(async || {
        let (fd, _peer) = readable().await;
        let both = Interest::READABLE | Interest::WRITABLE;
        let panics = |_: &UnixStream| -> io::Result<usize> { panic!("a wanted panic") };
        for interest in [Interest::READABLE, both] {
            let tried = catch_unwind(AssertUnwindSafe(|| fd.try_io(interest, panics)));
            assert!(tried.is_err());
            assert!(once(pin!(fd.readable())).await.is_ready());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| fd.try_write_with(panics))).is_err());
        let fd = std::rc::Rc::new(fd);
        type Operation = fn(std::rc::Rc<AsyncFd<UnixStream>>) -> runtime::task::JoinHandle<()>;
        let operations: [Operation; 3] = [
            |fd| {
                runtime::spawn_local(async move {
                    let call = |_: &UnixStream| -> io::Result<()> { panic!("a wanted panic") };
                    fd.async_io(Interest::READABLE, call).await.unwrap();
                })
            },
            |fd| {
                runtime::spawn_local(async move {
                    fd.read_with(8, |_| panic!("a wanted panic")).await.unwrap();
                })
            },
            |fd| {
                runtime::spawn_local(async move {
                    let call = |_: &UnixStream| -> io::Result<()> { panic!("a wanted panic") };
                    fd.write_with(call).await.unwrap();
                })
            },
        ];
        for operation in operations {
            assert!(operation(fd.clone()).await.unwrap_err().is_panic());
            assert!(once(pin!(fd.readable())).await.is_ready());
            assert!(once(pin!(fd.writable())).await.is_ready());
        }
    });
}

/// The call would block the first time, and is made again: that one panics.
#[test]
fn a_second_try_of_a_write_that_panics_leaves_readiness_as_it_was() {
    run_local(async || {
        let (fd, _peer) = readable().await;
        fd.writable().await.unwrap();
        let fd = std::rc::Rc::new(fd);
        let task = runtime::spawn_local({
            let fd = fd.clone();
            async move {
                let mut calls = 0;
                let call = |_: &UnixStream| -> io::Result<()> {
                    calls += 1;
                    assert!(calls < 2, "a wanted panic");
                    Err(ErrorKind::WouldBlock.into())
                };
                fd.write_with(call).await.unwrap();
            }
        });
        assert!(task.await.unwrap_err().is_panic());
        assert!(once(pin!(fd.writable())).await.is_ready());
    });
}

#[test]
fn a_read_that_would_block_does_not_make_the_writer_wait() {
    run(async || {
        let (ours, mut theirs) = fd::unix_pair();
        let ours = AsyncFd::new(ours).unwrap();
        ours.writable().await.unwrap();
        let mut buffer = [0; 8];
        let mut read = pin!(ours.async_io(Interest::READABLE, |mut it| it.read(&mut buffer)));
        assert!(once(read.as_mut()).await.is_pending());
        let mut write = pin!(ours.write_with(|mut socket| socket.write(b"ping")));
        let written = once(write.as_mut()).await;
        assert!(matches!(written, Poll::Ready(Ok(4))), "{written:?}");
        theirs.write_all(b"pong").unwrap();
        assert_eq!(read.await.unwrap(), 4);
    });
}

#[test]
fn an_operation_is_tried_on_a_stream_that_nobody_has_waited_for() {
    run(async || {
        let (stream, mut peer) = pair_with_std().await;
        let error = stream.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(stream.try_write(b"hello").unwrap(), 5);
        let called = stream.try_io(Interest::READABLE, || Ok("called")).unwrap();
        assert_eq!(called, "called");
        peer.write_all(b"hello").unwrap();
        stream.readable().await.unwrap();
        assert_eq!(stream.try_read(&mut [0; 8]).unwrap(), 5);
    });
}

#[test]
fn poll_functions_serve_futures_written_by_hand() {
    run(async || {
        use std::future::poll_fn;
        let (ours, mut theirs) = fd::unix_pair();
        let ours = AsyncFd::new(ours).unwrap();
        let written =
            poll_fn(|context| ours.poll_write_with(context, |mut socket| socket.write(b"abc")));
        assert_eq!(written.await.unwrap(), 3);
        let mut buffer = [0; 8];
        assert_eq!(theirs.read(&mut buffer).unwrap(), 3);
        let mut read = pin!(poll_fn(|context| {
            ours.poll_read_with(context, 8, |mut socket| socket.read(&mut buffer))
        }));
        assert!(once(read.as_mut()).await.is_pending());
        theirs.write_all(b"defg").unwrap();
        assert_eq!(read.await.unwrap(), 4);
        theirs.write_all(b"h").unwrap();
        let looked = poll_fn(|context| {
            ours.poll_io(context, Interest::READABLE, |socket| {
                fd::recv(socket, &mut buffer, libc::MSG_PEEK)
            })
        });
        assert_eq!(looked.await.unwrap(), 1);
    });
}

/// A put-back wakes too: whoever began to wait while the call was made.
#[test]
fn who_begins_to_wait_during_a_call_is_woken_when_readiness_goes_back() {
    run(async || {
        let (fd, _peer) = readable().await;
        let late = Foreign::new().armed();
        let mut waits = pin!(fd.readable());
        let read = fd.try_io(Interest::READABLE, |mut socket| {
            assert!(foreign::poll(&mut waits, &late.waker()).is_pending());
            socket.read(&mut [0; 1])
        });
        assert_eq!(read.unwrap(), 1);
        assert_eq!(late.wakes(), 1);
        assert!(foreign::poll(&mut waits, &late.waker()).is_ready());
    });
}

#[test]
fn a_waker_that_panics_when_readiness_goes_back_spoils_nobodys_call() {
    run(async || {
        let (fd, _peer) = readable().await;
        let panics = Foreign::new()
            .on_wake(|| panic!("a wanted panic of a waker"))
            .armed();
        let waker = panics.waker();
        let mut hostile = pin!(fd.readable());
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            fd.try_io(Interest::READABLE, |mut socket| {
                assert!(foreign::poll(&mut hostile, &waker).is_pending());
                socket.read(&mut [0; 1])
            })
        }));
        assert_eq!(panics.wakes(), 1);
        let read = read.expect("the panic of another's waker came out of an innocent call");
        assert_eq!(read.unwrap(), 1);
    });
}

/// The same, while the call itself panics: a second panic then would end the process, so it is
/// tried in one of its own.
#[test]
fn a_call_and_a_waker_that_panic_together_end_nobody_else() {
    apart(|| {
        runtime::block_on(async {
            let (fd, _peer) = readable().await;
            let panics = Foreign::new().on_wake(|| panic!("a wanted panic of a waker"));
            let waker = panics.armed().waker();
            let call = async {
                let mut hostile = pin!(fd.readable());
                let call = fd.try_io(Interest::READABLE, |_| -> std::io::Result<()> {
                    assert!(foreign::poll(&mut hostile, &waker).is_pending());
                    panic!("a wanted panic of a call")
                });
                call.unwrap();
            };
            let mut call = pin!(call);
            let panicked = std::panic::AssertUnwindSafe(|| foreign::poll(&mut call, Waker::noop()));
            assert!(std::panic::catch_unwind(panicked).is_err());
            assert!(once(pin!(fd.readable())).await.is_ready());
        });
    });
}
