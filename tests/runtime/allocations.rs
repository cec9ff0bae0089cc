//! What a runtime that has warmed up asks of the allocator: one allocation a task, and no more.
//!
//! The whole test binary runs on an allocator that counts, a thread each, so that other tests do
//! not matter. So all runs on one thread here; what the echo server allocates is counted on both flavours.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Poll, Waker};

use runtime::io::{AsyncFd, Interest};
use runtime::task::{spawn_local, yield_now};
use runtime::time::{Duration, Instant, sleep, timeout};
use tests::deadline::soon;

/// The system's allocator, counted.
pub(crate) struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count_one() {
    // A thread that is being torn down need not be counted.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Allocations of this thread so far.
fn allocations() -> usize {
    ALLOCATIONS.get()
}

const ROUNDS: usize = 200;

/// What `round` allocates when all has been done once before, in this many rounds.
async fn warm(mut rounds: impl AsyncFnMut()) -> usize {
    rounds().await;
    let before = allocations();
    rounds().await;
    allocations() - before
}

#[test]
fn the_counter_counts() {
    soon(|| {
        let before = allocations();
        let boxed = std::hint::black_box(Box::new(5));
        assert_eq!(allocations() - before, 1);
        drop(boxed);
        assert_eq!(allocations() - before, 1);
    });
}

#[test]
fn a_spawn_is_one_allocation() {
    soon(|| {
        let counted = runtime::block_on(warm(async || {
            for _ in 0..ROUNDS {
                runtime::spawn(async {}).await.unwrap();
            }
        }));
        assert_eq!(counted, ROUNDS);
        let counted = runtime::block_on(warm(async || {
            for n in 0..ROUNDS {
                // Whatever it holds, whatever it gives, whether somebody waits or not.
                let shared = [n; 20];
                drop(spawn_local(async move {
                    yield_now().await;
                    shared
                }));
            }
            while runtime::Handle::current().metrics().alive_tasks > 0 {
                yield_now().await;
            }
        }));
        assert_eq!(counted, ROUNDS);
    });
}

#[test]
fn a_spawn_from_outside_is_one_allocation() {
    soon(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let counted = runtime.block_on(async {
            let handle = runtime::Handle::current();
            let spawn = || {
                std::thread::scope(|scope| {
                    let spawning = scope.spawn(|| {
                        let before = allocations();
                        for _ in 0..ROUNDS {
                            handle.spawn(async {});
                        }
                        allocations() - before
                    });
                    spawning.join().unwrap()
                })
            };
            spawn();
            while handle.metrics().alive_tasks > 0 {
                yield_now().await;
            }
            spawn()
        });
        assert_eq!(counted, ROUNDS);
    });
}

#[test]
fn a_name_is_one_more() {
    soon(|| {
        let counted = runtime::block_on(warm(async || {
            let builder = runtime::task::Builder::new().name("named");
            builder.spawn(async {}).await.unwrap();
        }));
        assert_eq!(counted, 2);
    });
}

#[test]
fn yielding_and_waking_allocate_nothing() {
    soon(|| {
        let waiting = Rc::new(Cell::new(None::<Waker>));
        let counted = runtime::block_on(async {
            // A partner that is woken, and wakes back.
            let (theirs, turn) = (waiting.clone(), Rc::new(Cell::new(false)));
            let their_turn = turn.clone();
            spawn_local(poll_fn(move |context| {
                if their_turn.replace(false) {
                    theirs
                        .replace(Some(context.waker().clone()))
                        .unwrap()
                        .wake();
                } else {
                    theirs.set(Some(context.waker().clone()));
                }
                Poll::<()>::Pending
            }));
            yield_now().await;
            warm(async || {
                for _ in 0..ROUNDS {
                    yield_now().await;
                    let partner = waiting.take().unwrap();
                    turn.set(true);
                    poll_fn(|context| match turn.get() {
                        true => {
                            waiting.set(Some(context.waker().clone()));
                            partner.wake_by_ref();
                            Poll::Pending
                        }
                        false => Poll::Ready(()),
                    })
                    .await;
                }
            })
            .await
        });
        assert_eq!(counted, 0);
    });
}

#[test]
fn waiting_for_a_task_allocates_nothing() {
    soon(|| {
        runtime::block_on(async {
            let spawn = || {
                runtime::spawn(async {
                    for _ in 0..3 {
                        yield_now().await;
                    }
                })
            };
            let tasks: Vec<_> = (0..ROUNDS).map(|_| spawn()).collect();
            spawn().await.unwrap();
            let before = allocations();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(allocations(), before);
        });
    });
}

#[test]
fn timers_allocate_nothing() {
    soon(|| {
        let hour = Duration::from_secs(3600);
        let counted = runtime::block_on(async {
            let mut moved = sleep(hour);
            warm(async || {
                for n in 0..ROUNDS as u32 {
                    moved.reset(Instant::now() + hour - Duration::from_secs(n.into()));
                    let waited = poll_fn(|context| {
                        Poll::Ready(tests::foreign::poll(&mut moved, context.waker()))
                    });
                    assert!(waited.await.is_pending());
                    // New ones too: the place of the last is taken again.
                    timeout(hour, yield_now()).await.unwrap();
                }
                for _ in 0..5 {
                    sleep(Duration::from_micros(100)).await;
                }
            })
            .await
        });
        assert_eq!(counted, 0);
    });
}

#[test]
fn sockets_allocate_nothing() {
    soon(|| {
        let counted = runtime::block_on(async {
            let (one, two) = UnixStream::pair().unwrap();
            let [one, two] = [one, two].map(|socket| {
                socket.set_nonblocking(true).unwrap();
                AsyncFd::new(socket).unwrap()
            });
            spawn_local(async move {
                loop {
                    let mut byte = [0];
                    let read = |mut socket: &UnixStream| socket.read(&mut byte);
                    two.async_io(Interest::READABLE, read).await.unwrap();
                    let write = |mut socket: &UnixStream| socket.write(&byte);
                    two.write_with(write).await.unwrap();
                }
            });
            warm(async || {
                for _ in 0..ROUNDS {
                    one.write_with(|mut socket| socket.write(b"x"))
                        .await
                        .unwrap();
                    let read = |mut socket: &UnixStream| socket.read(&mut [0]);
                    one.async_io(Interest::READABLE, read).await.unwrap();
                }
            })
            .await
        });
        assert_eq!(counted, 0);
    });
}

#[test]
fn a_datagram_to_an_address_allocates_nothing() {
    soon(|| {
        runtime::block_on(async {
            let (one, other) = (
                net::UdpSocket::bind("127.0.0.1:0"),
                net::UdpSocket::bind("127.0.0.1:0"),
            );
            let (one, other) = (one.await.unwrap(), other.await.unwrap());
            let to = other.local_addr().unwrap();
            let (ip, port) = (to.ip(), to.port());
            let mut buffer = [0; 16];
            let allocated = warm(async || {
                for _ in 0..ROUNDS {
                    one.send_to(b"ping", to).await.unwrap();
                    let (_, from) = other.recv_from(&mut buffer).await.unwrap();
                    other.send_to(b"pong", from).await.unwrap();
                    one.recv(&mut buffer).await.unwrap();
                    one.send_to(b"ping", (ip, port)).await.unwrap();
                    other.recv(&mut buffer).await.unwrap();
                }
            });
            assert_eq!(allocated.await, 0);
        });
    });
}
