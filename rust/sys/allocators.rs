// SPDX-License-Identifier: GPL-2.0

//! Allocators beyond [`alloc`](super::alloc): either of two, exact and contiguous pages, caches.
//!
//! C headers: [`include/linux/slab.h`](srctree/include/linux/slab.h),
//! [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

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
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    ffi::{
        c_uint,
        c_void, //
    },
    prelude::*, //
};

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

/// A `kmem_cache` of its own.
///
/// # Invariants
///
/// `raw` is a cache, and what was allocated from it borrows this value.
pub(crate) struct Cache {
    raw: NonNull<bindings::kmem_cache>,
}

// SAFETY: A cache belongs to no thread.
unsafe impl Send for Cache {}
// SAFETY: It does its own locking.
unsafe impl Sync for Cache {}

/// As many objects as one call of the bulk functions takes here.
pub(crate) const BULK: usize = 16;

impl Cache {
    /// A cache of objects of `size` bytes, which is not merged with others.
    pub(crate) fn new(size: usize) -> Result<Self> {
        // SAFETY: May be called with any size from a context that may sleep; a wrong one is refused.
        let raw = unsafe { lab::memlab_cache_create(c_uint::try_from(size)?) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;
        // INVARIANT: Just created.
        Ok(Self { raw })
    }

    /// One object.
    #[inline]
    pub(crate) fn alloc(&self, flags: Flags) -> Result<Object<'_>> {
        // SAFETY: By the type invariant this is a cache.
        let ptr = unsafe { lab::memlab_cache_alloc(self.raw.as_ptr(), flags.raw()) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: Just allocated from this cache.
        Ok(Object { cache: self, ptr })
    }

    /// [`BULK`] objects in one call, whose addresses go into `room`; it comes back if that fails.
    #[inline]
    pub(crate) fn alloc_bulk(
        &self,
        flags: Flags,
        mut room: Room,
    ) -> Result<Bulk<'_>, (Room, Error)> {
        // SAFETY: By the type invariant this is a cache; there is room for as many as are asked for.
        let all = unsafe {
            lab::memlab_cache_alloc_bulk(
                self.raw.as_ptr(),
                flags.raw(),
                // CAST: A small constant.
                BULK as c_uint,
                room.0.as_mut_ptr(),
            )
        };
        if !all {
            return Err((room, ENOMEM));
        }
        // INVARIANT: All of them were just allocated from this cache.
        Ok(Bulk {
            cache: self,
            room: ManuallyDrop::new(room),
        })
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a cache, and nothing of it is held any more.
        unsafe { bindings::kmem_cache_destroy(self.raw.as_ptr()) };
    }
}

/// An object of a [`Cache`].
///
/// # Invariants
///
/// `ptr` is a live object of `cache` that nothing else owns.
pub(crate) struct Object<'a> {
    cache: &'a Cache,
    ptr: NonNull<c_void>,
}

impl Object<'_> {
    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }

    /// The bytes that it really takes.
    pub(crate) fn capacity(&self) -> u64 {
        // SAFETY: By the type invariant this is a live object of a slab.
        unsafe { bindings::ksize(self.ptr.as_ptr()) as u64 }
    }
}

impl Drop for Object<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant the object is of this cache and owned.
        unsafe { bindings::kmem_cache_free(self.cache.raw.as_ptr(), self.ptr.as_ptr()) };
    }
}

/// Where the addresses of [`BULK`] objects go. It is made before time is taken, and stays where it is:
/// a driver that allocates in bulk has such an array too.
pub(crate) struct Room(KBox<[*mut c_void; BULK]>);

// SAFETY: Nothing is done with the addresses that are left in it.
unsafe impl Send for Room {}

impl Room {
    /// An empty one.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(KBox::new([core::ptr::null_mut(); BULK], GFP_KERNEL)?))
    }
}

/// Objects of a [`Cache`] that came in one call and go in one.
///
/// # Invariants
///
/// `room` holds live objects of `cache` that nothing else owns.
pub(crate) struct Bulk<'a> {
    cache: &'a Cache,
    room: ManuallyDrop<Room>,
}

impl Bulk<'_> {
    /// The address of the first.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        let [first, ..] = *self.room.0;
        first
    }

    /// Frees them all: `kmem_cache_free_bulk()`. Where their addresses were comes back.
    #[inline]
    pub(crate) fn free(self) -> Room {
        let mut this = ManuallyDrop::new(self);
        this.free_in_place();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.room) }
    }

    #[inline]
    fn free_in_place(&mut self) {
        let cache = self.cache.raw.as_ptr();
        // SAFETY: By the type invariant the objects are of this cache and owned; both callers give
        // this value up.
        unsafe { bindings::kmem_cache_free_bulk(cache, BULK, self.room.0.as_mut_ptr()) };
    }
}

impl Drop for Bulk<'_> {
    fn drop(&mut self) {
        self.free_in_place();
        // SAFETY: It is not used again.
        unsafe { ManuallyDrop::drop(&mut self.room) };
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
