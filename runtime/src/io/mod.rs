//! Waiting for any descriptor: [`AsyncFd`].
//!
//! This is the one door between a file descriptor and the reactor, and the only one that the `net`
//! crate uses too. An operation is a closure that makes one non-blocking system call; `AsyncFd`
//! calls it when there is readiness, and waits when it says [`WouldBlock`](io::ErrorKind::WouldBlock).
//!
//! The danger is the call that is *not* made: readiness is reported once, and if it is forgotten
//! while there is something left, the task sleeps beside a full buffer. So the bits of a direction
//! are cleared before a call and stay clear only after a proof that nothing is left: `WouldBlock`,
//! or a short read from a kind of descriptor of which that is known. An error, a full read, a panic
//! in the closure prove nothing, and the bits go back.
//!
//! Writing is tried at once: there is mostly room. Its bits are cleared only after a first
//! `WouldBlock`, and then the call is made once more before anybody waits.

mod operation;
mod poll;

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::panic::Location;
use std::task::{Context, Poll};

use self::operation::{Waits, operation};
use crate::driver;
use crate::reactor::{self, Direction, PutBack, Slot, Source};
use crate::sys::{self, Mode};

pub use crate::faults::Portion;
pub use crate::reactor::{FdKind, Interest};

/// A file descriptor that can be waited for.
///
/// Anything that epoll knows: sockets, pipes, terminals, eventfd, timerfd, pidfd, inotify, message
/// queues. The descriptor must be in non-blocking mode, and there is one `AsyncFd` a descriptor.
/// Dropping it ends the registration and then drops what it holds.
///
/// # Examples
///
/// A pair of connected sockets of std's:
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use runtime::io::{AsyncFd, Interest};
///
/// # fn main() -> std::io::Result<()> {
/// runtime::block_on(async {
///     let (ours, mut theirs) = UnixStream::pair()?;
///     ours.set_nonblocking(true)?;
///     let ours = AsyncFd::new(ours)?;
///     theirs.write_all(b"ready")?;
///     let mut buffer = [0; 16];
///     let count = ours
///         .async_io(Interest::READABLE, |mut socket| socket.read(&mut buffer))
///         .await?;
///     assert_eq!(&buffer[..count], b"ready");
///     Ok(())
/// })
/// # }
/// ```
pub struct AsyncFd<T: AsFd> {
    // Above `io`: the registration ends before the descriptor is closed.
    source: Source,
    kind: FdKind,
    io: T,
}

impl<T: AsFd> AsyncFd<T> {
    /// Registers a descriptor for reading and writing.
    ///
    /// # Errors
    ///
    /// Outside of a runtime; for a descriptor in blocking mode; for a regular file or a directory,
    /// which epoll does not take; for one that another `AsyncFd` has registered; and whatever
    /// `epoll_ctl(2)` reports.
    #[track_caller]
    pub fn new(io: T) -> io::Result<Self> {
        Self::register("AsyncFd::new", io, Interest::READABLE | Interest::WRITABLE)
    }

    /// Registers a descriptor for one direction, or both. More can be waited for later.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn with_interest(io: T, interest: Interest) -> io::Result<Self> {
        Self::register("AsyncFd::with_interest", io, interest)
    }

    #[track_caller]
    fn register(call: &str, io: T, interest: Interest) -> io::Result<Self> {
        check_mode(io.as_fd(), call, Location::caller())?;
        let mut fd = Self::lazy(io, FdKind::Other, call)?;
        fd.source.claim()?;
        fd.source.ensure(interest)?;
        Ok(fd)
    }

    /// Takes a descriptor that is registered at its first wait. For crates that make descriptors.
    ///
    /// The descriptor must be non-blocking and of the `kind` said, and it must be the only one for
    /// its open file description: nobody has duplicated it. Who shows it to others calls
    /// [`expose`](Self::expose). A wrong `kind` makes tasks wait for what is there already.
    ///
    /// `call` is what the user called, to be named in the error.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn lazy(io: T, kind: FdKind, call: &str) -> io::Result<Self> {
        Self::lazy_at(io, kind, call, Location::caller())
    }

    /// As [`lazy`](Self::lazy), for a caller who was noted earlier: in an async function.
    ///
    /// # Errors
    ///
    /// Outside of a runtime.
    pub fn lazy_at(io: T, kind: FdKind, call: &str, caller: &Location<'_>) -> io::Result<Self> {
        let drivers = driver::current(call, caller)?;
        Ok(Self {
            source: Source::new(drivers.reactors().clone(), io.as_fd().as_raw_fd()),
            kind,
            io,
        })
    }

    /// Takes a descriptor that belongs to the same runtime as `self`: an accepted connection.
    pub fn lazy_like<U: AsFd>(&self, io: U, kind: FdKind) -> AsyncFd<U> {
        AsyncFd {
            source: Source::new(self.source.reactors().clone(), io.as_fd().as_raw_fd()),
            kind,
            io,
        }
    }

    /// Says that the descriptor may have been duplicated: closing it alone will not end its
    /// registration.
    pub fn expose(&self) {
        self.source.expose();
    }

    /// What it holds. Nothing there may be put into blocking mode.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Ends the registration and gives back what it held.
    pub fn into_inner(self) -> T {
        self.source.expose();
        let Self { source, io, .. } = self;
        drop(source);
        io
    }

    /// Waits until there may be something to read.
    ///
    /// It stays ready until an operation of [`try_io`](Self::try_io) or
    /// [`async_io`](Self::async_io) has met `WouldBlock`: read through those.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down, or the descriptor cannot be registered.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.ready(Interest::READABLE)
    }

    /// Waits until there may be room to write.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down, or the descriptor cannot be registered.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> + '_ {
        self.ready(Interest::WRITABLE)
    }

    /// Waits until any direction of `interest` is ready.
    ///
    /// # Errors
    ///
    /// When the runtime has shut down, or the descriptor cannot be registered.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: readiness stays until it is used.
    pub fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<()>> + '_ {
        operation(self, move |fd, context, waits| {
            fd.poll_ready(context, interest, waits)
        })
    }

    /// Makes one system call if there is readiness, without waiting.
    ///
    /// The bits of the directions are cleared before the call, and put back unless it would block:
    /// name only the direction that the call goes in, as for [`async_io`](Self::async_io).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no readiness or the call says so; else what the call reports.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let Some(slot) = self.source.slot() else {
            return call(&self.io);
        };
        let mut used = PutBack::take(slot, interest);
        if used.is_empty() {
            return Err(if slot.is_shut() {
                reactor::shut_down()
            } else {
                io::ErrorKind::WouldBlock.into()
            });
        }
        let result = call(&self.io);
        if poll::would_block(&result) {
            used.keep_clear();
            if interest.is_writable() {
                // Nobody may ever wait, and still there must be news when there is room again.
                self.source.ensure_for(Direction::Write)?;
            }
        }
        result
    }

    /// Makes one call of the write direction, without waiting; see
    /// [`write_with`](Self::write_with).
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the call says so, or is known to; else what the call reports.
    #[inline]
    pub fn try_write_with<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_write_portion_with(|io, _| call(io))
    }

    /// As [`try_write_with`](Self::try_write_with), for a call that may be told to do less.
    ///
    /// # Errors
    ///
    /// As [`try_write_with`](Self::try_write_with).
    #[inline]
    pub fn try_write_portion_with<R>(
        &self,
        mut call: impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> io::Result<R> {
        if !self.source.slot().is_some_and(Slot::is_plainly_writable) {
            return self.try_write_unusual(call);
        }
        match call(&self.io, Portion::ALL) {
            Err(error) => self.try_write_failed(error, call),
            done => done,
        }
    }

    /// There is no slot yet, or no readiness, or the runtime has a seed.
    #[cold]
    #[inline(never)]
    fn try_write_unusual<R>(
        &self,
        mut call: impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> io::Result<R> {
        let Some(slot) = self.source.slot() else {
            return call(&self.io, Portion::ALL);
        };
        if slot.peek(Direction::Write).is_none() && !slot.is_shut() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        call(&self.io, self.portion()).or_else(|error| self.try_write_failed(error, call))
    }

    /// If the call would block, clears the direction's readiness and makes the call again.
    #[cold]
    #[inline(never)]
    fn try_write_failed<R>(
        &self,
        error: io::Error,
        mut call: impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> io::Result<R> {
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(error);
        }
        self.try_io(Interest::WRITABLE, |io| call(io, self.portion()))
    }

    /// Makes a system call as soon as it does not block.
    ///
    /// Name the direction that the call goes in. After `WouldBlock` every direction of `interest`
    /// counts as drained: with both named, a call that only reads would make writers wait for an
    /// edge, though there is room. Both are for calls that may need either, such as a handshake, on
    /// a descriptor that nobody else uses meanwhile.
    ///
    /// # Errors
    ///
    /// What the call reports, but `WouldBlock`; and when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// The operation is called, and the result returned, in one step: if the future is dropped
    /// before it is done, no call has had an effect.
    pub fn async_io<R>(
        &self,
        interest: Interest,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        operation(self, move |fd, context, waits| {
            fd.poll_any(context, interest, waits, &mut call)
        })
    }

    /// One step of [`async_io`](Self::async_io), for hand-written futures.
    ///
    /// The waker of the latest call is woken. Those of earlier calls may be forgotten.
    ///
    /// # Errors
    ///
    /// As [`async_io`](Self::async_io).
    pub fn poll_io<R>(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_any(context, interest, Waits::AsWaker, &mut call)
    }

    /// Reads as soon as it does not block. The operation is asked for `wanted` bytes and returns
    /// how many came: that it came short may prove, by the [kind](FdKind), that nothing is left.
    ///
    /// # Errors
    ///
    /// What the call reports, but `WouldBlock`; and when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was read.
    pub fn read_with(
        &self,
        wanted: usize,
        mut call: impl FnMut(&T) -> io::Result<usize>,
    ) -> impl Future<Output = io::Result<usize>> {
        self.read_portion_with(wanted, move |io, _| call(io))
    }

    /// As [`read_with`](Self::read_with), for a call that may be told to do less than was wanted.
    ///
    /// On a runtime with a [seed](crate::Builder::seed) some calls are to ask the kernel for a
    /// [`Portion`] of `wanted`, and to behave as if they were interrupted, so that a test sees what is
    /// rare. On all others the portion is a constant, and costs nothing.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Self::read_with).
    ///
    /// # Cancel safety
    ///
    /// As [`read_with`](Self::read_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Read;
    /// use std::os::unix::net::UnixStream;
    /// use runtime::io::AsyncFd;
    ///
    /// async fn read(socket: &AsyncFd<UnixStream>, buffer: &mut [u8]) -> std::io::Result<usize> {
    ///     let wanted = buffer.len();
    ///     let call = |mut socket: &UnixStream, portion: runtime::io::Portion| {
    ///         socket.read(&mut buffer[..portion.of(wanted)])
    ///     };
    ///     socket.read_portion_with(wanted, call).await
    /// }
    /// ```
    #[inline]
    pub fn read_portion_with(
        &self,
        wanted: usize,
        mut call: impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> impl Future<Output = io::Result<usize>> {
        operation(self, move |fd, context, waits| {
            fd.poll_read(context, wanted, waits, &mut call)
        })
    }

    /// One step of [`read_with`](Self::read_with), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Self::read_with).
    pub fn poll_read_with(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        mut call: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_read_portion_with(context, wanted, |io, _| call(io))
    }

    /// One step of [`read_portion_with`](Self::read_portion_with), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`read_with`](Self::read_with).
    pub fn poll_read_portion_with(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        call: impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_read(context, wanted, Waits::AsWaker, call)
    }

    /// Writes as soon as it does not block: at once, mostly.
    ///
    /// # Errors
    ///
    /// What the call reports, but `WouldBlock`; and when the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is done, nothing was written.
    pub fn write_with<R>(
        &self,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.write_portion_with(move |io, _| call(io))
    }

    /// As [`write_with`](Self::write_with), for a call that may be told to do less: see
    /// [`read_portion_with`](Self::read_portion_with).
    ///
    /// # Errors
    ///
    /// As [`write_with`](Self::write_with).
    ///
    /// # Cancel safety
    ///
    /// As [`write_with`](Self::write_with).
    pub fn write_portion_with<R>(
        &self,
        mut call: impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        operation(self, move |fd, context, waits| {
            fd.poll_write(context, waits, &mut call)
        })
    }

    /// One step of [`write_with`](Self::write_with), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write_with`](Self::write_with).
    pub fn poll_write_with<R>(
        &self,
        context: &mut Context<'_>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_write_portion_with(context, |io, _| call(io))
    }

    /// One step of [`write_portion_with`](Self::write_portion_with), for hand-written futures.
    ///
    /// # Errors
    ///
    /// As [`write_with`](Self::write_with).
    pub fn poll_write_portion_with<R>(
        &self,
        context: &mut Context<'_>,
        mut call: impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_write(context, Waits::AsWaker, &mut call)
    }

    /// What the next call of [`try_io`](Self::try_io) is to do of what it is asked for: all, but on a
    /// runtime with a [seed](crate::Builder::seed).
    pub fn portion(&self) -> Portion {
        self.source.portion()
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    /// Lends the descriptor; whoever has it may duplicate it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.expose();
        self.io.as_fd()
    }
}

impl<T: AsFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd")
            .field("io", &self.io)
            .field("kind", &self.kind)
            .field("registered", &self.source.slot().is_some())
            .finish()
    }
}

fn check_mode(fd: BorrowedFd<'_>, call: &str, caller: &Location<'_>) -> io::Result<()> {
    match sys::mode(fd)? {
        Mode::NonBlocking => Ok(()),
        Mode::RegularFile => {
            let error = reactor::not_pollable();
            Err(io::Error::new(
                error.kind(),
                format!("{call} at {caller}: {error}"),
            ))
        }
        Mode::Blocking => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{call} at {caller}: the descriptor is in blocking mode, and one blocking call \
                 would stop all tasks of this thread: call set_nonblocking(true) on it first"
            ),
        )),
    }
}
