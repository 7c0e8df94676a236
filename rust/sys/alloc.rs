// SPDX-License-Identifier: GPL-2.0

//! Memory from the slab, from vmalloc and from the buddy allocator.
//!
//! C headers: [`include/linux/slab.h`](srctree/include/linux/slab.h),
//! [`include/linux/vmalloc.h`](srctree/include/linux/vmalloc.h),
//! [`include/linux/gfp.h`](srctree/include/linux/gfp.h)
//!
//! The kernel crate's `KVec` and `VVec` go through the realloc entry points; what is measured here
//! are the functions that a C driver calls.

use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    bindings,
    ffi::c_void,
    prelude::*, //
};

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
    /// `kmalloc(size, GFP_KERNEL | __GFP_NOWARN)`; a size above the largest slab order fails.
    #[inline]
    pub(crate) fn new(size: usize) -> Result<Self> {
        // SAFETY: `kmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe {
            bindings::__kmalloc_noprof(size, bindings::GFP_KERNEL | bindings::__GFP_NOWARN)
        };
        // A size of 0 would give `ZERO_SIZE_PTR`, which `kfree()` takes as well.
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: `ptr` was just allocated.
        Ok(Self { ptr })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
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
        // SAFETY: `vmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe { lab::memlab_vmalloc(size) };
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

    /// One page from the highest zone, HighMem where the kernel has one.
    pub(crate) fn highmem() -> Result<Self> {
        // SAFETY: May be called from any context that may sleep.
        let page = unsafe { lab::memlab_alloc_highmem_page() };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: `page` was just allocated with order 0.
        Ok(Self { page, order: 0 })
    }

    /// The first page.
    pub(crate) fn page(&self) -> NonNull<bindings::page> {
        self.page
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the pages are owned and have this order.
        unsafe { bindings::__free_pages(self.page.as_ptr(), self.order) };
    }
}
