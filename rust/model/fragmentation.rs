// SPDX-License-Identifier: GPL-2.0

//! How much of what is free can be had in one piece: the kernel's two indices (`mm/vmstat.c`), and
//! a verdict.

use super::{
    memory::{
        FreeList,
        Zone,
        ORDERS_MAX, //
    },
    num, //
};

/// Free blocks by order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blocks {
    /// How many orders there are.
    pub orders: usize,
    /// Blocks by order.
    pub blocks: [u64; ORDERS_MAX],
}

impl Blocks {
    /// Every free block of a zone, whoever may have it.
    pub fn of(zone: &Zone) -> Self {
        Self {
            orders: zone.orders,
            blocks: zone.blocks,
        }
    }

    /// The blocks of `zone` from which a movable, or any other, allocation may be served: those of
    /// an order less those that are known not to serve. A list that was too long to be counted to
    /// its end leaves the order's number as the zone has it.
    pub fn serving(movable: bool, zone: &Zone, lists: &[FreeList]) -> Self {
        let mut this = Self::of(zone);
        let mine = |list: &&FreeList| (list.node, list.zone) == (zone.node, zone.name);
        let lists = lists.iter().filter(mine);
        for list in lists.filter(|list| !list.migrate.serves(movable)) {
            for (rest, blocks) in this.blocks.iter_mut().zip(list.blocks) {
                *rest = rest.saturating_sub(blocks);
            }
        }
        this
    }

    fn by_order(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.blocks.iter().copied().enumerate().take(self.orders)
    }

    /// Free pages.
    pub fn pages(&self) -> u64 {
        let pages = self.by_order().map(|(order, blocks)| blocks << order);
        pages.fold(0, u64::saturating_add)
    }

    /// How many pieces of 2^`order` pages the blocks that are large enough can be cut into.
    pub fn suitable(&self, order: usize) -> u64 {
        let large = self.by_order().filter(|(own, _)| *own >= order);
        large
            .map(|(own, blocks)| blocks << (own - order))
            .fold(0, u64::saturating_add)
    }

    /// The share of the free pages that lies in smaller blocks than 2^`order` pages, in
    /// thousandths: the kernel's unusable free-space index.
    pub fn unusable(&self, order: usize) -> u64 {
        let free = self.pages();
        let small = free.saturating_sub(self.suitable(order) << order);
        num::div(small.saturating_mul(1000), free).unwrap_or(1000)
    }

    /// Why a request for 2^`order` pages would fail, in thousandths: 0 and less for lack of memory,
    /// near 1000 because of fragmentation; -1000 if it would not fail. The kernel's external
    /// fragmentation index.
    pub fn fragmentation(&self, order: usize) -> i64 {
        let total = self.by_order().map(|(_, blocks)| blocks);
        let total = total.fold(0, u64::saturating_add);
        if total == 0 {
            return 0;
        }
        if self.suitable(order) > 0 {
            return -1000;
        }
        let wanted = self.pages().saturating_mul(1000) >> order;
        let index = num::div(wanted.saturating_add(1000), total).unwrap_or(0);
        1000 - i64::try_from(index).unwrap_or(i64::MAX)
    }
}

/// Why the next larger piece cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Too little is free above the watermark: reclaim helps, compaction does not.
    Memory,
    /// Enough is free, in too small pieces: compaction helps, reclaim does not.
    Fragmentation,
}

/// What one zone can give now, without reclaim or compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The largest order that can be had; `None` if not even one page.
    pub largest: Option<usize>,
    /// The next order, its external fragmentation index and why it cannot be had; `None` if there
    /// is no larger one.
    pub fails: Option<(usize, i64, Cause)>,
}

impl Verdict {
    /// The verdict on `blocks`, of which what is below the watermark `min` stays.
    pub fn new(blocks: &Blocks, min: u64) -> Self {
        let free = blocks.pages();
        // As __zone_watermark_ok() has it: what is left but one page must stay above the mark.
        let above = |order: usize| free.saturating_sub((1 << order) - 1) > min;
        let had = |order: &usize| above(*order) && blocks.suitable(*order) > 0;
        let largest = (0..blocks.orders).rev().find(had);
        let next = largest.map_or(0, |order| order + 1);
        let index = blocks.fragmentation(next);
        // Not by the index: for the order above the largest it cannot tell, being near 500.
        let cause = match above(next) {
            true => Cause::Fragmentation,
            false => Cause::Memory,
        };
        Self {
            largest,
            fails: (next < blocks.orders).then_some((next, index, cause)),
        }
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_fragmentation))]
mod tests {
    use super::*;

    fn blocks(counts: &[u64]) -> Blocks {
        let mut this = Blocks {
            orders: counts.len(),
            blocks: [0; ORDERS_MAX],
        };
        this.blocks
            .iter_mut()
            .zip(counts)
            .for_each(|(to, from)| *to = *from);
        this
    }

    #[test]
    fn the_indices_are_the_kernels() {
        // 3 + 2 * 2 + 4 * 8 = 39 pages in 9 blocks.
        let some = blocks(&[3, 2, 0, 4, 0]);
        assert_eq!(some.pages(), 39);
        assert_eq!(some.suitable(2), 8);
        assert_eq!(some.unusable(0), 0);
        assert_eq!(some.unusable(1), 76);
        assert_eq!(some.unusable(3), 179);
        assert_eq!(some.unusable(4), 1000);
        assert_eq!(some.fragmentation(3), -1000);
        // 1000 - (1000 + 39000 / 16) / 9
        assert_eq!(some.fragmentation(4), 619);
        let none = blocks(&[0, 0]);
        assert_eq!(none.unusable(0), 1000);
        assert_eq!(none.fragmentation(1), 0);
    }

    #[test]
    fn no_sum_runs_over() {
        let many = Blocks {
            orders: ORDERS_MAX,
            blocks: [1 << 48; ORDERS_MAX],
        };
        assert_eq!(many.unusable(0), 0);
        assert_eq!(many.fragmentation(15), -1000);
    }

    #[test]
    fn fragmentation_is_told_from_lack_of_memory() {
        // Plenty, in single pages.
        let verdict = Verdict::new(&blocks(&[10_000, 0, 0, 0]), 100);
        assert_eq!(verdict.largest, Some(0));
        assert_eq!(verdict.fails, Some((1, 500, Cause::Fragmentation)));
        let verdict = Verdict::new(&blocks(&[10_000, 100, 0, 0]), 100);
        assert_eq!(verdict.largest, Some(1));
        assert_eq!(verdict.fails, Some((2, 748, Cause::Fragmentation)));
        let verdict = Verdict::new(&blocks(&[100, 1, 0, 0]), 99);
        assert_eq!(verdict.largest, Some(1));
        assert_eq!(verdict.fails, Some((2, 738, Cause::Memory)));
        // A block that is large enough, but kept by the watermark.
        let verdict = Verdict::new(&blocks(&[0, 0, 0, 1]), 6);
        assert_eq!(verdict.largest, Some(1));
        assert_eq!(verdict.fails, Some((2, -1000, Cause::Memory)));
        let verdict = Verdict::new(&blocks(&[0, 0, 0, 2]), 1);
        assert_eq!(verdict.largest, Some(3));
        assert_eq!(verdict.fails, None);
        let verdict = Verdict::new(&blocks(&[0, 0]), 0);
        assert_eq!(verdict.largest, None);
        assert_eq!(verdict.fails, Some((0, 0, Cause::Memory)));
    }
}
