//! A stream in two halves: one to read, one to write.
//!
//! Every method of a stream takes `&self`, so halves are not needed to do both at once. They are for
//! code that wants to own one direction, and for the promise that goes with it: when the owner of
//! the write half is done, the peer reads to the end.
//!
//! A half holds its stream by `H`: a reference, or what the two halves share. All that it does
//! is done by the stream's method of the same name.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Deref;
use std::sync::Arc;

use super::{Bytes, Socket};

/// The read half of a stream; see [`split`](Socket::split) and [`into_split`](Socket::into_split).
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
/// let (reader, writer) = client.into_split();
/// let sender = runtime::spawn(async move { writer.write_all(b"all of it").await });
/// server.write_all(b"and back").await?;
/// let mut buffer = [0; 8];
/// reader.read_exact(&mut buffer).await?;
/// sender.await.unwrap()?; // the writer is dropped: the stream ends for the server
/// let mut all = vec![0; 16];
/// assert_eq!(server.read(&mut all).await?, 9);
/// assert_eq!(server.read(&mut all).await?, 0);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct ReadHalf<H>(H);

/// The write half of a stream; see [`split`](Socket::split) and [`into_split`](Socket::into_split).
#[derive(Debug)]
pub struct WriteHalf<H>(H);

/// How an owned write half holds its stream: so that the stream ends for the peer when the half is
/// dropped.
#[derive(Debug)]
pub struct Ending<S: Bytes> {
    stream: Arc<Socket<S>>,
    ends_stream: bool,
}

pub(super) type Halves<S> = (ReadHalf<Arc<Socket<S>>>, WriteHalf<Ending<S>>);

pub(super) fn split<S: Bytes>(stream: &Socket<S>) -> (ReadHalf<&Socket<S>>, WriteHalf<&Socket<S>>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn into_split<S: Bytes>(stream: Socket<S>) -> Halves<S> {
    let stream = Arc::new(stream);
    let ending = Ending {
        stream: stream.clone(),
        ends_stream: true,
    };
    (ReadHalf(stream), WriteHalf(ending))
}

impl<S: Bytes, H: Deref<Target = Socket<S>>> ReadHalf<H> {
    /// The whole stream.
    pub(super) fn stream(&self) -> &Socket<S> {
        &self.0
    }

    /// See [`Socket::read`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.stream().read(buffer)
    }

    /// See [`Socket::read_exact`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody.
    pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.stream().read_exact(buffer).await
    }

    /// See [`Socket::read_vectored`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read_vectored(
        &self,
        buffers: &mut [IoSliceMut<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.stream().read_vectored(buffers)
    }

    /// See [`Socket::read_buf`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    pub fn read_buf(&self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>> {
        self.stream().read_buf(bytes)
    }

    /// See [`Socket::peek`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken.
    pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.stream().peek(buffer)
    }

    /// See [`Socket::try_read`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream().try_read(buffer)
    }

    /// See [`Socket::readable`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.stream().readable()
    }

    /// See [`Socket::local_addr`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.stream().local_addr()
    }

    /// See [`Socket::peer_addr`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.stream().peer_addr()
    }
}

impl<S: Bytes, H: Deref<Target = Socket<S>>> WriteHalf<H> {
    /// The whole stream.
    pub(super) fn stream(&self) -> &Socket<S> {
        &self.0
    }

    /// See [`Socket::write`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.stream().write(bytes)
    }

    /// See [`Socket::write_all`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        self.stream().write_all(bytes).await
    }

    /// See [`Socket::write_vectored`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write_vectored(
        &self,
        buffers: &[IoSlice<'_>],
    ) -> impl Future<Output = io::Result<usize>> {
        self.stream().write_vectored(buffers)
    }

    /// See [`Socket::write_all_vectored`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    pub async fn write_all_vectored(&self, buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
        self.stream().write_all_vectored(buffers).await
    }

    /// See [`Socket::try_write`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stream().try_write(bytes)
    }

    /// Ends the stream for the peer, who can still answer: [`Socket::shutdown`] of this direction.
    /// Dropping an owned half does the same.
    ///
    /// # Errors
    ///
    /// As there; none if the peer has gone already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use net::{TcpListener, TcpStream};
    /// # fn main() -> std::io::Result<()> {
    /// # runtime::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// let (reader, writer) = client.split();
    /// writer.write_all(b"a question").await?;
    /// writer.shutdown()?;
    /// let mut question = Vec::new();
    /// while server.read_buf(&mut question).await? > 0 {}
    /// server.write_all(b"an answer").await?;
    /// assert_eq!(reader.read(&mut [0; 16]).await?, 9);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn shutdown(&self) -> io::Result<()> {
        self.stream().close_write()
    }

    /// See [`Socket::writable`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.stream().writable()
    }

    /// See [`Socket::local_addr`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn local_addr(&self) -> io::Result<S::Address> {
        self.stream().local_addr()
    }

    /// See [`Socket::peer_addr`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn peer_addr(&self) -> io::Result<S::Address> {
        self.stream().peer_addr()
    }
}

impl<S: Bytes> ReadHalf<Arc<Socket<S>>> {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: WriteHalf<Ending<S>>) -> Result<Socket<S>, ReuniteError<S>> {
        if !Arc::ptr_eq(&self.0, &other.0.stream) {
            return Err(ReuniteError(self, other));
        }
        other.forget();
        Ok(Arc::into_inner(self.0).expect("a stream has two halves, and the other has just gone"))
    }
}

impl<S: Bytes> WriteHalf<Ending<S>> {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: ReadHalf<Arc<Socket<S>>>) -> Result<Socket<S>, ReuniteError<S>> {
        other.reunite(self)
    }

    /// Drops the half without ending the stream for the peer.
    pub fn forget(mut self) {
        self.0.ends_stream = false;
    }
}

impl<S: Bytes> Deref for Ending<S> {
    type Target = Socket<S>;

    fn deref(&self) -> &Socket<S> {
        &self.stream
    }
}

impl<S: Bytes> Drop for Ending<S> {
    fn drop(&mut self) {
        if self.ends_stream {
            // The peer may have gone already, which is as good.
            let _ = self.stream.close_write();
        }
    }
}

/// The two halves belong to different streams: here they are.
pub struct ReuniteError<S: Bytes>(pub ReadHalf<Arc<Socket<S>>>, pub WriteHalf<Ending<S>>);

impl<S: Bytes> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReuniteError")
    }
}

impl<S: Bytes> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl<S: Bytes> std::error::Error for ReuniteError<S> {}

impl<S: Bytes, H: Deref<Target = Socket<S>>> AsRef<Socket<S>> for ReadHalf<H> {
    fn as_ref(&self) -> &Socket<S> {
        &self.0
    }
}

impl<S: Bytes, H: Deref<Target = Socket<S>>> AsRef<Socket<S>> for WriteHalf<H> {
    fn as_ref(&self) -> &Socket<S> {
        &self.0
    }
}
