// SPDX-License-Identifier: GPL-2.0

//! Snapshots of zones and their buddy lists.

use super::text::Text;

/// One more than the highest order that a snapshot can hold; `NR_PAGE_ORDERS` is 11 by default
/// and 16 at most (`include/linux/mmzone.h`).
pub const ORDERS_MAX: usize = 16;

/// As many zones as a node can have (`MAX_NR_ZONES`).
pub const ZONES_MAX: usize = 6;

/// Whose allocations a zone's pages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The kernel's own, and all others.
    Kernel,
    /// High memory: the kernel has to map a page each time that it uses it.
    Mapped,
    /// None of the kernel's own: only what can be moved away (`ZONE_MOVABLE`).
    Movable,
}

/// One zone of one node. All counts are in pages unless they say blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zone {
    /// Memory node.
    pub node: u32,
    /// Name, as `/proc/zoneinfo` has it.
    pub name: Text<8>,
    /// Whose allocations its pages are for.
    pub reach: Reach,
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
    /// Free pages that are kept for atomic allocations.
    pub free_highatomic: u64,
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

    /// What memory for the kernel can come from now, above the watermark min and without reclaim;
    /// `None` for a zone whose pages it cannot use as they are. `top` is from [`kernel_top`].
    pub fn usable(&self, top: usize) -> Option<u64> {
        let taken = [
            self.free_cma,
            self.free_highatomic,
            self.min(),
            self.kept(top),
        ];
        let left = taken.into_iter().fold(self.free, u64::saturating_sub);
        (self.reach == Reach::Kernel).then_some(left)
    }

    /// The watermark min.
    pub fn min(&self) -> u64 {
        let [min, _, _] = self.watermarks;
        min
    }

    /// What is kept, beside `min`, from memory for the kernel that could have come from zone `top`.
    pub fn kept(&self, top: usize) -> u64 {
        self.reserve.get(top).copied().unwrap_or(0)
    }

    /// Pages on the buddy lists: less than [`free`](Self::free) by what sits on per-CPU lists.
    pub fn buddy_pages(&self) -> u64 {
        (0u32..)
            .zip(self.free_blocks())
            .map(|(order, blocks)| blocks << order)
            .sum()
    }
}

/// Which zone of a node memory for the kernel comes from first.
pub fn kernel_top(zones: &[Zone]) -> usize {
    let kernel = zones.iter().filter(|zone| zone.reach == Reach::Kernel);
    kernel.map(|zone| zone.index).max().unwrap_or(0)
}

/// Why the kernel's own allocations fail though memory is free, in pages of all zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What was asked for at a time.
    pub asked: u64,
    /// What is free for the kernel.
    pub usable: u64,
    /// What is free.
    pub free: u64,
    /// What of that lies in CMA areas.
    pub cma: u64,
    /// The watermarks min together.
    pub min: u64,
}

impl Shortage {
    /// `None` where `asked` pages are no more than the kernel can have, or where it is not CMA that
    /// most of the other free pages belong to.
    pub fn of(zones: &[Zone], asked: u64) -> Option<Self> {
        let top = kernel_top(zones);
        let sum = |of: &dyn Fn(&Zone) -> u64| zones.iter().map(of).fold(0, u64::saturating_add);
        let this = Self {
            asked,
            usable: sum(&|zone| zone.usable(top).unwrap_or(0)),
            free: sum(&|zone| zone.free),
            cma: sum(&|zone| zone.free_cma),
            min: sum(&Zone::min),
        };
        let others = this.free.saturating_sub(this.usable);
        (asked > this.usable && this.cma > others / 2).then_some(this)
    }
}

/// Where a zone stands, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Whose allocations its pages are for.
    pub reach: Reach,
    /// `NR_FREE_PAGES`.
    pub free: u64,
    /// `NR_FREE_CMA_PAGES`.
    pub free_cma: u64,
    /// Free pages that are kept for atomic allocations.
    pub free_highatomic: u64,
    /// The min, low and high watermarks, without the boost that comes and goes.
    pub watermarks: [u64; 3],
    /// What fragmentation has raised the watermarks by for now.
    pub boost: u64,
    /// What is kept, beside a watermark, from a page for the kernel that could have come from a
    /// higher zone (`lowmem_reserve`).
    pub kept: u64,
}

impl Stand {
    /// What a page for the kernel can come from: CMA lends its pages to movable ones only.
    pub fn usable(&self) -> u64 {
        match self.reach {
            Reach::Kernel | Reach::Mapped => {
                let others = self.free_cma.saturating_add(self.free_highatomic);
                self.free.saturating_sub(others)
            }
            Reach::Movable => 0,
        }
    }

    /// How much more of that there is than watermark number `mark` and what is kept.
    pub fn above(&self, mark: usize) -> u64 {
        let mark = self.watermarks.get(mark).copied().unwrap_or(0);
        self.usable().saturating_sub(mark.saturating_add(self.kept))
    }

    /// How many of `pages` are missing to watermark number `mark` and `more`.
    pub fn missing(&self, pages: u64, mark: usize, more: u64) -> u64 {
        let mark = self.watermarks.get(mark).copied().unwrap_or(0);
        mark.saturating_add(more).saturating_sub(pages)
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
