//! The methods that every reader has.
//!
//! The danger is a future that is dropped half-way: what it has read must be somewhere. See
//! [the rule](super#what-is-lost-when-a-future-is-dropped).

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;

use futures_io::AsyncRead;

use super::{Chain, Take};
use crate::error;
use crate::whole::ToRead;

/// One method for each kind of number and each order of its bytes.
macro_rules! read_numbers {
    ($($kind:ident: $read:ident, $read_le:ident;)*) => {$(
        #[doc = concat!("Reads a `", stringify!($kind), "`, the most significant byte first.")]
        ///
        /// # Errors
        ///
        /// As [`read_exact`](Self::read_exact).
        ///
        /// # Cancel safety
        ///
        /// None: bytes that were read by then are lost. On a
        /// [`BufReader`](super::BufReader), wait with [`fill_to`](super::BufReader::fill_to) first.
        fn $read(&mut self) -> impl Future<Output = io::Result<$kind>>
        where
            Self: Unpin,
        {
            async move { read_array(self).await.map($kind::from_be_bytes) }
        }

        #[doc = concat!("Reads a `", stringify!($kind), "`, the least significant byte first.")]
        ///
        /// # Errors
        ///
        /// As [`read_exact`](Self::read_exact).
        ///
        /// # Cancel safety
        ///
        /// None: bytes that were read by then are lost. On a
        /// [`BufReader`](super::BufReader), wait with [`fill_to`](super::BufReader::fill_to) first.
        fn $read_le(&mut self) -> impl Future<Output = io::Result<$kind>>
        where
            Self: Unpin,
        {
            async move { read_array(self).await.map($kind::from_le_bytes) }
        }
    )*};
}

/// What can be done with a reader.
///
/// # Examples
///
/// ```
/// use net::io::AsyncReadExt;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut reader: &[u8] = b"\x00\x05hello and the rest";
///     let length = reader.read_u16().await?;
///     let mut word = vec![0; length.into()];
///     reader.read_exact(&mut word).await?;
///     assert_eq!(word, b"hello");
///     let mut rest = String::new();
///     reader.read_to_string(&mut rest).await?;
///     assert_eq!(rest, " and the rest");
///     Ok(())
/// })
/// # }
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

    /// Reads into the capacity that a vector has left, and makes it longer by as much as came. If
    /// none is left, it gets some. 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    fn read_buf(&mut self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        poll_fn(move |context| {
            if bytes.len() == bytes.capacity() {
                bytes.reserve(LEAST_SPARE);
            }
            let mut room = Room::in_spare_of(bytes);
            let read = Pin::new(&mut *self).poll_read(context, room.as_mut());
            read.map_ok(|count| {
                room.keep(count);
                count
            })
        })
    }

    /// Fills the buffer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends before that; and whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// None: what was read into the buffer by then is known to nobody. A
    /// [`BufReader`](super::BufReader) has a [`read_exact`](super::BufReader::read_exact) that
    /// takes all or nothing.
    fn read_exact(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        async move {
            let mut whole = ToRead::new(buffer);
            while let Some(rest) = whole.rest() {
                let count = self.read(rest).await?;
                whole.came(count)?;
            }
            Ok(())
        }
    }

    /// Reads to the end of the stream, appends what came, and returns how much this call read.
    ///
    /// There is no limit to it: a peer is read with [`take`](Self::take) before.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; what came before is in `bytes`.
    ///
    /// # Cancel safety
    ///
    /// What was read is in `bytes`: call it again with the same, and it goes on.
    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        async move {
            let before = bytes.len();
            loop {
                if bytes.capacity() - bytes.len() < LEAST_SPARE {
                    bytes.reserve(FIRST_SPARE);
                }
                if self.read_buf(bytes).await? == 0 {
                    return Ok(bytes.len() - before);
                }
            }
        }
    }

    /// Reads to the end of the stream, appends what came, and returns how many bytes it was.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not UTF-8; and whatever the reader reports. `text` is then as it was.
    ///
    /// # Cancel safety
    ///
    /// None: what was read by then is lost. [`read_to_end`](Self::read_to_end) keeps it.
    fn read_to_string(&mut self, text: &mut String) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        async move {
            let mut bytes = Vec::new();
            self.read_to_end(&mut bytes).await?;
            text.push_str(std::str::from_utf8(&bytes).map_err(|_| error::not_text())?);
            Ok(bytes.len())
        }
    }

    /// A reader that ends after so many bytes.
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }

    /// A reader that goes on with `next` where this one ends.
    fn chain<R: AsyncRead>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
    {
        Chain::new(self, next)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// As [`read_exact`](Self::read_exact).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no byte was taken.
    fn read_u8(&mut self) -> impl Future<Output = io::Result<u8>>
    where
        Self: Unpin,
    {
        async move { read_array(self).await.map(|[byte]| byte) }
    }

    read_numbers! {
        u16: read_u16, read_u16_le;
        i16: read_i16, read_i16_le;
        u32: read_u32, read_u32_le;
        i32: read_i32, read_i32_le;
        u64: read_u64, read_u64_le;
        i64: read_i64, read_i64_le;
        u128: read_u128, read_u128_le;
        i128: read_i128, read_i128_le;
        f32: read_f32, read_f32_le;
        f64: read_f64, read_f64_le;
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}

async fn read_array<const N: usize>(
    reader: &mut (impl AsyncRead + Unpin + ?Sized),
) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A vector that is longer for the time of one read. Whatever happens in that, also a panic, it is
/// afterwards no longer than what was read.
struct Room<'a> {
    bytes: &'a mut Vec<u8>,
    filled: usize,
}

impl<'a> Room<'a> {
    fn in_spare_of(bytes: &'a mut Vec<u8>) -> Self {
        let filled = bytes.len();
        // Filling with zeroes what is then not used has its price too.
        let spare = (bytes.capacity() - filled).min(MOST_SPARE);
        bytes.resize(filled + spare, 0);
        Self { bytes, filled }
    }

    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.filled..]
    }

    fn keep(&mut self, count: usize) {
        self.filled = (self.filled + count).min(self.bytes.len());
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.filled);
    }
}

/// Room for a vector that has none left.
const LEAST_SPARE: usize = 64;
/// Room to begin with, when all is read; the vector doubles from there.
const FIRST_SPARE: usize = 1024;
/// Room for one read.
const MOST_SPARE: usize = 64 * 1024;
