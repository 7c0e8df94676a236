// SPDX-License-Identifier: GPL-2.0

//! Windows onto pages that have no permanent address.
//!
//! C header: [`include/linux/highmem.h`](srctree/include/linux/highmem.h)

use super::alloc::Pages;
use core::marker::PhantomData;
use kernel::{
    bindings,
    ffi::c_void,
    types::NotThreadSafe, //
};

/// A mapping made by `kmap_local_page()`.
///
/// Local maps are a stack: the newest one goes first. Whoever holds several must drop them in that
/// order; the engine, which holds one at a time for this kind of operation, cannot get it wrong.
///
/// # Invariants
///
/// `addr` was returned by `kmap_local_page()` in this thread and is still mapped.
pub(crate) struct KmapLocal<'a> {
    addr: *const c_void,
    _page: PhantomData<&'a Pages>,
    _thread: NotThreadSafe,
}

impl<'a> KmapLocal<'a> {
    /// Maps the first page of `pages`.
    #[inline]
    pub(crate) fn new(pages: &'a Pages) -> Self {
        // SAFETY: The page is live as long as `pages`. The function never fails.
        let addr = unsafe { bindings::kmap_local_page(pages.page().as_ptr()) };
        // INVARIANT: Just mapped, in this thread.
        Self {
            addr,
            _page: PhantomData,
            _thread: NotThreadSafe,
        }
    }

    /// The address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.addr
    }
}

impl Drop for KmapLocal<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a live local map of this thread.
        unsafe { bindings::kunmap_local(self.addr) };
    }
}
