//! The reactors of all cores of a runtime, and which of them is at hand.

use std::io;

use super::Reactor;
use crate::faults::{Faults, Portion};
use crate::here::Fleet;
use crate::primitive::Arc;

/// One reactor a core.
pub(crate) struct Reactors {
    fleet: Arc<Fleet>,
    /// If the runtime has a seed.
    faults: Option<Arc<Faults>>,
    all: Box<[Reactor]>,
}

impl Reactors {
    pub(crate) fn new(fleet: Arc<Fleet>, faults: Option<Arc<Faults>>) -> io::Result<Self> {
        let all = (0..fleet.size()).map(|_| Reactor::new(faults.is_some()));
        let all = all.collect::<io::Result<_>>()?;
        Ok(Self { fleet, faults, all })
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
