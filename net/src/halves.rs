//! A stream in two halves: one to read, one to write.
//!
//! Every method of a stream takes `&self`, so halves are not needed to do both at once. They are for
//! code that wants to own one direction, and for the promise that goes with it: when the owner of
//! the write half is done, the peer reads to the end.
//!
//! A half holds its stream by `H`: a reference, or an `Arc` that the halves share.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Deref;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use runtime::io::{AsyncFd, Interest};

use crate::error;
use crate::sys;

/// A connected socket that carries bytes both ways.
pub trait ByteStream {
    /// What it calls its ends.
    type Address;
    /// The socket.
    type Socket: AsFd;

    /// The socket, to be waited for.
    fn io(&self) -> &AsyncFd<Self::Socket>;
    /// Ends the write direction. A peer that has gone is no error.
    fn close_write(&self) -> io::Result<()>;
    /// The address of this end.
    fn local(&self) -> io::Result<Self::Address>;
    /// The address of the other end.
    fn peer(&self) -> io::Result<Self::Address>;
}

/// The read half of a stream.
#[derive(Debug)]
pub struct ReadHalf<H>(H);

/// The write half of a stream. Dropping one that owns ends the stream for the peer.
#[derive(Debug)]
pub struct WriteHalf<H: Deref<Target: ByteStream>> {
    stream: H,
    ends_stream: bool,
}

pub(crate) fn split<S: ByteStream>(stream: &S) -> (ReadHalf<&S>, WriteHalf<&S>) {
    let writer = WriteHalf {
        stream,
        ends_stream: false,
    };
    (ReadHalf(stream), writer)
}

pub(crate) fn into_split<S: ByteStream>(stream: S) -> (ReadHalf<Arc<S>>, WriteHalf<Arc<S>>) {
    let stream = Arc::new(stream);
    let writer = WriteHalf {
        stream: stream.clone(),
        ends_stream: true,
    };
    (ReadHalf(stream), writer)
}

impl<H: Deref<Target: ByteStream>> ReadHalf<H> {
    /// Reads what has come, or waits until something has. 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports, but "would block" and "interrupted".
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let wanted = buffer.len();
        let io = self.0.io();
        io.read_with(wanted, move |socket| sys::recv(socket, buffer))
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before that; and whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]).await? {
                0 => return Err(error::ends_early()),
                count => filled += count,
            }
        }
        Ok(())
    }

    /// Reads into several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `readv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        let wanted = sys::vectored_length(buffers);
        let io = self.0.io();
        io.read_with(wanted, |socket| sys::recv_vectored(socket, buffers))
    }

    /// Looks at what has come, and leaves it to be read.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let io = self.0.io();
        io.async_io(Interest::READABLE, |socket| sys::peek(socket, buffer))
    }

    /// Reads what has come, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has; and whatever `recv(2)` reports.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let io = self.0.io();
        io.try_io(Interest::READABLE, |socket| sys::recv(socket, buffer))
    }

    /// Waits until there may be something to read.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.0.io().readable()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<<H::Target as ByteStream>::Address> {
        self.0.local()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn peer_addr(&self) -> io::Result<<H::Target as ByteStream>::Address> {
        self.0.peer()
    }
}

impl<H: Deref<Target: ByteStream>> WriteHalf<H> {
    /// Writes as much as there is room for, or waits until there is room.
    ///
    /// # Errors
    ///
    /// Whatever `send(2)` reports, but "would block" and "interrupted"; never a signal.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        let io = self.stream.io();
        io.write_with(|socket| sys::send(socket, bytes))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// Whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(error::takes_no_more()),
                count => bytes = &bytes[count..],
            }
        }
        Ok(())
    }

    /// Writes from several buffers, one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `sendmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        let io = self.stream.io();
        io.write_with(|socket| sys::send_vectored(socket, buffers))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; and whatever `send(2)` reports.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let io = self.stream.io();
        io.try_write_with(|socket| sys::send(socket, bytes))
    }

    /// Waits until there may be room to write.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.stream.io().writable()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<<H::Target as ByteStream>::Address> {
        self.stream.local()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer has gone already.
    pub fn peer_addr(&self) -> io::Result<<H::Target as ByteStream>::Address> {
        self.stream.peer()
    }
}

impl<S: ByteStream> ReadHalf<Arc<S>> {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: WriteHalf<Arc<S>>) -> Result<S, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.0, &other.stream) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        Ok(Arc::into_inner(self.0).expect("a stream has two halves, and the other has just gone"))
    }
}

impl<S: ByteStream> WriteHalf<Arc<S>> {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: ReadHalf<Arc<S>>) -> Result<S, ReuniteError<S>> {
        other.reunite(self)
    }

    /// Drops the half without ending the stream for the peer.
    pub fn forget(mut self) {
        self.ends_stream = false;
    }
}

impl<H: Deref<Target: ByteStream>> Drop for WriteHalf<H> {
    fn drop(&mut self) {
        if self.ends_stream {
            // The peer may have gone already, which is as good.
            let _ = self.stream.close_write();
        }
    }
}

/// The two halves belong to different streams: here they are.
pub struct ReuniteError<S: ByteStream>(pub ReadHalf<Arc<S>>, pub WriteHalf<Arc<S>>);

impl<S: ByteStream> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError")
    }
}

impl<S: ByteStream> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl<S: ByteStream> std::error::Error for ReuniteError<S> {}

impl<H: Deref<Target: ByteStream>> AsyncRead for ReadHalf<H> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        poll_read(&*self.0, context, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_read_vectored(&*self.0, context, buffers)
    }
}

impl<H: Deref<Target: ByteStream>> AsyncWrite for WriteHalf<H> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_write(&*self.stream, context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write_vectored(&*self.stream, context, buffers)
    }

    /// Ready: nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the write direction. A peer that has gone is no error.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.close_write())
    }
}

/// One step of reading, for the traits.
pub(crate) fn poll_read(
    stream: &(impl ByteStream + ?Sized),
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let wanted = buffer.len();
    let io = stream.io();
    io.poll_read_with(context, wanted, |socket| sys::recv(socket, buffer))
}

/// One step of reading into several buffers, for the traits.
pub(crate) fn poll_read_vectored(
    stream: &(impl ByteStream + ?Sized),
    context: &mut Context<'_>,
    buffers: &mut [IoSliceMut<'_>],
) -> Poll<io::Result<usize>> {
    let wanted = sys::vectored_length(buffers);
    let io = stream.io();
    io.poll_read_with(context, wanted, |socket| {
        sys::recv_vectored(socket, buffers)
    })
}

/// One step of writing, for the traits.
pub(crate) fn poll_write(
    stream: &(impl ByteStream + ?Sized),
    context: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    let io = stream.io();
    io.poll_write_with(context, |socket| sys::send(socket, bytes))
}

/// One step of writing from several buffers, for the traits.
pub(crate) fn poll_write_vectored(
    stream: &(impl ByteStream + ?Sized),
    context: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let io = stream.io();
    io.poll_write_with(context, |socket| sys::send_vectored(socket, buffers))
}
