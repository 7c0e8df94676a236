// SPDX-License-Identifier: GPL-2.0

//! Pages that stay while programs have them mapped, and a list of them that is mapped for a device.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use super::{
    Direction,
    Segment, //
};
use crate::{
    bindings as lab,
    model::request::Direction as Chosen,
    sys::{
        alloc::{
            Flags,
            Pages,
            Vmalloc, //
        },
        cma::{
            Allocation,
            Area, //
        },
        device::as_raw,
        memory::{
            self,
            Page,
            PAGE_SIZE, //
        }, //
    },
};
use core::ptr::NonNull;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    ffi::c_void,
    prelude::*,
    sync::Arc, //
};

/// Pages in an order of their own, as C has a list of them.
///
/// # Invariants
///
/// There is a `struct page` behind each pointer, for ever.
pub(in crate::sys) struct PageList(KVVec<*mut bindings::page>);

// SAFETY: Pointers to what stays belong to no thread.
unsafe impl Send for PageList {}
// SAFETY: `&PageList` only reads them.
unsafe impl Sync for PageList {}

impl PageList {
    /// What `page` gives for each number below `count`.
    pub(in crate::sys) fn of(count: usize, page: impl Fn(usize) -> Option<Page>) -> Result<Self> {
        let mut list = KVVec::with_capacity(count, GFP_KERNEL)?;
        for n in 0..count {
            // INVARIANT: A `Page` is one that there is.
            list.push(page(n).ok_or(EFAULT)?.raw(), GFP_KERNEL)?;
        }
        Ok(Self(list))
    }

    /// The pages that a range of kernel addresses stands for; `EFAULT` where no table says.
    pub(in crate::sys) fn behind(start: *const c_void, count: usize) -> Result<Self> {
        Self::of(count, |n| {
            memory::page_of(start.cast::<u8>().wrapping_add(n * PAGE_SIZE).cast())
        })
    }

    /// How many there are.
    pub(in crate::sys) fn count(&self) -> usize {
        self.0.len()
    }

    /// Where the list begins, which does not move.
    pub(in crate::sys) fn raw(&self) -> *mut *mut bindings::page {
        self.0.as_ptr().cast_mut()
    }

    /// One after the other.
    pub(in crate::sys) fn iter(&self) -> impl Iterator<Item = Page> + '_ {
        self.0.iter().filter_map(|page| {
            // SAFETY: By the type invariant there is such a page.
            NonNull::new(*page).map(|page| unsafe { Page::new(page) })
        })
    }
}

/// Who has to give the pages back.
enum Owner {
    Pages(#[allow(dead_code, reason = "held until it is dropped")] KVVec<Pages>),
    Vmalloc(Vmalloc),
    Cma(#[allow(dead_code, reason = "held until it is dropped")] Allocation),
}

/// Zeroed pages that are nobody else's, until the last who holds them lets go.
///
/// # Invariants
///
/// `list` has the pages of `owner`.
pub(crate) struct Frames {
    list: PageList,
    owner: Owner,
}

// SAFETY: What owns them may be dropped by any thread.
unsafe impl Send for Frames {}
// SAFETY: `&Frames` gives nothing but pages and addresses, which it does not touch.
unsafe impl Sync for Frames {}

/// The zones that single pages are taken from, as the helper counts them: where any will do, and
/// where they have to lie low, from the highest to the scarcest.
const ANYWHERE: &[u32] = &[1];
const LOW: &[u32] = &[0, 2, 3];

impl Frames {
    /// `count` single pages that reach up to the physical address `highest`, or anywhere.
    pub(crate) fn pages(count: usize, highest: Option<u64>) -> Result<Self> {
        let zones = match highest {
            None => ANYWHERE,
            Some(_) => LOW,
        };
        let mut last = ENOMEM;
        for zone in zones {
            match Self::from_zone(count, *zone) {
                Ok(frames) if frames.within(highest) => return Ok(frames),
                Ok(_) => (),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn from_zone(count: usize, zone: u32) -> Result<Self> {
        let flags = Flags::for_programs(zone);
        let mut pages = KVVec::with_capacity(count, GFP_KERNEL)?;
        for _ in 0..count {
            pages.push(Pages::with(0, flags)?, GFP_KERNEL)?;
        }
        let list = PageList::of(count, |n| pages.get(n).map(Pages::page))?;
        // INVARIANT: These are its pages.
        Ok(Self {
            list,
            owner: Owner::Pages(pages),
        })
    }

    /// `count` pages from `vmalloc()`, which asks nobody where they lie.
    pub(crate) fn vmalloc(count: usize) -> Result<Self> {
        let size = count.checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
        let memory = Vmalloc::with(size, Flags::for_programs(0))?;
        // INVARIANT: These are its pages.
        Ok(Self {
            list: PageList::behind(memory.as_ptr(), count)?,
            owner: Owner::Vmalloc(memory),
        })
    }

    /// `count` contiguous pages of a CMA area.
    pub(crate) fn cma(area: Area, count: usize) -> Result<Self> {
        let memory = Allocation::new(area, count, 0)?;
        memory.clear();
        let list = PageList::of(count, |n| memory.nth(n))?;
        // INVARIANT: These are its pages.
        Ok(Self {
            list,
            owner: Owner::Cma(memory),
        })
    }

    /// Whether all of them end at or below `highest`.
    pub(crate) fn within(&self, highest: Option<u64>) -> bool {
        let end = |page| memory::page_facts(page).phys + (PAGE_SIZE as u64 - 1);
        highest.is_none_or(|highest| self.list.iter().all(|page| end(page) <= highest))
    }

    /// The kernel's address of the first byte, where it has one.
    pub(crate) fn address(&self) -> *const c_void {
        let first = || self.list.iter().next().and_then(memory::address_of);
        match &self.owner {
            Owner::Vmalloc(memory) => memory.as_ptr(),
            Owner::Pages(_) | Owner::Cma(_) => first().unwrap_or(core::ptr::null()),
        }
    }

    pub(in crate::sys) fn list(&self) -> &PageList {
        &self.list
    }
}

/// Pages that are mapped for a device and that programs use in turn with it.
///
/// # Invariants
///
/// `raw` is a map of the pages of `frames` for `dev` in `direction`.
pub(crate) struct Map<'a> {
    dev: &'a Device<Bound>,
    raw: NonNull<lab::memlab_map>,
    direction: Chosen,
    frames: Arc<Frames>,
}

// SAFETY: A map belongs to no thread.
unsafe impl Send for Map<'_> {}

impl<'a> Map<'a> {
    /// Maps them: `dma_map_sgtable()`. `EIO` where that fails.
    pub(crate) fn new(
        dev: &'a Device<Bound>,
        frames: Arc<Frames>,
        direction: Chosen,
    ) -> Result<Self> {
        let (list, number) = (frames.list(), direction.number());
        // SAFETY: The device is bound, and there are so many pages in the list; the value keeps
        // them until it has unmapped them.
        let raw = unsafe { lab::memlab_map_pages(as_raw(dev), list.raw(), list.count(), number) };
        // INVARIANT: Just mapped.
        Ok(Self {
            dev,
            raw: NonNull::new(raw).ok_or(EIO)?,
            direction,
            frames,
        })
    }

    /// The pages.
    pub(crate) fn frames(&self) -> &Arc<Frames> {
        &self.frames
    }

    /// How many ranges the device sees.
    pub(crate) fn ranges(&self) -> u32 {
        // SAFETY: By the type invariant this is a map.
        unsafe { lab::memlab_map_ranges(self.raw.as_ptr()) }
    }

    /// What the device sees from byte `at` on, as far as its addresses go on there.
    pub(crate) fn at(&self, at: usize) -> Option<Segment<'_>> {
        let (mut dma, mut size) = (0, 0);
        let raw = self.raw.as_ptr();
        // SAFETY: By the type invariant this is a map; the numbers may be written.
        let found = unsafe { lab::memlab_map_at(raw, at as u64, &mut dma, &mut size) };
        // INVARIANT: Mapped in this direction.
        found.then_some(Segment {
            dev: self.dev,
            dma,
            // CAST: An entry has 32 bits of size.
            size: size as usize,
            direction: self.direction.data(),
        })
    }

    /// Syncs it one way, for the CPU or for the device again. `EINVAL` for a way that it does not have.
    pub(crate) fn sync(&self, for_cpu: bool, way: Chosen) -> Result {
        // SAFETY: By the type invariant this is a map, for a device that is bound.
        to_result(unsafe { lab::memlab_map_sync(self.raw.as_ptr(), for_cpu, way.number()) })
    }
}

impl Drop for Map<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is a map, which nobody uses any more; the device is
        // bound as long as it is borrowed.
        unsafe { lab::memlab_unmap_pages(self.raw.as_ptr()) };
    }
}
