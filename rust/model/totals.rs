// SPDX-License-Identifier: GPL-2.0

//! What the whole machine has, and what happened on it.

/// Memory by use, in pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemInfo {
    /// All that the kernel manages.
    pub total: u64,
    /// High memory in it; the rest is low.
    pub high: u64,
    /// High memory that is free.
    pub high_free: u64,
    /// What zones keep for the kernel itself (`totalreserve_pages`).
    pub reserve: u64,
    /// The low watermarks of all zones.
    pub low: u64,
    /// `NR_FREE_PAGES`.
    pub free: u64,
    /// Page cache in use.
    pub active_file: u64,
    /// Page cache that has not been used of late.
    pub inactive_file: u64,
    /// Slabs of caches that can be shrunk.
    pub slab_reclaimable: u64,
    /// Other kernel memory that can be reclaimed.
    pub misc_reclaimable: u64,
    /// What `si_mem_available()` said right after the terms were read.
    pub available: u64,
    /// Slabs that cannot be shrunk.
    pub slab_unreclaimable: u64,
    /// Memory of processes.
    pub anon: u64,
    /// Shared memory and tmpfs.
    pub shmem: u64,
    /// Page tables.
    pub page_tables: u64,
    /// Free pages in CMA areas.
    pub free_cma: u64,
}

/// MemAvailable, term by term, as `si_mem_available()` (`mm/show_mem.c`) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// Page cache.
    pub cache: u64,
    /// What of the cache is taken to be needed: half of it, the low watermarks at most.
    pub cache_kept: u64,
    /// Reclaimable kernel memory.
    pub reclaimable: u64,
    /// What of that is taken to be in use, by the same rule.
    pub reclaimable_kept: u64,
    /// The sum.
    pub sum: u64,
}

impl MemInfo {
    /// The terms of MemAvailable.
    pub fn terms(&self) -> Available {
        let kept = |pages: u64| (pages >> 1).min(self.low);
        let cache = self.active_file.saturating_add(self.inactive_file);
        let reclaimable = self.slab_reclaimable.saturating_add(self.misc_reclaimable);
        let (cache_kept, reclaimable_kept) = (kept(cache), kept(reclaimable));
        // The reserve may be more than what is free, and is taken off all of it.
        let given = self
            .free
            .saturating_add(cache - cache_kept)
            .saturating_add(reclaimable - reclaimable_kept);
        Available {
            cache,
            cache_kept,
            reclaimable,
            reclaimable_kept,
            sum: given.saturating_sub(self.reserve),
        }
    }
}

/// How often something has happened since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The name in `/proc/vmstat`.
    pub name: &'static str,
    /// The total.
    pub total: u64,
}

/// A CMA area that a lent device takes coherent memory from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its name.
    pub name: &'static str,
    /// How many of the lent devices use it.
    pub devices: u32,
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(memlab_totals))]
mod tests {
    use super::*;

    const SOME: MemInfo = MemInfo {
        total: 10_000,
        high: 0,
        high_free: 0,
        reserve: 500,
        low: 100,
        free: 4_000,
        active_file: 600,
        inactive_file: 400,
        slab_reclaimable: 50,
        misc_reclaimable: 11,
        available: 0,
        slab_unreclaimable: 0,
        anon: 0,
        shmem: 0,
        page_tables: 0,
        free_cma: 0,
    };

    #[test]
    fn at_most_the_low_watermarks_are_kept_of_the_cache() {
        let terms = SOME.terms();
        assert_eq!((terms.cache, terms.cache_kept), (1_000, 100));
        // 61 / 2 is less than they are.
        assert_eq!((terms.reclaimable, terms.reclaimable_kept), (61, 30));
        assert_eq!(terms.sum, 4_000 - 500 + 900 + 31);
    }

    #[test]
    fn what_is_available_is_never_negative() {
        let short = MemInfo {
            reserve: 4_900,
            ..SOME
        };
        assert_eq!(short.terms().sum, 31);
        let none = MemInfo {
            reserve: 5_000,
            ..SOME
        };
        assert_eq!(none.terms().sum, 0);
    }
}
