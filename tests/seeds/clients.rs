//! Clients of the echo server, a function a kind.

use std::cell::Cell;
use std::net::Shutdown;
use std::rc::Rc;

use net::TcpStream;
use runtime::task::{spawn_local, yield_now};
use runtime::time::{Duration, sleep, timeout};
use tests::fd::reset_on_close;

/// Numbers that look random, the same for the same seed.
pub(crate) struct Numbers(Cell<u64>);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005);
        self.0.set(next.wrapping_add(1_442_695_040_888_963_407));
        (self.0.get() >> 33) as usize % end
    }

    /// Mostly small, now and then more than the buffers of both sockets.
    fn size(&self) -> usize {
        match self.below(16) {
            0 => 1 + self.below(400_000),
            1..4 => 1 + self.below(20_000),
            _ => 1 + self.below(300),
        }
    }

    fn bytes(&self, count: usize) -> Vec<u8> {
        let mut state = self.below(1 << 20) as u32;
        let next = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        next.take(count).collect()
    }
}

/// Does what one of the kinds does. `most` is what the server keeps for a client that does not read.
pub(crate) async fn any(numbers: &Numbers, stream: TcpStream, most: usize) {
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
