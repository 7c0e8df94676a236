// SPDX-License-Identifier: GPL-2.0

//! How many operations lie between two readings of the clock, and in which order what they have
//! acquired is given back.

use crate::model::request::{
    Release,
    Request, //
};

/// A batch.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    /// log2 of the operations in it.
    pub(super) shift: u32,
    /// The order in which they are released.
    pub(super) release: Release,
}

impl Batch {
    /// A single operation.
    pub(super) const ONE: Self = Self {
        shift: 0,
        release: Release::Newest,
    };

    /// Batches of 2 to the `shift` operations of `request`.
    pub(super) fn of(request: &Request, shift: u32) -> Self {
        Self {
            shift,
            release: request.release(),
        }
    }
}

/// Arranges what a batch holds so that the last one is released first. Each thread has its own: the
/// random orders are another one each time, and the same ones in each run.
pub(super) struct Order {
    release: Release,
    state: u32,
}

impl Order {
    pub(super) fn new(release: Release) -> Self {
        Self {
            release,
            state: 0x9e37_79b9,
        }
    }

    /// Whether something has to be arranged: what was acquired last stands last already.
    pub(super) fn is_another(&self) -> bool {
        self.release != Release::Newest
    }

    /// Arranges it; not timed. Apart, as there is one for each experiment.
    #[inline(never)]
    pub(super) fn arrange<T>(&mut self, held: &mut [T]) {
        match self.release {
            Release::Newest => {}
            Release::Oldest => held.reverse(),
            // Of those that are not placed yet, any goes to the last place that is not taken.
            Release::Random => {
                for last in (1..held.len()).rev() {
                    let choices = u64::from(self.draw());
                    // CAST: Below `last + 1`, which is an index.
                    let chosen = ((choices * (last as u64 + 1)) >> 32) as usize;
                    held.swap(last, chosen);
                }
            }
        }
    }

    /// The next of Marsaglia's xorshift numbers of 32 bits.
    fn draw(&mut self) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(memlab_order)]
mod tests {
    use super::*;

    fn arranged(release: Release, times: u32) -> [u8; 8] {
        let mut held = [0, 1, 2, 3, 4, 5, 6, 7];
        let mut order = Order::new(release);
        for _ in 0..times {
            order.arrange(&mut held);
        }
        held
    }

    #[test]
    fn the_last_place_is_released_first() {
        assert_eq!(arranged(Release::Newest, 1), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(arranged(Release::Oldest, 1), [7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_random_order_has_each_once_and_comes_again_in_the_next_run() {
        let once = arranged(Release::Random, 1);
        let mut sorted = once;
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(once != sorted);
        assert!(once != arranged(Release::Random, 2));
        assert_eq!(once, arranged(Release::Random, 1));
    }
}
