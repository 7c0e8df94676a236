// SPDX-License-Identifier: GPL-2.0

//! Snapshots of zones and their buddy lists.

use super::text::Text;

/// One more than the highest order that a snapshot can hold; `NR_PAGE_ORDERS` is 11 by default
/// and 16 at most (`include/linux/mmzone.h`).
pub const ORDERS_MAX: usize = 16;

/// As many zones as a node can have (`MAX_NR_ZONES`).
pub const ZONES_MAX: usize = 6;

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
    /// What fragmentation has raised the watermarks by for now.
    pub boost: u64,
    /// Which of the node's zones this is.
    pub index: usize,
    /// How many zones a node of this kernel has, populated or not.
    pub zones: usize,
    /// `lowmem_reserve`: what is kept from an allocation that could have come from a higher zone,
    /// by that zone.
    pub reserve: [u64; ZONES_MAX],
    /// Pages on the per-CPU lists.
    pub pcp: u64,
    /// What those lists may hold before they give pages back.
    pub pcp_high: u64,
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

    /// The reserve against each zone of this kernel.
    pub fn reserves(&self) -> &[u64] {
        self.reserve.get(..self.zones).unwrap_or(&self.reserve)
    }

    /// Pages on the buddy lists: less than [`free`](Self::free) by what sits on per-CPU lists.
    pub fn buddy_pages(&self) -> u64 {
        (0u32..)
            .zip(self.free_blocks())
            .map(|(order, blocks)| blocks << order)
            .sum()
    }
}

/// Why a free block is where it is: pageblocks are grouped by who may use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrateType {
    /// Kernel memory that stays where it is.
    Unmovable,
    /// Pages of user space and the page cache, which can be moved.
    Movable,
    /// Kernel caches that can be shrunk.
    Reclaimable,
    /// Kept for atomic allocations.
    HighAtomic,
    /// Lent by CMA to movable pages only.
    Cma,
    /// Taken out of use for the moment: CMA or memory hotplug is at work there.
    Isolate,
}

impl MigrateType {
    /// Every type with its name in `/proc/pagetypeinfo`, in the order of `memlab_types` in the
    /// helpers.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Unmovable, "Unmovable"),
        (Self::Movable, "Movable"),
        (Self::Reclaimable, "Reclaimable"),
        (Self::HighAtomic, "HighAtomic"),
        (Self::Cma, "CMA"),
        (Self::Isolate, "Isolate"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(migrate, _)| *migrate == self)
            .map_or("?", |(_, name)| name)
    }

    /// Whether a plain allocation may be served from here: a movable one, or any other.
    pub fn serves(self, movable: bool) -> bool {
        match self {
            Self::Unmovable | Self::Movable | Self::Reclaimable => true,
            Self::Cma => movable,
            Self::HighAtomic | Self::Isolate => false,
        }
    }
}

/// The free lists of one migration type in one zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FreeList {
    /// Memory node.
    pub node: u32,
    /// The zone's name.
    pub zone: Text<8>,
    /// Whose lists.
    pub migrate: MigrateType,
    /// How many orders there are.
    pub orders: usize,
    /// Free blocks by order.
    pub blocks: [u64; ORDERS_MAX],
    /// Bit N: the list of order N was too long to be counted to its end, there are more blocks.
    pub capped: u32,
}

impl FreeList {
    /// The free blocks by order, each with whether there are more.
    pub fn counts(&self) -> impl Iterator<Item = (u64, bool)> + '_ {
        let more = |order: u32| self.capped & (1 << order) != 0;
        (0u32..)
            .zip(self.blocks)
            .take(self.orders)
            .map(move |(order, blocks)| (blocks, more(order)))
    }
}
