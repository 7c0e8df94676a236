// SPDX-License-Identifier: GPL-2.0

//! Zones, pages and the windows of the kernel's address space.
//!
//! C headers: [`include/linux/mmzone.h`](srctree/include/linux/mmzone.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    bindings,
    ffi::{
        c_char,
        c_int,
        c_void, //
    },
    prelude::*, //
};

/// A zone's figures as the helper gives them.
pub(crate) use lab::memlab_zone as RawZone;

/// Where a zone stands as the helper gives it.
pub(crate) use lab::memlab_stand as RawStand;

/// The free lists of one order as the helper gives them.
pub(crate) use lab::memlab_free_area as RawFreeArea;

/// `enum memlab_reach`; what is neither is for movable pages only.
pub(crate) use lab::{
    memlab_reach_MEMLAB_REACH_KERNEL as REACH_KERNEL,
    memlab_reach_MEMLAB_REACH_MAPPED as REACH_MAPPED, //
};

/// Makes a `&str` of a C string that the kernel never frees.
pub(super) fn static_str(text: *const c_char) -> &'static str {
    if text.is_null() {
        return "";
    }
    // SAFETY: The helpers hand out NUL-terminated literals and names that live as long as the
    // kernel.
    let text = unsafe { CStr::from_char_ptr(text) };
    text.to_str().unwrap_or("?")
}

/// The online memory nodes in rising order.
pub(crate) fn nodes() -> impl Iterator<Item = u32> {
    core::iter::successors(node_after(-1), |node| node_after(*node)).map(|node| node.unsigned_abs())
}

/// The highest online memory node.
pub(crate) fn last_node() -> u32 {
    // SAFETY: The function reads the map of online nodes, which is always there.
    unsafe { lab::memlab_last_node() }.unsigned_abs()
}

/// Hands the populated zones of `node`, which must be online, to `each` with their names.
pub(crate) fn for_each_zone(
    node: u32,
    mut each: impl FnMut(&'static str, &RawZone) -> Result,
) -> Result {
    // SAFETY: The function returns a constant of the kernel's configuration.
    let count = unsafe { lab::memlab_zones() };
    if !nodes().any(|online| online == node) {
        return Ok(());
    }
    let node = c_int::try_from(node)?;
    let mut raw = pin_init::zeroed::<RawZone>();
    for index in 0..count {
        // SAFETY: The node is online, the index below the number of zones, `raw` is writable.
        if unsafe { lab::memlab_zone(node, index, &mut raw) } {
            each(static_str(raw.name), &raw)?;
        }
    }
    Ok(())
}

/// A zone of an online node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(super) node: c_int,
    pub(super) index: u32,
}

impl Spot {
    /// Every populated zone of the machine, by node, the lowest first. Takes no memory.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Spots {
            node: node_after(-1),
            index: 0,
        }
    }

    /// The zone of a page.
    pub(super) fn of(page: Page) -> Self {
        let mut this = Self { node: 0, index: 0 };
        // SAFETY: Reads the flags of a page that exists; both places are writable.
        unsafe { lab::memlab_spot(page.raw(), &mut this.node, &mut this.index) };
        this
    }

    /// Where it stands; `None` for one without pages. Takes no lock and no memory.
    pub(crate) fn stand(self) -> Option<RawStand> {
        let mut raw = pin_init::zeroed::<RawStand>();
        // SAFETY: The node is online, the index below the number of zones, `raw` is writable.
        unsafe { lab::memlab_stand(self.node, self.index, &mut raw) }.then_some(raw)
    }
}

/// The online node behind `node`; behind -1 the first one.
fn node_after(node: c_int) -> Option<c_int> {
    // SAFETY: Any node that was online before, or -1, is taken.
    let node = unsafe { lab::memlab_next_node(node) };
    (node >= 0).then_some(node)
}

/// The zones from number `index` of `node` on.
struct Spots {
    node: Option<c_int>,
    index: u32,
}

impl Iterator for Spots {
    type Item = Spot;

    fn next(&mut self) -> Option<Spot> {
        // SAFETY: Gives a constant of the kernel: the zones that each node has.
        let count = unsafe { lab::memlab_zones() };
        loop {
            let spot = Spot {
                node: self.node?,
                index: self.index,
            };
            if self.index >= count {
                self.node = node_after(spot.node);
                self.index = 0;
                continue;
            }
            self.index += 1;
            if spot.stand().is_some() {
                return Some(spot);
            }
        }
    }
}

/// One order's free lists as the helper counts them, or `None` if there is no such zone.
pub(crate) fn free_area(node: u32, index: usize, order: usize) -> Option<RawFreeArea> {
    let mut raw = pin_init::zeroed::<RawFreeArea>();
    let zone = c_int::try_from(node).ok()?;
    let (index, order) = (u32::try_from(index).ok()?, u32::try_from(order).ok()?);
    // SAFETY: The function returns a constant of the kernel's configuration.
    let known = index < unsafe { lab::memlab_zones() } && order < lab::MEMLAB_ORDERS;
    if !known || !nodes().any(|n| n == node) {
        return None;
    }
    // SAFETY: The node is online, the zone is one of its, `raw` is writable.
    unsafe { lab::memlab_free_area(zone, index, order, &mut raw) };
    Some(raw)
}

/// A page of memory, to be asked about.
///
/// # Invariants
///
/// The pointer is that of a `struct page` which the kernel had handed out when the value was made:
/// they lie in an array that stays, but for memory that is taken out of the machine.
#[derive(Clone, Copy)]
pub(crate) struct Page(NonNull<bindings::page>);

impl Page {
    /// # Safety
    ///
    /// `page` was handed out by the kernel.
    pub(super) unsafe fn new(page: NonNull<bindings::page>) -> Self {
        // INVARIANT: By the function's requirement.
        Self(page)
    }

    /// The C side's.
    #[inline]
    pub(super) fn raw(self) -> *mut bindings::page {
        self.0.as_ptr()
    }

    /// The address of the `struct page`.
    pub(crate) fn as_ptr(self) -> *const c_void {
        self.0.as_ptr().cast_const().cast()
    }
}

/// A page's whereabouts.
pub(crate) struct PageFacts {
    /// The zone's name.
    pub(crate) zone: &'static str,
    /// The memory node.
    pub(crate) node: u32,
    /// Whether its pageblock is a CMA one.
    pub(crate) cma: Option<bool>,
    /// The physical address.
    pub(crate) phys: u64,
}

/// What is known of a page that the caller owns.
pub(crate) fn page_facts(page: Page) -> PageFacts {
    let mut raw = pin_init::zeroed::<lab::memlab_page>();
    // SAFETY: By the invariant of `Page` there is such a page, of which the flags are read.
    unsafe { lab::memlab_page(page.raw(), &mut raw) };
    PageFacts {
        zone: static_str(raw.zone),
        node: raw.node,
        cma: match raw.cma {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        phys: raw.phys,
    }
}

/// The page behind a kernel address; `None` where no table says.
pub(crate) fn page_of(addr: *const c_void) -> Option<Page> {
    // SAFETY: The function looks the address up without reading from it.
    let page = NonNull::new(unsafe { lab::memlab_addr_to_page(addr) })?;
    // SAFETY: It gives a page that there is, or none.
    Some(unsafe { Page::new(page) })
}

/// The permanent address of a page; `None` for one of high memory.
pub(crate) fn address_of(page: Page) -> Option<*const c_void> {
    // SAFETY: By the invariant of `Page` there is such a page, of which the flags are read.
    let addr = unsafe { lab::memlab_page_address(page.raw()) };
    (!addr.is_null()).then_some(addr.cast_const())
}

/// `enum memlab_window` of a kernel address.
pub(crate) fn window_of(addr: *const c_void) -> u32 {
    // SAFETY: Compares the address without reading from it.
    unsafe { lab::memlab_window(addr) }
}

/// `enum memlab_attr` of a kernel address: how the CPU's page tables let it reach the memory.
pub(crate) fn attr_of(addr: *const c_void) -> u32 {
    // SAFETY: Reads page tables; for an address that they do not map it says so.
    let attr = unsafe { lab::memlab_arch_attr(addr) };
    // What an architecture cannot be asked is not known.
    u32::try_from(attr).unwrap_or(lab::memlab_attr_MEMLAB_ATTR_UNKNOWN)
}

/// Bytes in a page.
pub(crate) const PAGE_SIZE: usize = kernel::page::PAGE_SIZE;
