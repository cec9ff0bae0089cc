//! Connections through unix sockets: how they come to be, and what they carry.

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net as std_unix;
use std::pin::{Pin, pin};

use futures_io::AsyncWrite;
use net::unix::{self, SocketAddr};
use net::{UnixListener, UnixStream};
use runtime::io::Interest;
use runtime::time::{Duration, sleep};
use tests::apart::apart;
use tests::fd;
use tests::foreign;
use tests::once::once;
use tests::place::{Place, abstract_name};
use tests::process::leave_free;

use crate::{paused, run, through_traits};

fn pair_with_std() -> (UnixStream, std_unix::UnixStream) {
    let (ours, theirs) = std_unix::UnixStream::pair().unwrap();
    (UnixStream::from_std(ours).unwrap(), theirs)
}

#[test]
fn a_path_is_bound_connected_to_and_left_behind() {
    run(async || {
        let place = Place::new();
        let path = place.file("socket");
        let missing = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(address.as_pathname(), Some(&*path));
        let client = UnixStream::connect(&path).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed());
        assert!(server.peer_addr().unwrap().is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
        drop(listener);
        let nobody = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::ConnectionRefused);
        let again = UnixListener::bind(&path).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
        assert!(again.to_string().contains("remove it"), "{again}");
        std::fs::remove_file(&path).unwrap();
        UnixListener::bind(&path).unwrap();
    });
}

#[test]
fn an_abstract_name_is_in_no_file_system_and_goes_with_its_socket() {
    run(async || {
        let name = abstract_name();
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let client = UnixStream::connect(&name).await.unwrap();
        let (_server, _) = listener.accept().await.unwrap();
        let _other = UnixStream::connect_addr(&address).await.unwrap();
        let peer = client.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), address.as_abstract_name());
        drop(listener);
        let nobody = UnixStream::connect(&name).await.unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::ConnectionRefused);
        UnixListener::bind(&name).unwrap();
    });
}

#[test]
fn an_accepted_peer_may_have_a_name_of_its_own() {
    run(async || {
        let (name, own) = (abstract_name(), abstract_name());
        let listener = UnixListener::bind(&name).unwrap();
        let to = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let from = SocketAddr::from_abstract_name(&own.as_bytes()[1..]).unwrap();
        fd::connect_from(&from, &to);
        let (_server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_abstract_name(), from.as_abstract_name());
    });
}

#[test]
fn what_fails_outside_of_a_runtime_leaves_no_file_behind() {
    let place = Place::new();
    let path = place.file("socket");
    for error in [
        UnixListener::bind(&path).unwrap_err(),
        net::UnixDatagram::bind(&path).unwrap_err(),
        unix::UnixSeqpacketListener::bind(&path).unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(message.contains("::bind"), "{message}");
        assert!(message.contains(file!()), "{message}");
    }
    assert!(!path.exists());
    let error = foreign::block_on(UnixStream::connect(&path)).unwrap_err();
    assert!(error.to_string().contains("UnixStream::connect"), "{error}");
}

#[test]
fn a_path_that_is_too_long_is_an_error() {
    run(async || {
        let long = "x".repeat(108);
        UnixListener::bind(&long).unwrap_err();
        UnixStream::connect(&long).await.unwrap_err();
        UnixListener::bind(format!("\0{long}")).unwrap_err();
    });
}

/// The kernel says "try again" and never tells when.
#[test]
fn who_connects_to_a_full_queue_waits_until_there_is_room() {
    run(async || {
        let name = abstract_name();
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let listener = std_unix::UnixListener::bind_addr(&address).unwrap();
        fd::shorten_queue(&listener);
        let mut connected = Vec::new();
        let mut waiting = loop {
            let mut next = Box::pin(UnixStream::connect(&name));
            match once(next.as_mut()).await {
                std::task::Poll::Ready(stream) => connected.push(stream.unwrap()),
                std::task::Poll::Pending => break next,
            }
        };
        assert!(!connected.is_empty());
        assert!(once(waiting.as_mut()).await.is_pending());
        let listener = UnixListener::from_std(listener).unwrap();
        for _ in 0..connected.len() {
            listener.accept().await.unwrap();
        }
        let last = waiting.await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        last.write_all(b"late").await.unwrap();
        server.read_exact(&mut [0; 4]).await.unwrap();
    });
}

#[test]
fn bytes_go_both_ways_in_all_ways() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        one.write_all(b"all").await.unwrap();
        assert_eq!(one.try_write(b"try").unwrap(), 3);
        let slices = [IoSlice::new(b"vec"), IoSlice::new(b"tor")];
        assert_eq!(one.write_vectored(&slices).await.unwrap(), 6);
        let mut buffer = [0; 3];
        assert_eq!(other.peek(&mut buffer).await.unwrap(), 3);
        other.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"all");
        assert_eq!(other.try_read(&mut buffer).unwrap(), 3);
        let (mut first, mut second) = ([0; 3], [0; 3]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut slices).await.unwrap(), 6);
        assert_eq!((&first, &second), (b"vec", b"tor"));
        let dry = other.try_read(&mut buffer).unwrap_err();
        assert_eq!(dry.kind(), ErrorKind::WouldBlock);
        other.writable().await.unwrap();
        other.ready(Interest::WRITABLE).await.unwrap();
        other.write(b"back").await.unwrap();
        one.readable().await.unwrap();
        let read = one.try_io(Interest::READABLE, || fd::recv(&one, &mut [0; 2], 0));
        assert_eq!(read.unwrap(), 2);
        let read = one.async_io(Interest::READABLE, || fd::recv(&one, &mut [0; 8], 0));
        assert_eq!(read.await.unwrap(), 2);
    });
}

#[test]
fn a_megabyte_passes_a_reader_who_is_slow() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let expected = sent.clone();
        let writer = runtime::spawn(async move { one.write_all(&sent).await });
        let mut received = Vec::new();
        let mut buffer = [0; 777];
        loop {
            match other.read(&mut buffer).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
        writer.await.unwrap().unwrap();
        assert!(received == expected);
    });
}

#[test]
fn each_end_can_be_ended_and_the_other_goes_on() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        {
            let mut byte = [0; 1];
            let mut waiting = pin!(other.read(&mut byte));
            assert!(once(waiting.as_mut()).await.is_pending());
            one.shutdown(Shutdown::Write).unwrap();
            assert_eq!(waiting.await.unwrap(), 0);
        }
        assert_eq!(other.read(&mut [0; 1]).await.unwrap(), 0);
        other.write_all(b"still here").await.unwrap();
        one.read_exact(&mut [0; 10]).await.unwrap();
        drop(other);
        assert_eq!(one.read(&mut [0; 1]).await.unwrap(), 0);
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        let error = one.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_peer_that_goes_without_reading_resets_the_connection() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        one.write_all(b"unread").await.unwrap();
        let mut byte = [0; 1];
        let mut waiting = pin!(one.read(&mut byte));
        assert!(once(waiting.as_mut()).await.is_pending());
        drop(other);
        let error = waiting.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // Told once; from then on it is simply the end.
        assert!(one.take_error().unwrap().is_none());
        assert_eq!(one.read(&mut [0; 1]).await.unwrap(), 0);
    });
}

/// The kernel ends a read there, whatever there is behind it.
#[test]
fn a_descriptor_in_the_middle_of_the_bytes_stalls_no_reader() {
    run(async || {
        let (ours, mut theirs) = pair_with_std();
        let mut buffer = [0; 64];
        assert!(once(pin!(ours.read(&mut buffer))).await.is_pending());
        theirs.write_all(b"before").unwrap();
        fd::send_with_descriptor(&theirs, b"with", std::os::fd::AsFd::as_fd(&theirs));
        theirs.write_all(b"after").unwrap();
        let mut received = Vec::new();
        while received.len() < 15 {
            let count = ours.read(&mut buffer).await.unwrap();
            received.extend_from_slice(&buffer[..count]);
        }
        assert_eq!(received, b"beforewithafter");
    });
}

#[test]
fn both_ends_know_who_made_the_other() {
    run(async || {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        let client = UnixStream::connect(&name).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let own = std::process::id() as i32;
        for stream in [&client, &server] {
            let peer = stream.peer_cred().unwrap();
            assert_eq!(peer.pid(), Some(own));
            let status = |field| tests::process::status(own as u32, field);
            assert_eq!(peer.uid().to_string(), status("Uid"));
            assert_eq!(peer.gid().to_string(), status("Gid"));
        }
    });
}

#[test]
fn halves_work_in_two_tasks_and_are_put_together_again() {
    run(async || {
        let (mut one, other) = UnixStream::pair().unwrap();
        let (reader, writer) = one.split();
        writer.write_all(b"ping").await.unwrap();
        other.write_all(b"pong").await.unwrap();
        assert_eq!(reader.peek(&mut [0; 2]).await.unwrap(), 2);
        reader.read_exact(&mut [0; 4]).await.unwrap();
        other.read_exact(&mut [0; 4]).await.unwrap();
        assert!(reader.local_addr().unwrap().is_unnamed());

        // Borrowed halves that have gone have ended nothing.
        let (reader, writer) = one.into_split();
        let (strange_reader, strange_writer) = other.into_split();
        let error = reader.reunite(strange_writer).unwrap_err();
        assert!(error.to_string().contains("different streams"));
        let unix::ReuniteError {
            0: reader,
            1: strange_writer,
        } = error;
        let one = writer.reunite(reader).unwrap();
        let other = strange_reader.reunite(strange_writer).unwrap();
        one.write_all(b"whole").await.unwrap();
        other.read_exact(&mut [0; 5]).await.unwrap();

        let (reader, writer) = one.into_split();
        let task = runtime::spawn(async move { writer.write_all(b"last words").await });
        task.await.unwrap().unwrap();
        other.read_exact(&mut [0; 10]).await.unwrap();
        assert_eq!(other.read(&mut [0; 1]).await.unwrap(), 0);
        other.write_all(b"x").await.unwrap();
        assert_eq!(reader.try_read(&mut [0; 4]).unwrap(), 1);
        let (_reader, writer) = other.into_split();
        writer.forget();
        let mut byte = [0; 1];
        assert!(once(pin!(reader.read(&mut byte))).await.is_pending());
    });
}

#[test]
fn the_traits_of_futures_io_are_there_for_streams_and_halves() {
    run(async || {
        let (one, other) = UnixStream::pair().unwrap();
        through_traits(&one, &other).await;
        let (one, other) = UnixStream::pair().unwrap();
        through_traits(one, other).await;
        let (mut one, mut other) = UnixStream::pair().unwrap();
        through_traits(one.split().0, other.split().1).await;
        let (one, other) = UnixStream::pair().unwrap();
        let ((reader, _keep), (_keep_too, writer)) = (one.into_split(), other.into_split());
        through_traits(reader, writer).await;
        let (mut one, other) = UnixStream::pair().unwrap();
        drop(other);
        poll_fn(|context| Pin::new(&mut one).poll_close(context))
            .await
            .unwrap();
    });
}

#[test]
fn a_stream_goes_to_std_and_comes_back() {
    run(async || {
        let (ours, mut theirs) = pair_with_std();
        theirs.write_all(b"x").unwrap();
        ours.read_exact(&mut [0; 1]).await.unwrap();
        let mut std = ours.into_std();
        std.set_nonblocking(false).unwrap();
        theirs.write_all(b"y").unwrap();
        std.read_exact(&mut [0; 1]).unwrap();
        let ours = UnixStream::from_std(std).unwrap();
        assert!(once(pin!(ours.readable())).await.is_pending());
        let place = Place::new();
        let listener = UnixListener::bind(place.file("socket")).unwrap().into_std();
        let listener = UnixListener::from_std(listener).unwrap();
        assert!(listener.take_error().unwrap().is_none());
        assert!(once(pin!(listener.accept())).await.is_pending());
    });
}

#[test]
fn a_hundred_connections_behind_one_edge_are_all_accepted() {
    run(async || {
        let name = abstract_name();
        let listener = UnixListener::bind(&name).unwrap();
        let mut incoming = listener.incoming();
        for _ in 0..3 {
            assert!(once(pin!(incoming.accept())).await.is_pending());
            let mut clients = Vec::new();
            for _ in 0..100 {
                clients.push(UnixStream::connect(&name).await.unwrap());
            }
            for client in &clients {
                let (server, _) = incoming.accept().await.unwrap();
                client.write_all(b"x").await.unwrap();
                server.read_exact(&mut [0; 1]).await.unwrap();
            }
        }
    });
}

/// The loop is TCP's; that it is used is what this shows.
#[test]
fn without_descriptors_the_loop_waits_until_there_are_some() {
    apart(|| {
        paused().block_on(async {
            let name = abstract_name();
            let listener = UnixListener::bind(&name).unwrap();
            let mut clients = Vec::new();
            for _ in 0..4 {
                clients.push(UnixStream::connect(&name).await.unwrap());
            }
            leave_free(1);
            let mut incoming = listener.incoming();
            let (first, _) = incoming.accept().await.unwrap();
            {
                let mut next = pin!(incoming.accept());
                assert!(once(next.as_mut()).await.is_pending());
                sleep(Duration::from_millis(20)).await;
                assert!(once(next.as_mut()).await.is_pending());
                drop(first);
                next.await.unwrap();
            }
            for _ in 0..2 {
                incoming.accept().await.unwrap();
            }
        });
    });
}
