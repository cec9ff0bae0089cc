//! Everything from one stream to another.

use std::io;

use futures_io::{AsyncRead, AsyncWrite};

use super::{AsyncReadExt, AsyncWriteExt};

/// Copies until the reader ends, flushes, and returns how many bytes there were.
///
/// The writer is not closed.
///
/// # Errors
///
/// Whatever the reader or the writer reports.
///
/// # Cancel safety
///
/// None: bytes that were read and not written yet are lost with the future.
///
/// # Examples
///
/// ```
/// # use net::{TcpListener, TcpStream};
/// /// An echo server's session, in a line.
/// async fn echo(stream: TcpStream) -> std::io::Result<u64> {
///     net::io::copy(&mut &stream, &mut &stream).await
/// }
/// # let _ = echo;
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut buffer = vec![0; BUFFER];
    let mut copied = 0;
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            writer.flush().await?;
            return Ok(copied);
        }
        writer.write_all(&buffer[..count]).await?;
        copied += count as u64;
    }
}

/// As std's.
const BUFFER: usize = 8 * 1024;
