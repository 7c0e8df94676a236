// SPDX-License-Identifier: GPL-2.0

//! Windows onto pages that have no permanent address.
//!
//! C header: [`include/linux/highmem.h`](srctree/include/linux/highmem.h)

use super::{
    alloc::Pages,
    memory::Page, //
};
use crate::bindings as lab;
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    ffi::{
        c_int,
        c_uint,
        c_void, //
    },
    prelude::*,
    types::NotThreadSafe, //
};

/// A mapping made by `kmap_local_page()`.
///
/// Local maps are a stack, of which the newest one goes first. One that is dropped while a newer one
/// is there, or has been forgotten, stays mapped as long as its thread lives.
///
/// # Invariants
///
/// `addr` was returned by `kmap_local_page()` in this thread, which had `depth` local maps then, and
/// is still mapped.
pub(crate) struct KmapLocal<'a> {
    addr: NonNull<c_void>,
    depth: c_int,
    _page: PhantomData<&'a Pages>,
    _thread: NotThreadSafe,
}

impl<'a> KmapLocal<'a> {
    /// Maps the first page of `pages`; `ENOSPC` where the thread has as many as it may have.
    #[inline]
    pub(crate) fn new(pages: &'a Pages) -> Result<Self> {
        let mut depth = 0;
        // SAFETY: The page is live as long as `pages`, and `depth` may be written.
        let addr = unsafe { lab::memlab_kmap_local(pages.page().raw(), &mut depth) };
        let addr = NonNull::new(addr).ok_or(ENOSPC)?;
        // INVARIANT: Just mapped, in this thread.
        Ok(Self {
            addr,
            depth,
            _page: PhantomData,
            _thread: NotThreadSafe,
        })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.addr.as_ptr()
    }
}

impl Drop for KmapLocal<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a live local map of this thread, and the function
        // sees whether it is the newest.
        unsafe { lab::memlab_kunmap_local(self.addr.as_ptr(), self.depth) };
    }
}

/// A local map that was made although the page has an address of its own; a stack like
/// [`KmapLocal`].
///
/// # Invariants
///
/// `addr` was returned by `__kmap_local_page_prot()` in this thread, which had `depth` local maps
/// then, and is still mapped.
pub(crate) struct KmapForced<'a> {
    addr: NonNull<c_void>,
    depth: c_int,
    _page: PhantomData<&'a Pages>,
    _thread: NotThreadSafe,
}

/// Whether this kernel has the forced path (CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP).
pub(crate) fn is_forced() -> bool {
    // SAFETY: The function returns a constant of the kernel's configuration.
    unsafe { lab::memlab_kmap_is_forced() }
}

impl<'a> KmapForced<'a> {
    /// Maps the first page of `pages`; `EOPNOTSUPP` where the kernel has no such path, or where the
    /// thread has as many as it may have.
    #[inline]
    pub(crate) fn new(pages: &'a Pages) -> Result<Self> {
        let mut depth = 0;
        // SAFETY: The page is live as long as `pages`, and `depth` may be written.
        let addr = unsafe { lab::memlab_kmap_forced(pages.page().raw(), &mut depth) };
        let addr = NonNull::new(addr).ok_or(crate::compat::not_supported())?;
        // INVARIANT: Just mapped, in this thread.
        Ok(Self {
            addr,
            depth,
            _page: PhantomData,
            _thread: NotThreadSafe,
        })
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.addr.as_ptr()
    }
}

impl Drop for KmapForced<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a live local map of this thread, and the function
        // sees whether it is the newest.
        unsafe { lab::memlab_kunmap_forced(self.addr.as_ptr(), self.depth) };
    }
}

/// A page that `kmap()` has mapped.
///
/// # Invariants
///
/// `addr` is the address that `kmap()` gave `page`, which stays mapped.
pub(crate) struct Kmap {
    page: Option<Pages>,
    addr: *const c_void,
}

// SAFETY: The window is every CPU's, and any thread may close it.
unsafe impl Send for Kmap {}

/// How many pages `kmap()` has windows for; 0 where a page needs none.
pub(crate) fn pool() -> u64 {
    // SAFETY: The function returns a constant of the kernel's configuration.
    u64::from(unsafe { lab::memlab_kmaps() })
}

impl Kmap {
    /// `kmap()` of the first page. Sleeps, and cannot be woken, while all windows are taken: who
    /// holds several keeps far below [`pool`].
    #[inline]
    pub(crate) fn new(page: Pages) -> Self {
        // SAFETY: The page is live, and callers may sleep.
        let addr = unsafe { lab::memlab_kmap(page.page().raw()) };
        // INVARIANT: Just mapped.
        Self {
            page: Some(page),
            addr,
        }
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.addr
    }

    /// The page.
    pub(crate) fn page(&self) -> Option<Page> {
        self.page.as_ref().map(Pages::page)
    }

    /// `kunmap()`; `None` never comes of a map that is there.
    #[inline]
    pub(crate) fn unmap(mut self) -> Option<Pages> {
        self.close()
    }

    #[inline]
    fn close(&mut self) -> Option<Pages> {
        let page = self.page.take()?;
        // SAFETY: By the type invariant the page is mapped; this is done once.
        unsafe { lab::memlab_kunmap(page.page().raw()) };
        Some(page)
    }
}

impl Drop for Kmap {
    #[inline]
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// Single pages in an order.
pub(crate) struct PageList {
    _pages: KVec<Pages>,
    raw: KVec<*mut bindings::page>,
}

// SAFETY: The pointers are those of the pages beside them.
unsafe impl Send for PageList {}

impl PageList {
    /// `count` pages, each as `page` makes it.
    pub(crate) fn new(count: usize, page: impl Fn() -> Result<Pages>) -> Result<Self> {
        let mut pages = KVec::with_capacity(count, GFP_KERNEL)?;
        let mut raw = KVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            let page = page()?;
            raw.push(page.page().raw(), GFP_KERNEL)?;
            pages.push(page, GFP_KERNEL)?;
        }
        Ok(Self { _pages: pages, raw })
    }
}

/// Pages that `vmap()` has made contiguous in virtual space.
///
/// # Invariants
///
/// `addr` is the mapping that `vmap()` made of `pages`.
pub(crate) struct Vmap {
    addr: NonNull<c_void>,
    pages: ManuallyDrop<PageList>,
}

impl Vmap {
    /// `vmap()` of all of `pages`, which come back if it fails.
    #[inline]
    pub(crate) fn new(mut pages: PageList) -> Result<Self, (PageList, Error)> {
        // CAST: Their bytes fit into the address space.
        let count = pages.raw.len() as c_uint;
        // SAFETY: These are live pages, as many as are said; callers may sleep.
        let addr = unsafe { lab::memlab_vmap(pages.raw.as_mut_ptr(), count) };
        match NonNull::new(addr) {
            // INVARIANT: Just mapped.
            Some(addr) => Ok(Self {
                addr,
                pages: ManuallyDrop::new(pages),
            }),
            None => Err((pages, ENOMEM)),
        }
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.addr.as_ptr()
    }

    /// `vunmap()`.
    #[inline]
    pub(crate) fn unmap(self) -> PageList {
        let mut this = ManuallyDrop::new(self);
        this.close();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.pages) }
    }

    /// Ends the mapping. The caller sees to it that this happens once.
    #[inline]
    fn close(&mut self) {
        // SAFETY: By the type invariant this is a mapping of `vmap()`.
        unsafe { lab::vunmap(self.addr.as_ptr()) };
    }
}

impl Drop for Vmap {
    fn drop(&mut self) {
        self.close();
        // SAFETY: The mapping has ended, and `pages` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.pages) };
    }
}
