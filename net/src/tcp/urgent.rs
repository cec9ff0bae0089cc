//! Out-of-band data: the one byte that overtakes the stream.
//!
//! TCP can mark a byte as urgent. The kernel takes it out of the stream and keeps it aside, and says
//! so by an event of its own. The danger is to mistake one kind of readiness for the other: who
//! waits for the urgent byte finds none while ordinary bytes lie there unread, and would either spin
//! or, by taking "nothing urgent" for "nothing at all", put the readers of the stream to sleep beside
//! a full buffer. So the urgent byte is waited for through a duplicate of the descriptor, which has
//! readiness of its own.

use std::future::Future;
use std::io;
use std::net::TcpStream as StdStream;
use std::os::fd::AsFd;

use runtime::io::{AsyncFd, FdKind, Interest};

use super::TcpStream;
use crate::sys::{self, option};

impl TcpStream {
    /// Sends one byte that the peer is told of before it has read what was sent earlier.
    ///
    /// # Errors
    ///
    /// Whatever `send(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was sent.
    pub fn send_urgent(&self, byte: u8) -> impl Future<Output = io::Result<()>> {
        let sent = self
            .io
            .write_with(move |socket| sys::send_urgent(socket.as_fd(), &[byte]));
        async move { sent.await.map(drop) }
    }

    /// The stream, and someone who waits for its urgent bytes while others read it.
    ///
    /// # Errors
    ///
    /// When there are no descriptors left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// let (server, urgent) = server.with_urgent()?;
    /// client.write_all(b"what was sent before").await?;
    /// client.send_urgent(b'!').await?;
    /// assert_eq!(urgent.recv().await?, Some(b'!'));
    /// server.read_exact(&mut [0; 20]).await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn with_urgent(self) -> io::Result<(Self, Urgent)> {
        let io = self.io;
        let duplicate = io.get_ref().try_clone()?;
        let urgent = io.lazy_like(duplicate, FdKind::Other);
        // Each keeps the description open when the other is closed.
        urgent.expose();
        // A read stops short of the place of an urgent byte, also when that was taken before the
        // stream has heard of it. So this stream's short reads prove nothing from now on.
        let io = urgent.lazy_like(io.into_inner(), FdKind::Other);
        io.expose();
        Ok((Self { io, state: () }, Urgent { io: urgent }))
    }

    /// Whether urgent bytes stay in their place in the stream (`SO_OOBINLINE`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` reports.
    pub fn oob_inline(&self) -> io::Result<bool> {
        option::flag(self.inner().as_fd(), option::URGENT_INLINE)
    }

    /// Leaves urgent bytes in their place in the stream: then [`Urgent::recv`] gets none, and a
    /// read stops before such a byte.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` reports.
    pub fn set_oob_inline(&self, on: bool) -> io::Result<()> {
        option::set_flag(self.inner().as_fd(), option::URGENT_INLINE, on)
    }
}

/// Receives the urgent bytes of a stream; see [`TcpStream::with_urgent`].
///
/// The connection is closed when this has gone too, not only the stream.
#[derive(Debug)]
pub struct Urgent {
    io: AsyncFd<StdStream>,
}

impl Urgent {
    /// Waits for an urgent byte and takes it. `None` if the peer has ended the stream.
    ///
    /// The kernel keeps one: a second that comes before the first was taken replaces it. And one
    /// whose place in the stream was not read yet when the next comes is put back into its place,
    /// taken or not.
    ///
    /// # Errors
    ///
    /// Whatever `recv(2)` reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub async fn recv(&self) -> io::Result<Option<u8>> {
        self.io.async_io(Interest::READABLE, take).await
    }
}

fn take(socket: &StdStream) -> io::Result<Option<u8>> {
    match sys::recv_urgent(socket.as_fd()) {
        // None was announced. If the peer has ended, none will be.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            if sys::has_ended(socket.as_fd())? {
                return Ok(None);
            }
            Err(io::ErrorKind::WouldBlock.into())
        }
        taken => taken,
    }
}
