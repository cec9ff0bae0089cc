//! How a connection comes to be, and what is said when it does not.

use std::io::{self, ErrorKind};
use std::net::{
    Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream,
};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use net::{TcpListener, TcpStream, ToSocketAddrs};
use runtime::io::AsyncFd;
use tests::deadline::soon;
use tests::once::once;
use tests::{fd, skip};

use crate::{listen, run};

/// An address where nobody listens, and nobody can: a client has it, for as long as what is returned
/// lives.
fn closed() -> (SocketAddr, (StdListener, StdStream)) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    (client.local_addr().unwrap(), (listener, client))
}

#[test]
fn a_connection_that_nobody_takes_is_refused() {
    run(async || {
        let (address, _held) = closed();
        let error = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn of_several_addresses_the_first_that_answers_is_taken() {
    run(async || {
        let (refused, _held) = closed();
        let listener = listen().await;
        let answers = listener.local_addr().unwrap();
        let several = [refused, refused, answers, refused];
        let stream = TcpStream::connect(&several[..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), answers);
        let error = TcpStream::connect(&[refused, refused][..])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn of_several_addresses_the_first_that_can_be_bound_is_taken() {
    run(async || {
        let holds = listen().await;
        let taken = holds.local_addr().unwrap();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(&[taken, free][..]).await.unwrap();
        assert_ne!(listener.local_addr().unwrap(), taken);
    });
}

#[test]
fn an_address_may_be_given_in_all_the_forms_of_stds() {
    run(async || {
        async fn works(address: impl ToSocketAddrs) {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            TcpStream::connect(address).await.unwrap();
            listener.accept().await.unwrap();
        }
        works("127.0.0.1:0").await;
        works(String::from("127.0.0.1:0")).await;
        works((Ipv4Addr::LOCALHOST, 0)).await;
        works(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        works(&SocketAddr::from(([127, 0, 0, 1], 0))).await;
        if StdListener::bind("[::1]:0").is_err() {
            return skip("addresses of version 6", "this machine has no ::1");
        }
        works("[::1]:0").await;
        works((Ipv6Addr::LOCALHOST, 0)).await;
    });
}

#[test]
fn what_is_no_address_is_named_in_the_error() {
    run(async || {
        for text in [
            "localhost",
            "127.0.0.1",
            "",
            "[::1]",
            "300.0.0.1:80",
            "::1:80",
        ] {
            for error in [
                TcpListener::bind(text).await.unwrap_err(),
                TcpStream::connect(text).await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                let message = error.to_string();
                assert!(message.contains(&format!("`{text}`")), "{message}");
                assert!(message.contains("127.0.0.1:7000"), "{message}");
            }
        }
    });
}

#[test]
fn a_taken_port_and_a_foreign_address_are_told_apart() {
    run(async || {
        let listener = listen().await;
        let taken = listener.local_addr().unwrap();
        let error = TcpListener::bind(taken).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // From the block of addresses for documentation, which nobody has.
        let error = TcpListener::bind("192.0.2.1:0").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    });
}

#[test]
fn a_port_can_be_bound_again_while_old_connections_linger() {
    run(async || {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        // Who closes first keeps the port in TIME_WAIT.
        drop(server);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        drop(client);
        drop(listener);
        let again = TcpListener::bind(address).await.unwrap();
        assert_eq!(again.local_addr().unwrap(), address);
    });
}

#[test]
fn many_connections_are_made_at_once() {
    run(async || {
        let listener = listen().await;
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..100)
            .map(|_| runtime::spawn(TcpStream::connect(address)))
            .collect();
        let mut accepted = Vec::new();
        for _ in 0..100 {
            accepted.push(listener.accept().await.unwrap());
        }
        for client in clients {
            let client = client.await.unwrap().unwrap();
            let here = client.local_addr().unwrap();
            assert!(accepted.iter().any(|(_, peer)| *peer == here));
        }
    });
}

#[test]
fn a_connection_that_takes_a_while_is_waited_for() {
    run(async || {
        // With a queue for one, the second connection stays unanswered until the first is taken.
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        fd::shorten_queue(&listener);
        let address = listener.local_addr().unwrap();
        let mut clients: Vec<_> = (0..6)
            .map(|_| runtime::spawn(TcpStream::connect(address)))
            .collect();
        runtime::task::yield_now().await;
        let listener = TcpListener::from_std(listener).unwrap();
        let taking = runtime::spawn(async move {
            for _ in 0..6 {
                listener.accept().await.unwrap();
            }
        });
        for client in clients.drain(..) {
            client.await.unwrap().unwrap();
        }
        taking.await.unwrap();
    });
}

/// Polls on a thread that is in no runtime.
fn outside<R>(future: impl Future<Output = io::Result<R>>) -> String {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Err(error)) => error.to_string(),
        _ => panic!("it works outside of a runtime"),
    }
}

#[test]
fn outside_of_a_runtime_the_error_names_the_call_the_caller_and_the_cure() {
    soon(|| {
        let std_listener = StdListener::bind("127.0.0.1:0").unwrap();
        let address = std_listener.local_addr().unwrap();
        let std_stream = StdStream::connect(address).unwrap();
        let fd = fd::unix_pair().0;
        let from = line!();
        let errors = [
            (
                "TcpListener::bind",
                outside(TcpListener::bind("127.0.0.1:0")),
            ),
            ("TcpStream::connect", outside(TcpStream::connect(address))),
            (
                "TcpListener::from_std",
                TcpListener::from_std(std_listener).unwrap_err().to_string(),
            ),
            (
                "TcpStream::from_std",
                TcpStream::from_std(std_stream).unwrap_err().to_string(),
            ),
            ("AsyncFd::new", AsyncFd::new(fd).unwrap_err().to_string()),
        ];
        let to = line!();
        for (call, message) in errors {
            let caller = format!("{call} was called at {}:", file!());
            let place = message.strip_prefix(&caller).expect(&message);
            let line: u32 = place.split(':').next().unwrap().parse().unwrap();
            assert!((from..to).contains(&line), "{message}");
            assert!(message.contains("outside of a runtime"), "{message}");
            assert!(message.contains("runtime::main"), "{message}");
        }
    });
}

#[test]
fn sockets_that_outlive_their_runtime_say_so() {
    soon(|| {
        let other = runtime::Builder::new_current_thread().build().unwrap();
        let (listener, stream, waiting) = other.block_on(async {
            let listener = listen().await;
            let (stream, waiting) = crate::pair().await;
            assert!(once(pin!(waiting.readable())).await.is_pending());
            (listener, stream, waiting)
        });
        drop(other);
        runtime::block_on(async {
            let errors = [
                listener.accept().await.map(drop).unwrap_err(),
                stream.read(&mut [0; 1]).await.map(drop).unwrap_err(),
                waiting.readable().await.unwrap_err(),
            ];
            for error in errors {
                assert!(error.to_string().contains("runtime shut down"), "{error}");
            }
        });
    });
}
