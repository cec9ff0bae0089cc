//! What goes between processes of one machine beside the bytes: descriptors, and who sent them.
//!
//! What is received is a duplicate: a new number for what the sender has open. The danger is to have
//! it and not to know it. Everything that arrives is owned at once (see `sys/rights.rs`), and if some
//! of what was sent could not be taken, those that could are closed and the call fails: half a
//! message is no message.

use std::future::Future;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::panic::Location;

use runtime::io::{FdKind, Interest};

use super::credentials::{self, UCred};
use crate::error;
use crate::socket::{Kind, Local, Socket};
use crate::sys::{self, Carries, Delivery, Loss, MOST_FDS};

/// # Between processes of one machine
impl<S: Local> Socket<S> {
    /// Writes bytes or sends a message, and sends duplicates of descriptors with it: on a stream, with
    /// the first of the bytes. 253 is the most.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for too many, or for descriptors without a byte on a stream; and whatever `sendmsg(2)`
    /// reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written or sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::fd::AsFd;
    /// # use net::UnixStream;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// let (one, other) = UnixStream::pair()?;
    /// let program = std::fs::File::open(std::env::current_exe()?)?;
    /// one.send_with_fds(b"x", &[program.as_fd()]).await?;
    ///
    /// let (_bytes, fds) = other.recv_with_fds(&mut [0; 1], 1).await?;
    /// let mut same = fds.into_iter().map(std::fs::File::from).next().unwrap();
    /// let mut magic = [0; 4];
    /// same.read_exact(&mut magic)?;
    /// assert_eq!(&magic, b"\x7fELF");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn send_with_fds<'a>(
        &'a self,
        bytes: &'a [u8],
        fds: &'a [BorrowedFd<'_>],
    ) -> impl Future<Output = io::Result<usize>> + 'a {
        let checked = check(bytes, fds, S::KEEPS_BORDERS);
        async move {
            checked?;
            self.io
                .write_with(|socket| sys::send_with_fds(socket.as_fd(), bytes, fds))
                .await
        }
    }

    /// Reads what has come, or receives a message, and takes the descriptors that came with it, `limit`
    /// at most: how many bytes, and which descriptors. They are close-on-exec.
    ///
    /// # Errors
    ///
    /// `InvalidData` if more descriptors were sent than `limit`, or than this process may have: then
    /// none is left open, and the bytes are gone. So it is if an option of the socket lets something
    /// else come that takes their room, as a security label may; credentials (`SO_PASSCRED`) and the
    /// sender's pidfd have their own. And whatever `recvmsg(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was taken.
    pub async fn recv_with_fds(
        &self,
        buffer: &mut [u8],
        limit: usize,
    ) -> io::Result<(usize, Vec<OwnedFd>)> {
        let receive = |socket: &S| sys::recv_with_fds(socket.as_fd(), buffer, limit);
        let delivery = self.io.async_io(Interest::READABLE, receive).await?;
        match delivery.loss {
            None => Ok((delivery.length, delivery.fds)),
            Some(loss) => Err(incomplete(delivery, loss, limit)),
        }
    }

    /// Who made the other end: of a connection, or of a [`pair`](crate::UnixDatagram::pair).
    ///
    /// # Errors
    ///
    /// `NotConnected` for other datagram sockets: whose a datagram is only its address says. And
    /// whatever `getsockopt(2)` reports.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        credentials::of_peer(self.inner())
    }
}

/// Two sockets that are connected to each other.
pub(super) fn pair<S: Kind>(
    carries: Carries,
    call: &str,
    caller: &Location<'_>,
) -> io::Result<(Socket<S>, Socket<S>)> {
    let (one, other) = sys::unix_pair(carries)?;
    let one = Socket::over_at(one.into(), FdKind::Other, call, caller)?;
    let other = Socket::over_at(other.into(), FdKind::Other, call, caller)?;
    Ok((one, other))
}

fn check(bytes: &[u8], fds: &[BorrowedFd<'_>], keeps_borders: bool) -> io::Result<()> {
    if fds.len() > MOST_FDS {
        return Err(error::invalid(format!(
            "send_with_fds: {} descriptors are more than the kernel takes with one message: send \
             {MOST_FDS} at most",
            fds.len()
        )));
    }
    // The kernel would say that all went well.
    if !keeps_borders && bytes.is_empty() && !fds.is_empty() {
        return Err(error::invalid(String::from(
            "send_with_fds: on a stream, descriptors travel with a byte: send at least one",
        )));
    }
    Ok(())
}

/// Closes what has come.
fn incomplete(delivery: Delivery, loss: Loss, limit: usize) -> io::Error {
    let came = delivery.fds.len();
    drop(delivery.fds);
    let why = match loss {
        Loss::Limit => {
            format!("more than {limit} were sent, which is the limit that was asked for")
        }
        Loss::Table => String::from(
            "this process may not open as many: close some, or raise its RLIMIT_NOFILE",
        ),
        Loss::Room => String::from(
            "what else the socket receives with each message took their room: turn that option \
             off, SO_PASSSEC or SO_TIMESTAMP mostly",
        ),
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
