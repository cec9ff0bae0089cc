//! The echo server under many seeds: whatever the order of things, each byte comes back.
//!
//! The session is the example's own source, included and not copied. Server and clients are tasks of
//! one runtime with a seed, over real sockets of the loopback interface. Each seed draws a crowd of
//! clients of several kinds: some say a little and wait, some send everything before they read, some
//! read slowly, some end their direction early, some cut the connection off, some are given up in the
//! middle of an operation.
//!
//! ```text
//! EDGEWAKE_SEEDS=0..10000 cargo test -p tests --test seeds
//! ```

#[path = "../../examples/src/echo/draining.rs"]
mod draining;
#[path = "../../examples/src/echo/session.rs"]
mod session;

mod clients;

use std::rc::Rc;

use net::{TcpListener, TcpStream};
use runtime::task::spawn_local;
use runtime::time::{Duration, timeout};
use tests::deadline::within;

use self::clients::Numbers;
use self::draining::Sessions;

#[test]
fn every_byte_comes_back_whatever_the_order() {
    within(Duration::from_secs(3600), || {
        runtime::test::seeds(0..100, |seed| async move {
            let everything = timeout(Duration::from_secs(600), serve_a_crowd(seed)).await;
            everything.expect("ten minutes of paused time: somebody waits for ever");
        });
    });
}

/// Serves some clients, and waits until all are content.
async fn serve_a_crowd(seed: u64) {
    let numbers = Rc::new(Numbers::new(seed));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // From a buffer so small that a client has to read, to one that never is full.
    let most = [1, 1000, 100_000, 100 << 20][numbers.below(4)];
    let sessions = Rc::new(Sessions::default());
    let open = sessions.clone();
    let server = spawn_local(async move {
        let mut incoming = listener.incoming();
        loop {
            let (stream, _) = incoming.accept().await.unwrap();
            // A session ends as its client does: with an error, if that cuts the connection off.
            drop(spawn_local(session::echo(open.open(stream), most)));
        }
    });
    let clients: Vec<_> = (0..1 + numbers.below(4))
        .map(|_| {
            let numbers = numbers.clone();
            spawn_local(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                clients::any(&numbers, stream, most).await;
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let sessions = Rc::into_inner(sessions).expect("the server has gone");
    sessions.drain().await;
}
