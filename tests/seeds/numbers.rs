//! Numbers that look random, the same for the same seed.

use std::cell::Cell;

/// Draws them.
pub(crate) struct Numbers(Cell<u64>);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005);
        self.0.set(next.wrapping_add(1_442_695_040_888_963_407));
        (self.0.get() >> 33) as usize % end
    }

    /// Mostly small, now and then more than the buffers of both sockets.
    pub(crate) fn size(&self) -> usize {
        match self.below(16) {
            0 => 1 + self.below(400_000),
            1..4 => 1 + self.below(20_000),
            _ => 1 + self.below(300),
        }
    }

    pub(crate) fn bytes(&self, count: usize) -> Vec<u8> {
        let mut state = self.below(1 << 20) as u32;
        let next = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        next.take(count).collect()
    }
}
