//! The traits of `futures-io`, for a reference to a stream, a stream, and its halves.
//!
//! It is the reference that reads and writes; the others lend themselves to it. A read or a write of
//! no buffers at all may be an order to splice: see `tcp/splice.rs`.

use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::{Bytes, ReadHalf, Socket, WriteHalf};
use crate::forward::{forward_read, forward_write};
use crate::sys;

impl<S: Bytes> AsyncRead for &Socket<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = buffer.len();
        let read = |socket: &S, portion| sys::recv_portion(socket, buffer, portion);
        self.io.poll_read_portion_with(context, wanted, read)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.is_empty() {
            return S::poll_read_nothing(&self.io, context);
        }
        let wanted = sys::vectored_length(buffers);
        let read =
            |socket: &S, portion| sys::recv_vectored_portion(socket.as_fd(), buffers, portion);
        self.io.poll_read_portion_with(context, wanted, read)
    }
}

impl<S: Bytes> AsyncWrite for &Socket<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |socket: &S, portion| sys::send_portion(socket, bytes, portion);
        self.io.poll_write_portion_with(context, write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.is_empty() {
            return S::poll_write_nothing(&self.io, context);
        }
        let write =
            |socket: &S, portion| sys::send_vectored_portion(socket.as_fd(), buffers, portion);
        self.io.poll_write_portion_with(context, write)
    }

    /// Ready: nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the write direction. A peer that has gone is no error.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_write())
    }
}

forward_read!([S: Bytes] Socket<S>, |socket| socket);
forward_write!([S: Bytes] Socket<S>, |socket| socket);
forward_read!([S: Bytes, H: Deref<Target = Socket<S>>] ReadHalf<H>, |half| half.stream());
forward_write!([S: Bytes, H: Deref<Target = Socket<S>>] WriteHalf<H>, |half| half.stream());
