// SPDX-License-Identifier: GPL-2.0

//! What an acquired buffer really is.

use super::text::Text;

/// The part of the kernel's address space that a pointer lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Window {
    /// Not known, or no CPU mapping.
    None = 0,
    /// The linear map of low memory.
    Linear = 1,
    /// Between `VMALLOC_START` and `VMALLOC_END`.
    Vmalloc = 2,
    /// The region of loadable modules.
    Module = 3,
    /// The persistent kmap window (`PKMAP_BASE`).
    Pkmap = 4,
    /// The fixmap, where `kmap_local` puts highmem pages.
    Fixmap = 5,
}

impl Window {
    /// Every window with its name.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::None, "none"),
        (Self::Linear, "linear"),
        (Self::Vmalloc, "vmalloc"),
        (Self::Module, "module"),
        (Self::Pkmap, "pkmap"),
        (Self::Fixmap, "fixmap"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(window, _)| *window == self)
            .map_or("?", |(_, name)| name)
    }
}

/// How the CPU reaches memory, as its page tables say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Attr {
    /// No CPU mapping, or an architecture that is not looked up.
    Unknown = 0,
    /// Through the caches.
    Cached = 1,
    /// Each access on its own.
    Uncached = 2,
    /// Not cached, but writes are collected before they go out.
    WriteCombined = 3,
    /// Ordered as a device's registers are.
    Device = 4,
}

impl Attr {
    /// Every attribute with its name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Unknown, "unknown"),
        (Self::Cached, "cached"),
        (Self::Uncached, "uncached"),
        (Self::WriteCombined, "write-combined"),
        (Self::Device, "device"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(attr, _)| *attr == self)
            .map_or("?", |(_, name)| name)
    }
}

/// Where the pages of a buffer are, and how CPU and device reach it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Zone of the first page, as `/proc/zoneinfo` names it.
    pub zone: Text<8>,
    /// Memory node of the first page.
    pub node: u32,
    /// Whether the first page lies in a CMA pageblock; `None` where this kernel does not show it.
    pub cma: Option<bool>,
    /// Physically contiguous runs that the buffer consists of.
    pub extents: u32,
    /// The longest of them, in bytes.
    pub largest_extent: u64,
    /// The bytes that the allocator really spent on it; `None` where it does not say.
    pub capacity: Option<u64>,
    /// Where the CPU's mapping lies.
    pub window: Window,
    /// How the CPU's mapping reaches them.
    pub attr: Attr,
    /// The CPU's address; 0 without a mapping. Never printed: only its window is.
    pub virt: u64,
    /// Physical address of the first byte.
    pub phys: u64,
    /// The address that the device uses, where there is a mapping for one.
    pub dma: Option<u64>,
    /// Whether the addresses are kept from everybody: this kernel is locked down.
    pub hidden: bool,
    /// Whether the bytes are copied through a bounce buffer; `None` where it cannot be told.
    pub bounced: Option<bool>,
}

impl Placement {
    /// Nothing known.
    pub const UNKNOWN: Self = Self {
        zone: Text::EMPTY,
        node: 0,
        cma: None,
        extents: 0,
        largest_extent: 0,
        capacity: None,
        window: Window::None,
        attr: Attr::Unknown,
        virt: 0,
        phys: 0,
        dma: None,
        hidden: false,
        bounced: None,
    };
}
