//! The reactors of all cores of a runtime, and which of them is at hand.

use std::collections::HashSet;
use std::io;
use std::os::fd::RawFd;

use super::{Reactor, registered_already};
use crate::faults::{Faults, Portion};
use crate::here::Fleet;
use crate::primitive::{Arc, Mutex};

/// One reactor a core.
pub(crate) struct Reactors {
    fleet: Arc<Fleet>,
    /// If the runtime has a seed.
    faults: Option<Arc<Faults>>,
    all: Box<[Reactor]>,
    /// The descriptors of others that are registered. An epoll knows its own, but not that another
    /// core's has the same.
    foreign: Mutex<HashSet<RawFd>>,
}

impl Reactors {
    pub(crate) fn new(fleet: Arc<Fleet>, faults: Option<Arc<Faults>>) -> io::Result<Self> {
        let all = (0..fleet.size()).map(|_| Reactor::new(faults.is_some()));
        let all = all.collect::<io::Result<_>>()?;
        Ok(Self {
            fleet,
            faults,
            all,
            foreign: Mutex::new(HashSet::new()),
        })
    }

    /// A descriptor of somebody else's is about to be registered.
    ///
    /// # Errors
    ///
    /// If it is already, at whichever core.
    pub(crate) fn claim(&self, fd: RawFd) -> io::Result<()> {
        let is_fresh = self.foreign.lock().insert(fd);
        is_fresh.then_some(()).ok_or_else(registered_already)
    }

    /// What was claimed is registered no more.
    pub(crate) fn disclaim(&self, fd: RawFd) {
        self.foreign.lock().remove(&fd);
    }

    /// What a call is to do of what it is asked for.
    pub(crate) fn portion(&self) -> Portion {
        let faults = self.faults.as_ref();
        faults.map_or(Portion::ALL, |faults| faults.portion())
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    #[inline]
    pub(crate) fn at(&self, core: usize) -> &Reactor {
        &self.all[core]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Reactor> {
        self.all.iter()
    }
}
