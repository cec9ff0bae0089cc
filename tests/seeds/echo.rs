//! The echo server: each byte comes back.
//!
//! Some clients say a little and wait, some send everything before they read, some read slowly, some
//! end their direction early, some cut the connection off, some are given up in the middle of an
//! operation.

use std::net::Shutdown;
use std::rc::Rc;

use crate::servers::echo::{Limits, Sessions, echo};
use net::{TcpListener, TcpStream};
use runtime::task::{spawn_local, yield_now};
use runtime::time::{Duration, sleep, timeout};
use tests::fd::reset_on_close;

use crate::numbers::Numbers;
use crate::seeds;

#[test]
fn every_byte_comes_back_whatever_the_order() {
    seeds(serve_a_crowd);
}

/// Serves some clients, and waits until all are content.
async fn serve_a_crowd(seed: u64) {
    let numbers = Rc::new(Numbers::new(seed));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // From a buffer so small that a client has to read, to one that never is full.
    let buffer = [1, 1000, 100_000, 100 << 20][numbers.below(4)];
    let limits = Limits {
        buffer,
        stall: Duration::from_secs(60),
    };
    let sessions = Rc::new(Sessions::new(1 + numbers.below(4)));
    let open = sessions.clone();
    let server = spawn_local(async move {
        let mut incoming = listener.incoming();
        loop {
            let place = open.place().await;
            let (stream, _) = incoming.accept().await.unwrap();
            // A session ends as its client does: with an error, if that cuts the connection off.
            drop(spawn_local(echo(open.open(stream, place), limits)));
        }
    });
    let clients: Vec<_> = (0..1 + numbers.below(4))
        .map(|_| {
            let numbers = numbers.clone();
            spawn_local(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                any(&numbers, stream, buffer).await;
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    sessions.drain(Duration::from_secs(60)).await;
    assert_eq!(sessions.totals().open, 0);
}

/// Does what one of the kinds does. `most` is what the server keeps for a client that does not read.
async fn any(numbers: &Numbers, stream: TcpStream, most: usize) {
    // No connection is left to the kernel to wait for, ten thousand seeds long.
    reset_on_close(&stream);
    match numbers.below(6) {
        0 => ask_and_wait(numbers, stream).await,
        1 => send_and_end(numbers, stream).await,
        2 => read_beside(numbers, stream).await,
        3 => cut_off(numbers, stream).await,
        4 => give_up(numbers, stream).await,
        _ if most > LARGE => send_all_first(numbers, stream).await,
        _ => ask_and_wait(numbers, stream).await,
    }
}

/// One message after the other, each waited for.
async fn ask_and_wait(numbers: &Numbers, stream: TcpStream) {
    for _ in 0..1 + numbers.below(6) {
        let sent = numbers.bytes(numbers.size().min(20_000));
        stream.write_all(&sent).await.unwrap();
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert!(received == sent, "a message came back changed");
    }
}

/// Ends its direction after the last byte: all comes back, and then the end.
async fn send_and_end(numbers: &Numbers, stream: TcpStream) {
    let sent = numbers.bytes(numbers.size().min(20_000));
    stream.write_all(&sent).await.unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(
        read_to_end(numbers, &stream).await == sent,
        "not what was sent"
    );
}

/// A task writes while another one reads, slowly.
async fn read_beside(numbers: &Numbers, stream: TcpStream) {
    let sent = Rc::new(numbers.bytes(numbers.size()));
    let stream = Rc::new(stream);
    let writer = spawn_local({
        let (stream, sent) = (stream.clone(), sent.clone());
        async move {
            stream.write_all(&sent).await.unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
    });
    let received = read_to_end(numbers, &stream).await;
    writer.await.unwrap();
    assert!(received == *sent, "not what was sent");
}

/// Everything is sent before anything is read: the server has to keep it.
async fn send_all_first(numbers: &Numbers, stream: TcpStream) {
    let sent = numbers.bytes(numbers.size());
    stream.write_all(&sent).await.unwrap();
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).await.unwrap();
    assert!(received == sent, "what the server kept came back changed");
}

/// Goes away in the middle, with an RST.
async fn cut_off(numbers: &Numbers, stream: TcpStream) {
    let sent = numbers.bytes(numbers.size().min(20_000));
    stream.write_all(&sent).await.unwrap();
    let mut part = vec![0; 1 + numbers.below(sent.len())];
    stream.read_exact(&mut part).await.unwrap();
    assert!(sent.starts_with(&part), "a part came back changed");
}

/// Gives reads up half-way, and reads on: none of them takes a byte along.
async fn give_up(numbers: &Numbers, stream: TcpStream) {
    let sent = numbers.bytes(numbers.size().min(2_000));
    let mut received = Vec::new();
    let mut buffer = [0; 256];
    let mut offset = 0;
    while received.len() < sent.len() {
        let limit = Duration::from_micros(numbers.below(50) as u64);
        match timeout(limit, stream.read(&mut buffer)).await {
            Ok(count) => received.extend_from_slice(&buffer[..count.unwrap()]),
            Err(_) if offset < sent.len() => {
                let end = sent.len().min(offset + 1 + numbers.below(500));
                stream.write_all(&sent[offset..end]).await.unwrap();
                offset = end;
            }
            Err(_) => yield_now().await,
        }
    }
    assert!(
        received == sent,
        "a read that was given up took bytes along"
    );
}

/// Reads to the end of the stream, in steps of any size, with pauses.
async fn read_to_end(numbers: &Numbers, stream: &TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = vec![0; 1 + numbers.below(8192)];
    loop {
        if numbers.below(16) == 0 {
            sleep(Duration::from_millis(numbers.below(20) as u64)).await;
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return received,
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A buffer of the server's that takes all that any client sends.
const LARGE: usize = 400_000;
