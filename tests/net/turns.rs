//! What is done at once, and asks no descriptor for readiness, counts against the budget of a poll too.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use net::unix::{UnixDatagram, UnixStream};
use net::{TcpListener, lookup_host};
use tests::place::abstract_name;

/// Each of these is done, or refused, at once, whoever is polled next.
#[test]
fn who_tries_in_a_loop_lets_the_others_run() {
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
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
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
