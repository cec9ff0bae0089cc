//! Bytes through a connection, in all the ways there are.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::pin;

use net::io::{AsyncReadExt, AsyncWriteExt};
use net::socket::{Carrier, Socket};
use net::unix::UnixSeqpacket;
use net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use runtime::io::Interest;
use runtime::time::{Duration, timeout};
use tests::once::once;

use crate::{listen, pair, pair_with_std, run};

#[test]
fn what_one_end_writes_the_other_reads() {
    run(async || {
        let (client, server) = pair().await;
        let mut buffer = [0; 16];
        assert_eq!(client.write(b"ping").await.unwrap(), 4);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"ping");
        server.write_all(b"a longer answer").await.unwrap();
        client.read_exact(&mut buffer[..15]).await.unwrap();
        assert_eq!(&buffer[..15], b"a longer answer");
    });
}

#[test]
fn a_thousand_messages_go_there_and_back() {
    run(async || {
        let (client, server) = pair().await;
        let echo = runtime::spawn(async move {
            let mut buffer = [0; 64];
            loop {
                match server.read(&mut buffer).await.unwrap() {
                    0 => return,
                    count => server.write_all(&buffer[..count]).await.unwrap(),
                }
            }
        });
        for round in 0..1000_u32 {
            let mut back = [0; 4];
            client.write_all(&round.to_le_bytes()).await.unwrap();
            client.read_exact(&mut back).await.unwrap();
            assert_eq!(u32::from_le_bytes(back), round);
        }
        drop(client);
        echo.await.unwrap();
    });
}

#[test]
fn several_buffers_are_written_and_read_at_once() {
    run(async || {
        let (client, server) = pair().await;
        let slices = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
        assert_eq!(client.write_vectored(&slices).await.unwrap(), 13);
        let (mut head, mut tail) = ([0; 5], [0; 20]);
        let mut slices = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
        let count = server.read_vectored(&mut slices).await.unwrap();
        assert_eq!(count, 13);
        assert_eq!((&head, &tail[..8]), (b"one t", &b"wo three"[..]));
        // The socket is dry, and it is known.
        let mut slices = [IoSliceMut::new(&mut head)];
        assert!(
            once(pin!(server.read_vectored(&mut slices)))
                .await
                .is_pending()
        );
    });
}

#[test]
fn more_buffers_than_the_kernel_takes_are_no_error() {
    run(async || {
        let (client, server) = pair().await;
        let slices = [IoSlice::new(b"x"); 3000];
        let written = client.write_vectored(&slices).await.unwrap();
        assert!(written > 0 && written <= 3000);
        let mut bytes = vec![[0; 1]; 3000];
        let mut slices: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
        assert!(server.read_vectored(&mut slices).await.unwrap() > 0);
    });
}

/// The kernel fills the first 1024 of them: that is less than was asked for, and proves nothing.
#[test]
fn more_buffers_than_the_kernel_takes_leave_the_rest_to_be_read() {
    run(async || {
        let (client, server) = pair().await;
        client.write_all(&[7; 3000]).await.unwrap();
        let mut left = 3000;
        while left > 0 {
            let mut bytes = vec![[0; 1]; 3000];
            let mut slices: Vec<_> = bytes.iter_mut().map(|byte| IoSliceMut::new(byte)).collect();
            let read = server.read_vectored(&mut slices);
            let read = timeout(Duration::from_secs(2), read).await;
            left -= read.expect("it waits beside bytes that are there").unwrap();
        }
    });
}

#[test]
fn nothing_wanted_is_nothing_done() {
    run(async || {
        let (client, server) = pair().await;
        assert_eq!(client.write(b"").await.unwrap(), 0);
        client.write_all(b"").await.unwrap();
        server.read_exact(&mut []).await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        // That was not the end of the stream.
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 1);
    });
}

#[test]
fn trying_never_waits() {
    run(async || {
        let (client, server) = pair().await;
        let mut buffer = [0; 16];
        let error = server.try_read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(client.try_write(b"hello").unwrap(), 5);
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(server.try_read(&mut buffer).unwrap(), 3);
        let error = server.try_read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        server
            .ready(Interest::READABLE | Interest::WRITABLE)
            .await
            .unwrap();
        client.writable().await.unwrap();
    });
}

#[test]
fn small_writes_leave_at_once_from_either_end() {
    run(async || {
        let (client, server) = pair().await;
        assert!(client.nodelay().unwrap() && server.nodelay().unwrap());
        server.set_nodelay(false).unwrap();
        assert!(!server.nodelay().unwrap());
    });
}

#[test]
fn both_ends_know_both_addresses() {
    run(async || {
        let listener = listen().await;
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let client = client.await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(server.peer_addr().unwrap(), peer);
        assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());
        assert_eq!(server.local_addr().unwrap(), listener.local_addr().unwrap());
    });
}

#[test]
fn sockets_of_stds_become_ours_and_ours_become_stds() {
    run(async || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let client = TcpStream::from_std(client).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        server.write_all(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        client.read_exact(&mut buffer).await.unwrap();

        // And back, after they were waited for.
        let mut client = client.into_std();
        client.set_nonblocking(false).unwrap();
        server.write_all(b"pong").await.unwrap();
        client.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"pong");
        let listener = listener.into_std();
        listener.set_nonblocking(false).unwrap();
        let _other = std::net::TcpStream::connect(address).unwrap();
        listener.accept().unwrap();

        // And once more.
        let client = TcpStream::from_std(client).unwrap();
        server.write_all(b"last").await.unwrap();
        client.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"last");
    });
}

#[test]
fn a_stream_is_shut_down_for_writing_reading_or_both() {
    run(async || {
        let (client, server) = pair().await;
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(
            client.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        server.write_all(b"still here").await.unwrap();
        client.read_exact(&mut [0; 10]).await.unwrap();

        let (client, server) = pair().await;
        let mut buffer = [0; 8];
        let mut reading = pin!(server.read(&mut buffer));
        assert!(once(reading.as_mut()).await.is_pending());
        server.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reading.await.unwrap(), 0);
        server.write_all(b"one way").await.unwrap();
        client.read_exact(&mut [0; 7]).await.unwrap();

        let (client, server) = pair().await;
        client.shutdown(Shutdown::Both).unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(
            client.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

#[test]
fn the_methods_of_the_traits_do_the_same() {
    run(async || {
        let (client, server) = pair().await;
        let (mut writer, mut reader) = (&client, &server);
        let mut buffer = [0; 8];
        AsyncWriteExt::write_all(&mut writer, b"trait")
            .await
            .unwrap();
        writer.flush().await.unwrap();
        AsyncReadExt::read_exact(&mut reader, &mut buffer[..2])
            .await
            .unwrap();
        assert_eq!(
            AsyncReadExt::read(&mut reader, &mut buffer[2..])
                .await
                .unwrap(),
            3
        );
        assert_eq!(&buffer[..5], b"trait");
        writer.close().await.unwrap();
        assert_eq!(
            AsyncReadExt::read(&mut reader, &mut buffer).await.unwrap(),
            0
        );
        let error = AsyncReadExt::read_exact(&mut reader, &mut buffer)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn everything_is_copied_until_the_reader_ends() {
    run(async || {
        let (from, mut source) = pair_with_std().await;
        let (to, mut sink) = pair_with_std().await;
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n >> 5) as u8).collect();
        let expected = bytes.clone();
        let sender = std::thread::spawn(move || source.write_all(&bytes).unwrap());
        let receiver = std::thread::spawn(move || {
            let mut received = Vec::new();
            sink.read_to_end(&mut received).unwrap();
            received
        });
        let copied = net::io::copy(&mut &from, &mut &to).await.unwrap();
        assert_eq!(copied, 1_000_000);
        // The writer is not closed: that is ours to do.
        to.write_all(b"and more").await.unwrap();
        drop(to);
        sender.join().unwrap();
        let received = receiver.join().unwrap();
        assert!(received[..1_000_000] == expected && &received[1_000_000..] == b"and more");
    });
}

#[test]
fn all_of_many_buffers_is_written_however_little_room_there_is() {
    run(async || {
        let (client, server) = pair().await;
        client.set_send_buffer_size(4096).unwrap();
        // More slices than one call takes, empty ones among them, and one that is far too long.
        let long = vec![7; 1_000_000];
        let mut parts = vec![&b""[..], b"", b"abc", &long];
        parts.extend(std::iter::repeat_n(&b"de"[..], 3000));
        parts.push(b"");
        let expected = parts.concat();
        let reads = runtime::spawn(async move {
            let mut received = Vec::new();
            (&server).read_to_end(&mut received).await.unwrap();
            received
        });
        let (_reader, writer) = client.into_split();
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        writer.write_all_vectored(&mut slices).await.unwrap();
        // Nothing but emptiness is done at once, and is no writer that takes no more.
        let mut empty = [IoSlice::new(b""), IoSlice::new(b"")];
        writer.write_all_vectored(&mut empty).await.unwrap();
        writer.write_all_vectored(&mut []).await.unwrap();
        drop(writer);
        assert!(reads.await.unwrap() == expected);
    });
}

/// What is written once is there for each kind of socket.
async fn tells_what_all_sockets_tell<S: Carrier>(socket: &Socket<S>) {
    assert!(socket.take_error().unwrap().is_none());
    socket.set_send_buffer_size(20_000).unwrap();
    assert_eq!(socket.send_buffer_size().unwrap(), 40_000);
    socket.set_recv_buffer_size(30_000).unwrap();
    assert_eq!(socket.recv_buffer_size().unwrap(), 60_000);
    socket.local_addr().unwrap();
    socket.peer_addr().unwrap();
    let would_block = socket.try_peek(&mut [0; 1]).unwrap_err();
    assert_eq!(would_block.kind(), ErrorKind::WouldBlock);
    socket.ready(Interest::WRITABLE).await.unwrap();
    socket.shutdown(Shutdown::Both).unwrap();
    socket.readable().await.unwrap();
}

#[test]
fn every_kind_of_socket_does_what_all_do() {
    run(async || {
        let (tcp, _peer) = pair().await;
        tells_what_all_sockets_tell(&tcp).await;
        let (stream, _peer) = UnixStream::pair().unwrap();
        tells_what_all_sockets_tell(&stream).await;
        let (datagrams, _peer) = UnixDatagram::pair().unwrap();
        tells_what_all_sockets_tell(&datagrams).await;
        let (packets, _peer) = UnixSeqpacket::pair().unwrap();
        tells_what_all_sockets_tell(&packets).await;
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        udp.connect(udp.local_addr().unwrap()).await.unwrap();
        tells_what_all_sockets_tell(&udp).await;
    });
}
