//! The reactors of all cores of a runtime, and which of them is at hand.

use std::io;

use super::Reactor;
use crate::here::Fleet;
use crate::primitive::Arc;

/// One reactor a core.
pub(crate) struct Reactors {
    fleet: Arc<Fleet>,
    all: Box<[Reactor]>,
}

impl Reactors {
    pub(crate) fn new(fleet: Arc<Fleet>) -> io::Result<Self> {
        let all = (0..fleet.size()).map(|_| Reactor::new());
        let all = all.collect::<io::Result<_>>()?;
        Ok(Self { fleet, all })
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
