//! One step of an operation: clear, call, wait.
//!
//! The file to read for *why no task sleeps beside a full buffer*. Reading clears the bits of its
//! direction before the call. Writing calls first, since there is mostly room, and clears only when
//! the call would block, to call once more before it waits. What a call does not use up goes back
//! by itself when [`PutBack`] is dropped, also when the call panics.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, Waker, ready};

use super::operation::Waits;
use super::{AsyncFd, Interest, Portion};
use crate::coop::{self, Progress};
use crate::reactor::{Direction, PutBack, Registered, Slot, Taken};

impl<T: AsFd> AsyncFd<T> {
    /// Reads; a short read may prove that nothing is left.
    ///
    /// What mostly happens stands here, one step without a loop: a read that drains the descriptor, or
    /// a wait after it. All else is in [`read_again`](Self::read_again).
    #[inline]
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        waits: Waits<'_>,
        mut call: impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let progress = ready!(coop::poll_proceed(context));
        let waker = context.waker();
        let Some(slot) = self.source.slot() else {
            return self.read_again(progress, waker, wanted, waits, None, call);
        };
        let taken = slot.take(Direction::Read);
        if taken.ready.is_none() {
            return match self.source.wait_to_read(slot, taken, waker) {
                true => Poll::Pending,
                false => self.read_again(progress, waker, wanted, waits, None, call),
            };
        }
        if taken.is_portioned() {
            let taken = Some((slot, taken));
            return self.read_again(progress, waker, wanted, waits, taken, call);
        }
        let used = PutBack::of(slot, Direction::Read, taken.ready);
        let result = call(&self.io, Portion::ALL);
        if is_short(&result, wanted) && self.kind.trusts_short_read(taken) {
            used.end(true);
            progress.made();
            return Poll::Ready(result);
        }
        let blocks = would_block(&result);
        used.end(blocks);
        if blocks {
            return self.read_again(progress, waker, wanted, waits, None, call);
        }
        progress.made();
        Poll::Ready(result)
    }

    /// Reads until there is a result, or nothing to read; waits first, unless something was `taken`.
    #[cold]
    #[inline(never)]
    fn read_again<'a>(
        &'a self,
        progress: Progress,
        waker: &Waker,
        wanted: usize,
        mut waits: Waits<'_>,
        mut taken: Option<(&'a Slot, Taken)>,
        mut call: impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let Some((slot, found)) = taken.take() else {
                ready!(self.poll_wait_in(waker, Direction::Read, &mut waits))?;
                taken = self.take_to_read();
                continue;
            };
            let portion = self.portion();
            let used = PutBack::of(slot, Direction::Read, found.ready);
            let result = call(&self.io, portion);
            let blocks = would_block(&result);
            let is_short = is_short(&result, portion.of(wanted));
            used.end(blocks || (is_short && self.kind.trusts_short_read(found)));
            if !blocks {
                progress.made();
                return Poll::Ready(result);
            }
        }
    }

    fn take_to_read(&self) -> Option<(&Slot, Taken)> {
        let slot = self.source.slot()?;
        let taken = slot.take(Direction::Read);
        (!taken.ready.is_none()).then_some((slot, taken))
    }

    /// Writes, or whatever else of the write direction; at once, if nothing is known against it.
    #[inline]
    pub(super) fn poll_write<R>(
        &self,
        context: &mut Context<'_>,
        mut waits: Waits<'_>,
        call: &mut impl FnMut(&T, Portion) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let progress = ready!(coop::poll_proceed(context));
        let mut cleared: Option<PutBack<'_>> = None;
        loop {
            let slot = self.source.slot();
            let is_plain = slot.is_none_or(Slot::is_plainly_writable);
            let is_blocked = !is_plain
                && slot
                    .is_some_and(|slot| cleared.is_none() && slot.peek(Direction::Write).is_none());
            if !is_blocked {
                let result = if is_plain {
                    call(&self.io, Portion::ALL)
                } else {
                    call(&self.io, self.portion())
                };
                if !would_block(&result) {
                    progress.made();
                    return Poll::Ready(result);
                }
                if let Some(mut used) = cleared.take() {
                    used.keep_clear();
                } else if let Some(used) = self.clear_write()? {
                    cleared = Some(used);
                    continue;
                }
            }
            ready!(self.poll_wait_in(context.waker(), Direction::Write, &mut waits))?;
        }
    }

    /// After a call that would block: clears the write direction, for the call to be made again.
    /// `None` if that is not needed, as the kernel has just been asked to tell.
    #[cold]
    fn clear_write(&self) -> io::Result<Option<PutBack<'_>>> {
        let (slot, is_fresh) = self.source.ensure_for(Direction::Write)?;
        Ok((!is_fresh).then(|| PutBack::take(slot, Interest::WRITABLE)))
    }

    /// Any call in any direction; only `WouldBlock` proves anything.
    pub(super) fn poll_any<R>(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        mut waits: Waits<'_>,
        call: &mut impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let progress = ready!(coop::poll_proceed(context));
        loop {
            if let Some(slot) = self.source.slot() {
                let mut used = PutBack::take(slot, interest);
                if !used.is_empty() {
                    let result = call(&self.io);
                    if !would_block(&result) {
                        progress.made();
                        return Poll::Ready(result);
                    }
                    used.keep_clear();
                }
            }
            ready!(self.poll_wait(context, interest, &mut waits))?;
        }
    }

    /// Waits for readiness and leaves it as it is.
    pub(super) fn poll_ready(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        mut waits: Waits<'_>,
    ) -> Poll<io::Result<()>> {
        let progress = ready!(coop::poll_proceed(context));
        for direction in interest.directions() {
            // What was assumed becomes known.
            self.source.ensure_for(direction)?;
        }
        ready!(self.poll_wait(context, interest, &mut waits))?;
        progress.made();
        Poll::Ready(Ok(()))
    }

    /// Stores the waker in each direction; ready as soon as one of them is.
    fn poll_wait(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        waits: &mut Waits<'_>,
    ) -> Poll<io::Result<()>> {
        if interest.is_readable() {
            let waited = self.poll_wait_in(context.waker(), Direction::Read, waits);
            if waited.is_ready() || !interest.is_writable() {
                return waited;
            }
        }
        self.poll_wait_in(context.waker(), Direction::Write, waits)
    }

    fn poll_wait_in(
        &self,
        waker: &Waker,
        direction: Direction,
        waits: &mut Waits<'_>,
    ) -> Poll<io::Result<()>> {
        let waited = self.source.wait(direction, waker, |slot| {
            waits.join_crowd(slot, direction, waker)
        });
        match waited? {
            Registered::Ready => Poll::Ready(Ok(())),
            Registered::Waiting => Poll::Pending,
        }
    }
}

/// Whether something came, and less than there was room for.
///
/// In one comparison: 0 less 1 is more than anything.
#[inline(always)]
fn is_short(result: &io::Result<usize>, wanted: usize) -> bool {
    matches!(result, Ok(count) if count.wrapping_sub(1) < wanted.wrapping_sub(1))
}

#[inline]
pub(super) fn would_block<R>(result: &io::Result<R>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
