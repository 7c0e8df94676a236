// SPDX-License-Identifier: GPL-2.0

//! Scattered pages that a device is given as one list.
//!
//! C header: [`include/linux/scatterlist.h`](srctree/include/linux/scatterlist.h)
//!
//! The kernel crate's `scatterlist::SGTable` builds the table and maps it in one step; here the
//! table is kept and mapped again and again.

use super::{
    alloc::Pages,
    device::as_raw,
    dma::DataDirection,
    memory::PAGE_SIZE, //
};
use crate::bindings as lab;
use core::mem::ManuallyDrop;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    prelude::*, //
};

/// Single pages with a table of one entry for each.
///
/// # Invariants
///
/// `table` was made by `sg_alloc_table()` and its entries cover `pages`, one each.
pub(crate) struct Scatter {
    table: bindings::sg_table,
    pages: KVVec<Pages>,
}

impl Scatter {
    /// `count` zeroed pages; `count` must not be 0.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let mut pages = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            pages.push(Pages::new(0)?, GFP_KERNEL)?;
        }
        let mut table = pin_init::zeroed::<bindings::sg_table>();
        let entries = u32::try_from(count)?;
        // SAFETY: `table` is writable; on failure nothing is left allocated.
        to_result(unsafe { bindings::sg_alloc_table(&mut table, entries, bindings::GFP_KERNEL) })?;
        // INVARIANT: The entries are filled in below, before the value is handed out.
        let this = Self { table, pages };
        let mut entry = this.table.sgl;
        for page in &this.pages {
            // SAFETY: The table has an entry for every page, and `sg_next` goes to the next one.
            unsafe {
                lab::memlab_sg_set_page(entry, page.page().as_ptr(), PAGE_SIZE as u32);
                entry = bindings::sg_next(entry);
            }
        }
        Ok(this)
    }

    /// Sets every byte.
    pub(crate) fn fill(&mut self, byte: u8) {
        for page in &mut self.pages {
            page.fill(byte);
        }
    }

    /// Hands all pages to `dev`: `dma_map_sg()`. Gives them back if that fails.
    #[inline]
    pub(crate) fn map(
        self,
        dev: &Device<Bound>,
        direction: DataDirection,
    ) -> Result<MappedScatter<'_>, (Self, Error)> {
        // SAFETY: The device is bound, and by the type invariant the table has `orig_nents`
        // entries, which no other mapping uses because mapping takes the table.
        let mapped = unsafe {
            bindings::dma_map_sg_attrs(
                as_raw(dev),
                self.table.sgl,
                self.table.orig_nents as i32,
                direction.into(),
                0,
            )
        };
        if mapped == 0 {
            return Err((self, EIO));
        }
        // INVARIANT: Just mapped.
        Ok(MappedScatter {
            scatter: ManuallyDrop::new(self),
            dev,
            direction,
        })
    }
}

impl Drop for Scatter {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the pages are freed after their table.
        unsafe { bindings::sg_free_table(&mut self.table) };
    }
}

/// Pages that a device owns until [`MappedScatter::unmap`].
///
/// # Invariants
///
/// `scatter` is mapped for `dev` in `direction`.
pub(crate) struct MappedScatter<'a> {
    scatter: ManuallyDrop<Scatter>,
    dev: &'a Device<Bound>,
    direction: DataDirection,
}

impl MappedScatter<'_> {
    /// Takes the pages back: `dma_unmap_sg()`.
    #[inline]
    pub(crate) fn unmap(self) -> Scatter {
        let mut this = ManuallyDrop::new(self);
        this.unmap_in_place();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.scatter) }
    }

    #[inline]
    fn unmap_in_place(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            bindings::dma_unmap_sg_attrs(
                as_raw(self.dev),
                self.scatter.table.sgl,
                self.scatter.table.orig_nents as i32,
                self.direction.into(),
                0,
            )
        };
    }

    /// The device's address of the first entry.
    pub(crate) fn dma(&self) -> u64 {
        // SAFETY: By the type invariant the first entry is mapped.
        u64::from(unsafe { bindings::sg_dma_address(self.scatter.table.sgl) })
    }

    /// The pages, to be looked up and not to be read.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Pages> {
        self.scatter.pages.iter()
    }
}

impl Drop for MappedScatter<'_> {
    fn drop(&mut self) {
        self.unmap_in_place();
        // SAFETY: The mapping has ended, and `scatter` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.scatter) };
    }
}
