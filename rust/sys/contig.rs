// SPDX-License-Identifier: GPL-2.0

//! Whole pages in one piece beyond the blocks of the buddy allocator, and what lies at hand before it.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use super::{
    alloc::{
        Flags,
        Pages, //
    },
    memory::{
        Page,
        Spot,
        PAGE_SIZE, //
    },
};
use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    bindings,
    ffi::c_void,
    prelude::*, //
};

/// Pages from `alloc_pages_exact()`: what a block has beyond the size is given back at once.
///
/// # Invariants
///
/// `ptr` is a live allocation of that many bytes that nothing else owns.
pub(crate) struct Exact {
    ptr: NonNull<c_void>,
    size: usize,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Exact {}

impl Exact {
    /// `alloc_pages_exact(size, flags)`; not for `GFP_HIGHUSER`, whose pages have no address.
    #[inline]
    pub(crate) fn new(size: usize, flags: Flags) -> Result<Self> {
        // SAFETY: May be called with any size that is not above the largest block.
        let ptr = unsafe { lab::memlab_alloc_pages_exact(size, flags.raw()) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated with this size.
        Ok(Self { ptr, size })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }
}

impl Drop for Exact {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pages are owned and were allocated with this size.
        unsafe { bindings::free_pages_exact(self.ptr.as_ptr(), self.size) };
    }
}

/// Pages from `alloc_contig_pages()`, which moves what lies in the way.
///
/// # Invariants
///
/// `page` is the first of `count` contiguous pages that nothing else owns.
pub(crate) struct Contig {
    page: NonNull<bindings::page>,
    count: usize,
}

// SAFETY: The pages belong to no thread.
unsafe impl Send for Contig {}

impl Contig {
    /// `alloc_contig_pages(count, flags)` on this node or the nearest that has them; fails on a
    /// kernel without CONFIG_CONTIG_ALLOC.
    #[inline]
    pub(crate) fn new(count: usize, flags: Flags) -> Result<Self> {
        // SAFETY: May be called with any number from a context that may sleep.
        let page = unsafe { lab::memlab_alloc_contig(count, flags.raw()) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: These pages were just allocated.
        Ok(Self { page, count })
    }

    /// The first page.
    pub(crate) fn page(&self) -> Page {
        // SAFETY: By the type invariant it was allocated.
        unsafe { Page::new(self.page) }
    }
}

impl Drop for Contig {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pages are owned.
        unsafe { lab::memlab_free_contig(self.page.as_ptr(), self.count) };
    }
}

/// Whether this CPU has no more unmovable single pages at hand in the zone of `page`: the next one
/// comes from the free lists. True only as long as the thread stays on this CPU.
pub(crate) fn at_hand_is_empty(page: &Pages) -> bool {
    // SAFETY: Reads the head of a list of a zone that exists.
    unsafe { lab::memlab_pcp_is_empty(page.page().raw()) }
}

/// Empties the per-CPU lists of the zone that plain pages come from, on all CPUs: allocating a
/// contiguous range does (`alloc_contig_range()`). False where the kernel cannot.
pub(crate) fn drain_at_hand(flags: Flags) -> bool {
    // So many that what is left of a block, and then they, go back past the lists, which hold
    // orders up to 3 (`PAGE_ALLOC_COSTLY_ORDER`).
    Contig::new(1 << 4, flags).is_ok()
}

/// Empties the lists that the CPUs have of a zone, where a pageblock of it is free. Moves nothing.
pub(crate) fn drain(zone: Spot) -> bool {
    // SAFETY: The node is online, and may be called from any context that may sleep.
    unsafe { lab::memlab_drain(zone.node, zone.index) }
}

/// The bytes of so many whole pages.
pub(crate) fn whole_pages(size: usize) -> u64 {
    (size.div_ceil(PAGE_SIZE) as u64).saturating_mul(PAGE_SIZE as u64)
}
