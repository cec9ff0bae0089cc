//! Reading and writing what cannot be waited for, on a thread.
//!
//! One call at a time is on its way, and its handle is kept here and not in the future that waits
//! for it: a future that is dropped loses nothing. What was read is kept for the next one. What is to
//! be written is copied, and its error comes at the next call.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime::Handle;
use runtime::task::JoinHandle;

use crate::sys::file;
use crate::whole::ToWrite;

/// Reads a file on a thread.
#[derive(Debug)]
pub(super) struct ThreadReader {
    file: Arc<OwnedFd>,
    runtime: Handle,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    /// What was read and not asked for yet, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
}

impl ThreadReader {
    pub(super) fn new(file: OwnedFd, runtime: Handle) -> Self {
        Self {
            file: Arc::new(file),
            runtime,
            reading: None,
            bytes: Vec::new(),
            taken: 0,
        }
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.taken == self.bytes.len() {
            let wanted = buffer.len().min(MOST);
            let reading = self.reading.get_or_insert_with(|| {
                let file = self.file.clone();
                self.runtime.spawn_blocking(move || read(&file, wanted))
            });
            let read = ready!(Pin::new(reading).poll(context));
            self.reading = None;
            self.bytes = read.map_err(io::Error::other)??;
            self.taken = 0;
        }
        let rest = &self.bytes[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }
}

fn read(file: &OwnedFd, wanted: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; wanted];
    let count = file::read(file.as_fd(), &mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}

/// Writes a file on a thread.
#[derive(Debug)]
pub(super) struct ThreadWriter {
    file: Arc<OwnedFd>,
    runtime: Handle,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl ThreadWriter {
    pub(super) fn new(file: OwnedFd, runtime: Handle) -> Self {
        Self {
            file: Arc::new(file),
            runtime,
            writing: None,
        }
    }

    /// Takes the bytes over as soon as those before them are written.
    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(context))?;
        let bytes = bytes[..bytes.len().min(MOST)].to_vec();
        let (count, file) = (bytes.len(), self.file.clone());
        self.writing = Some(self.runtime.spawn_blocking(move || write(&file, &bytes)));
        Poll::Ready(Ok(count))
    }

    /// Waits until everything is written that was taken over.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else {
            return Poll::Ready(Ok(()));
        };
        let written = ready!(Pin::new(writing).poll(context));
        self.writing = None;
        Poll::Ready(written.map_err(io::Error::other)?)
    }
}

fn write(file: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let mut whole = ToWrite::new(bytes);
    while let Some(rest) = whole.rest() {
        whole.went(file::write(file.as_fd(), rest)?)?;
    }
    Ok(())
}

/// As much as goes to a thread at once: a copy that is small beside the cost of the way.
const MOST: usize = 64 * 1024;
