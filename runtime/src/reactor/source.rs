//! One descriptor's registration: not yet, or at a place of one reactor, its home.
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
//!
//! Where there are several cores a descriptor can [move](Source::move_to). Its tasks may be stolen, and
//! if they go on waiting on another core than its home, its events make a detour each time. A move
//! keeps the slot at the former home: another task may be about to use it. What it does there is
//! harmless, as the slot is no other's; if it waits there it is woken, or sees that the descriptor
//! has moved, because the new slot is published before the former one is emptied.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::task::Waker;

use super::{Direction, Interest, Place, Reactors, Ready, Registered, Slot, Taken};
use crate::faults::Portion;
use crate::foreign;
use crate::here::Spot;
use crate::primitive::{Arc, AtomicPtr, AtomicU32, AtomicU64, Mutant, Mutex, Ordering, is_planted};

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
    /// A pipe or FIFO that is not in packet mode (`O_DIRECT`), nor will be: the end that writes is shown
    /// to nobody who could.
    PlainPipe,
    /// Anything else: only `WouldBlock` proves that it is drained.
    Other,
}

impl FdKind {
    /// Whether a read that used up `taken` and came short has drained the descriptor.
    #[inline]
    pub(crate) fn trusts_short_read(self, taken: Taken) -> bool {
        let is_known = !matches!(self, Self::Other) || is_planted(Mutant::ShortReadTrusted);
        is_known && !taken.is_suspicious()
    }
}

/// A descriptor's side of its registration.
///
/// It names the descriptor by number, so it must be dropped before the descriptor is closed: in a
/// struct it stands above what holds the descriptor.
pub(crate) struct Source {
    reactors: Arc<Reactors>,
    fd: RawFd,
    /// Null until registered; then a slot of one of the reactors.
    slot: AtomicPtr<Slot>,
    /// Which directions are registered, whether the descriptor is exposed, how often it has come back to
    /// a former home, and how many times running it was waited for away from its home.
    flags: AtomicU32,
    /// The [`Spot`] of the core that is its home: with a [`MARK`] if who waits there is to look further,
    /// as it is not registered for reading, or was waited for elsewhere.
    home: AtomicU64,
    registration: Mutex<Registration>,
}

#[derive(Default)]
struct Registration {
    home: Option<Home>,
    /// Where it was before, with slots that are still its own.
    former: Vec<Home>,
}

/// A place, and the core whose reactor it is at.
#[derive(Clone, Copy)]
struct Home {
    core: usize,
    place: Place,
}

impl Source {
    /// A source that registers at the first wait.
    pub(crate) fn new(reactors: Arc<Reactors>, fd: RawFd) -> Self {
        Self {
            reactors,
            fd,
            slot: AtomicPtr::new(std::ptr::null_mut()),
            flags: AtomicU32::new(0),
            home: AtomicU64::new(Spot::NONE.bits()),
            registration: Mutex::new(Registration::default()),
        }
    }

    pub(crate) fn reactors(&self) -> &Arc<Reactors> {
        &self.reactors
    }

    /// What the next call is to do of what it is asked for.
    pub(crate) fn portion(&self) -> Portion {
        self.reactors.portion()
    }

    /// The slot, once registered.
    #[inline]
    pub(crate) fn slot(&self) -> Option<&Slot> {
        // Acquire pairs with the Release in `publish`: the slot's page is seen as it was made.
        let slot = NonNull::new(self.slot.load(Ordering::Acquire))?;
        // SAFETY: it is a slot of one of our reactors, whose pages live as long as they do, and
        // `self` holds them.
        Some(unsafe { slot.as_ref() })
    }

    fn publish(&self, slot: &Slot) {
        // Release pairs with the Acquire in `slot`.
        self.slot
            .store(std::ptr::from_ref(slot).cast_mut(), Ordering::Release);
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
        let slot = match (self.slot(), registration.home) {
            (Some(slot), Some(_)) if wanted == held => return Ok((slot, false)),
            (Some(slot), Some(home)) => {
                if interest.is_writable() {
                    // What was assumed is from now on known: the kernel tells what is ready.
                    slot.take(Direction::Write);
                }
                let all = if is_planted(Mutant::OutForgotten) {
                    Interest::from_flags(held)
                } else {
                    Interest::from_flags(wanted)
                };
                if let Err(error) = self.reactors.at(home.core).widen(self.fd, all, home.place) {
                    slot.put_back(Direction::Write, Ready::ASSUMED);
                    return Err(error);
                }
                slot
            }
            _ => {
                let core = self.reactors.fleet().here_or_any();
                let reactor = self.reactors.at(core);
                let (slot, place) =
                    reactor.register(self.fd, interest, unasked(interest.is_writable()))?;
                registration.home = Some(Home { core, place });
                self.note_home(core, interest);
                self.publish(slot);
                slot
            }
        };
        // Release pairs with the Acquire in `registered_for` and `wait`.
        self.flags.fetch_or(wanted, Ordering::Release);
        Ok((slot, true))
    }

    /// Stores `waker` for the next edge of `direction`; registers first if need be. Where somebody
    /// waits already, `in_crowd` is called.
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
        let registered = slot.register(direction, waker);
        match registered.unwrap_or_else(|| in_crowd(slot)) {
            Registered::Ready => slot.unless_shut(),
            Registered::Waiting if self.is_at_home() => Ok(Registered::Waiting),
            Registered::Waiting => Ok(self.look_where(slot, direction)),
        }
    }

    /// As [`wait`](Self::wait) to read, after `taken` was taken from `slot` and there was no readiness:
    /// on the way of every message. True if the task waits; else something unusual was met, for `wait`
    /// to deal with.
    #[inline(always)]
    pub(crate) fn wait_to_read(&self, slot: &Slot, taken: Taken, waker: &Waker) -> bool {
        slot.register_after(taken, Direction::Read, waker)
            && (self.is_at_home() || self.look_where(slot, Direction::Read) == Registered::Waiting)
    }

    /// A waker was stored at `slot`, on another core than the descriptor's home: is that still its
    /// slot, and does the kernel tell it of this direction? If not, the caller tries its call again, and
    /// then waits at the new one.
    ///
    /// Who moves a descriptor publishes its new home and slot first, then changes the word of the
    /// former slot, waking all. If that came before our waker was stored there, then storing it was a
    /// change of the same word after theirs, and both are seen here. So whoever finds itself at home,
    /// after storing it, need not ask: a core is made the home by the thread that runs it.
    #[inline(never)]
    fn look_where(&self, slot: &Slot, direction: Direction) -> Registered {
        // Acquire pairs with the Release in `ensure`.
        let flags = self.flags.load(Ordering::Acquire);
        self.note_where(flags);
        match self.slot() {
            Some(now) if std::ptr::eq(now, slot) && is_watched(flags, direction) => {
                Registered::Waiting
            }
            _ => Registered::Ready,
        }
    }

    /// Whether the thread runs the home's core, and nothing else is to be thought of.
    #[inline(always)]
    fn is_at_home(&self) -> bool {
        // Relaxed: a step on the slot's word comes before; see `look_where`. What is marked is nobody's.
        Spot::from_bits(self.home.load(Ordering::Relaxed)).is_here()
    }

    fn note_home(&self, core: usize, interest: Interest) {
        let spot = self.reactors.fleet().spot(core).bits();
        let mark = if interest.is_readable() { 0 } else { MARK };
        self.home.store(spot | mark, Ordering::Relaxed);
    }

    /// Counts waits away from home, and moves the descriptor here when there have been enough.
    fn note_where(&self, flags: u32) {
        let Some(here) = self.reactors.fleet().here() else {
            return;
        };
        let home = self.home.load(Ordering::Relaxed);
        let at_home = Spot::from_bits(home & !MARK).core() == here;
        if !at_home && flags & AWAY >= enough(flags) {
            return self.move_to(here);
        }
        let counted = if at_home {
            flags & !AWAY
        } else {
            flags + AWAY_ONCE
        };
        // If others change the flags at this moment, this wait is not counted.
        let _ = self
            .flags
            .compare_exchange(flags, counted, Ordering::Relaxed, Ordering::Relaxed);
        if !at_home && home & MARK == 0 {
            self.home.fetch_or(MARK, Ordering::Relaxed);
        } else if at_home && is_watched(flags, Direction::Read) {
            self.home.fetch_and(!MARK, Ordering::Relaxed);
        }
    }

    /// Makes `core` the home. If that one cannot take the descriptor in, it stays where it is.
    #[cold]
    pub(crate) fn move_to(&self, core: usize) {
        let mut registration = self.registration.lock();
        let flags = self.flags.fetch_and(!AWAY, Ordering::Relaxed);
        let (Some(home), Some(former)) = (registration.home, self.slot()) else {
            return;
        };
        if home.core == core {
            return;
        }
        let interest = Interest::from_flags(flags & BOTH_DIRECTIONS);
        let write = unasked(interest.is_writable());
        let reactor = self.reactors.at(core);
        let kept = registration
            .former
            .iter()
            .position(|home| home.core == core);
        let registered = match kept.map(|kept| registration.former[kept].place) {
            Some(place) => reactor.register_again(place, self.fd, interest, write),
            None => reactor.register(self.fd, interest, write),
        };
        let Ok((slot, place)) = registered else {
            return;
        };
        slot.inherit(former);
        if let Some(kept) = kept {
            registration.former.swap_remove(kept);
            self.grow_reluctant();
        }
        registration.former.push(home);
        registration.home = Some(Home { core, place });
        self.note_home(core, interest);
        self.publish(slot);
        let evicted = self.reactors.at(home.core).evict(former, self.fd);
        drop(registration);
        evicted.into_iter().for_each(foreign::wake);
    }

    /// It goes to and fro between cores that all wait for it: each time the next move takes longer to
    /// come about.
    fn grow_reluctant(&self) {
        let grown = |flags: u32| (flags & RELUCTANCE != RELUCTANCE).then(|| flags + RELUCTANT_ONCE);
        // Relaxed: as all of the counting.
        let _ = self
            .flags
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
    }

    /// The slot, if the kernel watches `direction` for it.
    #[inline(always)]
    fn registered_for(&self, direction: Direction) -> Option<&Slot> {
        // Acquire pairs with the Release in `ensure`.
        let flags = self.flags.load(Ordering::Acquire);
        self.slot().filter(|_| is_watched(flags, direction))
    }

    /// Takes the descriptor, which somebody else has made, for the only registration it may have.
    ///
    /// # Errors
    ///
    /// If it has one already.
    pub(crate) fn claim(&mut self) -> io::Result<()> {
        self.reactors.claim(self.fd)?;
        // Relaxed: as in `expose`.
        self.flags.fetch_or(CLAIMED | EXPOSED, Ordering::Relaxed);
        Ok(())
    }

    /// Somebody else may hold a duplicate of the descriptor from now on.
    pub(crate) fn expose(&self) {
        // Relaxed: read at the end, by whoever then owns the source alone.
        self.flags.fetch_or(EXPOSED, Ordering::Relaxed);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let mut registration = self.registration.lock();
        let former = std::mem::take(&mut registration.former);
        let home = registration.home.take();
        drop(registration);
        for Home { core, place } in former {
            self.reactors.at(core).give_up(place);
        }
        let flags = self.flags.load(Ordering::Relaxed);
        if let (Some(Home { core, place }), Some(slot)) = (home, self.slot()) {
            let exposed = flags & EXPOSED != 0 && !is_planted(Mutant::ExposedNotDeleted);
            let fd = exposed.then_some(self.fd);
            self.reactors.at(core).deregister(slot, place, fd);
        }
        if flags & CLAIMED != 0 {
            self.reactors.disclaim(self.fd);
        }
    }
}

/// What the write direction starts out with: where the kernel is not asked, there may be room.
fn unasked(is_asked: bool) -> Ready {
    if is_asked {
        Ready::NONE
    } else {
        Ready::ASSUMED
    }
}

fn is_watched(flags: u32, direction: Direction) -> bool {
    flags & (1 << direction as u32) != 0
}

const BOTH_DIRECTIONS: u32 = 0b11;
const EXPOSED: u32 = 1 << 2;
const CLAIMED: u32 = 1 << 7;
/// How many doublings of the waits that it takes to move.
const RELUCTANCE: u32 = 0b111 << 4;
const RELUCTANT_ONCE: u32 = 1 << 4;
/// The uppermost bits, and more than are ever counted.
const AWAY: u32 = u32::MAX << 8;
const AWAY_ONCE: u32 = 1 << 8;
/// In the word of the home, where no core's number reaches.
const MARK: u64 = 1 << 31;
/// Enough to tell a task that lives elsewhere by now from one that was stolen once: a move costs as
/// much as half a message, a detour a tenth.
const AWAY_ENOUGH: u32 = 8;

/// The waits away from home, running, after which a descriptor moves.
fn enough(flags: u32) -> u32 {
    (AWAY_ENOUGH * AWAY_ONCE) << ((flags & RELUCTANCE) / RELUCTANT_ONCE)
}
