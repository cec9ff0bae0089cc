//! Sockets, and any descriptor, on a real kernel.
//!
//! `streams`, `splitting` and `endings` are TCP as a user meets it, `options` and `urgent` the rest
//! of it; `connecting` and `names` are how a connection comes to be, and what is said when it does
//! not. The files that begin with `udp` are about datagrams: one by one, to groups, and many at a
//! time; those with `unix` about sockets that stay on the machine, and the descriptors they carry;
//! `pipes` about pipes and FIFOs, `stdio` and `inherited` about what a program is started with. `readiness` and `room`
//! are the facts of the kernel that an edge-triggered runtime can trip over, one a test, for reading
//! and for writing. `waiters` is about who is woken, `calls` about operations of the user's own,
//! `sharing` about threads, and `conformance` is what holds of all kinds of descriptors. `reading`,
//! `framing`, `copying` and `splicing` are `net::io` and `net::codec`, `cancelling` is what is lost
//! when a future is dropped. `descriptors` is the life of a descriptor's number, `nothing_left`
//! what stays behind, here and in children, `accepting` the loop that must survive everything, and `turns` that nobody keeps a worker for
//! himself.

mod accepting;
mod calls;
mod cancelling;
mod conformance;
mod connecting;
mod copying;
mod descriptors;
mod endings;
mod framing;
mod inherited;
mod moving;
mod names;
mod nothing_left;
mod options;
mod pipes;
mod readiness;
mod reading;
mod room;
mod sharing;
mod splicing;
mod splitting;
mod stdio;
mod streams;
mod turns;
mod udp;
mod udp_groups;
mod udp_packets;
mod unix_datagrams;
mod unix_fds;
mod unix_streams;
mod urgent;
mod waiters;

use std::future::poll_fn;
use std::io::{IoSlice, IoSliceMut};
use std::pin::{Pin, pin};

use futures_io::{AsyncRead, AsyncWrite};
use net::{TcpListener, TcpStream, UnixDatagram};
use runtime::task::yield_now;
use runtime::{Builder, LocalRuntime, Runtime};
use tests::deadline::soon;
use tests::event::Event;
use tests::flavours::flavours;
use tests::foreign::Foreign;
use tests::once::once;
use tests::panics::{OnDrop, on_drop};

/// Runs a test in a runtime of each flavour, and not for ever.
fn run(test: impl AsyncFn() + Send + Sync + 'static) {
    flavours(move |flavour| flavour.block_on(test()));
}

/// A runtime whose time stands still, and goes on to the next deadline when nothing else is to be done:
/// for what is asked for again after a while, and how often.
fn paused() -> LocalRuntime {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true).build_local().unwrap()
}

/// Runs a test whose tasks stay on one thread, and know by that who of them comes when.
fn run_local(test: impl AsyncFnOnce() + Send + 'static) {
    soon(move || runtime::block_on(test()));
}

/// Bytes from one to the other by the traits' own functions, as code that knows nothing of us calls them,
/// to the end, which is told by closing or by going.
async fn through_traits(mut reader: impl AsyncRead + Unpin, mut writer: impl AsyncWrite + Unpin) {
    let (mut from, mut to) = (Pin::new(&mut reader), Pin::new(&mut writer));
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
    let written = poll_fn(|context| to.as_mut().poll_write_vectored(context, &slices)).await;
    assert_eq!(written.unwrap(), 5);
    let written = poll_fn(|context| to.as_mut().poll_write(context, b"f")).await;
    assert_eq!(written.unwrap(), 1);
    let flushed = poll_fn(|context| to.as_mut().poll_flush(context)).await;
    flushed.unwrap();
    let (mut one, mut two) = ([0; 1], [0; 2]);
    let mut slices = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    let read = poll_fn(|context| from.as_mut().poll_read_vectored(context, &mut slices)).await;
    assert_eq!(read.unwrap(), 3);
    let mut received = [&one[..], &two].concat();
    let mut buffer = [0; 2];
    while received.len() < 6 {
        let read = poll_fn(|context| from.as_mut().poll_read(context, &mut buffer)).await;
        received.extend_from_slice(&buffer[..read.unwrap()]);
    }
    assert_eq!(received, b"abcdef");
    // Closing twice is closing.
    for _ in 0..2 {
        let closed = poll_fn(|context| to.as_mut().poll_close(context)).await;
        closed.unwrap();
    }
    drop(writer);
    let read = poll_fn(|context| from.as_mut().poll_read(context, &mut buffer)).await;
    assert_eq!(read.unwrap(), 0);
}

/// A runtime whose one thread for closures that block is busy, for as long as what comes with it is
/// kept.
fn busy_pool() -> (Runtime, OnDrop<impl FnOnce()>) {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.max_blocking_threads(1).build().unwrap();
    let (begun, go_on) = (Event::new(), Event::new());
    let (begins, waits) = (begun.clone(), go_on.clone());
    runtime.spawn_blocking(move || {
        begins.set();
        waits.wait_here();
    });
    begun.wait_here();
    (runtime, on_drop(move || go_on.set()))
}

/// Waits until everything that has become ready before has been told.
async fn all_told() {
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    let mut byte = [0];
    let mut told = pin!(receiver.recv(&mut byte));
    assert!(once(told.as_mut()).await.is_pending());
    sender.send(b"x").await.unwrap();
    told.await.unwrap();
}

/// Waits until a task that waits by hand was woken.
async fn woken(task: &Foreign) {
    while task.wakes() == 0 {
        yield_now().await;
    }
}

/// A listener on a port that is free.
async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Both ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = listen().await;
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let client = client.await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// A stream of ours, and its other end as std has it: in blocking mode.
async fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let listener = listen().await;
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().await.unwrap();
    (ours, peer)
}
