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

use net::{TcpListener, TcpStream};
use tests::deadline::soon;
use tests::flavours::flavours;

/// Runs a test in a runtime of each flavour, and not for ever.
fn run(test: impl AsyncFn() + Send + Sync + 'static) {
    flavours(move |flavour| flavour.block_on(test()));
}

/// Runs a test whose tasks stay on one thread, and know by that who of them comes when.
fn run_local(test: impl AsyncFnOnce() + Send + 'static) {
    soon(move || runtime::block_on(test()));
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
