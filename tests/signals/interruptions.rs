//! Calls that a handler interrupts are made again.
//!
//! A handler without `SA_RESTART` makes whatever system call its thread is in fail with `EINTR`. It is
//! sent to every thread, again and again, while many connections move bytes, which must come out as
//! they went in.

use std::fs;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use net::{TcpListener, TcpStream};
use runtime::Builder;

use crate::{Test, me};

pub(crate) const TESTS: &[Test] = &[
    ("an_echo_survives_a_handler", an_echo_survives_a_handler),
    (
        "several_workers_survive_a_handler",
        several_workers_survive_a_handler,
    ),
];

static CALLED: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicBool = AtomicBool::new(false);

extern "C" fn count(_: libc::c_int) {
    CALLED.fetch_add(1, Ordering::Relaxed);
}

fn handle_interruptions() {
    // SAFETY: all zeroes is an action without flags: no SA_RESTART.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = count as *const () as libc::sighandler_t;
    // SAFETY: the handler does nothing but an atomic addition; null asks for nothing back.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Interrupts all threads until the test is done.
fn interrupt_all() {
    while !DONE.load(Ordering::Relaxed) {
        for thread in fs::read_dir("/proc/self/task").unwrap().flatten() {
            let thread: libc::c_long = thread.file_name().to_str().unwrap().parse().unwrap();
            let process = libc::c_long::from(me());
            // SAFETY: the call takes numbers only. That a thread has ended is no error.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
        }
        // Nearly as often as a thread can be switched to, and not so often that none gets on.
        thread::sleep(std::time::Duration::from_micros(100));
    }
}

fn an_echo_survives_a_handler() {
    survive(&mut Builder::new_current_thread());
}

fn several_workers_survive_a_handler() {
    survive(Builder::new_multi_thread().worker_threads(3));
}

fn survive(builder: &mut Builder) {
    handle_interruptions();
    let runtime = builder.build().unwrap();
    let interrupting = thread::spawn(interrupt_all);
    for round in 0..ROUNDS {
        runtime.block_on(echo_with_all(round));
    }
    DONE.store(true, Ordering::Relaxed);
    interrupting.join().unwrap();
    assert!(
        CALLED.load(Ordering::Relaxed) > 100,
        "nobody was interrupted"
    );
}

async fn echo_with_all(round: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = runtime::spawn(async move {
        let mut incoming = listener.incoming();
        loop {
            let (stream, _) = incoming.accept().await.unwrap();
            runtime::spawn(async move { net::io::copy(&mut &stream, &mut &stream).await });
        }
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| runtime::spawn(client_of(address, client + round)))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    server.abort();
}

/// Sends bytes and reads them back at the same time.
async fn client_of(address: std::net::SocketAddr, number: usize) {
    let stream = TcpStream::connect(address).await.unwrap();
    let bytes: Vec<u8> = (0..BYTES)
        .map(|at| (at * 31 + at / 251 + number) as u8)
        .collect();
    let (reader, writer) = stream.into_split();
    let sent = bytes.clone();
    let sending = runtime::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        drop(writer);
    });
    let mut back = vec![0; BYTES];
    reader.read_exact(&mut back).await.unwrap();
    assert_eq!(reader.read(&mut [0]).await.unwrap(), 0);
    assert!(back == bytes, "client {number}: the bytes differ");
    sending.await.unwrap();
}

const CLIENTS: usize = 50;
const BYTES: usize = 300_000;
const ROUNDS: usize = 3;
