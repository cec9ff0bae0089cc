//! Names instead of addresses, and several addresses instead of one.
//!
//! The only name that is looked up here is `localhost`, which stands in a file: no test asks the
//! network.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::pin::pin;

use net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tests::apart::apart;
use tests::deadline::soon;
use tests::once::once;
use tests::{fd, skip};

use crate::{busy_pool, listen, run};

fn knows_localhost(what: &str) -> bool {
    let found = std::net::ToSocketAddrs::to_socket_addrs("localhost:0");
    let knows = found.is_ok_and(|mut all| all.any(|one| one.is_ipv4()));
    if !knows {
        skip(what, "this machine does not know localhost");
    }
    knows
}

#[test]
fn a_name_is_looked_up_to_connect_and_to_bind() {
    run(async || {
        if !knows_localhost("connecting to a name") {
            return;
        }
        let listener = listen().await;
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("localhost", port)).await.unwrap();
        TcpStream::connect((String::from("localhost"), port))
            .await
            .unwrap();
        TcpStream::connect(format!("localhost:{port}"))
            .await
            .unwrap();
        for _ in 0..3 {
            listener.accept().await.unwrap();
        }
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        assert!(listener.local_addr().unwrap().ip().is_loopback());
    });
}

#[test]
fn what_a_name_stands_for_can_be_asked() {
    run(async || {
        if !knows_localhost("looking up a name") {
            return;
        }
        let found: Vec<_> = lookup_host("localhost:80").await.unwrap().collect();
        assert!(!found.is_empty());
        for address in found {
            assert!(address.ip().is_loopback() && address.port() == 80);
        }
        // Not looked up: it is what it is.
        let mut found = lookup_host(("::1", 7)).await.unwrap();
        assert_eq!(found.next(), Some("[::1]:7".parse().unwrap()));
        let error = lookup_host(("127.0.0.256", 7)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_lookup_outside_of_a_runtime_says_so() {
    soon(|| {
        for (call, message) in [
            (
                "TcpStream::connect",
                outside(TcpStream::connect("localhost:1")),
            ),
            (
                "TcpListener::bind",
                outside(TcpListener::bind("localhost:1")),
            ),
            ("lookup_host", outside(lookup_host("localhost:1"))),
        ] {
            let start = format!("{call} was called at {}:", file!());
            assert!(message.starts_with(&start), "{message}");
            assert!(message.contains("outside of a runtime"), "{message}");
        }
    });
}

fn outside<T>(future: impl Future<Output = std::io::Result<T>>) -> String {
    match tests::foreign::block_on(future) {
        Ok(_) => panic!("it works outside of a runtime"),
        Err(error) => error.to_string(),
    }
}

/// The pool has one thread, and that is busy: the lookup cannot begin.
#[test]
fn a_lookup_that_nobody_waits_for_does_not_begin_and_holds_up_no_end() {
    soon(|| {
        let (runtime, busy) = busy_pool();
        runtime.block_on(async {
            let mut lookup = pin!(lookup_host("localhost:1"));
            assert!(once(lookup.as_mut()).await.is_pending());
        });
        let mut other = Box::pin(lookup_host("localhost:1"));
        runtime.block_on(async {
            assert!(once(other.as_mut()).await.is_pending());
        });
        // Does not wait for the thread.
        drop(runtime);
        let error = runtime::block_on(other).unwrap_err();
        assert!(error.to_string().contains("runtime shut down"), "{error}");
        drop(busy);
    });
}

/// A port on which nobody listens, nor can while what is returned lives.
fn refuses() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(false).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// A port that does not answer: its queue is full. It stays so while what is returned lives.
fn ignores() -> (SocketAddr, (StdListener, StdStream)) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    fd::shorten_queue(&listener);
    let address = listener.local_addr().unwrap();
    let only = StdStream::connect(address).unwrap();
    (address, (listener, only))
}

#[test]
fn of_several_addresses_the_first_that_answers_is_taken() {
    run(async || {
        let listener = listen().await;
        let good = listener.local_addr().unwrap();
        let (silent, _keep) = ignores();
        let (closed, _keep_too) = refuses();
        for addresses in [
            vec![good, silent],
            vec![closed, good],
            vec![silent, good],
            vec![closed, silent, closed, good],
        ] {
            let stream = TcpStream::connect(addresses).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
        }
    });
}

#[test]
fn when_no_address_answers_each_is_told_of() {
    run(async || {
        let ((one, _keep), (other, _keep_too)) = (refuses(), refuses());
        let error = TcpStream::connect(&[one, other][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let message = error.to_string();
        assert!(message.contains(&format!("{one}: ")), "{message}");
        assert!(message.contains(&format!("{other}: ")), "{message}");
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn who_loses_the_race_is_closed() {
    apart(|| {
        runtime::block_on(async {
            let listener = listen().await;
            let good = listener.local_addr().unwrap();
            let (silent, _keep) = ignores();
            let before = fd::all_open();
            let stream = TcpStream::connect(vec![silent, silent, good])
                .await
                .unwrap();
            assert_eq!(fd::opened_since(&before).len(), 1);
            drop(stream);
            // And when nobody has won yet.
            let connecting = runtime::spawn(TcpStream::connect(vec![silent, silent]));
            while fd::opened_since(&before).is_empty() {
                runtime::task::yield_now().await;
            }
            connecting.abort();
            connecting.await.unwrap_err();
            assert!(fd::opened_since(&before).is_empty());
        });
    });
}
