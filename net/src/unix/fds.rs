//! Sending descriptors, and receiving them.
//!
//! What is received is a duplicate: a new number for what the sender has open. The danger is to have
//! it and not to know it. Everything that arrives is owned at once (see `sys/rights.rs`), and if some
//! of what was sent could not be taken, those that could are closed and the call fails: half a
//! message is no message.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use runtime::io::{AsyncFd, Interest};

use crate::sys::{self, Delivery, MOST_FDS};

/// Sends bytes and descriptors through a socket that keeps no borders between messages, or does.
pub(super) fn send<'a, T: AsFd>(
    io: &'a AsyncFd<T>,
    bytes: &'a [u8],
    fds: &'a [BorrowedFd<'_>],
    is_stream: bool,
) -> impl Future<Output = io::Result<usize>> + 'a {
    let checked = check(bytes, fds, is_stream);
    async move {
        checked?;
        io.write_with(|socket| sys::send_with_fds(socket, bytes, fds))
            .await
    }
}

/// Receives bytes and at most `limit` descriptors.
pub(super) async fn recv<T: AsFd>(
    io: &AsyncFd<T>,
    buffer: &mut [u8],
    limit: usize,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let receive = |socket: &T| sys::recv_with_fds(socket, buffer, limit);
    let delivery = io.async_io(Interest::READABLE, receive).await?;
    if delivery.is_incomplete {
        return Err(incomplete(delivery, limit));
    }
    Ok((delivery.length, delivery.fds))
}

fn check(bytes: &[u8], fds: &[BorrowedFd<'_>], is_stream: bool) -> io::Result<()> {
    if fds.len() > MOST_FDS {
        return Err(invalid(format!(
            "send_with_fds: {} descriptors are more than the kernel takes with one message: send \
             {MOST_FDS} at most",
            fds.len()
        )));
    }
    // The kernel would say that all went well.
    if is_stream && bytes.is_empty() && !fds.is_empty() {
        return Err(invalid(String::from(
            "send_with_fds: on a stream, descriptors travel with a byte: send at least one",
        )));
    }
    Ok(())
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Closes what has come.
fn incomplete(delivery: Delivery, limit: usize) -> io::Error {
    let came = delivery.fds.len();
    drop(delivery.fds);
    let why = if came >= limit.min(MOST_FDS) {
        format!("more than {limit} were sent, which is the limit that was asked for")
    } else {
        String::from("this process may not open as many: close some, or raise its RLIMIT_NOFILE")
    };
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "recv_with_fds: descriptors were lost ({why}); the {came} that came are closed, and the \
             {} bytes that they came with are gone",
            delivery.length
        ),
    )
}
