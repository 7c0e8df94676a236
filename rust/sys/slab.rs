// SPDX-License-Identifier: GPL-2.0

//! Caches of the slab, and objects of theirs.
//!
//! C header: [`include/linux/slab.h`](srctree/include/linux/slab.h)

use super::alloc::Flags;
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
