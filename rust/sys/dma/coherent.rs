// SPDX-License-Identifier: GPL-2.0

//! Memory that CPU and device use at the same time.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h),
//! [`Documentation/core-api/dma-attributes.rst`](srctree/Documentation/core-api/dma-attributes.rst)
//!
//! `kernel::dma::Coherent` also takes a reference on the device and asks for zeroed memory; here
//! `dma_alloc_attrs()` is called alone, because it is what is measured.
//!
//! # Examples
//!
//! ```ignore
//! let mut ring = Coherent::new(dev, 4096)?;
//! ring.copy_from(&descriptors);
//! tell_the_device(ring.segment());
//! ```

use super::{
    CpuMemory,
    DeviceMemory,
    Segment, //
};
use crate::{
    bindings as lab,
    sys::device::as_raw, //
};
use core::ptr::NonNull;
use kernel::{
    bindings::{
        self,
        gfp_t, //
    },
    device::{
        Bound,
        Device, //
    },
    dma::{
        DataDirection,
        DmaAddress, //
    },
    ffi::{
        c_ulong,
        c_void, //
    },
    prelude::*, //
};

/// What may be asked of coherent memory beyond its size. None of it is promised: a platform that
/// does not know an attribute leaves it aside.
#[derive(Clone, Copy)]
pub(crate) enum Attr {
    /// Nothing: `dma_alloc_coherent()`.
    None,
    /// The CPU's writes may be collected: `dma_alloc_wc()`.
    WriteCombine,
    /// Contiguous for the CPU too, behind an IOMMU.
    Contiguous,
    /// Single pages, behind an IOMMU: quicker to be had.
    SinglePages,
}

impl Attr {
    fn raw(self) -> c_ulong {
        // CAST: Attributes are the lowest bits.
        (match self {
            Self::None => 0,
            Self::WriteCombine => bindings::DMA_ATTR_WRITE_COMBINE,
            Self::Contiguous => bindings::DMA_ATTR_FORCE_CONTIGUOUS,
            Self::SinglePages => bindings::DMA_ATTR_ALLOC_SINGLE_PAGES,
        }) as c_ulong
    }
}

/// What `dma_alloc_attrs()` gives.
///
/// # Invariants
///
/// `cpu` and `dma` are what `dma_alloc_attrs()` gave for `size` bytes, `attrs` and `dev`, not yet
/// freed.
struct Raw<'a> {
    dev: &'a Device<Bound>,
    cpu: NonNull<c_void>,
    dma: DmaAddress,
    size: usize,
    attrs: c_ulong,
}

impl<'a> Raw<'a> {
    /// `effort` is one of the flags by which nobody is killed to make room.
    #[inline]
    fn new(dev: &'a Device<Bound>, size: usize, attrs: c_ulong, effort: gfp_t) -> Result<Self> {
        let mut dma: DmaAddress = 0;
        let gfp = bindings::GFP_KERNEL | bindings::__GFP_NOWARN | effort;
        // As dma_alloc_coherent() and dma_alloc_wc() make of __GFP_NOWARN.
        let quiet = attrs | bindings::DMA_ATTR_NO_WARN as c_ulong;
        // SAFETY: The device is bound; `dma` is writable.
        let cpu = unsafe { bindings::dma_alloc_attrs(as_raw(dev), size, &mut dma, gfp, quiet) };
        let cpu = NonNull::new(cpu).ok_or(ENOMEM)?;
        // INVARIANT: Just allocated.
        Ok(Self {
            dev,
            cpu,
            dma,
            size,
            attrs,
        })
    }

    fn segment(&self) -> Segment<'_> {
        // INVARIANT: The device may have coherent memory at any time.
        Segment {
            dev: self.dev,
            dma: super::address(self.dma),
            size: self.size,
            direction: DataDirection::Bidirectional,
        }
    }
}

impl Drop for Raw<'_> {
    #[inline]
    fn drop(&mut self) {
        let dev = as_raw(self.dev);
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            bindings::dma_free_attrs(dev, self.size, self.cpu.as_ptr(), self.dma, self.attrs)
        };
    }
}

/// Coherent memory.
///
/// # Invariants
///
/// The CPU has the address `raw.cpu`, with `raw.size` bytes behind it that the kernel has zeroed.
pub(crate) struct Coherent<'a> {
    raw: Raw<'a>,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Coherent<'_> {}

impl<'a> Coherent<'a> {
    /// `dma_alloc_coherent()`, which reclaims and does not have anybody killed.
    #[inline]
    pub(crate) fn new(dev: &'a Device<Bound>, size: usize) -> Result<Self> {
        Self::with(dev, size, Attr::None)
    }

    /// `dma_alloc_attrs()`.
    #[inline]
    pub(crate) fn with(dev: &'a Device<Bound>, size: usize, attr: Attr) -> Result<Self> {
        // INVARIANT: All but `DMA_ATTR_NO_KERNEL_MAPPING` come with an address for the CPU.
        Ok(Self {
            raw: Raw::new(dev, size, attr.raw(), lab::MEMLAB_GFP_MAYFAIL)?,
        })
    }

    /// Whether `size` bytes can be had without trying hard; they are freed at once.
    pub(crate) fn obtainable(dev: &'a Device<Bound>, size: usize) -> bool {
        Raw::new(dev, size, 0, lab::MEMLAB_GFP_NORETRY).is_ok()
    }

    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.raw.cpu.as_ptr()
    }
}

impl DeviceMemory for Coherent<'_> {
    fn segment(&self) -> Segment<'_> {
        self.raw.segment()
    }
}

// SAFETY: By the type invariant.
unsafe impl CpuMemory for Coherent<'_> {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.raw.cpu.cast(), self.raw.size)
    }
}

/// Coherent memory that only the device sees: `DMA_ATTR_NO_KERNEL_MAPPING`.
pub(crate) struct Hidden<'a> {
    // What the kernel gives for the CPU's address is not one.
    raw: Raw<'a>,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Hidden<'_> {}

impl<'a> Hidden<'a> {
    /// `dma_alloc_attrs(dev, size, &dma, GFP_KERNEL, DMA_ATTR_NO_KERNEL_MAPPING)`.
    #[inline]
    pub(crate) fn new(dev: &'a Device<Bound>, size: usize) -> Result<Self> {
        // CAST: Attributes are the lowest bits.
        let attrs = bindings::DMA_ATTR_NO_KERNEL_MAPPING as c_ulong;
        Ok(Self {
            raw: Raw::new(dev, size, attrs, lab::MEMLAB_GFP_MAYFAIL)?,
        })
    }
}

impl DeviceMemory for Hidden<'_> {
    fn segment(&self) -> Segment<'_> {
        self.raw.segment()
    }
}
