//! After `fork(2)` the runtime is the parent's.
//!
//! The child has the same epoll, the same descriptors, the same memory as it was. It must not touch
//! what the parent waits for, is told so when it tries, and may have a runtime of its own. Each test
//! has a process [of its own](tests::apart): a forked child inherits the locks of all threads.

use std::future::pending;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use runtime::io::{AsyncFd, Interest};
use runtime::time::{Duration, sleep};
use runtime::{LocalRuntime, Runtime};
use tests::apart::apart;
use tests::event::Event;
use tests::flavours::flavours;
use tests::panics::{on_drop, panics};

use crate::turns::catch_up;

/// Forks, calls `inside` in the child, waits for its end.
fn in_a_child(inside: impl FnOnce()) {
    // SAFETY: the child has this thread only, and none of the others of this process (see `apart`)
    // does anything but wait, so no lock that the child may want is held.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        let outcome = catch_unwind(AssertUnwindSafe(inside));
        // SAFETY: it ends this process, with no destructor called.
        unsafe { libc::_exit(i32::from(outcome.is_err())) };
    }
    let mut status = 0;
    // SAFETY: `status` lives for the call, which writes it.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    assert_eq!(status, 0, "the child has failed");
}

fn socket() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn read(mut socket: &UnixStream) -> std::io::Result<usize> {
    socket.read(&mut [0; 16])
}

/// That a runtime does all it can do.
fn works(runtime: &Runtime) {
    let (ours, mut theirs) = socket();
    let outcome = runtime.block_on(async {
        let ours = AsyncFd::new(ours).unwrap();
        let reading = runtime::spawn(async move { ours.async_io(Interest::READABLE, read).await });
        sleep(Duration::from_millis(1)).await;
        theirs.write_all(b"four").unwrap();
        reading.await.unwrap().unwrap()
    });
    assert_eq!(outcome, 4);
}

fn says_forked(message: &str) {
    assert!(
        message.contains("belongs to the parent process"),
        "{message}"
    );
    assert!(message.contains("build a new Runtime"), "{message}");
}

#[test]
fn in_a_child_the_parents_runtime_says_whose_it_is() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let local = LocalRuntime::new().unwrap();
            works(&runtime);
            in_a_child(|| {
                let handle = runtime.handle();
                says_forked(&panics(|| runtime.spawn(async {})));
                says_forked(&panics(|| handle.spawn(async {})));
                says_forked(&panics(|| local.spawn_local(async {})));
                says_forked(&panics(|| runtime.block_on(pending::<()>())));
                says_forked(&panics(|| handle.block_on(pending::<()>())));
                says_forked(&panics(|| local.block_on(pending::<()>())));
                let _entered = runtime.enter();
                says_forked(&panics(|| runtime::spawn(async {})));
                says_forked(&panics(|| sleep(Duration::ZERO)));
                says_forked(&AsyncFd::new(socket().0).unwrap_err().to_string());
            });
            works(&runtime);
        })
    });
}

#[test]
fn a_child_may_have_a_runtime_of_its_own() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            // This thread keeps one for its next call.
            runtime::block_on(async { runtime::spawn(async {}).await.unwrap() });
            in_a_child(|| {
                works(&flavour.build());
                let sum = runtime::block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    runtime::spawn(async { 1 }).await.unwrap() + 1
                });
                assert_eq!(sum, 2);
                says_forked(&panics(|| runtime.spawn(async {})));
                // And so may its own children.
                let own = flavour.build();
                in_a_child(|| {
                    says_forked(&panics(|| own.spawn(async {})));
                    works(&flavour.build());
                });
                works(&own);
            });
            works(&runtime);
            runtime::block_on(async { sleep(Duration::from_millis(1)).await });
        })
    });
}

#[test]
fn a_socket_dropped_by_a_child_stays_registered_in_the_parent() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let (ours, mut theirs) = socket();
            let mut ours = Some(runtime.block_on(async { AsyncFd::new(ours).unwrap() }));
            catch_up(runtime.handle());
            in_a_child(|| drop(ours.take()));
            let (exposed, mut peer) = socket();
            let exposed = runtime.block_on(async { AsyncFd::new(exposed).unwrap() });
            let mut exposed = Some(exposed);
            in_a_child(|| drop(exposed.take().map(AsyncFd::into_inner)));
            for (fd, peer) in [(ours.unwrap(), &mut theirs), (exposed.unwrap(), &mut peer)] {
                let (first, mut count) = (Event::new(), 0);
                let says_first = first.clone();
                let reading = runtime.spawn(async move {
                    while count < 4 {
                        count += fd.async_io(Interest::READABLE, read).await.unwrap();
                        says_first.set();
                    }
                });
                catch_up(runtime.handle());
                peer.write_all(b"abc").unwrap();
                runtime.block_on(first.wait());
                peer.write_all(b"d").unwrap();
                runtime.block_on(reading).unwrap();
            }
        })
    });
}

#[test]
fn a_runtime_dropped_by_a_child_goes_on_in_the_parent() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let (ours, mut theirs) = socket();
            let (dropped, go) = (Event::new(), Event::new());
            let (says_dropped, told_go) = (dropped.clone(), go.wait());
            let task = runtime.spawn(async move {
                let _guard = on_drop(move || says_dropped.set());
                let ours = AsyncFd::new(ours).unwrap();
                let mut slow = Box::pin(sleep(Duration::from_millis(5)));
                std::future::poll_fn(|context| {
                    // Armed now, awaited after the fork.
                    let _ = std::future::Future::poll(slow.as_mut(), context);
                    std::task::Poll::Ready(())
                })
                .await;
                told_go.await;
                slow.await;
                ours.async_io(Interest::READABLE, read).await.unwrap()
            });
            catch_up(runtime.handle());
            let mut kept = Some(runtime);
            in_a_child(|| {
                drop(kept.take());
                // The task is the parent's, and so is its destructor.
                assert!(!dropped.is_set());
                works(&flavour.build());
            });
            assert!(!dropped.is_set());
            let runtime = kept.unwrap();
            go.set();
            theirs.write_all(b"abc").unwrap();
            assert_eq!(runtime.block_on(task).unwrap(), 3);
            works(&runtime);
        })
    });
}

#[test]
fn a_waker_used_by_a_child_does_not_disturb_the_parent() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.build();
            let go = Event::new();
            let task = runtime.spawn(go.wait());
            catch_up(runtime.handle());
            let abort = task.abort_handle();
            in_a_child(|| {
                go.set();
                abort.abort();
            });
            assert!(!go.is_set() && !task.is_finished());
            works(&runtime);
            go.set();
            runtime.block_on(task).unwrap();
        })
    });
}

#[test]
fn a_child_drops_nothing_that_is_the_parents() {
    apart(|| {
        flavours(|flavour| {
            let runtime = flavour.builder().max_blocking_threads(1).build().unwrap();
            let (release, released) = tests::mpsc::channel::<()>();
            let begun = Event::new();
            let running = runtime.spawn_blocking({
                let begun = begun.clone();
                move || {
                    begun.set();
                    released.recv()
                }
            });
            begun.wait_here();
            let dropped = Event::new();
            let queued = runtime.spawn_blocking({
                let guard = on_drop({
                    let dropped = dropped.clone();
                    move || dropped.set()
                });
                move || drop(guard)
            });
            let pending = runtime.spawn({
                let guard = on_drop({
                    let dropped = dropped.clone();
                    move || dropped.set()
                });
                async move {
                    let _guard = guard;
                    pending::<()>().await;
                }
            });
            let mut runtime = Some(runtime);
            in_a_child(|| {
                // At once, though the limit is long: the threads are the parent's.
                let runtime = runtime.take().unwrap();
                runtime.shutdown_timeout(Duration::from_secs(3600));
                assert!(!dropped.is_set());
                assert_eq!(runtime::block_on(async { 1 }), 1);
            });
            assert!(!dropped.is_set());
            drop((release, pending));
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                assert!(running.await.unwrap().is_err());
                queued.await.unwrap();
            });
            assert!(dropped.is_set());
        })
    });
}
