//! What only unix sockets have: descriptors that travel along, and sending to a name.

use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::rc::Rc;

use net::socket::{Local, Socket};
use net::unix::{SocketAddr, UnixSeqpacket};
use net::{UnixDatagram, UnixStream};
use tests::cancel::cut;
use tests::place::abstract_name;

use super::datagrams::large;
use super::{receives_all, sends_all};
use crate::run_local;

#[test]
fn descriptors_whose_receiving_is_dropped_are_there_and_those_not_sent_are_not() {
    run_local(async || {
        descriptors(streams, 1).await;
        descriptors(async || UnixDatagram::pair().unwrap(), 16 * 1024).await;
        descriptors(async || UnixSeqpacket::pair().unwrap(), 16 * 1024).await;
    });
}

/// With room for a few bytes, as each takes a descriptor along.
async fn streams() -> (UnixStream, UnixStream) {
    let (sender, receiver) = UnixStream::pair().unwrap();
    sender.set_send_buffer_size(1).unwrap();
    (sender, receiver)
}

/// Each number with a descriptor, in messages so long that few are on their way at once.
async fn descriptors<S: Local>(
    pair: impl AsyncFn() -> (Socket<S>, Socket<S>) + Copy,
    length: usize,
) {
    let send = async move |socket: &Socket<S>, number: u8| {
        let (message, fds) = (vec![number; length], [socket.as_fd()]);
        socket.send_with_fds(&message, &fds).await.unwrap();
    };
    receives_all(pair, send, async |socket, place| {
        let (mut buffer, recv) = (vec![0; length], Socket::<S>::recv_with_fds);
        let recv = cut(place, recv, |recv| recv(socket, &mut buffer, 1));
        let (count, fds) = recv.await?.unwrap();
        assert_eq!((count, fds.len()), (length, 1));
        Some(buffer[0])
    })
    .await;
    let receive = async move |socket: &Socket<S>| {
        let mut buffer = vec![0; length];
        let (count, fds) = socket.recv_with_fds(&mut buffer, 1).await.unwrap();
        assert_eq!((count, fds.len()), (length, 1));
        buffer[0]
    };
    sends_all(
        pair,
        async |socket, number, place| {
            let (message, fds) = (vec![number; length], [socket.as_fd()]);
            let send = Socket::<S>::send_with_fds;
            cut(place, send, |send| send(socket, &message, &fds)).await
        },
        receive,
    )
    .await;
}

#[test]
fn a_datagram_to_a_name_whose_sending_is_dropped_is_not_sent() {
    run_local(async || {
        let name = Rc::new(abstract_name());
        let unconnected = async || {
            let receiver = UnixDatagram::bind(&*name).unwrap();
            (UnixDatagram::unbound().unwrap(), receiver)
        };
        let receive = async |socket: &UnixDatagram| {
            let mut buffer = [0; 8];
            socket.recv(&mut buffer).await.unwrap();
            buffer[0]
        };
        sends_all(
            unconnected,
            async |socket, number, place| {
                let (message, name) = ([number], &*name);
                let send = UnixDatagram::send_to;
                cut(place, send, |send| send(socket, &message, name)).await
            },
            receive,
        )
        .await;
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        sends_all(
            unconnected,
            async |socket, number, place| {
                let message = large(number);
                let send = UnixDatagram::send_to_addr;
                cut(place, send, |send| send(socket, &message, &address)).await
            },
            receive,
        )
        .await;
    });
}
