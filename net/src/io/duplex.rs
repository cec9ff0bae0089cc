//! A connection without a socket.
//!
//! Two pipes in memory, one each way, each with room for so many bytes: who writes more waits for
//! who reads, as with a socket. For tests, and for protocols that run through each other.
//!
//! Nothing of the kernel slows it down, so two ends that are polled by turns could keep their worker
//! for ever. The runtime's budget is counted where descriptors are polled; an end counts for itself:
//! after so many reads or writes in a row that did not wait, the next one lets the others have a turn.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};

/// The two ends of a connection in memory, with room for `capacity` bytes each way.
///
/// # Panics
///
/// If `capacity` is zero: nothing could ever be written.
///
/// # Examples
///
/// ```
/// use net::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (mut client, mut server) = duplex(64);
///     client.write_all(b"ping").await?;
///     let mut message = [0; 4];
///     server.read_exact(&mut message).await?;
///     assert_eq!(&message, b"ping");
///     drop(server);
///     assert_eq!(client.read(&mut message).await?, 0);
///     Ok(())
/// })
/// # }
/// ```
pub fn duplex(capacity: usize) -> (DuplexStream, DuplexStream) {
    assert!(
        capacity > 0,
        "duplex(0) has no room for a single byte: give it the room that a socket would have"
    );
    let [there, back] = [(), ()].map(|()| Arc::new(Pipe::new(capacity)));
    let end = |reads: &Arc<Pipe>, writes: &Arc<Pipe>| DuplexStream {
        reads: reads.clone(),
        writes: writes.clone(),
        in_a_row: 0,
    };
    (end(&back, &there), end(&there, &back))
}

/// One end of a connection in memory; see [`duplex`]. Dropping it ends the stream for the other,
/// which can still read what was written.
#[derive(Debug)]
pub struct DuplexStream {
    reads: Arc<Pipe>,
    writes: Arc<Pipe>,
    in_a_row: u32,
}

impl DuplexStream {
    /// Whether this end may go on. If not, it wakes itself, and everybody else has a turn.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.in_a_row == A_TURN {
            self.in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.in_a_row += 1;
        Poll::Ready(())
    }

    fn note<T>(&mut self, outcome: Poll<T>) -> Poll<T> {
        if outcome.is_pending() {
            self.in_a_row = 0;
        }
        outcome
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.poll_turn(context).is_pending() {
            return Poll::Pending;
        }
        let read = self.reads.poll_read(context, slice);
        self.note(read.map(Ok))
    }
}

impl AsyncWrite for DuplexStream {
    /// `BrokenPipe` if the other end has gone, or this one was closed.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.poll_turn(context).is_pending() {
            return Poll::Pending;
        }
        let written = self.writes.poll_write(context, bytes);
        self.note(written)
    }

    /// Ready: what was written is there to be read.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the write direction.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writes.end_writing();
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        self.writes.end_writing();
        self.reads.end_reading();
    }
}

/// One direction.
#[derive(Debug)]
struct Pipe {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    writer_has_gone: bool,
    reader_has_gone: bool,
    /// Who waits; one each, since an end is polled by one task.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            capacity,
        }
    }

    fn poll_read(&self, context: &mut Context<'_>, slice: &mut [u8]) -> Poll<usize> {
        // Foreign code: not under the lock. Whatever is taken out of the state is dropped, or woken,
        // when the lock is released.
        let waker = context.waker().clone();
        let mut state = self.lock();
        if state.bytes.is_empty() && !state.writer_has_gone && !slice.is_empty() {
            let former = state.reader.replace(waker);
            drop(state);
            drop(former);
            return Poll::Pending;
        }
        let count = take_front(&mut state.bytes, slice);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        Poll::Ready(count)
    }

    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let waker = context.waker().clone();
        let mut state = self.lock();
        if state.reader_has_gone || state.writer_has_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.capacity - state.bytes.len();
        if room == 0 && !bytes.is_empty() {
            let former = state.writer.replace(waker);
            drop(state);
            drop(former);
            return Poll::Pending;
        }
        let count = room.min(bytes.len());
        state.bytes.extend(&bytes[..count]);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Poll::Ready(Ok(count))
    }

    fn end_writing(&self) {
        let mut state = self.lock();
        state.writer_has_gone = true;
        let reader = state.reader.take();
        drop(state);
        wake(reader);
    }

    fn end_reading(&self) {
        let mut state = self.lock();
        state.reader_has_gone = true;
        let unread = std::mem::take(&mut state.bytes);
        let writer = state.writer.take();
        drop(state);
        drop(unread);
        wake(writer);
    }

    /// No code of others runs under the lock, so a panic leaves nothing half-done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take_front(bytes: &mut VecDeque<u8>, slice: &mut [u8]) -> usize {
    let count = bytes.len().min(slice.len());
    let (front, back) = bytes.as_slices();
    let split = front.len().min(count);
    slice[..split].copy_from_slice(&front[..split]);
    slice[split..count].copy_from_slice(&back[..count - split]);
    bytes.drain(..count);
    count
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// As many as the runtime allows a poll of a task.
const A_TURN: u32 = 128;
