//! Which core this thread runs.
//!
//! A socket that waits for the first time, and a timer that is armed, go to the core at hand: the
//! one that the calling thread runs, if it is one of the right runtime. The cores of a runtime are
//! its *fleet*, and a fleet has a number, so that a thread of one runtime that uses a socket of
//! another does not take its own core for one of theirs. A thread without a core takes one in turn.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::primitive::thread_local;

/// The cores of one runtime.
#[derive(Debug)]
pub(crate) struct Fleet {
    number: u32,
    size: usize,
    next: AtomicUsize,
}

/// A core among all cores of all fleets, in one word: the number of its fleet above, its own below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot(u64);

thread_local! {
    /// Fleet 0 is none.
    static HERE: Cell<Spot> = const { Cell::new(Spot::NONE) };
    /// The fleet that this thread is a worker of, whatever it does at the moment.
    static WORKS_FOR: Cell<u32> = const { Cell::new(0) };
}

impl Spot {
    /// No core at all.
    pub(crate) const NONE: Self = Self(0);

    /// Whether this thread runs that core.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        // A thread that is being torn down runs nothing.
        HERE.try_with(Cell::get).is_ok_and(|here| here == self)
    }

    fn fleet(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The number of the core in its fleet.
    pub(crate) fn core(self) -> usize {
        self.0 as u32 as usize
    }

    /// For a word that others read.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl Fleet {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            number: number(),
            size,
            next: AtomicUsize::new(0),
        }
    }

    /// Its number, which no other fleet has; not 0.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// How many cores there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The core of this fleet that the thread runs, if any.
    #[inline]
    pub(crate) fn here(&self) -> Option<usize> {
        // A thread that is being torn down runs nothing.
        let here = HERE.try_with(Cell::get).unwrap_or(Spot::NONE);
        (here.fleet() == self.number).then_some(here.core())
    }

    /// One of its cores.
    pub(crate) fn spot(&self, core: usize) -> Spot {
        Spot(u64::from(self.number) << 32 | core as u64)
    }

    /// The core that the thread runs; from outside, each in its turn.
    pub(crate) fn here_or_any(&self) -> usize {
        self.here().unwrap_or_else(|| self.any())
    }

    /// Each core in its turn.
    pub(crate) fn any(&self) -> usize {
        // Relaxed: any will do.
        self.next.fetch_add(1, Ordering::Relaxed) % self.size
    }

    /// This thread is a worker of this fleet from now on.
    pub(crate) fn enlist(&self) {
        WORKS_FOR.set(self.number);
    }

    /// Whether this thread is a worker of this fleet.
    pub(crate) fn is_worker_here(&self) -> bool {
        WORKS_FOR
            .try_with(Cell::get)
            .is_ok_and(|fleet| fleet == self.number)
    }

    /// Makes `core` the one that this thread runs, for as long as the guard lives.
    pub(crate) fn enter(&self, core: usize) -> Entered {
        Entered(HERE.replace(self.spot(core)))
    }
}

/// Whether this thread runs a core of any fleet.
pub(crate) fn is_any() -> bool {
    HERE.try_with(Cell::get)
        .is_ok_and(|here| here != Spot::NONE)
}

/// This thread has given its core away: it runs none from now on, until a guard puts one back.
pub(crate) fn leave() {
    HERE.set(Spot::NONE);
}

/// Puts the former core back when dropped.
pub(crate) struct Entered(Spot);

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| here.set(self.0));
    }
}

fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // Relaxed: a number of its own is all that is asked for. 0 is nobody's, also after 2^32.
    match NEXT.fetch_add(1, Ordering::Relaxed) {
        0 => number(),
        number => number,
    }
}
