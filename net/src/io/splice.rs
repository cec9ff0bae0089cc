//! One direction of a copy between two sockets, in the kernel.
//!
//! Bytes go from the reader's socket into a pipe, and out of it into the writer's. The pipe is filled
//! only when it is empty, so "would block" always speaks of the socket. It costs two descriptors, so
//! it is borrowed from a pool while bytes move, and given back when there are none just now: a
//! connection that is idle has no pipe. And it is used only while much is coming.
//!
//! A process that was forked has the same pipes as its parent, and bytes of the one would come out
//! at the other. So a pipe in the pool is marked with its process.

use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use crate::sys::{self, Pipe, errno};
use crate::tcp;

/// What a try to splice has come to.
pub(super) enum Spliced {
    /// So many bytes are in the pipe.
    Filled(usize),
    /// A plain read must tell what there is.
    AskByReading,
    /// These two cannot be spliced: read and write instead.
    Refused,
}

/// The pipe of one direction, while it has one.
pub(super) struct Splice {
    pipe: Option<Pipe>,
    held: usize,
    /// Whether much is coming. Little is better read and written: that is two calls, and splicing
    /// is two and those that find nothing.
    pays: bool,
}

impl Splice {
    /// For a reader and a writer that are sockets of ours and nothing else.
    pub(super) fn between<R: ?Sized, W: ?Sized>() -> Option<Self> {
        let possible = tcp::is_stream::<R>() && tcp::is_stream::<W>();
        // Neither splice nor sendfile can be told to keep this signal to themselves.
        (possible && sys::ignores_broken_pipes()).then_some(Self {
            pipe: None,
            held: 0,
            pays: false,
        })
    }

    /// Whether to splice next, rather than to read.
    pub(super) fn pays(&self) -> bool {
        self.pays
    }

    /// So much was read, by any means, where `buffer` could have been.
    pub(super) fn note(&mut self, count: usize, buffer: usize) {
        self.pays = count >= buffer;
    }

    /// Moves bytes from the reader into the pipe, which is empty.
    pub(super) fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin + ?Sized),
    ) -> Poll<io::Result<Spliced>> {
        let pipe = match self.pipe.take().or_else(take_pooled) {
            Some(pipe) => pipe,
            None => match Pipe::new(ROOM) {
                Ok(pipe) => pipe,
                // No descriptors are left, and the copy need not fail for that.
                Err(_) => return Poll::Ready(Ok(Spliced::Refused)),
            },
        };
        let filled = tcp::order(pipe.writer.as_fd(), ROOM, || {
            Pin::new(reader).poll_read_vectored(context, &mut [])
        });
        match filled {
            Poll::Ready(Ok(count @ 1..)) => {
                self.held = count;
                self.pipe = Some(pipe);
                Poll::Ready(Ok(Spliced::Filled(count)))
            }
            nothing => {
                give_back(pipe);
                nothing.map(|nothing| match nothing {
                    Ok(_) => Ok(Spliced::AskByReading),
                    Err(error) if refuses(&error) => Ok(Spliced::Refused),
                    Err(error) => Err(error),
                })
            }
        }
    }

    /// Moves what is in the pipe to the writer, and returns how much it was, once the pipe is empty.
    pub(super) fn poll_drain(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
        copied: &mut u64,
    ) -> Poll<io::Result<()>> {
        let Some(pipe) = &self.pipe else {
            return Poll::Ready(Ok(()));
        };
        while self.held > 0 {
            let moved = tcp::order(pipe.reader.as_fd(), self.held, || {
                Pin::new(&mut *writer).poll_write_vectored(context, &[])
            });
            let count = ready!(moved)?;
            if count == 0 {
                return Poll::Ready(Err(crate::error::takes_no_more()));
            }
            self.held -= count;
            *copied += count as u64;
        }
        if !self.pays {
            if let Some(pipe) = self.pipe.take() {
                give_back(pipe);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// A copy that is given up half-way may leave bytes in its pipe: such a pipe is closed, not pooled.
impl Drop for Splice {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            if self.held == 0 {
                give_back(pipe);
            }
        }
    }
}

fn refuses(error: &io::Error) -> bool {
    // A kernel without it, or a filter of system calls.
    matches!(
        error.raw_os_error(),
        Some(errno::EINVAL | errno::ENOSYS | errno::EPERM)
    )
}

/// Empty pipes, and the process that they are of.
static POOL: Mutex<(u32, Vec<Pipe>)> = Mutex::new((0, Vec::new()));

fn pool() -> MutexGuard<'static, (u32, Vec<Pipe>)> {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if pool.0 != process {
        // Its parent's, if there are any.
        pool.1.clear();
        pool.0 = process;
    }
    pool
}

fn take_pooled() -> Option<Pipe> {
    pool().1.pop()
}

fn give_back(pipe: Pipe) {
    let mut pool = pool();
    if pool.1.len() < MOST_POOLED {
        pool.1.push(pipe);
    }
}

/// As much as goes through a pipe at once, and lies in one while its receiver does not read. With
/// less a gigabyte costs more: half as much again at an eighth of it, by `benches/copy.rs`.
const ROOM: usize = 512 * 1024;
/// More are rarely in use at once: a pipe goes back as soon as its reader is dry.
const MOST_POOLED: usize = 16;
