//! Streams: what one call reads or writes has happened, or it has not.
//!
//! Everything is shown of TCP and of unix streams, which differ in when the kernel lets a call wait, and
//! of the halves.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::TcpStream as StdTcp;
use std::os::unix::net::UnixStream as StdUnix;
use std::pin::pin;
use std::sync::Arc;

use net::io::{AsyncReadExt, AsyncWriteExt};
use net::socket::{Bytes, Ending, ReadHalf, Socket, WriteHalf};
use runtime::io::Interest;
use runtime::task::yield_now;
use tests::cancel::{Place, cut, everywhere};
use tests::event::Event;
use tests::fd;

use super::PLACES;
use crate::{pair_with_std, run_local};

/// A stream of std's that ours is over.
pub(super) trait Stream: Bytes + Read + Write + Send {
    /// One of ours, and its other end as std has it: in blocking mode.
    async fn pair() -> (Socket<Self>, Self);
}

impl Stream for StdTcp {
    async fn pair() -> (Socket<Self>, Self) {
        pair_with_std().await
    }
}

impl Stream for StdUnix {
    async fn pair() -> (Socket<Self>, Self) {
        let (ours, theirs) = Self::pair().unwrap();
        (Socket::from_std(ours).unwrap(), theirs)
    }
}

pub(super) type Reader<S> = ReadHalf<Arc<Socket<S>>>;
pub(super) type Writer<S> = WriteHalf<Ending<S>>;

/// Sends a byte at a time, and lets the other end wait for each.
pub(super) fn dribble(mut peer: impl Write + 'static, bytes: Vec<u8>) {
    runtime::spawn_local(async move {
        for byte in bytes {
            peer.write_all(&[byte]).unwrap();
            for _ in 0..3 {
                yield_now().await;
            }
        }
    });
}

/// Reads by an operation that is dropped wherever it waits, and begun again. On one thread, or the
/// writer could be ahead of every read.
async fn reads_all<S: Stream>(
    mut read: impl AsyncFnMut(&Reader<S>, &mut [u8], Place) -> Option<usize>,
) {
    for place in PLACES {
        let (stream, peer) = S::pair().await;
        let (reader, _writer) = stream.into_split();
        let sent: Vec<u8> = (0..100).collect();
        dribble(peer, sent.clone());
        let (mut received, mut drops) = (Vec::new(), 0);
        while received.len() < sent.len() {
            let mut buffer = [0; 7];
            match read(&reader, &mut buffer, place).await {
                Some(count) => received.extend_from_slice(&buffer[..count]),
                None => {
                    drops += 1;
                    yield_now().await;
                }
            }
        }
        assert_eq!(received, sent);
        assert!(drops > 0);
    }
}

#[test]
fn a_read_that_is_dropped_has_taken_nothing() {
    run_local(async || {
        reads::<StdTcp>().await;
        reads::<StdUnix>().await;
    });
}

async fn reads<S: Stream>() {
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let read = cut(place, Socket::<S>::read, |read| read(stream, buffer));
        read.await.transpose().unwrap()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let mut slices = [IoSliceMut::new(buffer)];
        let read = Socket::<S>::read_vectored;
        let read = cut(place, read, |read| read(stream, &mut slices));
        read.await.transpose().unwrap()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let mut bytes = Vec::with_capacity(buffer.len());
        let read = cut(place, Socket::<S>::read_buf, |read| {
            read(stream, &mut bytes)
        })
        .await;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        read.transpose().unwrap()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let mut stream = stream;
        let read = cut(place, AsyncReadExt::read, |read| read(&mut stream, buffer));
        read.await.transpose().unwrap()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let (mut stream, mut bytes) = (stream, Vec::with_capacity(buffer.len()));
        let read = AsyncReadExt::read_buf;
        let read = cut(place, read, |read| read(&mut stream, &mut bytes)).await;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        read.transpose().unwrap()
    })
    .await;
}

#[test]
fn a_look_and_a_wait_take_nothing() {
    run_local(async || {
        looks::<StdTcp>().await;
        looks::<StdUnix>().await;
    });
}

async fn looks<S: Stream>() {
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let peek = cut(place, Socket::<S>::peek, |peek| peek(stream, buffer));
        peek.await?.unwrap();
        Some(stream.try_read(buffer).unwrap())
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let wait = cut(place, Socket::<S>::readable, |wait| wait(stream));
        wait.await?.unwrap();
        stream.try_read(buffer).ok()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let wait = cut(place, Socket::<S>::ready, |wait| {
            wait(stream, Interest::READABLE)
        });
        wait.await?.unwrap();
        stream.try_read(buffer).ok()
    })
    .await;
    reads_all(async |half: &Reader<S>, buffer, place| {
        let stream = half.as_ref();
        let call = || fd::recv(stream, buffer, 0);
        let read = cut(place, Socket::<S>::async_io, |read| {
            read(stream, Interest::READABLE, call)
        });
        read.await.transpose().unwrap()
    })
    .await;
}

#[test]
fn a_read_half_promises_what_its_stream_does() {
    run_local(async || {
        reads_all(async |reader: &Reader<StdTcp>, buffer, place| {
            let read = cut(place, Reader::read, |read| read(reader, buffer));
            read.await.transpose().unwrap()
        })
        .await;
        reads_all(async |reader: &Reader<StdTcp>, buffer, place| {
            let mut slices = [IoSliceMut::new(buffer)];
            let read = Reader::read_vectored;
            let read = cut(place, read, |read| read(reader, &mut slices));
            read.await.transpose().unwrap()
        })
        .await;
        reads_all(async |reader: &Reader<StdTcp>, buffer, place| {
            let mut bytes = Vec::with_capacity(buffer.len());
            let read = cut(place, Reader::read_buf, |read| read(reader, &mut bytes)).await;
            buffer[..bytes.len()].copy_from_slice(&bytes);
            read.transpose().unwrap()
        })
        .await;
        reads_all(async |reader: &Reader<StdTcp>, buffer, place| {
            let peek = cut(place, Reader::peek, |peek| peek(reader, buffer));
            peek.await?.unwrap();
            cut(place, Reader::readable, |wait| wait(reader)).await;
            Some(reader.try_read(buffer).unwrap())
        })
        .await;
        reads_all(async |reader: &Reader<StdTcp>, buffer, place| {
            let wait = cut(place, Reader::readable, |wait| wait(reader));
            wait.await?.unwrap();
            reader.try_read(buffer).ok()
        })
        .await;
    });
}

/// Writes by an operation that is dropped wherever it waits, and begun again.
pub(super) async fn writes_all<S: Stream>(
    mut write: impl AsyncFnMut(&Writer<S>, &[u8], Place) -> Option<usize>,
) {
    let sent = much();
    for place in PLACES {
        let (stream, mut peer) = S::pair().await;
        let (reader, writer) = stream.into_split();
        let expected = sent.clone();
        // Nobody reads until a write had to wait: else it might never have to.
        let waited = Event::new();
        let gate = waited.clone();
        let receiver = std::thread::spawn(move || {
            gate.wait_here();
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            assert!(received[..] == expected[..]);
        });
        let (mut written, mut drops) = (0, 0);
        while written < sent.len() {
            let most = sent.len().min(written + 100_000);
            let mut writing = pin!(write(&writer, &sent[written..most], place));
            let outcome = poll_fn(|context| {
                let polled = writing.as_mut().poll(context);
                if polled.is_pending() {
                    waited.set();
                }
                polled
            });
            match outcome.await {
                Some(count) => written += count,
                None => {
                    drops += 1;
                    waited.set();
                    yield_now().await;
                }
            }
        }
        drop((reader, writer));
        receiver.join().unwrap();
        assert!(drops > 0);
    }
}

/// More than all buffers hold.
pub(super) fn much() -> Arc<[u8]> {
    (0..8_000_000_u32).map(|n| (n >> 6) as u8).collect()
}

#[test]
fn a_write_that_is_dropped_has_written_nothing() {
    run_local(async || {
        writes::<StdTcp>().await;
        writes::<StdUnix>().await;
    });
}

async fn writes<S: Stream>() {
    writes_all(async |half: &Writer<S>, bytes, place| {
        let stream = half.as_ref();
        let write = cut(place, Socket::<S>::write, |write| write(stream, bytes));
        write.await.transpose().unwrap()
    })
    .await;
    writes_all(async |half: &Writer<S>, bytes, place| {
        let stream = half.as_ref();
        let slices = halved(bytes);
        let write = Socket::<S>::write_vectored;
        let write = cut(place, write, |write| write(stream, &slices));
        write.await.transpose().unwrap()
    })
    .await;
    writes_all(async |half: &Writer<S>, bytes, place| {
        let stream = half.as_ref();
        let mut stream = stream;
        let write = cut(place, AsyncWriteExt::write, |write| {
            write(&mut stream, bytes)
        });
        write.await.transpose().unwrap()
    })
    .await;
    writes_all(async |half: &Writer<S>, bytes, place| {
        let stream = half.as_ref();
        let wait = cut(place, Socket::<S>::writable, |wait| wait(stream));
        wait.await?.unwrap();
        stream.try_write(bytes).ok()
    })
    .await;
}

fn halved(bytes: &[u8]) -> [IoSlice<'_>; 2] {
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    [IoSlice::new(head), IoSlice::new(tail)]
}

#[test]
fn a_write_half_promises_what_its_stream_does() {
    run_local(async || {
        writes_all(async |writer: &Writer<StdUnix>, bytes, place| {
            let write = cut(place, Writer::write, |write| write(writer, bytes));
            write.await.transpose().unwrap()
        })
        .await;
        writes_all(async |writer: &Writer<StdUnix>, bytes, place| {
            let slices = halved(bytes);
            let write = Writer::write_vectored;
            let write = cut(place, write, |write| write(writer, &slices));
            write.await.transpose().unwrap()
        })
        .await;
        writes_all(async |writer: &Writer<StdUnix>, bytes, place| {
            let wait = cut(place, Writer::writable, |wait| wait(writer));
            wait.await?.unwrap();
            writer.try_write(bytes).ok()
        })
        .await;
    });
}

/// `read_exact` and `write_all` of a plain stream promise nothing about their own bytes, and only
/// about those.
#[test]
fn what_promises_nothing_loses_its_own_bytes_only() {
    run_local(async || {
        promises_nothing::<StdTcp>().await;
        promises_nothing::<StdUnix>().await;
    });
}

async fn promises_nothing<S: Stream>() {
    reads_its_own(async |half: &Reader<S>, head, place| {
        let (stream, read) = (half.as_ref(), Socket::<S>::read_exact);
        cut(place, read, |read| read(stream, head)).await
    })
    .await;
    reads_its_own(async |half: &Reader<S>, head, place| {
        cut(place, Reader::read_exact, |read| read(half, head)).await
    })
    .await;
    writes_its_own(async |half: &Writer<S>, bytes| {
        let (stream, write) = (half.as_ref(), Socket::<S>::write_all);
        cut(Place::FIRST, write, |write| write(stream, bytes)).await
    })
    .await;
    writes_its_own(async |half: &Writer<S>, bytes| {
        let (stream, write) = (half.as_ref(), Socket::<S>::write_all_vectored);
        let mut slices = halved(bytes);
        cut(Place::FIRST, write, |write| write(stream, &mut slices)).await
    })
    .await;
    writes_its_own(async |half: &Writer<S>, bytes| {
        let write = Writer::write_all;
        cut(Place::FIRST, write, |write| write(half, bytes)).await
    })
    .await;
    writes_its_own(async |half: &Writer<S>, bytes| {
        let (mut slices, write) = (halved(bytes), Writer::write_all_vectored);
        cut(Place::FIRST, write, |write| write(half, &mut slices)).await
    })
    .await;
}

async fn reads_its_own<S: Stream>(
    mut read: impl AsyncFnMut(&Reader<S>, &mut [u8], Place) -> Option<io::Result<()>>,
) {
    everywhere(async |place| {
        let (stream, peer) = S::pair().await;
        dribble(peer, (0..40).collect());
        let (mut reader, _writer) = stream.into_split();
        let was_cut = read(&reader, &mut [0; 8], place).await.is_none();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        let first = usize::from(rest[0]);
        assert!(first <= 8 && rest.iter().copied().eq(first as u8..40));
        was_cut
    })
    .await;
}

async fn writes_its_own<S: Stream>(
    mut write: impl AsyncFnMut(&Writer<S>, &[u8]) -> Option<io::Result<()>>,
) {
    // Nobody reads until it is dropped, so it waits.
    let (stream, mut peer) = S::pair().await;
    let (reader, writer) = stream.into_split();
    let bytes = vec![7; 8_000_000];
    assert!(write(&writer, &bytes).await.is_none());
    let receiver = std::thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        received
    });
    writer.write_all(b"end").await.unwrap();
    drop((reader, writer));
    let received = receiver.join().unwrap();
    let body = received.strip_suffix(b"end").unwrap();
    assert!(body.len() < bytes.len() && body.iter().all(|byte| *byte == 7));
}
