//! The methods that every reader and every writer has.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;

use futures_io::{AsyncRead, AsyncWrite};

/// What can be done with a reader.
///
/// # Examples
///
/// ```
/// use net::io::AsyncReadExt;
///
/// async fn first_word(reader: &mut (impl net::io::AsyncRead + Unpin)) -> std::io::Result<[u8; 4]> {
///     let mut word = [0; 4];
///     reader.read_exact(&mut word).await?;
///     Ok(word)
/// }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// Reads what has come, or waits until something has. 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        poll_fn(move |context| Pin::new(&mut *self).poll_read(context, buffer))
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before that; and whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody.
    fn read_exact(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        async move {
            let mut filled = 0;
            while filled < buffer.len() {
                match self.read(&mut buffer[filled..]).await? {
                    0 => return Err(super::ends_early()),
                    count => filled += count,
                }
            }
            Ok(())
        }
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

/// What can be done with a writer.
///
/// # Examples
///
/// ```
/// use net::io::AsyncWriteExt;
///
/// async fn answer(writer: &mut (impl net::io::AsyncWrite + Unpin)) -> std::io::Result<()> {
///     writer.write_all(b"42\n").await?;
///     writer.close().await
/// }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes as much as there is room for, or waits until there is room.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        poll_fn(move |context| Pin::new(&mut *self).poll_write(context, bytes))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// `WriteZero` if the writer takes no more; and whatever it reports.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody.
    fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        async move {
            let mut left = bytes;
            while !left.is_empty() {
                match self.write(left).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    count => left = &left[count..],
                }
            }
            Ok(())
        }
    }

    /// Sends on what the writer has kept back.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; flush again.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        poll_fn(|context| Pin::new(&mut *self).poll_flush(context))
    }

    /// Ends the stream for who reads it.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost; close again.
    fn close(&mut self) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        poll_fn(|context| Pin::new(&mut *self).poll_close(context))
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
