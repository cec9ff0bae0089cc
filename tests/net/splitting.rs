//! A stream in two halves, and the traits of `futures-io` on all of them.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::pin::Pin;

use futures_io::AsyncWrite;
use net::TcpStream;

use crate::{pair, run, through_traits};

#[test]
fn borrowed_halves_read_and_write_at_once() {
    run(async || {
        let (mut client, server) = pair().await;
        let addresses = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (reader, writer) = client.split();
        assert_eq!(
            (reader.local_addr().unwrap(), writer.peer_addr().unwrap()),
            addresses
        );
        writer.write_all(b"ping").await.unwrap();
        let mut buffer = [0; 4];
        server.read_exact(&mut buffer).await.unwrap();
        server.write_all(&buffer).await.unwrap();
        assert_eq!(reader.peek(&mut [0; 2]).await.unwrap(), 2);
        reader.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"ping");
        // The stream goes on after them.
        client.write_all(b"more").await.unwrap();
        server.read_exact(&mut buffer).await.unwrap();
    });
}

#[test]
fn owned_halves_live_in_two_tasks() {
    run(async || {
        let (client, server) = pair().await;
        let (reader, writer) = client.into_split();
        let sender = runtime::spawn(async move {
            let slices = [IoSlice::new(b"all"), IoSlice::new(b" of it")];
            assert_eq!(writer.write_vectored(&slices).await.unwrap(), 9);
            writer.writable().await.unwrap();
            assert_eq!(writer.try_write(b"!").unwrap(), 1);
        });
        let receiver = runtime::spawn(async move {
            let mut back = [0; 10];
            let mut slices = [IoSliceMut::new(&mut back)];
            reader.readable().await.unwrap();
            assert_eq!(reader.read_vectored(&mut slices).await.unwrap(), 10);
            assert_eq!(
                reader.try_read(&mut [0; 1]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            back
        });
        let mut buffer = [0; 10];
        server.read_exact(&mut buffer).await.unwrap();
        sender.await.unwrap();
        // The write half has gone: its stream ends, and the other direction does not.
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
        server.write_all(&buffer).await.unwrap();
        assert_eq!(&receiver.await.unwrap(), b"all of it!");
    });
}

#[test]
fn a_write_half_that_is_shut_down_ends_one_direction() {
    run(async || {
        let (mut client, server) = pair().await;
        let (reader, writer) = client.split();
        writer.shutdown().unwrap();
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
        let refused = writer.write(b"x").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        server.write_all(b"y").await.unwrap();
        reader.read_exact(&mut [0; 1]).await.unwrap();
        drop(server);
        assert_eq!(reader.read(&mut [0; 1]).await.unwrap(), 0);
        writer.shutdown().expect("a peer that has gone is no error");
    });
}

#[test]
fn a_write_half_that_is_forgotten_does_not_end_the_stream() {
    run(async || {
        let (client, server) = pair().await;
        let (reader, writer) = client.into_split();
        writer.write_all(b"x").await.unwrap();
        writer.forget();
        server.read_exact(&mut [0; 1]).await.unwrap();
        server.write_all(b"y").await.unwrap();
        reader.read_exact(&mut [0; 1]).await.unwrap();
        let ended = server.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::WouldBlock);
        drop(reader);
        assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

#[test]
fn halves_of_one_stream_are_one_stream_again() {
    run(async || {
        let (client, server) = pair().await;
        let (reader, writer) = client.into_split();
        let client = reader.reunite(writer).unwrap();
        let (reader, writer) = client.into_split();
        let client = writer.reunite(reader).unwrap();
        client.write_all(b"whole").await.unwrap();
        server.read_exact(&mut [0; 5]).await.unwrap();
        server.write_all(b"not ended").await.unwrap();
        client.read_exact(&mut [0; 9]).await.unwrap();
    });
}

#[test]
fn halves_of_different_streams_are_given_back() {
    run(async || {
        let (one, one_peer) = pair().await;
        let (other, _other_peer) = pair().await;
        let (reader, _) = one.into_split();
        let (_, writer) = other.into_split();
        let error = reader.reunite(writer).unwrap_err();
        assert!(error.to_string().contains("different streams"));
        let (reader, _writer) = (error.0, error.1);
        one_peer.write_all(b"x").await.unwrap();
        reader.read_exact(&mut [0; 1]).await.unwrap();
    });
}

#[test]
fn the_traits_of_futures_io_are_there_for_streams_and_halves() {
    run(async || {
        let (client, server) = pair().await;
        through_traits(server, client).await;
        let (client, server) = pair().await;
        through_traits(&server, &client).await;
        let (mut client, mut server) = pair().await;
        let ((reader, _), (_, writer)) = (server.split(), client.split());
        through_traits(reader, writer).await;
        let (client, server) = pair().await;
        let ((reader, _keep), (_keep_too, writer)) = (server.into_split(), client.into_split());
        through_traits(reader, writer).await;
    });
}

#[test]
fn closing_by_the_trait_is_no_error_when_the_peer_has_gone() {
    run(async || {
        let (mut client, server) = pair().await;
        tests::fd::reset_on_close(&server);
        drop(server);
        let error = client.read(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let close = poll_fn(|context| Pin::new(&mut client).poll_close(context));
        close.await.unwrap();
    });
}

#[test]
fn streams_and_halves_may_be_sent_to_other_threads() {
    fn movable<T: Send + Sync + Unpin + 'static>() {}
    movable::<TcpStream>();
    movable::<net::TcpListener>();
    movable::<net::tcp::OwnedReadHalf>();
    movable::<net::tcp::OwnedWriteHalf>();
}
