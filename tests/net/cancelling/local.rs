//! Datagrams, unix sockets, pipes and standard input: what is dropped has not happened.
//!
//! Numbers go from one end to the other, and each sending, or each receiving, is dropped wherever it
//! waits and begun again. All of them must arrive, once each, in order.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::rc::Rc;

use net::pipe::{self, OpenOptions};
use net::stdio::stdin;
use net::udp::{RecvMeta, Transmit};
use net::unix::{SocketAddr, UnixSeqpacket};
use net::{UdpSocket, UnixDatagram, UnixListener, UnixStream};
use runtime::io::Interest;
use runtime::task::yield_now;
use tests::apart::apart;
use tests::cancel::{Place, cut};
use tests::fd;
use tests::place::{Place as Folder, abstract_name};

use super::sockets::PLACES;
use crate::{run, run_local};

const NUMBERS: u8 = 100;

/// Receives by an operation that is dropped wherever it waits; the sender is slow.
async fn receives_all<S: 'static, R>(
    pair: impl AsyncFn() -> (S, R),
    send: impl AsyncFn(&S, u8) + Clone + 'static,
    mut receive: impl AsyncFnMut(&mut R, Place) -> Option<io::Result<u8>>,
) {
    for place in PLACES {
        let (sender, mut receiver) = pair().await;
        let send = send.clone();
        let sends = runtime::spawn_local(async move {
            for number in 0..NUMBERS {
                send(&sender, number).await;
                for _ in 0..3 {
                    yield_now().await;
                }
            }
            sender
        });
        let (mut next, mut drops) = (0, 0);
        while next < NUMBERS {
            match receive(&mut receiver, place).await {
                Some(number) => {
                    assert_eq!(number.unwrap(), next);
                    next += 1;
                }
                None => {
                    drops += 1;
                    yield_now().await;
                }
            }
        }
        assert!(drops > 0);
        drop(sends.await);
    }
}

/// Sends by an operation that is dropped wherever it waits; the receiver is slow.
async fn sends_all<S, R: 'static>(
    pair: impl AsyncFn() -> (S, R),
    mut send: impl AsyncFnMut(&S, u8, Place) -> Option<io::Result<usize>>,
    receive: impl AsyncFn(&R) -> u8 + Clone + 'static,
) {
    for place in PLACES {
        let (sender, receiver) = pair().await;
        let receive = receive.clone();
        let receives = runtime::spawn_local(async move {
            for number in 0..NUMBERS {
                for _ in 0..3 {
                    yield_now().await;
                }
                assert_eq!(receive(&receiver).await, number);
            }
        });
        let mut drops = 0;
        for number in 0..NUMBERS {
            loop {
                match send(&sender, number, place).await {
                    Some(sent) => break assert!(sent.unwrap() > 0),
                    None => {
                        drops += 1;
                        yield_now().await;
                    }
                }
            }
        }
        receives.await.unwrap();
        assert!(drops > 0);
    }
}

/// Reads the first byte of what an operation has put into a buffer.
macro_rules! first {
    ($place:expr, $buffer:ident, $operation:expr) => {{
        let mut $buffer = [0; 8];
        let done = cut($place, $operation).await;
        done.map(|done| done.map(|_| $buffer[0]))
    }};
}

/// So much that the sender's room is used up by a few of them.
fn large(number: u8) -> Vec<u8> {
    vec![number; 16 * 1024]
}

async fn udp_pair() -> (UdpSocket, UdpSocket) {
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    sender
        .connect(receiver.local_addr().unwrap())
        .await
        .unwrap();
    (sender, receiver)
}

#[test]
fn a_receiving_of_udp_that_is_dropped_has_taken_nothing() {
    run_local(async || {
        let send = async |socket: &UdpSocket, number: u8| {
            let number = [number];
            let sent = socket.send_many(&[Transmit::new(&number)]).await;
            assert_eq!(sent.unwrap(), 1);
        };
        receives_all(udp_pair, send, async |socket, place| {
            first!(place, buffer, socket.recv(&mut buffer))
        })
        .await;
        receives_all(udp_pair, send, async |socket, place| {
            first!(place, buffer, socket.recv_from(&mut buffer))
        })
        .await;
        receives_all(udp_pair, send, async |socket, place| {
            let mut buffer = [0; 8];
            let mut meta = [RecvMeta::default()];
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let done = cut(place, socket.recv_many(&mut slices, &mut meta)).await;
            done.map(|done| done.map(|_| buffer[0]))
        })
        .await;
        receives_all(udp_pair, send, async |socket, place| {
            if let None | Some(Err(_)) = cut(place, socket.peek(&mut [0; 8])).await {
                return None;
            }
            if let None | Some(Err(_)) = cut(place, socket.peek_from(&mut [0; 8])).await {
                return None;
            }
            cut(place, socket.ready(Interest::READABLE)).await?.unwrap();
            cut(place, socket.readable()).await?.unwrap();
            first!(place, buffer, {
                let receive = || fd::recv(&*socket, &mut buffer, 0);
                socket.async_io(Interest::READABLE, receive)
            })
        })
        .await;
        let (sender, receiver) = udp_pair().await;
        sender.writable().await.unwrap();
        // There is always room: it never waits, and so is never cut.
        let to = receiver.local_addr().unwrap();
        let sent = cut(Place::FIRST, sender.send_to(b"x", to)).await;
        assert_eq!(sent.unwrap().unwrap(), 1);
    });
}

async fn datagrams() -> (UnixDatagram, UnixDatagram) {
    UnixDatagram::pair().unwrap()
}

#[test]
fn a_datagram_whose_sending_or_receiving_is_dropped_has_not_moved() {
    run_local(async || {
        let send = async |socket: &UnixDatagram, number: u8| {
            socket.send(&[number]).await.unwrap();
        };
        let receive = async |socket: &UnixDatagram| {
            let mut buffer = [0; 8];
            socket.recv(&mut buffer).await.unwrap();
            buffer[0]
        };
        receives_all(datagrams, send, async |socket, place| {
            first!(place, buffer, socket.recv(&mut buffer))
        })
        .await;
        receives_all(datagrams, send, async |socket, place| {
            first!(place, buffer, socket.recv_with_fds(&mut buffer, 1))
        })
        .await;
        sends_all(
            datagrams,
            async |socket, number, place| cut(place, socket.send(&large(number))).await,
            receive,
        )
        .await;
        sends_all(
            datagrams,
            async |socket, number, place| {
                let fds = [socket.as_fd()];
                cut(place, socket.send_with_fds(&large(number), &fds)).await
            },
            receive,
        )
        .await;
        let name = Rc::new(abstract_name());
        let unconnected = async || {
            let receiver = UnixDatagram::bind(&*name).unwrap();
            (UnixDatagram::unbound().unwrap(), receiver)
        };
        sends_all(
            unconnected,
            async |socket, number, place| cut(place, socket.send_to(&[number], &*name)).await,
            receive,
        )
        .await;
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        sends_all(
            unconnected,
            async |socket, number, place| {
                cut(place, socket.send_to_addr(&[number], &address)).await
            },
            receive,
        )
        .await;
    });
}

async fn packets() -> (UnixSeqpacket, UnixSeqpacket) {
    UnixSeqpacket::pair().unwrap()
}

#[test]
fn a_packet_whose_sending_or_receiving_is_dropped_has_not_moved() {
    run_local(async || {
        let send = async |socket: &UnixSeqpacket, number: u8| {
            socket.send(&[number]).await.unwrap();
        };
        receives_all(packets, send, async |socket, place| {
            first!(place, buffer, socket.recv(&mut buffer))
        })
        .await;
        sends_all(
            packets,
            async |socket, number, place| cut(place, socket.send(&large(number))).await,
            async |socket| {
                let mut buffer = [0; 8];
                socket.recv(&mut buffer).await.unwrap();
                buffer[0]
            },
        )
        .await;
    });
}

#[test]
fn a_read_of_a_unix_stream_or_its_half_that_is_dropped_has_taken_nothing() {
    run_local(async || {
        let pair = async || UnixStream::pair().unwrap();
        let send = async |stream: &UnixStream, number: u8| {
            stream.write_all(&[number]).await.unwrap();
        };
        receives_all(pair, send, async |stream, place| {
            first!(place, buffer, stream.read(&mut buffer[..1]))
        })
        .await;
        let halves = async || {
            let (sender, receiver) = UnixStream::pair().unwrap();
            (sender, receiver.into_split())
        };
        receives_all(halves, send, async |(reader, _), place| {
            cut(place, reader.readable()).await?.unwrap();
            let mut buffer = [0; 1];
            let mut slices = [IoSliceMut::new(&mut buffer)];
            let done = cut(place, reader.read_vectored(&mut slices)).await;
            done.map(|done| done.map(|_| buffer[0]))
        })
        .await;
    });
}

#[test]
fn an_accept_and_a_connect_of_unix_that_are_dropped_lose_nobody() {
    run_local(async || {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut incoming = listener.incoming();
        for place in PLACES {
            let connects = {
                let name = name.clone();
                runtime::spawn_local(async move {
                    for _ in 0..20 {
                        yield_now().await;
                        let stream = UnixStream::connect(&name).await.unwrap();
                        stream.readable().await.unwrap();
                    }
                })
            };
            let (mut accepted, mut drops) = (0, 0);
            while accepted < 20 {
                match cut(place, incoming.accept()).await {
                    Some(stream) => {
                        accepted += 1;
                        stream.unwrap().0.write_all(b"x").await.unwrap();
                    }
                    None => drops += 1,
                }
                yield_now().await;
            }
            assert!(drops > 0);
            connects.await.unwrap();
        }
        // A connect never waits but for a full queue, and `connect_addr(` is the same.
        drop(listener);
    });
}

#[test]
fn bytes_of_a_pipe_whose_reading_or_writing_is_dropped_have_not_moved() {
    run_local(async || {
        // So small that the sender has to wait, and so filled that each number is a read of its own.
        let small = async || {
            let (sender, receiver) = pipe::packet_pipe().unwrap();
            sender.set_capacity(4096).unwrap();
            (sender, receiver)
        };
        let send = async |sender: &pipe::Sender, number: u8| {
            sender.write(&[number]).await.unwrap();
        };
        let receive = async |receiver: &pipe::Receiver| {
            let mut buffer = [0; 8];
            receiver.read(&mut buffer).await.unwrap();
            buffer[0]
        };
        receives_all(small, send, async |receiver, place| {
            first!(place, buffer, receiver.read(&mut buffer))
        })
        .await;
        receives_all(small, send, async |receiver, place| {
            cut(place, receiver.next_writer()).await?.unwrap();
            first!(place, buffer, receiver.read(&mut buffer))
        })
        .await;
        sends_all(
            small,
            async |sender, number, place| cut(place, sender.write(&[number])).await,
            receive,
        )
        .await;
        sends_all(
            small,
            async |sender, number, place| {
                let number = [number];
                cut(place, sender.write_vectored(&[IoSlice::new(&number)])).await
            },
            receive,
        )
        .await;
    });
}

#[test]
fn a_sender_that_waits_for_a_reader_and_is_dropped_opens_nothing() {
    run(async || {
        let folder = Folder::new();
        let path = folder.file("fifo");
        fd::make_fifo(&path);
        for place in PLACES {
            let options = OpenOptions::new();
            assert!(cut(place, options.connect_sender(&path)).await.is_none());
            let receiver = options.open_receiver(&path).unwrap();
            // Nobody has it open to write: it is at its end, and not merely empty.
            assert_eq!(receiver.try_read(&mut [0; 1]).unwrap(), 0);
        }
    });
}

#[test]
fn a_read_of_standard_input_that_is_dropped_loses_nothing() {
    apart(|| {
        let (master, terminal) = fd::terminal();
        let (reader, writer) = fd::pipe();
        // One that is waited for, and one that a thread reads.
        for (given, other) in [(reader, writer), (master, terminal)] {
            let _put = fd::put_at(0, &given.into());
            let other = Rc::new(other);
            runtime::block_on(async {
                let pair = async || (other.clone(), stdin().unwrap());
                let send = async |file: &Rc<std::fs::File>, number: u8| {
                    // Nothing that a terminal takes for a command.
                    io::Write::write_all(&mut &**file, &[number + 0x80]).unwrap();
                };
                receives_all(pair, send, async |stdin, place| {
                    let done = first!(place, buffer, stdin.read(&mut buffer[..1]));
                    done.map(|done| done.map(|byte| byte - 0x80))
                })
                .await;
            });
        }
    });
}
