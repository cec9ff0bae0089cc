//! The traits of `futures-io`, for the stream and its halves.
//!
//! The same few lines six times: which stream is meant differs, and nothing else.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};

macro_rules! readers {
    ($($kind:ty),*) => {$(
        impl AsyncRead for $kind {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let stream: &TcpStream = (*self).as_ref();
                stream.poll_read_inner(context, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                let stream: &TcpStream = (*self).as_ref();
                stream.poll_read_vectored_inner(context, buffers)
            }
        }
    )*};
}

macro_rules! writers {
    ($($kind:ty),*) => {$(
        impl AsyncWrite for $kind {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                let stream: &TcpStream = (*self).as_ref();
                stream.poll_write_inner(context, bytes)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let stream: &TcpStream = (*self).as_ref();
                stream.poll_write_vectored_inner(context, buffers)
            }

            /// Ready: nothing is buffered here.
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Ends the write direction. A peer that has gone is no error.
            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                let stream: &TcpStream = (*self).as_ref();
                Poll::Ready(stream.close_write())
            }
        }
    )*};
}

readers!(TcpStream, &TcpStream, ReadHalf<'_>, OwnedReadHalf);
writers!(TcpStream, &TcpStream, WriteHalf<'_>, OwnedWriteHalf);

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}
