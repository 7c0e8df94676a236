// SPDX-License-Identifier: GPL-2.0

//! What an address really is: looked up page by page, without touching the bytes.

use crate::{
    model::{
        placement::{
            Attr,
            Placement,
            Window, //
        },
        text::Text, //
    },
    sys::{
        dma::buffer::Buffer,
        memory::{
            self,
            Page,
            PAGE_SIZE, //
        },
    },
};
use kernel::ffi::c_void;

/// The window of a kernel address.
pub(crate) fn window(addr: *const c_void) -> Window {
    let raw = memory::window_of(addr);
    Window::ALL
        .into_iter()
        .map(|(window, _)| window)
        .find(|window| *window as u32 == raw)
        .unwrap_or(Window::None)
}

/// How the CPU reaches what is at a kernel address.
pub(crate) fn attr(addr: *const c_void) -> Attr {
    let raw = memory::attr_of(addr);
    Attr::ALL
        .into_iter()
        .map(|(attr, _)| attr)
        .find(|attr| *attr as u32 == raw)
        .unwrap_or(Attr::Unknown)
}

/// The placement of `size` bytes that the CPU sees at `addr`.
pub(crate) fn of_address(addr: *const c_void, size: usize) -> Placement {
    let mut placement = Placement {
        window: window(addr),
        attr: attr(addr),
        // CAST: A pointer is not wider than 64 bits.
        virt: addr as usize as u64,
        ..Placement::UNKNOWN
    };
    let start = addr as usize;
    let mut extents = Extents::NONE;
    let mut at = start;
    let end = start.saturating_add(size);
    while at < end {
        let Some(page) = memory::page_of(at as *const c_void) else {
            break;
        };
        let within = at % PAGE_SIZE;
        let here = (PAGE_SIZE - within).min(end - at);
        extents.add_page(&mut placement, page, within, here);
        at += here;
    }
    placement
}

/// Where the pieces of something lie that are met one after the other.
struct Extents {
    /// Behind the last piece.
    next: Option<u64>,
    /// How long the extent is that the last piece belongs to.
    bytes: u64,
}

impl Extents {
    const NONE: Self = Self {
        next: None,
        bytes: 0,
    };

    /// Counts `bytes` at `phys`, which belong to the extent before them if they follow it.
    fn add(&mut self, placement: &mut Placement, phys: u64, bytes: usize) {
        if self.next != Some(phys) {
            placement.extents += 1;
            self.bytes = 0;
        }
        self.bytes += bytes as u64;
        placement.largest_extent = placement.largest_extent.max(self.bytes);
        self.next = Some(phys + bytes as u64);
    }

    /// Counts `bytes`, `within` bytes into `page`. The first are where all of it is said to be.
    fn add_page(&mut self, placement: &mut Placement, page: Page, within: usize, bytes: usize) {
        let facts = memory::page_facts(page);
        let phys = facts.phys + within as u64;
        if self.next.is_none() {
            placement.zone = Text::new(facts.zone);
            placement.node = facts.node;
            placement.cma = facts.cma;
            placement.phys = phys;
        }
        self.add(placement, phys, bytes);
    }
}

/// The placement of `size` bytes of contiguous pages from `page` on.
pub(crate) fn of_pages(page: Page, size: usize) -> Placement {
    if let Some(addr) = memory::address_of(page) {
        return of_address(addr, size);
    }
    of_page_at(page, core::ptr::null(), size)
}

/// The placement of pieces of memory in the order in which a device sees them.
pub(crate) fn of_scattered<'a>(pieces: impl Iterator<Item = &'a Buffer>) -> Placement {
    let mut all = Placement::UNKNOWN;
    let mut extents = Extents::NONE;
    for piece in pieces {
        let one = of_address(piece.as_ptr(), piece.size());
        if all.extents == 0 {
            all = Placement { extents: 0, ..one };
        }
        extents.add(&mut all, one.phys, piece.size());
    }
    all
}

/// The placement of `size` bytes of a program's, `offset` bytes into the first of `pages`. The kernel
/// has no address of its own for them.
pub(crate) fn of_user(pages: impl Iterator<Item = Page>, offset: usize, size: usize) -> Placement {
    let mut all = Placement::UNKNOWN;
    let mut extents = Extents::NONE;
    let (mut within, mut left) = (offset, size);
    for page in pages {
        let here = (PAGE_SIZE - within).min(left);
        extents.add_page(&mut all, page, within, here);
        (within, left) = (0, left - here);
    }
    all
}

/// The placement of contiguous pages of which `addr` is a window's address, or null for none.
pub(crate) fn of_page_at(page: Page, addr: *const c_void, size: usize) -> Placement {
    let facts = memory::page_facts(page);
    Placement {
        zone: Text::new(facts.zone),
        node: facts.node,
        cma: facts.cma,
        extents: 1,
        largest_extent: size as u64,
        window: window(addr),
        attr: attr(addr),
        // CAST: A pointer is not wider than 64 bits.
        virt: addr as usize as u64,
        phys: facts.phys,
        ..Placement::UNKNOWN
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "placement_tests.rs"]
mod placement_tests;

#[cfg(CONFIG_KUNIT = "y")]
#[path = "claims_tests.rs"]
mod claims_tests;
