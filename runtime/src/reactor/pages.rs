//! The slots of one reactor, in pages that never move.
//!
//! Events carry a slot's index, and they may arrive late: after the descriptor was closed, after
//! the slot was given to another. So a slot's memory stays where it is until the reactor goes, and
//! a late event at worst fails on the slot's generation. A page is twice the size of the one before
//! it; looking a slot up is a shift and two loads, with no lock.

use super::slot::Slot;
use crate::primitive::{FIRST_PAGE, OnceLock};

/// Slots by index.
pub(crate) struct Pages {
    pages: [OnceLock<Box<[Slot]>>; NAMED],
}

impl Pages {
    pub(crate) fn new() -> Self {
        Self {
            pages: [const { OnceLock::new() }; NAMED],
        }
    }

    /// The slot of an address that was given out before.
    #[inline]
    pub(crate) fn find(&self, address: Address) -> Option<&Slot> {
        let page = self.pages[(address.0 >> PLACE_BITS) as usize].get()?;
        page.get((address.0 & PLACE_MASK) as usize)
    }

    /// The slot of an index, its page made if need be. `None` beyond the last page.
    pub(crate) fn make(&self, index: u32) -> Option<&Slot> {
        let (page, place) = locate(index);
        if page >= PAGES {
            return None;
        }
        let size = (FIRST_PAGE as usize) << page;
        let fresh = || (0..size).map(|_| Slot::new()).collect();
        self.pages[page].get_or_init(fresh).get(place)
    }

    /// All slots that were ever made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        let made = self.pages.iter().map_while(OnceLock::get);
        made.flat_map(|page| page.iter())
    }
}

/// Where a slot is: its page above, its place in the page below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) u32);

impl Address {
    pub(crate) fn of(index: u32) -> Self {
        let (page, place) = locate(index);
        Self((page as u32) << PLACE_BITS | place as u32)
    }
}

/// Page `p` holds the indices from `FIRST_PAGE * (2^p - 1)` on.
#[inline]
fn locate(index: u32) -> (usize, usize) {
    let scaled = u64::from(index) + u64::from(FIRST_PAGE);
    let page = scaled.ilog2() - FIRST_PAGE.ilog2();
    let first = u64::from(FIRST_PAGE) << page;
    (page as usize, (scaled - first) as usize)
}

/// Enough for 2^25 slots: more descriptors than a process can open.
const PAGES: usize = 20;
/// More than any page has.
const PLACE_BITS: u32 = 27;
/// Pages that an address can name: so no address is beyond them, and looking one up need not ask.
const NAMED: usize = 1 << (u32::BITS - PLACE_BITS);
const PLACE_MASK: u32 = (1 << PLACE_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_fill_pages_without_gap_or_overlap() {
        assert_eq!(locate(0), (0, 0));
        assert_eq!(locate(31), (0, 31));
        assert_eq!(locate(32), (1, 0));
        assert_eq!(locate(95), (1, 63));
        assert_eq!(locate(96), (2, 0));
    }

    #[test]
    fn a_slot_stays_where_it_is() {
        let pages = Pages::new();
        let early: *const Slot = pages.make(3).expect("a slot");
        for index in 0..1000 {
            pages.make(index).expect("a slot");
        }
        assert!(std::ptr::eq(
            early,
            pages.find(Address::of(3)).expect("the slot")
        ));
        assert!(pages.find(Address(u32::MAX)).is_none());
        assert!(pages.find(Address::of(5000)).is_none());
    }
}
