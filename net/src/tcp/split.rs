//! A stream in two halves: one to read, one to write.
//!
//! Every method of a stream takes `&self`, so halves are not needed to do both at once. They are for
//! code that wants to own one direction, and for the promise that goes with it: when the owner of
//! the write half is done, the peer reads to the end.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;

use super::TcpStream;

/// The read half of a stream that is borrowed; see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The write half of a stream that is borrowed; see [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

/// The read half of a stream; see [`TcpStream::into_split`].
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
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The write half of a stream; see [`TcpStream::into_split`]. Dropping it ends the stream for the
/// peer.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    ends_stream: bool,
}

pub(super) fn split(stream: &TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn into_split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let writer = OwnedWriteHalf {
        stream: stream.clone(),
        ends_stream: true,
    };
    (OwnedReadHalf(stream), writer)
}

macro_rules! reading {
    ($($kind:ty),*) => {$(
        impl $kind {
            /// See [`TcpStream::read`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is done, no byte was taken.
            pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                self.as_ref().read(buffer)
            }

            /// See [`TcpStream::read_exact`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// None: what was read into the buffer by then is known to nobody.
            pub async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
                self.as_ref().read_exact(buffer).await
            }

            /// See [`TcpStream::read_vectored`].
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
                self.as_ref().read_vectored(buffers)
            }

            /// See [`TcpStream::read_buf`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is done, no byte was taken.
            pub fn read_buf(&self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>> {
                self.as_ref().read_buf(bytes)
            }

            /// See [`TcpStream::peek`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is taken.
            pub fn peek(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                self.as_ref().peek(buffer)
            }

            /// See [`TcpStream::try_read`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.as_ref().try_read(buffer)
            }

            /// See [`TcpStream::readable`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost: readiness stays until it is used.
            pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
                self.as_ref().readable()
            }
        }
    )*};
}

macro_rules! writing {
    ($($kind:ty),*) => {$(
        impl $kind {
            /// See [`TcpStream::write`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// If the future is dropped before it is done, nothing was written.
            pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
                self.as_ref().write(bytes)
            }

            /// See [`TcpStream::write_all`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// None: how much was written by then is known to nobody.
            pub async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
                self.as_ref().write_all(bytes).await
            }

            /// See [`TcpStream::write_vectored`].
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
                self.as_ref().write_vectored(buffers)
            }

            /// See [`TcpStream::try_write`].
            ///
            /// # Errors
            ///
            /// As there.
            pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.as_ref().try_write(bytes)
            }

            /// See [`TcpStream::writable`].
            ///
            /// # Errors
            ///
            /// As there.
            ///
            /// # Cancel safety
            ///
            /// Nothing is lost: readiness stays until it is used.
            pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
                self.as_ref().writable()
            }
        }
    )*};
}

macro_rules! both {
    ($($kind:ty),*) => {$(
        impl $kind {
            /// The address of this end.
            ///
            /// # Errors
            ///
            /// Whatever `getsockname(2)` reports.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.as_ref().local_addr()
            }

            /// The address of the other end.
            ///
            /// # Errors
            ///
            /// `NotConnected` if the peer has gone already.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.as_ref().peer_addr()
            }
        }
    )*};
}

reading!(ReadHalf<'_>, OwnedReadHalf);
writing!(WriteHalf<'_>, OwnedWriteHalf);
both!(ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);

impl OwnedReadHalf {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// Gives both back if they are not of one stream.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops the half without ending the stream for the peer.
    pub fn forget(mut self) {
        self.ends_stream = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.ends_stream {
            // The peer may have gone already, which is as good.
            let _ = self.stream.close_write();
        }
    }
}

fn reunite(reader: OwnedReadHalf, writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&reader.0, &writer.stream) {
        return Err(ReuniteError(reader, writer));
    }
    writer.forget();
    Ok(Arc::into_inner(reader.0).expect("a stream has two halves, and the other has just gone"))
}

/// The two halves belong to different streams: here they are.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the two halves belong to different streams")
    }
}

impl std::error::Error for ReuniteError {}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}
