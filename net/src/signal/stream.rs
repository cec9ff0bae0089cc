//! The signals of one kind, one after the other.
//!
//! A stream has a descriptor of its own, so that it is woken in its own runtime, and a mailbox, as
//! another stream may have read what was meant for both (see [`audience`](super::audience)). So it
//! looks in three places: the mailbox, the kernel, and once more the mailbox before it sleeps.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use futures_core::Stream;
use runtime::io::{AsyncFd, FdKind, Interest};

use super::audience::Seat;
use super::{SigInfo, SignalKind, keeper, threads};
use crate::sys;

/// The signals of one kind; see [`signal`](super::signal).
pub struct Signal {
    fd: AsyncFd<OwnedFd>,
    seat: Seat,
}

impl Signal {
    pub(super) fn open(kind: SignalKind, caller: &Location<'_>) -> io::Result<Self> {
        let seat = Seat::take(kind);
        match descriptor(kind, caller) {
            Ok(fd) => Ok(Self { fd, seat }),
            Err(error) => {
                // What was released is so again: a second Ctrl-C is not lost to a stream that is none.
                if seat.took_back() {
                    seat.release();
                    keeper::follow()?;
                }
                Err(error)
            }
        }
    }

    /// Which signal it is.
    pub fn kind(&self) -> SignalKind {
        self.seat.kind()
    }

    /// Waits for the next signal. `None` when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, no signal was taken.
    pub async fn recv(&mut self) -> Option<SigInfo> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// One step of [`recv`](Self::recv), for hand-written futures.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<SigInfo>> {
        loop {
            if let Some(info) = self.seat.next() {
                return Poll::Ready(Some(info));
            }
            let seat = &self.seat;
            let read = |fd: &OwnedFd| seat.deliver(fd.as_fd());
            let has_room = match self.fd.poll_io(context, Interest::READABLE, read) {
                Poll::Ready(Ok(true)) => continue,
                Poll::Ready(Ok(false)) => false,
                Poll::Ready(Err(_)) => return Poll::Ready(None),
                Poll::Pending => true,
            };
            ready!(seat.poll_news(context, !has_room));
        }
    }

    /// Ends the stream, and gives the signal what it does by default back, if no other stream of its
    /// kind is left: a second Ctrl-C ends the program. One that has come and was not taken strikes at
    /// once.
    ///
    /// Opening a stream takes the signal again. Dropping one releases nothing: what comes then waits in
    /// the kernel, for the next stream or for the end of the runtime.
    ///
    /// # Errors
    ///
    /// If the system makes no more threads: it takes one, as the runtime's go on blocking the signal.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn drain() {}
    /// # async fn serve() -> std::io::Result<()> {
    /// use net::signal::{SignalKind, signal};
    ///
    /// let mut interrupt = signal(SignalKind::interrupt())?;
    /// interrupt.recv().await;
    /// interrupt.release()?;
    /// drain().await; // Ctrl-C ends this at once
    /// # Ok(())
    /// # }
    /// ```
    pub fn release(self) -> io::Result<()> {
        let Self { fd, seat } = self;
        drop(fd);
        seat.release();
        keeper::follow()
    }
}

/// Takes the signal for this stream: from now on all threads block it.
fn descriptor(kind: SignalKind, caller: &Location<'_>) -> io::Result<AsyncFd<OwnedFd>> {
    keeper::follow()?;
    threads::check(kind, caller)?;
    let fd = sys::signal::signal_fd(kind.as_raw_value())?;
    let fd = AsyncFd::lazy_at(fd, FdKind::Other, "signal", caller)?;
    register(&fd)?;
    Ok(fd)
}

/// Registers a descriptor now, as what can fail is to fail when the stream is opened.
fn register(fd: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(fd.readable()).poll(&mut context) {
        Poll::Ready(Err(error)) => Err(error),
        _ => Ok(()),
    }
}

impl Stream for Signal {
    type Item = SigInfo;

    /// Ends when the runtime has shut down.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SigInfo>> {
        self.get_mut().poll_recv(context)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.kind()).finish()
    }
}
