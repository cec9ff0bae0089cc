//! One descriptor's registration: not yet, or at a place of its reactor.
//!
//! Sockets of ours are registered lazily, at the first wait: many connections of a busy server
//! never need to wait for room to write, some never wait at all. So registering is a state, and two
//! tasks may come to the first wait at once: a lock makes it happen once, and makes widening a
//! registration to the write direction happen once. Once done, the slot is found without the lock.
//!
//! The danger is at the end. `close(2)` alone ends a registration only if no duplicate of the
//! descriptor lives on, in this process or a child; otherwise events go on coming, and the same
//! number cannot be registered anew. A descriptor that anybody else may have seen is therefore
//! *exposed*, and an exposed one is deleted from the epoll before it is closed.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::task::Waker;

use super::{Direction, Interest, Place, Reactor, Ready, Registered, Slot, Taken};
use crate::primitive::{Arc, AtomicPtr, AtomicU32, Mutex, Ordering};

/// What kind of file a descriptor names, which decides what a short read proves.
///
/// A `read` that returns less than was asked for *usually* means that the descriptor is drained,
/// which saves the next call that would only say `WouldBlock`. Usually is not always: on a unix
/// socket a control message ends a read early, in a packet-mode pipe a packet does, on TCP the
/// urgent mark does, and then no new edge comes for what is left. So it is trusted only for the
/// kinds of which it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FdKind {
    /// A connected TCP socket: a short read drains it, but for urgent data, which is watched for.
    TcpStream,
    /// A pipe or FIFO that is not in packet mode (`O_DIRECT`).
    PlainPipe,
    /// Anything else: only `WouldBlock` proves that it is drained.
    Other,
}

impl FdKind {
    /// Whether a read that used up `taken` and came short has drained the descriptor.
    #[inline]
    pub(crate) fn trusts_short_read(self, taken: Taken) -> bool {
        // After any of these the next read has something to say (an end, an error), or a short
        // read may have stopped at the urgent mark.
        const UNTRUSTED: Ready = Ready::RDHUP
            .with(Ready::HUP)
            .with(Ready::ERR)
            .with(Ready::PRI);
        !matches!(self, Self::Other) && !taken.ready.intersects(UNTRUSTED) && !taken.urgent_seen
    }
}

/// A descriptor's side of its registration.
///
/// It names the descriptor by number, so it must be dropped before the descriptor is closed: in a
/// struct it stands above what holds the descriptor.
pub(crate) struct Source {
    reactor: Arc<Reactor>,
    fd: RawFd,
    /// Null until registered; then a slot of `reactor`'s.
    slot: AtomicPtr<Slot>,
    /// Which directions are registered, and whether the descriptor is exposed.
    flags: AtomicU32,
    registration: Mutex<Option<Place>>,
}

impl Source {
    /// A source that registers at the first wait.
    pub(crate) fn new(reactor: Arc<Reactor>, fd: RawFd) -> Self {
        Self {
            reactor,
            fd,
            slot: AtomicPtr::new(std::ptr::null_mut()),
            flags: AtomicU32::new(0),
            registration: Mutex::new(None),
        }
    }

    pub(crate) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// The slot, once registered.
    #[inline]
    pub(crate) fn slot(&self) -> Option<&Slot> {
        // Acquire pairs with the Release in `ensure`: the slot's page is seen as it was made.
        let slot = NonNull::new(self.slot.load(Ordering::Acquire))?;
        // SAFETY: it is a slot of our reactor's, whose pages live as long as the reactor does, and
        // `self` holds the reactor.
        Some(unsafe { slot.as_ref() })
    }

    /// The slot, registered for `direction` too. A lazy source registers for reading in any case:
    /// whoever writes first mostly reads later. The flag says that this call brought the direction
    /// in, so that the kernel tells anew what is ready.
    #[cold]
    pub(crate) fn ensure_for(&self, direction: Direction) -> io::Result<(&Slot, bool)> {
        if let Some(slot) = self.registered_for(direction) {
            return Ok((slot, false));
        }
        match (self.slot(), direction) {
            (None, Direction::Write) => self.ensure(Interest::READABLE | Interest::WRITABLE),
            (Some(_), Direction::Write) => self.ensure(Interest::WRITABLE),
            (_, Direction::Read) => self.ensure(Interest::READABLE),
        }
    }

    /// The slot, registered for at least `interest`, and whether it was not before.
    pub(crate) fn ensure(&self, interest: Interest) -> io::Result<(&Slot, bool)> {
        let mut registration = self.registration.lock();
        let held = self.flags.load(Ordering::Relaxed) & BOTH_DIRECTIONS;
        let wanted = held | interest.flags();
        let slot = match (self.slot(), *registration) {
            (Some(slot), Some(_)) if wanted == held => return Ok((slot, false)),
            (Some(slot), Some(place)) => {
                if interest.is_writable() {
                    // What was assumed is from now on known: the kernel tells what is ready.
                    slot.take(Direction::Write);
                }
                let all = Interest::from_flags(wanted);
                if let Err(error) = self.reactor.widen(self.fd, all, place) {
                    slot.put_back(Direction::Write, Ready::ASSUMED);
                    return Err(error);
                }
                slot
            }
            _ => {
                let is_known = interest.is_writable();
                let write = if is_known {
                    Ready::NONE
                } else {
                    Ready::ASSUMED
                };
                let (slot, place) = self.reactor.register(self.fd, interest, write)?;
                *registration = Some(place);
                let slot_address = std::ptr::from_ref(slot).cast_mut();
                // Release pairs with the Acquire in `slot`.
                self.slot.store(slot_address, Ordering::Release);
                slot
            }
        };
        // Release pairs with the Acquire in `registered_for`.
        self.flags.fetch_or(wanted, Ordering::Release);
        Ok((slot, true))
    }

    /// Stores `waker` for the next edge of `direction`; registers first if need be. Where somebody
    /// waits already, `in_crowd` is called.
    ///
    /// Inlined, so that the direction is a constant: this is on the way of every message.
    #[inline(always)]
    pub(crate) fn wait(
        &self,
        direction: Direction,
        waker: &Waker,
        in_crowd: impl FnOnce(&Slot) -> Registered,
    ) -> io::Result<Registered> {
        let slot = match self.registered_for(direction) {
            Some(slot) => slot,
            None => self.ensure_for(direction)?.0,
        };
        match slot.register(direction, waker) {
            Some(Registered::Waiting) => Ok(Registered::Waiting),
            Some(Registered::Ready) => slot.unless_shut(),
            None => match in_crowd(slot) {
                Registered::Waiting => Ok(Registered::Waiting),
                Registered::Ready => slot.unless_shut(),
            },
        }
    }

    /// The slot, if the kernel watches `direction` for it.
    #[inline(always)]
    fn registered_for(&self, direction: Direction) -> Option<&Slot> {
        // Acquire pairs with the Release in `ensure`.
        let watched = self.flags.load(Ordering::Acquire) & (1 << direction as u32) != 0;
        self.slot().filter(|_| watched)
    }

    /// Somebody else may hold a duplicate of the descriptor from now on.
    pub(crate) fn expose(&self) {
        // Relaxed: read at the end, by whoever then owns the source alone.
        self.flags.fetch_or(EXPOSED, Ordering::Relaxed);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let Some(place) = self.registration.lock().take() else {
            return;
        };
        if let Some(slot) = self.slot() {
            let exposed = self.flags.load(Ordering::Relaxed) & EXPOSED != 0;
            let fd = exposed.then_some(self.fd);
            self.reactor.deregister(slot, place, fd);
        }
    }
}

const BOTH_DIRECTIONS: u32 = 0b11;
const EXPOSED: u32 = 1 << 2;
