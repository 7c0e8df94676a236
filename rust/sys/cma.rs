// SPDX-License-Identifier: GPL-2.0

//! The contiguous memory allocator.
//!
//! C header: [`include/linux/cma.h`](srctree/include/linux/cma.h)

use super::{
    memory::{
        Page,
        Spot, //
    },
    relief::Piece, //
};
#[cfg(CONFIG_CMA)]
use crate::model::cma::{
    Holders,
    Seen, //
};
use crate::{
    bindings as lab,
    model::cma::Attempt, //
};
use core::ptr::NonNull;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    prelude::*, //
};

/// A CMA area. Areas are made at boot and stay.
///
/// # Invariants
///
/// The pointer is that of an activated area.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Area(
    #[cfg_attr(not(CONFIG_CMA), allow(dead_code, reason = "dma-bufs read it"))]
    NonNull<lab::cma>,
);

// SAFETY: An area belongs to no thread, and its functions do their own locking.
unsafe impl Send for Area {}
// SAFETY: What is done with a `&Area` is done under the locks of the area.
unsafe impl Sync for Area {}

/// What is known of the area that a device's coherent memory comes from.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(
    not(CONFIG_CMA),
    expect(dead_code, reason = "without CMA no device has an area")
)]
pub(crate) enum Source {
    /// There is none, or none in the device's reach.
    None,
    /// The kernel asks this one first.
    Area(Area),
    /// There may be one for each node, or one that the device does not reach; which is asked only
    /// the tracepoints of the kernel say, and it has none.
    Unknown,
}

impl Source {
    /// Which area the kernel asks first for coherent memory of `dev`, with the masks that the device
    /// has now; seen by having two pages of it and giving them back.
    #[cfg(CONFIG_CMA)]
    pub(crate) fn of(dev: &Device<Bound>) -> Self {
        let mut area = core::ptr::null_mut();
        // SAFETY: The device is bound, so that its DMA is set up; `area` may be written.
        let error = unsafe { lab::memlab_device_cma(super::device::as_raw(dev), &mut area) };
        match NonNull::new(area) {
            _ if error != 0 => Self::Unknown,
            // INVARIANT: The kernel hands out, and allocates from, activated areas only.
            Some(area) => Self::Area(Area(area)),
            None => Self::None,
        }
    }

    /// Without CMA there is none.
    #[cfg(not(CONFIG_CMA))]
    pub(crate) fn of(_dev: &Device<Bound>) -> Self {
        Self::None
    }
}

impl Area {
    /// Its name.
    #[cfg(CONFIG_CMA)]
    pub(crate) fn name(self) -> &'static str {
        // SAFETY: By its invariant the area is an active one, and those keep their name.
        super::memory::static_str(unsafe { lab::cma_get_name(self.0.as_ptr()) })
    }

    /// Without CMA there is none to have a name.
    #[cfg(not(CONFIG_CMA))]
    pub(crate) fn name(self) -> &'static str {
        ""
    }
}

/// Contiguous pages of an [`Area`].
///
/// # Invariants
///
/// `page` is the first of `count` pages that `cma_alloc()` gave from `area` and that are owned.
pub(crate) struct Allocation {
    #[cfg_attr(not(CONFIG_CMA), allow(dead_code, reason = "dma-bufs read it"))]
    area: Area,
    page: NonNull<bindings::page>,
    count: usize,
}

// SAFETY: The allocation belongs to no thread.
unsafe impl Send for Allocation {}

impl Allocation {
    /// `cma_alloc(area, count, align, no_warn = true)`; `align` is a log2 of pages, at most that of
    /// the largest buddy. The kernel gives no reason for a failure.
    #[inline]
    #[cfg(CONFIG_CMA)]
    pub(crate) fn new(area: Area, count: usize, align: u32) -> Result<Self> {
        // SAFETY: By its invariant the area is an active one.
        let page = unsafe { lab::cma_alloc(area.0.as_ptr(), count, align, true) };
        let page = NonNull::new(page).ok_or(ENOMEM)?;
        // INVARIANT: These are the pages that were just allocated.
        Ok(Self { area, page, count })
    }

    /// Without CMA there is nothing to allocate.
    #[cfg(not(CONFIG_CMA))]
    pub(crate) fn new(_area: Area, _count: usize, _align: u32) -> Result<Self> {
        Err(ENODEV)
    }

    /// The same with the kernel's tracepoints listened to, which takes some milliseconds.
    #[cfg(CONFIG_CMA)]
    pub(crate) fn watched(area: Area, count: usize, align: u32) -> (Option<Self>, Attempt) {
        let mut call = pin_init::zeroed::<lab::memlab_cma_call>();
        // SAFETY: By its invariant the area is an active one; `call` is writable, and nothing
        // writes to it after the function has returned.
        let page = unsafe { lab::memlab_cma_alloc(area.0.as_ptr(), count, align, &mut call) };
        // CAST: `unsigned long` is not wider than 64 bits.
        let seen = call.seen.then_some(Seen {
            total: call.total as u64,
            available: call.available as u64,
            retries: call.retries as u64,
            errno: call.error,
            // CAST: `unsigned long` is not wider than 64 bits.
            busy: Holders {
                free: call.busy.free as u64,
                anon: call.busy.anon as u64,
                file: call.busy.file as u64,
                slab: call.busy.slab as u64,
                other: call.busy.other as u64,
                pinned: call.busy.pinned as u64,
            },
        });
        // INVARIANT: These are the pages that were just allocated.
        let this = NonNull::new(page).map(|page| Self { area, page, count });
        let attempt = Attempt {
            count: count as u64,
            align: u64::from(align),
            seen,
            failed: this.is_none(),
        };
        (this, attempt)
    }

    /// Without CMA there is nothing to allocate.
    #[cfg(not(CONFIG_CMA))]
    pub(crate) fn watched(_area: Area, count: usize, align: u32) -> (Option<Self>, Attempt) {
        let attempt = Attempt {
            count: count as u64,
            align: u64::from(align),
            seen: None,
            failed: true,
        };
        (None, attempt)
    }

    /// Zeroes all of them.
    pub(crate) fn clear(&self) {
        // SAFETY: By the type invariant the pages are owned, and nobody else is told of them yet:
        // the bytes have no address.
        unsafe { lab::memlab_clear_pages(self.page.as_ptr(), self.count) };
    }

    /// Page number `n` of them.
    pub(crate) fn nth(&self, n: usize) -> Option<Page> {
        (n < self.count).then(|| {
            // SAFETY: Contiguous pages of an area have contiguous `struct page`s
            // (`cma_range_alloc()`), and by the type invariant there are so many.
            unsafe { Page::new(self.page.add(n)) }
        })
    }

    /// The first page.
    pub(crate) fn page(&self) -> Page {
        // SAFETY: By the type invariant it was allocated.
        unsafe { Page::new(self.page) }
    }
}

impl Drop for Allocation {
    #[inline]
    fn drop(&mut self) {
        #[cfg(CONFIG_CMA)]
        // SAFETY: By the type invariant the pages came from this area and are owned. It cannot
        // answer false, which would mean that they were not.
        unsafe {
            lab::cma_release(self.area.0.as_ptr(), self.page.as_ptr(), self.count)
        };
    }
}

// SAFETY: The pages are owned, and given up without being freed.
unsafe impl Piece for Allocation {
    type Of = Area;

    fn of(&self) -> Area {
        self.area
    }

    fn count(&self) -> usize {
        self.count
    }

    fn zone(&self) -> Spot {
        Spot::of(self.page())
    }

    fn into_pages(self) -> NonNull<bindings::page> {
        core::mem::ManuallyDrop::new(self).page
    }

    unsafe fn from_pages(area: Area, page: NonNull<bindings::page>, count: usize) -> Self {
        // INVARIANT: By the function's requirement these pages came from the area.
        Self { area, page, count }
    }

    #[cfg(CONFIG_CMA)]
    fn trim(&mut self, keep: usize) {
        if keep == 0 || keep >= self.count {
            return;
        }
        let rest = self.page.as_ptr().wrapping_add(keep);
        // SAFETY: By the type invariant the pages behind `keep` came from this area and are owned;
        // contiguous pages of an area have contiguous `struct page`s (`cma_range_alloc()`).
        let released = unsafe { lab::cma_release(self.area.0.as_ptr(), rest, self.count - keep) };
        if released {
            // INVARIANT: The rest is no longer owned.
            self.count = keep;
        }
    }

    /// Without CMA there is nothing to give back.
    #[cfg(not(CONFIG_CMA))]
    fn trim(&mut self, _keep: usize) {}
}
