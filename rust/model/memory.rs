// SPDX-License-Identifier: GPL-2.0

//! Snapshots of zones and their buddy lists.

use super::text::Text;

/// One more than the highest order that a snapshot can hold; `NR_PAGE_ORDERS` is 11 by default
/// and 16 at most (`include/linux/mmzone.h`).
pub const ORDERS_MAX: usize = 16;

/// One zone of one node. All counts are in pages unless they say blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zone {
    /// Memory node.
    pub node: u32,
    /// Name, as `/proc/zoneinfo` has it.
    pub name: Text<8>,
    /// First page frame number.
    pub start_pfn: u64,
    /// From the first to the last page, holes included.
    pub spanned: u64,
    /// `spanned` without the holes.
    pub present: u64,
    /// What the buddy allocator has to give.
    pub managed: u64,
    /// `NR_FREE_PAGES`.
    pub free: u64,
    /// Pages in CMA areas.
    pub cma: u64,
    /// `NR_FREE_CMA_PAGES`.
    pub free_cma: u64,
    /// The min, low and high watermarks, the boost included.
    pub watermarks: [u64; 3],
    /// How many orders the buddy lists of this kernel have.
    pub orders: usize,
    /// Free blocks by order.
    pub blocks: [u64; ORDERS_MAX],
}

impl Zone {
    /// The free blocks of the orders that this kernel has.
    pub fn free_blocks(&self) -> &[u64] {
        self.blocks.get(..self.orders).unwrap_or(&self.blocks)
    }

    /// Pages on the buddy lists: less than [`free`](Self::free) by what sits on per-CPU lists.
    pub fn buddy_pages(&self) -> u64 {
        (0u32..)
            .zip(self.free_blocks())
            .map(|(order, blocks)| blocks << order)
            .sum()
    }
}
