//! What is done at once, and asks no descriptor for readiness, counts against the budget of a poll too.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use net::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use net::unix::{UnixDatagram, UnixStream};
use net::{TcpListener, lookup_host};
use tests::place::abstract_name;

/// Another task runs while this one tries.
async fn others_run(mut attempt: impl AsyncFnMut()) {
    let ran = Arc::new(AtomicBool::new(false));
    let other = runtime::spawn({
        let ran = ran.clone();
        async move { ran.store(true, Ordering::SeqCst) }
    });
    for _ in 0..10_000 {
        attempt().await;
        if ran.load(Ordering::SeqCst) {
            return other.await.unwrap();
        }
    }
    panic!("no other task ran while this one tried 10,000 times");
}

/// On one thread, where who never waits keeps it.
fn alone(test: impl AsyncFnOnce()) {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(test());
}

/// Each of these is done, or refused, at once, whoever is polled next.
#[test]
fn who_tries_in_a_loop_lets_the_others_run() {
    alone(async || {
        let nobody = abstract_name();
        let sender = UnixDatagram::unbound().unwrap();
        others_run(async || assert!(UnixStream::connect(&nobody).await.is_err())).await;
        others_run(async || assert!(sender.send_to(b"x", &nobody).await.is_err())).await;
        others_run(async || {
            let polled = poll_fn(|context| sender.poll_send_to(context, b"x", &nobody));
            assert!(polled.await.is_err());
        })
        .await;
        others_run(async || assert!(lookup_host("127.0.0.1:1").await.is_ok())).await;
        others_run(async || assert!(TcpListener::bind("127.0.0.1:0").await.is_ok())).await;
    });
}

/// One read has brought all of it.
#[test]
fn who_takes_from_a_buffer_lets_the_others_run() {
    let much = vec![b'\n'; 1 << 20];
    let reader = || BufReader::with_capacity(much.len(), &much[..]);
    alone(async || {
        let mut it = reader();
        let mut text = String::new();
        others_run(async || assert_eq!(it.read_line(&mut text).await.unwrap(), 1)).await;
        let mut lines = reader().lines();
        others_run(async || assert_eq!(lines.next_line().await.unwrap().unwrap(), "")).await;
        let mut bytes = Vec::new();
        others_run(async || assert_eq!(it.read_until(b'\n', &mut bytes).await.unwrap(), 1)).await;
        others_run(async || assert_eq!(it.read_u8().await.unwrap(), b'\n')).await;
        others_run(async || assert_eq!(it.read_u16().await.unwrap(), 0x0a0a)).await;
        others_run(async || it.read_exact(&mut [0; 3]).await.unwrap()).await;
        others_run(async || assert!(it.fill_to(5).await.unwrap().len() >= 5)).await;
        let mut some = it.take(20_000);
        others_run(async || assert_eq!(some.read(&mut [0]).await.unwrap(), 1)).await;
    });
}
