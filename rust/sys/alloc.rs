// SPDX-License-Identifier: GPL-2.0

//! Memory from the slab, from vmalloc and from the buddy allocator.
//!
//! C headers: [`include/linux/slab.h`](srctree/include/linux/slab.h),
//! [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h),
//! [`include/linux/gfp.h`](srctree/include/linux/gfp.h)
//!
//! The kernel crate's `KVec` and `VVec` go through the realloc entry points; what is measured here
//! are the functions that a C driver calls.

use super::{
    memory::{
        Page,
        Spot,
        PAGE_SIZE, //
    },
    relief::Piece, //
};
use crate::{
    bindings as lab,
    model::request::Gfp, //
};
use core::ptr::NonNull;
use kernel::{
    bindings,
    ffi::c_void,
    prelude::*, //
};

/// The highest order that the buddy allocator has blocks of (`MAX_PAGE_ORDER`).
pub(crate) const MAX_ORDER: u32 = lab::memlab_limit_MEMLAB_MAX_ORDER;

/// The most bytes that `kmalloc()` takes (`KMALLOC_MAX_SIZE`), and that one block of pages has.
// CAST: 64 bits are wide enough for either.
pub(crate) const KMALLOC_MAX: u64 = (PAGE_SIZE as u64) << MAX_ORDER;

/// The most that is asked for of what need not be contiguous: more than any block of the machine.
pub(crate) const SCATTERED_MAX: u64 = 4 * KMALLOC_MAX;

/// Flags of an allocation that is allowed to fail without a warning, and fails where the kernel would
/// kill a process to make room: an instrument kills nobody.
#[derive(Clone, Copy)]
pub(crate) struct Flags(u32);

impl Flags {
    /// The flags that `gfp` stands for, with `__GFP_NOWARN` and, where it may sleep,
    /// `__GFP_RETRY_MAYFAIL`.
    pub(crate) fn of(gfp: Gfp) -> Self {
        // CAST: There are a few. 0 stands for the default in the helper's enumeration.
        let number = gfp as u32 + 1;
        // SAFETY: The function chooses constants by the number, whatever that is.
        Self(unsafe { lab::memlab_gfp(number) })
    }

    /// For memory that a program holds: charged to its cgroup, zeroed, and failing where the kernel
    /// would kill a process to make room. The zones are the helper's: 0 any with a permanent address,
    /// 1 any, 2 below 4 GiB, 3 for 24-bit devices.
    pub(crate) fn for_programs(zone: u32) -> Self {
        // SAFETY: The function chooses constants by the number, whatever that is.
        Self(unsafe { lab::memlab_gfp_buffer(zone) })
    }

    /// The same for a function that tries a large piece without reclaim and falls back, which would
    /// take `__GFP_RETRY_MAYFAIL` for a wish to have the large one: what it tries first stays as it
    /// is, and each piece of the fallback is reclaimed for once.
    pub(crate) fn falling_back(self) -> Self {
        // SAFETY: The function computes with the number that it is given, and does nothing else.
        Self(unsafe { lab::memlab_gfp_once(self.0) })
    }

    /// For the functions of this room.
    pub(super) fn raw(self) -> u32 {
        self.0
    }
}

/// Bytes from `kmalloc()`.
///
/// # Invariants
///
/// `ptr` is a live allocation of `kmalloc()` that nothing else owns.
pub(crate) struct Kmalloc {
    ptr: NonNull<c_void>,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Kmalloc {}

impl Kmalloc {
    /// `kmalloc(size, GFP_KERNEL | __GFP_NOWARN)`; a size above [`KMALLOC_MAX`] fails.
    #[inline]
    pub(crate) fn new(size: usize) -> Result<Self> {
        Self::with(size, Flags(bindings::GFP_KERNEL | bindings::__GFP_NOWARN))
    }

    /// `kmalloc(size, flags)`. `GFP_DMA32` and `GFP_HIGHUSER` are not for it.
    #[inline]
    pub(crate) fn with(size: usize, flags: Flags) -> Result<Self> {
        // SAFETY: `kmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe { lab::memlab_kmalloc(size, flags.0) };
        // A size of 0 would give `ZERO_SIZE_PTR`, which `kfree()` takes as well.
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated.
        Ok(Self { ptr })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }

    /// The bytes that it really takes: those of its slab class or its block.
    pub(crate) fn capacity(&self) -> u64 {
        // SAFETY: By the type invariant this is a live allocation of `kmalloc()`.
        unsafe { bindings::ksize(self.ptr.as_ptr()) as u64 }
    }
}

impl Drop for Kmalloc {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant `ptr` came from `kmalloc()` and is owned.
        unsafe { bindings::kfree(self.ptr.as_ptr()) };
    }
}

/// Bytes from `vmalloc()`.
///
/// # Invariants
///
/// `ptr` is a live allocation of `vmalloc()` that nothing else owns.
pub(crate) struct Vmalloc {
    ptr: NonNull<c_void>,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Vmalloc {}

impl Vmalloc {
    /// `vmalloc(size)`.
    #[inline]
    pub(crate) fn new(size: usize) -> Result<Self> {
        Self::with(size, Flags(bindings::GFP_KERNEL | bindings::__GFP_NOWARN))
    }

    /// `__vmalloc(size, flags)`. `GFP_DMA`, `GFP_DMA32` and `GFP_HIGHUSER` are not for it.
    #[inline]
    pub(crate) fn with(size: usize, flags: Flags) -> Result<Self> {
        // SAFETY: `__vmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe { lab::memlab_vmalloc(size, flags.0) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated.
        Ok(Self { ptr })
    }

    /// `vmalloc_huge(size, flags)`: of huge pages where the architecture can and there are any.
    #[inline]
    pub(crate) fn huge(size: usize, flags: Flags) -> Result<Self> {
        // SAFETY: `vmalloc_huge()` may be called with any size from a context that may sleep.
        let ptr = unsafe { lab::memlab_vmalloc_huge(size, flags.0) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated.
        Ok(Self { ptr })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }
}

impl Drop for Vmalloc {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant `ptr` came from `vmalloc()` and is owned.
        unsafe { lab::vfree(self.ptr.as_ptr()) };
    }
}

/// Bytes from `kvmalloc()`: of the slab or the buddy allocator where it has them, else of
/// `vmalloc()`.
///
/// # Invariants
///
/// `ptr` is a live allocation of `kvmalloc()` that nothing else owns.
pub(crate) struct Kvmalloc {
    ptr: NonNull<c_void>,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Kvmalloc {}

impl Kvmalloc {
    /// `kvmalloc(size, flags)`.
    #[inline]
    pub(crate) fn new(size: usize, flags: Flags) -> Result<Self> {
        // SAFETY: `kvmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe { lab::memlab_kvmalloc(size, flags.raw()) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated.
        Ok(Self { ptr })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }

    /// The bytes that it takes; `None` if it is one of `vmalloc()`.
    pub(crate) fn slab_capacity(&self) -> Option<u64> {
        // SAFETY: Looks at nothing but the address.
        let linear = unsafe { !bindings::is_vmalloc_addr(self.ptr.as_ptr()) };
        // SAFETY: By the type invariant it is a live allocation, in the linear map; `ksize()` only
        // reads what the slab or the buddy allocator know of it.
        linear.then(|| unsafe { bindings::ksize(self.ptr.as_ptr()) as u64 })
    }
}

impl Drop for Kvmalloc {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant `ptr` came from `kvmalloc()` and is owned.
        unsafe { bindings::kvfree(self.ptr.as_ptr()) };
    }
}

/// Pages from the buddy allocator: 2^`order` of them, physically contiguous.
///
/// # Invariants
///
/// `page` is the first page of a live allocation of that order that nothing else owns.
pub(crate) struct Pages {
    page: NonNull<bindings::page>,
    order: u32,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Pages {}
// SAFETY: `&Pages` gives nothing but addresses.
unsafe impl Sync for Pages {}

impl Pages {
    /// `alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, order)`.
    pub(crate) fn new(order: u32) -> Result<Self> {
        let gfp = bindings::GFP_KERNEL | bindings::__GFP_ZERO | bindings::__GFP_NOWARN;
        // SAFETY: The page allocator may be called with any order from a context that may sleep;
        // one above the maximum is refused.
        let page = unsafe { bindings::alloc_pages(gfp, order) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: `page` was just allocated with `order`.
        Ok(Self { page, order })
    }

    /// `alloc_pages(flags, order)`; `order` is at most [`MAX_ORDER`].
    #[inline]
    pub(crate) fn with(order: u32, flags: Flags) -> Result<Self> {
        // SAFETY: The page allocator refuses an order above the maximum, without a warning by the
        // flags; those of `Flags` suit it all, and whoever chose one that sleeps may sleep.
        let page = unsafe { bindings::alloc_pages(flags.0, order) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: `page` was just allocated with `order`.
        Ok(Self { page, order })
    }

    /// A block of a zone that is free now: nothing is reclaimed or compacted for it, and CMA's are
    /// left alone.
    pub(crate) fn spare(zone: Spot, order: u32) -> Result<Self> {
        // SAFETY: The node is online; may be called with any order from a context that may sleep.
        let page = unsafe { lab::memlab_alloc_spare(zone.node, zone.index, order) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: `page` was just allocated with `order`.
        Ok(Self { page, order })
    }

    /// Splits them into single pages.
    pub(crate) fn split(self) -> impl Iterator<Item = Self> {
        let (page, order) = (self.page, self.order);
        core::mem::forget(self);
        // SAFETY: By the type invariant the pages were owned; now each is by itself.
        unsafe { lab::memlab_split_page(page.as_ptr(), order) };
        Singles {
            page,
            left: 1 << order,
        }
    }

    /// Bytes.
    pub(crate) fn size(&self) -> usize {
        PAGE_SIZE << self.order
    }

    /// One page from the highest zone, HighMem where the kernel has one.
    pub(crate) fn highmem() -> Result<Self> {
        // SAFETY: May be called from any context that may sleep.
        let page = unsafe { lab::memlab_alloc_highmem_page() };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: `page` was just allocated with order 0.
        Ok(Self { page, order: 0 })
    }

    /// The first page.
    pub(crate) fn page(&self) -> Page {
        // SAFETY: By the type invariant it was allocated.
        unsafe { Page::new(self.page) }
    }
}

/// Single pages that follow each other.
///
/// # Invariants
///
/// The `left` pages from `page` on are owned, each with a reference of its own.
struct Singles {
    page: NonNull<bindings::page>,
    left: usize,
}

impl Iterator for Singles {
    type Item = Pages;

    fn next(&mut self) -> Option<Pages> {
        self.left = self.left.checked_sub(1)?;
        let page = self.page;
        // SAFETY: The `struct page`s of what was one block are contiguous, and one past the last is
        // still in bounds.
        self.page = unsafe { page.add(1) };
        // INVARIANT: By the type invariant it is owned; it is not counted as left any more.
        Some(Pages { page, order: 0 })
    }
}

impl Drop for Singles {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pages are owned and have this order.
        unsafe { bindings::__free_pages(self.page.as_ptr(), self.order) };
    }
}

// SAFETY: The pages of a block are owned, and given up without being freed.
unsafe impl Piece for Pages {
    type Of = ();

    fn of(&self) {}

    fn count(&self) -> usize {
        1 << self.order
    }

    fn zone(&self) -> Spot {
        Spot::of(self.page())
    }

    fn into_pages(self) -> NonNull<bindings::page> {
        core::mem::ManuallyDrop::new(self).page
    }

    unsafe fn from_pages((): (), page: NonNull<bindings::page>, count: usize) -> Self {
        // INVARIANT: By the function's requirement these pages were a block of so many.
        Self {
            page,
            order: count.trailing_zeros(),
        }
    }

    /// A block goes as a whole.
    fn trim(&mut self, _keep: usize) {}
}

#[cfg(CONFIG_KUNIT = "y")]
#[kernel::macros::kunit_tests(memlab_alloc)]
mod tests {
    use super::*;

    /// Whether the kernel kills nobody for an allocation with these flags; whether it waits for one.
    fn spares(flags: Flags) -> (bool, bool) {
        let sparing = lab::MEMLAB_GFP_MAYFAIL | lab::MEMLAB_GFP_NORETRY;
        let waits = flags.raw() & lab::MEMLAB_GFP_WAITS != 0;
        (flags.raw() & sparing != 0, waits)
    }

    #[test]
    fn nobody_is_killed_by_who_may_wait() {
        for &gfp in Gfp::ALL {
            for flags in [Flags::of(gfp), Flags::of(gfp).falling_back()] {
                let (spared, waits) = spares(flags);
                assert_eq!(spared, waits);
            }
            // It would be taken for a wish to have one piece.
            let wish = Flags::of(gfp).falling_back().raw() & lab::MEMLAB_GFP_MAYFAIL;
            assert_eq!(wish, 0);
        }
        let programs = [0, 1, 2, 3].map(|zone| spares(Flags::for_programs(zone)));
        assert_eq!(programs, [(true, true); 4]);
    }
}
