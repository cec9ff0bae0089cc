//! One step of an operation: clear, call, wait.
//!
//! The file to read for *why no task sleeps beside a full buffer*. Reading clears the bits of its
//! direction before the call. Writing calls first, since there is mostly room, and clears only when
//! the call would block, to call once more before it waits. What a call does not use up goes back
//! by itself when [`PutBack`] is dropped, also when the call panics.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use super::operation::Waits;
use super::{AsyncFd, Interest, Portion};
use crate::coop;
use crate::reactor::{Direction, PutBack, Registered, Slot, Taken};

impl<T: AsFd> AsyncFd<T> {
    /// Reads; a short read may prove that nothing is left.
    #[inline]
    pub(super) fn poll_read(
        &self,
        context: &mut Context<'_>,
        wanted: usize,
        mut waits: Waits<'_>,
        call: &mut impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let progress = ready!(coop::poll_proceed(context));
        loop {
            if let Some(slot) = self.source.slot() {
                let taken = slot.take(Direction::Read);
                if taken.ready.is_none() {
                    // The usual case after a read that drained it.
                } else if taken.is_portioned() {
                    if let Some(result) = self.read_portion(slot, taken, wanted, call) {
                        progress.made();
                        return Poll::Ready(result);
                    }
                } else {
                    let mut used = PutBack::of(slot, Direction::Read, taken.ready);
                    let result = call(&self.io, Portion::ALL);
                    if !self.blocks(&result, wanted, taken, &mut used) {
                        progress.made();
                        return Poll::Ready(result);
                    }
                }
            }
            ready!(self.poll_wait_in(context, Direction::Read, &mut waits))?;
        }
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
            ready!(self.poll_wait_in(context, Direction::Write, &mut waits))?;
        }
    }

    /// Whether the call would have blocked; and what its result proves, about what `used` is.
    #[inline(always)]
    fn blocks(
        &self,
        result: &io::Result<usize>,
        wanted: usize,
        taken: Taken,
        used: &mut PutBack<'_>,
    ) -> bool {
        let is_short = matches!(result, Ok(count) if 0 < *count && *count < wanted);
        let blocks = would_block(result);
        if blocks || (is_short && self.kind.trusts_short_read(taken)) {
            used.keep_clear();
        }
        blocks
    }

    /// One read of which a seed decides how much it does. `None` if it would block.
    #[cold]
    #[inline(never)]
    fn read_portion(
        &self,
        slot: &Slot,
        taken: Taken,
        wanted: usize,
        call: &mut impl FnMut(&T, Portion) -> io::Result<usize>,
    ) -> Option<io::Result<usize>> {
        let portion = self.portion();
        let mut used = PutBack::of(slot, Direction::Read, taken.ready);
        let result = call(&self.io, portion);
        let blocks = self.blocks(&result, portion.of(wanted), taken, &mut used);
        (!blocks).then_some(result)
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
            let waited = self.poll_wait_in(context, Direction::Read, waits);
            if waited.is_ready() || !interest.is_writable() {
                return waited;
            }
        }
        self.poll_wait_in(context, Direction::Write, waits)
    }

    #[inline(always)]
    fn poll_wait_in(
        &self,
        context: &mut Context<'_>,
        direction: Direction,
        waits: &mut Waits<'_>,
    ) -> Poll<io::Result<()>> {
        let waker = context.waker();
        let waited = self.source.wait(direction, waker, |slot| {
            waits.join_crowd(slot, direction, waker)
        });
        match waited? {
            Registered::Ready => Poll::Ready(Ok(())),
            Registered::Waiting => Poll::Pending,
        }
    }
}

#[inline]
pub(super) fn would_block<R>(result: &io::Result<R>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
