//! Connections and sockets that come to be: of what was given up nothing is left, and nobody is lost.

use std::os::linux::net::SocketAddrExt;

use net::socket::Socket;
use net::unix::{SocketAddr, UnixSeqpacket, UnixSeqpacketListener};
use net::{
    Incoming, Listens, TcpListener, TcpSocket, TcpStream, UdpSocket, UnixListener, UnixStream,
    lookup_host, udp,
};
use runtime::task::yield_now;
use tests::apart::apart;
use tests::cancel::{Place, cut};
use tests::fd;
use tests::place::abstract_name;

use super::PLACES;
use crate::{busy_pool, run_local};

#[test]
fn an_accept_that_is_dropped_has_accepted_nobody() {
    run_local(async || {
        let listener = crate::listen().await;
        let address = listener.local_addr().unwrap();
        accepts(&listener, async || TcpStream::connect(address).await).await;
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        accepts(&listener, async || UnixStream::connect(&name).await).await;
        let name = abstract_name();
        let listener = UnixSeqpacketListener::bind(&name).unwrap();
        accepts(&listener, async || UnixSeqpacket::connect(&name).await).await;
    });
}

/// Accepts by operations that are dropped wherever they wait, as many as connect.
async fn accepts<S: Listens, C>(
    listener: &Socket<S>,
    connect: impl AsyncFn() -> std::io::Result<C>,
) {
    const CLIENTS: usize = 20;
    let mut incoming = listener.incoming();
    for place in PLACES {
        let connects = async {
            for _ in 0..CLIENTS {
                drop(connect().await.unwrap());
                for _ in 0..3 {
                    yield_now().await;
                }
            }
        };
        let accepts = async {
            let (mut accepted, mut by_loop, mut drops) = (0, false, [0; 2]);
            while accepted < CLIENTS {
                let accept = if by_loop {
                    let accept = cut(place, Incoming::accept, |accept| accept(&mut incoming));
                    accept.await
                } else {
                    let accept = cut(place, Socket::<S>::accept, |accept| accept(listener));
                    accept.await
                };
                match accept {
                    Some(connection) => accepted += usize::from(connection.is_ok()),
                    // The other one takes what this one was to have.
                    None => {
                        drops[usize::from(by_loop)] += 1;
                        by_loop = !by_loop;
                    }
                }
                yield_now().await;
            }
            assert!(drops[0] > 0 && drops[1] > 0, "{drops:?}");
        };
        runtime::join!(connects, accepts);
        nobody_waits(listener).await;
    }
}

#[test]
fn a_connect_that_is_dropped_in_front_of_a_full_queue_is_given_up() {
    run_local(async || {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        gives_up(&listener, async |place| {
            cut(place, UnixStream::connect, |connect| connect(&name)).await
        })
        .await;
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        gives_up(&listener, async |place| {
            let connect = UnixStream::connect_addr;
            cut(place, connect, |connect| connect(&address)).await
        })
        .await;
        let name = abstract_name();
        let listener = UnixSeqpacketListener::bind(&name).unwrap();
        gives_up(&listener, async |place| {
            cut(place, UnixSeqpacket::connect, |connect| connect(&name)).await
        })
        .await;
    });
}

async fn gives_up<S: Listens, C>(
    listener: &Socket<S>,
    mut connect: impl AsyncFnMut(Place) -> Option<std::io::Result<C>>,
) {
    fd::shorten_queue(listener);
    for place in PLACES {
        let mut clients = Vec::new();
        while let Some(client) = connect(place).await {
            clients.push(client.unwrap());
        }
        for _ in &clients {
            listener.accept().await.unwrap();
        }
        nobody_waits(listener).await;
    }
}

async fn nobody_waits<S: Listens>(listener: &Socket<S>) {
    let accept = Socket::<S>::accept;
    let accepted = cut(Place::FIRST, accept, |accept| accept(listener)).await;
    assert!(accepted.is_none());
}

/// Descriptors are counted, so no other test may run beside it.
#[test]
fn what_is_dropped_while_it_comes_to_be_leaves_nothing() {
    apart(|| {
        let (runtime, _busy) = busy_pool();
        runtime.block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            fd::shorten_queue(&listener);
            let silent = listener.local_addr().unwrap();
            let _only = std::net::TcpStream::connect(silent).unwrap();
            let before = fd::all_open();
            let place = Place::FIRST;
            for _ in 0..3 {
                let connect = cut(place, TcpStream::connect, |connect| connect(silent));
                assert!(connect.await.is_none());
                let several = vec![silent; 3];
                let connect = cut(place, TcpStream::connect, |connect| connect(several));
                assert!(connect.await.is_none());
                let socket = TcpSocket::new_v4().unwrap();
                let connect = cut(place, TcpSocket::connect, |connect| connect(socket, silent));
                assert!(connect.await.is_none());
                let connect = cut(place, TcpStream::connect, |connect| connect("localhost:1"));
                assert!(connect.await.is_none());
                assert_eq!(fd::opened_since(&before), []);
            }
        });
    });
}

/// All that waits for it goes on to wait: the pool has one thread, and that is busy.
#[test]
fn a_name_that_nobody_waits_for_is_not_looked_up() {
    apart(|| {
        let (runtime, _busy) = busy_pool();
        runtime.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let before = fd::all_open();
            let (place, name) = (Place::FIRST, "localhost:0");
            let bind = cut(place, TcpListener::bind, |bind| bind(name));
            assert!(bind.await.is_none());
            let bind = cut(place, UdpSocket::bind, |bind| bind(name));
            assert!(bind.await.is_none());
            let builder = udp::Builder::new();
            let bind = cut(place, udp::Builder::bind, |bind| bind(builder, name));
            assert!(bind.await.is_none());
            let look = cut(place, lookup_host, |look| look(name));
            assert!(look.await.is_none());
            let connect = cut(place, UdpSocket::connect, |connect| connect(&socket, name));
            assert!(connect.await.is_none());
            assert!(socket.peer_addr().is_err());
            let send = cut(place, UdpSocket::send_to, |send| send(&socket, b"x", name));
            assert!(send.await.is_none());
            assert_eq!(fd::opened_since(&before), []);
        });
    });
}
