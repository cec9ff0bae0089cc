//! Epoll events in, wakers out.
//!
//! A [`Reactor`] owns one epoll instance and the [slots](slot) of the descriptors registered with
//! it. Registering a descriptor claims a slot and tells the kernel its index and generation;
//! harvesting finds the slot of each event and lets it wake whoever waits.
//!
//! The danger is the late event: epoll watches the open file *description*, so an event may come
//! after its descriptor was closed, for a slot that serves another by now. It carries a number and
//! never a pointer, the number names a generation, and a stale one is counted and dropped.

mod crowd;
mod pages;
mod put_back;
mod ready;
mod set;
mod slot;
mod source;
mod word;

pub(crate) use crowd::Ticket;
pub(crate) use put_back::PutBack;
pub use ready::Interest;
pub(crate) use ready::{Direction, Ready};
pub(crate) use set::Reactors;
pub(crate) use slot::{Registered, Slot, Taken};
pub use source::FdKind;
pub(crate) use source::Source;

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::task::Waker;
use std::time::Duration;

use self::pages::{Address, Pages};
use crate::faults::Faults;
use crate::foreign;
use crate::primitive::{AtomicU64, Mutex, Ordering};
use crate::sys::{Epoll, Event, Events, ForkMark, bits, errno};

/// One epoll and the memory of what it reported.
pub(crate) struct Reactor {
    epoll: Epoll,
    slots: Pages,
    places: Mutex<Places>,
    fork: ForkMark,
    stale_events: AtomicU64,
    /// Harvested events that are not a descriptor's: a bit a kind, until the worker looks.
    notices: AtomicU64,
    /// The runtime has a seed.
    is_portioned: bool,
}

/// Which slot indices are free.
#[derive(Default)]
struct Places {
    free: Vec<u32>,
    made: u32,
    /// Slots whose descriptors have moved to another reactor, and still own them.
    kept: usize,
    closed: bool,
}

/// A slot that the kernel knows: what to give back at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    index: u32,
    generation: u32,
}

impl Reactor {
    /// `is_portioned`: the calls of descriptors are given portions.
    pub(crate) fn new(is_portioned: bool) -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new()?,
            slots: Pages::new(),
            places: Mutex::new(Places::default()),
            fork: ForkMark::of_this_process()?,
            stale_events: AtomicU64::new(0),
            notices: AtomicU64::new(0),
            is_portioned,
        })
    }

    /// Watches a descriptor that has no slot: only for the reactor's own bell.
    pub(crate) fn watch_bell(&self, fd: RawFd) -> io::Result<()> {
        self.epoll.add(fd, bits::IN, BELL)
    }

    /// Watches the alarm clock of this reactor's core. Its edge is a notice, [`ALARM`].
    pub(crate) fn watch_alarm(&self, fd: RawFd) -> io::Result<()> {
        self.epoll.add(fd, bits::IN, notice_data(ALARM))
    }

    /// Watches another reactor for its stuck core: while it has events, this one has a notice.
    pub(crate) fn adopt(&self, other: &Self, notice: u32) -> io::Result<()> {
        let other = other.epoll.as_raw_fd();
        self.epoll.add_level(other, bits::IN, notice_data(notice))
    }

    /// Ends an adoption.
    pub(crate) fn release(&self, other: &Self) {
        // It fails if there was none, or in a forked child: then there is nothing to end.
        let _ = self.epoll.delete(other.epoll.as_raw_fd());
    }

    /// Whether there are notices that nobody has taken.
    pub(crate) fn has_notices(&self) -> bool {
        // Relaxed: as below.
        self.notices.load(Ordering::Relaxed) != 0
    }

    /// The notices since the last call, a bit each.
    #[inline]
    pub(crate) fn take_notices(&self) -> u64 {
        // Relaxed: a notice says "look", and nothing is read by way of it.
        match self.notices.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.notices.swap(0, Ordering::Relaxed),
        }
    }

    /// Registers a descriptor, at a slot of its own. `write` is what the write direction starts out
    /// with.
    pub(crate) fn register(
        &self,
        fd: RawFd,
        interest: Interest,
        write: Ready,
    ) -> io::Result<(&Slot, Place)> {
        let index = self.places.lock().take()?;
        let made = match self.slots.make(index) {
            Some(_) => self.register_at(index, fd, interest, write),
            None => Err(io::Error::other(
                "the reactor has no room for more descriptors",
            )),
        };
        if made.is_err() {
            self.places.lock().free.push(index);
        }
        made
    }

    /// Registers a descriptor at a slot that it has kept: see [`evict`](Self::evict).
    pub(crate) fn register_again(
        &self,
        place: Place,
        fd: RawFd,
        interest: Interest,
        write: Ready,
    ) -> io::Result<(&Slot, Place)> {
        if let Some(slot) = self.slots.find(Address::of(place.index)) {
            slot.reset();
        }
        let made = self.register_at(place.index, fd, interest, write)?;
        self.places.lock().kept -= 1;
        Ok(made)
    }

    fn register_at(
        &self,
        index: u32,
        fd: RawFd,
        interest: Interest,
        write: Ready,
    ) -> io::Result<(&Slot, Place)> {
        if self.fork.is_child() {
            return Err(forked());
        }
        let Some(slot) = self.slots.find(Address::of(index)) else {
            unreachable!("an index that was given out has its slot");
        };
        let generation = slot.claim(write, self.is_portioned);
        let place = Place { index, generation };
        if let Err(error) = self.epoll.add(fd, interest.epoll_bits(), place.data()) {
            slot.release();
            return Err(explain(error));
        }
        // `shut` walks the slots after it has closed; it may have passed before this one was made.
        if self.places.lock().closed {
            slot.shut();
        }
        Ok((slot, place))
    }

    /// Watches a registered descriptor for more.
    pub(crate) fn widen(&self, fd: RawFd, interest: Interest, place: Place) -> io::Result<()> {
        if self.fork.is_child() {
            return Err(forked());
        }
        self.epoll.modify(fd, interest.epoll_bits(), place.data())
    }

    /// Ends a registration whose descriptor has moved to another reactor. Its slot stays its own: a
    /// task may still be about to use it. Returns whom to wake, to wait elsewhere.
    pub(crate) fn evict(&self, slot: &Slot, fd: RawFd) -> Vec<Waker> {
        // As below: it fails only if there is nothing left to delete.
        let _ = self.epoll.delete(fd);
        self.places.lock().kept += 1;
        slot.evict()
    }

    /// Ends a registration. `fd` is given if closing it might not end it in the kernel.
    pub(crate) fn deregister(&self, slot: &Slot, place: Place, fd: Option<RawFd>) {
        if let Some(fd) = fd.filter(|_| !self.fork.is_child()) {
            // It fails only if the descriptor was closed behind our back; then there is nothing
            // left to delete, or only something of somebody else's.
            let _ = self.epoll.delete(fd);
        }
        self.give_back(slot, place);
    }

    /// Waits for events.
    pub(crate) fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.epoll.wait(events, timeout)
    }

    /// Wakes whom the events concern. A waker that panics ends nobody's turn but its own.
    pub(crate) fn dispatch(&self, events: &Events) {
        let mut left = events.iter();
        foreign::until_done(|| left.by_ref().for_each(|event| self.dispatch_one(event)));
    }

    /// Reports readiness that nobody has seen, at any descriptor.
    #[cold]
    pub(crate) fn pretend(&self, faults: &Faults) {
        let made = self.places.lock().made as usize;
        if made > 0 {
            let chosen = self.slots.iter().nth(faults.below(made));
            let event = [bits::IN, bits::OUT, bits::IN | bits::OUT][faults.below(3)];
            foreign::call(&|| chosen.iter().for_each(|slot| slot.pretend(event)));
        }
    }

    #[inline]
    fn dispatch_one(&self, event: Event) {
        let Some(slot) = self.slots.find(Address(event.data as u32)) else {
            return self.note(event.data);
        };
        let generation = (event.data >> GENERATION_SHIFT) as u32;
        // Nearly all events are of this one kind; as a constant it costs half.
        let is_known = if event.bits == bits::IN {
            slot.dispatch(generation, Ready::to_read(bits::IN), Ready::NONE)
        } else {
            slot.dispatch_any(generation, event.bits)
        };
        if !is_known {
            // Relaxed: a count for people.
            self.stale_events.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Not a descriptor's: the bell, or a notice.
    #[cold]
    fn note(&self, data: u64) {
        if data != BELL {
            // Relaxed: as in `take_notices`.
            self.notices
                .fetch_or(1 << (data as u32 & NOTICE_MASK), Ordering::Relaxed);
        }
    }

    /// No registration from now on.
    pub(crate) fn close(&self) {
        self.places.lock().closed = true;
    }

    /// After [`close`](Self::close): everybody who waits learns that the runtime has gone.
    pub(crate) fn shut(&self) {
        let mut left = self.slots.iter();
        foreign::until_done(|| left.by_ref().for_each(Slot::shut));
    }

    /// Events that came for a former owner of their slot.
    pub(crate) fn stale_events(&self) -> u64 {
        self.stale_events.load(Ordering::Relaxed)
    }

    /// Descriptors registered now.
    pub(crate) fn registered(&self) -> usize {
        let places = self.places.lock();
        places.made as usize - places.free.len() - places.kept
    }

    pub(crate) fn is_child(&self) -> bool {
        self.fork.is_child()
    }

    fn give_back(&self, slot: &Slot, place: Place) {
        slot.release();
        self.places.lock().free.push(place.index);
    }

    /// The owner of an evicted slot wants it no longer. A task that saw it too late may have left its
    /// waker there.
    pub(crate) fn give_up(&self, place: Place) {
        if let Some(slot) = self.slots.find(Address::of(place.index)) {
            self.places.lock().kept -= 1;
            self.give_back(slot, place);
        }
    }
}

impl Places {
    fn take(&mut self) -> io::Result<u32> {
        if self.closed {
            return Err(shut_down());
        }
        Ok(self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            self.made - 1
        }))
    }
}

impl Place {
    /// The number that comes back with each event.
    fn data(self) -> u64 {
        let address = Address::of(self.index).0;
        u64::from(self.generation) << GENERATION_SHIFT | u64::from(address)
    }
}

/// The error of everything that outlives its runtime.
pub(crate) fn shut_down() -> io::Error {
    io::Error::other("runtime shut down: its sockets and timers ended with it")
}

/// The error of everything that a forked child tries with its parent's runtime.
pub(crate) fn forked() -> io::Error {
    io::Error::other(
        "this runtime belongs to the parent process: after fork(2) build a new Runtime, \
         or fork before the first one is built",
    )
}

/// The error of what epoll does not take.
pub(crate) fn not_pollable() -> io::Error {
    io::Error::new(
        io::ErrorKind::PermissionDenied,
        "epoll_ctl: this kind of file cannot be waited for (regular files and directories are \
         always ready): read it in a closure of spawn_blocking",
    )
}

fn registered_already() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "epoll_ctl: this descriptor is registered already: one AsyncFd a descriptor; \
         share the first one, or give the second a copy made by try_clone() or dup(2)",
    )
}

fn explain(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(errno::EPERM) => not_pollable(),
        Some(errno::EEXIST) => registered_already(),
        Some(errno::ENOSPC) => io::Error::new(
            io::ErrorKind::StorageFull,
            "epoll_ctl: the limit of watched descriptors is reached: \
             raise /proc/sys/fs/epoll/max_user_watches",
        ),
        _ => error,
    }
}

/// The data of the eventfd's registration: an address that no page reaches.
const BELL: u64 = u64::MAX;
/// The notice of the alarm clock. Those below it are for adopted reactors.
pub(crate) const ALARM: u32 = 63;
const NOTICE_MASK: u32 = 63;

/// Addresses beyond all pages, but for that of the bell.
fn notice_data(notice: u32) -> u64 {
    BELL << GENERATION_SHIFT | u64::from(u32::MAX << 7 | (notice & NOTICE_MASK))
}

const GENERATION_SHIFT: u32 = 32;
