//! Readers made of readers: one that ends early, and two in a row.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead};

/// A reader that ends after so many bytes; see [`AsyncReadExt::take`](super::AsyncReadExt::take).
#[derive(Debug)]
pub struct Take<R> {
    inner: R,
    limit: u64,
}

impl<R> Take<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, limit }
    }

    /// How many bytes it still gives, if there are as many.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// From now on it gives so many bytes.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// What it reads from.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// What it reads from. What is read there directly does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Gives back what it reads from.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn within_limit(&self, length: usize) -> usize {
        usize::try_from(self.limit).map_or(length, |limit| limit.min(length))
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Take<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.within_limit(slice.len());
        if most == 0 {
            return Poll::Ready(Ok(0));
        }
        let count = ready!(Pin::new(&mut self.inner).poll_read(context, &mut slice[..most]))?;
        self.limit = self.limit.saturating_sub(count as u64);
        Poll::Ready(Ok(count))
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Take<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if this.limit == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let limit = this.limit;
        let there = ready!(Pin::new(&mut this.inner).poll_fill_buf(context))?;
        let most = usize::try_from(limit).map_or(there.len(), |limit| limit.min(there.len()));
        Poll::Ready(Ok(&there[..most]))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let count = self.within_limit(count);
        self.limit -= count as u64;
        Pin::new(&mut self.inner).consume(count);
    }
}

/// A reader that goes on with another where the first ends; see
/// [`AsyncReadExt::chain`](super::AsyncReadExt::chain).
#[derive(Debug)]
pub struct Chain<A, B> {
    first: A,
    second: B,
    first_has_ended: bool,
}

impl<A, B> Chain<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self {
            first,
            second,
            first_has_ended: false,
        }
    }

    /// The two readers.
    pub fn get_ref(&self) -> (&A, &B) {
        (&self.first, &self.second)
    }

    /// Gives back the two readers.
    pub fn into_inner(self) -> (A, B) {
        (self.first, self.second)
    }
}

impl<A: AsyncRead + Unpin, B: AsyncRead + Unpin> AsyncRead for Chain<A, B> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slice: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.first_has_ended {
            let count = ready!(Pin::new(&mut self.first).poll_read(context, slice))?;
            if count > 0 || slice.is_empty() {
                return Poll::Ready(Ok(count));
            }
            self.first_has_ended = true;
        }
        Pin::new(&mut self.second).poll_read(context, slice)
    }
}

impl<A: AsyncBufRead + Unpin, B: AsyncBufRead + Unpin> AsyncBufRead for Chain<A, B> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        if !this.first_has_ended {
            this.first_has_ended =
                ready!(Pin::new(&mut this.first).poll_fill_buf(context))?.is_empty();
        }
        if this.first_has_ended {
            Pin::new(&mut this.second).poll_fill_buf(context)
        } else {
            // Asked again, since what it showed above cannot be kept past the look at its length.
            Pin::new(&mut this.first).poll_fill_buf(context)
        }
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        if self.first_has_ended {
            Pin::new(&mut self.second).consume(count);
        } else {
            Pin::new(&mut self.first).consume(count);
        }
    }
}
