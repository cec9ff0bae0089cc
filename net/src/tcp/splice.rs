//! A way for `copy` to splice from and to sockets, through the traits that all readers have.
//!
//! Copying is written for any reader and any writer, and two sockets can do better: the kernel moves
//! the bytes from one to the other, through a pipe. But a reader that is a socket looks like any
//! other. So [`is_stream`] tells whether a type is a stream of ours and nothing round it; and then a
//! read of no buffers at all, which has no other use, is an order to splice: from where to where is
//! in a variable of the thread for as long as the call lasts.
//!
//! The danger is a wrapper that passes such a read on, as one that encrypts would: the bytes would
//! go round it. That is why the type is asked for first. And an order is taken before anything else
//! is done: a waker of somebody else's, called later, will not find it.

use std::cell::Cell;
use std::io;
use std::net::TcpStream as StdStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

use runtime::io::{AsyncFd, Interest};

use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};
use crate::sys;

/// An order: how many bytes at most, and which end of a pipe they go to or come from.
#[derive(Clone, Copy)]
struct Order {
    pipe: RawFd,
    most: usize,
}

thread_local! {
    static ORDER: Cell<Option<Order>> = const { Cell::new(None) };
}

/// Whether a type is one of our streams, or a half of one, or a reference to a stream.
pub(crate) fn is_stream<T: ?Sized>() -> bool {
    sys::is_same::<T, TcpStream>()
        || sys::is_same::<T, &TcpStream>()
        || sys::is_same::<T, ReadHalf<'_>>()
        || sys::is_same::<T, WriteHalf<'_>>()
        || sys::is_same::<T, OwnedReadHalf>()
        || sys::is_same::<T, OwnedWriteHalf>()
}

/// Makes `call`, a read or a write of no buffers on a stream of ours, an order to splice.
pub(crate) fn order<R>(pipe: BorrowedFd<'_>, most: usize, call: impl FnOnce() -> R) -> R {
    let _done = Done;
    let pipe = pipe.as_raw_fd();
    ORDER.set(Some(Order { pipe, most }));
    call()
}

/// However the call ended, the order has, also if nobody has taken it.
struct Done;

impl Drop for Done {
    fn drop(&mut self) {
        ORDER.set(None);
    }
}

/// Moves bytes to the pipe of the order, which is empty; 0 means that only a read can tell.
pub(super) fn poll_from(
    io: &AsyncFd<StdStream>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let Some(order) = ORDER.take() else {
        return Poll::Ready(Ok(0));
    };
    io.poll_io(context, Interest::READABLE, |socket| {
        let socket = socket.as_fd();
        match sys::splice(socket.as_raw_fd(), order.pipe, order.most) {
            // At the place of an urgent byte splice finds nothing for ever, or an end, though
            // there is more behind it. A read passes the place.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if sys::is_readable(socket)? {
                    Ok(0)
                } else {
                    Err(error)
                }
            }
            moved => moved,
        }
    })
}

/// Moves bytes out of the pipe of the order, which has as many.
pub(super) fn poll_to(
    io: &AsyncFd<StdStream>,
    context: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let Some(order) = ORDER.take() else {
        return Poll::Ready(Ok(0));
    };
    io.poll_write_with(context, |socket| {
        sys::splice(order.pipe, socket.as_raw_fd(), order.most)
    })
}
