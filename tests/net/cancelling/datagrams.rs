//! Sockets for messages: a message whose sending or receiving is dropped has not moved.
//!
//! Numbers go from one end to the other, and each sending, or each receiving, is dropped wherever it
//! waits and begun again. All of them must arrive, once each, in order.

use std::io::{ErrorKind, IoSliceMut};

use net::socket::{Messages, Socket};
use net::udp::{RecvMeta, Transmit};
use net::unix::UnixSeqpacket;
use net::{UdpSocket, UnixDatagram};
use runtime::io::Interest;
use tests::cancel::{Place, cut, out_of_budget};
use tests::fd;

use super::{PLACES, receives_all, sends_all};
use crate::run_local;

async fn udp() -> (UdpSocket, UdpSocket) {
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = receiver.local_addr().unwrap();
    sender.connect(to).await.unwrap();
    (sender, receiver)
}

async fn datagrams() -> (UnixDatagram, UnixDatagram) {
    UnixDatagram::pair().unwrap()
}

async fn packets() -> (UnixSeqpacket, UnixSeqpacket) {
    UnixSeqpacket::pair().unwrap()
}

/// So much that the sender's room is used up by a few of them.
pub(super) fn large(number: u8) -> Vec<u8> {
    vec![number; 16 * 1024]
}

#[test]
fn a_receiving_that_is_dropped_has_taken_nothing() {
    run_local(async || {
        receives(udp).await;
        receives(datagrams).await;
        receives(packets).await;
    });
}

async fn receives<M: Messages>(pair: impl AsyncFn() -> (Socket<M>, Socket<M>) + Copy) {
    let send = async |socket: &Socket<M>, number: u8| {
        socket.send(&[number]).await.unwrap();
    };
    receives_all(pair, send, async |socket, place| {
        let mut buffer = [0; 8];
        let recv = cut(place, Socket::<M>::recv, |recv| recv(socket, &mut buffer));
        recv.await?.unwrap();
        Some(buffer[0])
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let (mut buffer, recv) = ([0; 8], Socket::<M>::recv_from);
        let recv = cut(place, recv, |recv| recv(socket, &mut buffer));
        recv.await?.unwrap();
        Some(buffer[0])
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let mut buffer = [0; 8];
        let peek = cut(place, Socket::<M>::peek, |peek| peek(socket, &mut buffer));
        peek.await?.unwrap();
        try_recv(socket)
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let (mut buffer, peek) = ([0; 8], Socket::<M>::peek_from);
        let peek = cut(place, peek, |peek| peek(socket, &mut buffer));
        peek.await?.unwrap();
        try_recv(socket)
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let wait = cut(place, Socket::<M>::readable, |wait| wait(socket));
        wait.await?.unwrap();
        try_recv(socket)
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let wait = Socket::<M>::ready;
        let wait = cut(place, wait, |wait| wait(socket, Interest::READABLE));
        wait.await?.unwrap();
        try_recv(socket)
    })
    .await;
    receives_all(pair, send, async |socket, place| {
        let mut buffer = [0; 8];
        let call = || fd::recv(&*socket, &mut buffer, 0);
        let recv = Socket::<M>::async_io;
        let recv = cut(place, recv, |recv| recv(socket, Interest::READABLE, call));
        recv.await?.unwrap();
        Some(buffer[0])
    })
    .await;
}

/// After a wait; what was waited for may be what was taken before.
fn try_recv<M: Messages>(socket: &Socket<M>) -> Option<u8> {
    let mut buffer = [0; 8];
    match socket.try_recv(&mut buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        received => {
            assert_eq!(received.unwrap(), 1);
            Some(buffer[0])
        }
    }
}

#[test]
fn a_sending_that_is_dropped_has_sent_nothing() {
    run_local(async || {
        sends(datagrams).await;
        sends(packets).await;
    });
}

async fn sends<M: Messages>(pair: impl AsyncFn() -> (Socket<M>, Socket<M>) + Copy) {
    let receive = async |socket: &Socket<M>| {
        let mut buffer = [0; 8];
        socket.recv(&mut buffer).await.unwrap();
        buffer[0]
    };
    sends_all(
        pair,
        async |socket, number, place| {
            let message = large(number);
            cut(place, Socket::<M>::send, |send| send(socket, &message)).await
        },
        receive,
    )
    .await;
    sends_all(
        pair,
        async |socket, number, place| {
            let wait = cut(place, Socket::<M>::writable, |wait| wait(socket));
            wait.await?.unwrap();
            match socket.try_send(&large(number)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                sent => Some(sent),
            }
        },
        receive,
    )
    .await;
}

#[test]
fn many_datagrams_whose_receiving_is_dropped_are_all_there() {
    run_local(async || {
        let send = async |socket: &UdpSocket, number: u8| {
            socket.send(&[number]).await.unwrap();
        };
        receives_all(udp, send, async |socket, place| {
            let (mut buffer, mut meta) = ([0; 8], [RecvMeta::default()]);
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let recv = UdpSocket::recv_many;
            let recv = cut(place, recv, |recv| recv(socket, &mut slices, &mut meta));
            recv.await?.unwrap();
            Some(buffer[0])
        })
        .await;
    });
}

/// There is always room to send by UDP, so only a used up budget makes it wait.
#[test]
fn a_sending_by_udp_that_is_dropped_has_sent_nothing() {
    run_local(async || {
        let (sender, receiver) = udp().await;
        let to = receiver.local_addr().unwrap();
        for place in PLACES {
            let send = cut(place, UdpSocket::send, |send| {
                out_of_budget(send(&sender, b"no"))
            });
            assert!(send.await.is_none());
            let send = cut(place, UdpSocket::send_to, |send| {
                out_of_budget(send(&sender, b"no", to))
            });
            assert!(send.await.is_none());
            let transmits = [Transmit::new(b"no")];
            let send = cut(place, UdpSocket::send_many, |send| {
                out_of_budget(send(&sender, &transmits))
            });
            assert!(send.await.is_none());
            let wait = cut(place, UdpSocket::writable, |wait| {
                out_of_budget(wait(&sender))
            });
            assert!(wait.await.is_none());
            sender.send(b"at last").await.unwrap();
            assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 7);
            let mut buffer = [0; 8];
            let more = cut(Place::FIRST, UdpSocket::recv, |recv| {
                recv(&receiver, &mut buffer)
            });
            assert!(more.await.is_none());
        }
    });
}
