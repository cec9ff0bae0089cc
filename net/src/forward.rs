//! The traits of `futures-io` for what owns a reader or a writer, by the one for a reference to it.
//!
//! Our sockets and pipes read and write through `&self`, so it is the reference that has the traits,
//! and the owner lends itself. The traits are not ours, so one blanket `impl` cannot say that for
//! all; these two macros say it for each.

/// `AsyncRead` for a type, by that of the reference that it lends.
macro_rules! forward_read {
    ([$($generics:tt)*] $owner:ty, |$it:ident| $lent:expr) => {
        impl<$($generics)*> futures_io::AsyncRead for $owner {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_read(context, buffer)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_read_vectored(context, buffers)
            }
        }
    };
}

/// `AsyncWrite` for a type, by that of the reference that it lends.
macro_rules! forward_write {
    ([$($generics:tt)*] $owner:ty, |$it:ident| $lent:expr) => {
        impl<$($generics)*> futures_io::AsyncWrite for $owner {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_write(context, bytes)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_write_vectored(context, buffers)
            }

            /// As for a reference.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_flush(context)
            }

            /// As for a reference.
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $it = &*self;
                let mut lent = $lent;
                std::pin::Pin::new(&mut lent).poll_close(context)
            }
        }
    };
}

pub(crate) use {forward_read, forward_write};
