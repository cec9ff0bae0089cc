//! Sending and receiving messages: datagrams, and the packets of a connection.
//!
//! Everything takes `&self`, and any number of tasks may send and receive at once. A message is
//! taken whole by one call, so no future here holds half of one: each can be dropped at any time.
//! How much came proves nothing about what is left: only "would block" counts.

use std::future::Future;
use std::io;
use std::task::{Context, Poll};

use runtime::io::Interest;

use super::kind::sealed::Name;
use super::{Messages, Socket};
use crate::sys;

/// # Messages
impl<S: Messages> Socket<S> {
    /// Sends a message to the peer, or waits until there is room for it.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` or `BrokenPipe` if the peer has gone: over UDP, if an earlier datagram
    /// found nobody there. And whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.io
            .write_with(|socket| sys::send(socket.as_fd(), bytes))
    }

    /// Sends a message to the peer if there is room for it, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room; else as [`send`](Self::send).
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.io
            .try_write_with(|socket| sys::send(socket.as_fd(), bytes))
    }

    /// One step of [`send`](Self::send), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn poll_send(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io
            .poll_write_with(context, |socket| sys::send(socket.as_fd(), bytes))
    }

    /// Receives a message: of the peer's, if there is one. What does not fit into the buffer is gone.
    ///
    /// From a [`UnixSeqpacket`](crate::unix::UnixSeqpacket), 0 is the end, or an empty packet.
    ///
    /// # Errors
    ///
    /// Over UDP, `ConnectionRefused` if a datagram that was sent found nobody there; and whatever
    /// `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was taken.
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.io.async_io(Interest::READABLE, |socket| {
            sys::recv(socket.as_fd(), buffer)
        })
    }

    /// Receives a message if one is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.try_io(Interest::READABLE, |socket| {
            sys::recv(socket.as_fd(), buffer)
        })
    }

    /// One step of [`recv`](Self::recv), for hand-written futures. The latest caller is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    pub fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            sys::recv(socket.as_fd(), buffer)
        })
    }

    /// Receives a message, and says whose it is. What does not fit into the buffer is gone.
    ///
    /// # Errors
    ///
    /// Whatever `recvfrom(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was taken.
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, S::Address)>> {
        self.io
            .async_io(Interest::READABLE, |socket| recv_from(socket, buffer))
    }

    /// Receives a message if one is there, without waiting, and says whose it is.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv_from`](Self::recv_from).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, S::Address)> {
        self.io
            .try_io(Interest::READABLE, |socket| recv_from(socket, buffer))
    }

    /// One step of [`recv_from`](Self::recv_from), for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, S::Address)>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            recv_from(socket, buffer)
        })
    }

    /// Looks at the next message, says whose it is, and leaves it.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, S::Address)>> {
        self.io
            .async_io(Interest::READABLE, |socket| peek_from(socket, buffer))
    }

    /// Looks at the next message if one is there, without waiting, and says whose it is.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none; else as [`recv_from`](Self::recv_from).
    pub fn try_peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, S::Address)> {
        self.io
            .try_io(Interest::READABLE, |socket| peek_from(socket, buffer))
    }

    /// One step of [`peek_from`](Self::peek_from), for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from).
    pub fn poll_peek_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, S::Address)>> {
        self.io.poll_io(context, Interest::READABLE, |socket| {
            peek_from(socket, buffer)
        })
    }

    /// One step of waiting until there may be a message, for hand-written futures. The latest caller
    /// is woken.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is used up: what is known stays known.
        self.io.poll_io(context, Interest::READABLE, |_| Ok(()))
    }

    /// One step of waiting until there may be room, for hand-written futures. The latest caller is
    /// woken.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down.
    pub fn poll_send_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.poll_io(context, Interest::WRITABLE, |_| Ok(()))
    }
}

fn recv_from<S: Messages>(socket: &S, buffer: &mut [u8]) -> io::Result<(usize, S::Address)> {
    let (count, source) = sys::recv_from(socket.as_fd(), buffer)?;
    Ok((count, S::Address::from_kernel(source)?))
}

fn peek_from<S: Messages>(socket: &S, buffer: &mut [u8]) -> io::Result<(usize, S::Address)> {
    let (count, source) = sys::peek_from(socket.as_fd(), buffer)?;
    Ok((count, S::Address::from_kernel(source)?))
}
