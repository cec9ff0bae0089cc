//! The methods that every writer has.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;

use futures_io::AsyncWrite;

use crate::whole::ToWrite;

/// One method for each kind of number and each order of its bytes.
macro_rules! write_numbers {
    ($($kind:ident: $write:ident, $write_le:ident;)*) => {$(
        #[doc = concat!("Writes a `", stringify!($kind), "`, the most significant byte first.")]
        ///
        /// # Errors
        ///
        /// As [`write_all`](Self::write_all).
        ///
        /// # Cancel safety
        ///
        /// None: how much was written by then is known to nobody.
        fn $write(&mut self, number: $kind) -> impl Future<Output = io::Result<()>>
        where
            Self: Unpin,
        {
            async move { self.write_all(&number.to_be_bytes()).await }
        }

        #[doc = concat!("Writes a `", stringify!($kind), "`, the least significant byte first.")]
        ///
        /// # Errors
        ///
        /// As [`write_all`](Self::write_all).
        ///
        /// # Cancel safety
        ///
        /// None: how much was written by then is known to nobody.
        fn $write_le(&mut self, number: $kind) -> impl Future<Output = io::Result<()>>
        where
            Self: Unpin,
        {
            async move { self.write_all(&number.to_le_bytes()).await }
        }
    )*};
}

/// What can be done with a writer.
///
/// # Examples
///
/// ```
/// use net::io::AsyncWriteExt;
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let mut writer = Vec::new();
///     writer.write_u16(5).await?;
///     writer.write_all(b"hello").await?;
///     writer.close().await?;
///     assert_eq!(writer, b"\x00\x05hello");
///     Ok(())
/// })
/// # }
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

    /// Writes from several buffers, one after the other, as much as there is room for.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> impl Future<Output = io::Result<usize>>
    where
        Self: Unpin,
    {
        poll_fn(move |context| Pin::new(&mut *self).poll_write_vectored(context, buffers))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// `WriteZero` if the writer takes no more; and whatever it reports.
    ///
    /// # Cancel safety
    ///
    /// None: how much was written by then is known to nobody. A
    /// [`BufWriter`](super::BufWriter) has a [`write_all`](super::BufWriter::write_all) that takes
    /// all or nothing.
    fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        async move {
            let mut whole = ToWrite::new(bytes);
            while let Some(rest) = whole.rest() {
                whole.went(self.write(rest).await?)?;
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

    /// Writes one byte.
    ///
    /// # Errors
    ///
    /// As [`write_all`](Self::write_all).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    fn write_u8(&mut self, byte: u8) -> impl Future<Output = io::Result<()>>
    where
        Self: Unpin,
    {
        async move { self.write_all(&[byte]).await }
    }

    write_numbers! {
        u16: write_u16, write_u16_le;
        i16: write_i16, write_i16_le;
        u32: write_u32, write_u32_le;
        i32: write_i32, write_i32_le;
        u64: write_u64, write_u64_le;
        i64: write_i64, write_i64_le;
        u128: write_u128, write_u128_le;
        i128: write_i128, write_i128_le;
        f32: write_f32, write_f32_le;
        f64: write_f64, write_f64_le;
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}
