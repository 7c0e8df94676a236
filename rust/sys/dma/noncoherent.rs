// SPDX-License-Identifier: GPL-2.0

//! Pages that a device can reach, cached for the CPU, that both use in turn.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)
//!
//! # Examples
//!
//! ```ignore
//! let mut memory = NonCoherent::new(dev, 4096, ToDevice)?;
//! memory.bytes_mut().fill(0xa5);
//! let lent = memory.for_device();
//! start_transfer(lent.segment());
//! let memory = lent.for_cpu();
//! ```

use super::{
    CpuMemory,
    DeviceMemory,
    Direction,
    Segment, //
};
use crate::{
    bindings as lab,
    sys::device::as_raw, //
};
use core::ptr::NonNull;
use kernel::{
    device::{
        Bound,
        Device, //
    },
    ffi::c_void,
    prelude::*, //
};

/// Memory from `dma_alloc_noncoherent()` that the CPU owns.
///
/// # Invariants
///
/// `cpu` and `dma` are what `dma_alloc_noncoherent()` gave for `size` bytes, `direction` and `dev`,
/// not yet freed; the bytes are initialised and synced for the CPU.
///
/// Four words, as it is moved in timed windows: where the kernel's Rust wants strict alignment, on
/// arm64, what is longer is moved by a call of `memcpy()`.
pub(crate) struct NonCoherent<'a, D: Direction> {
    dev: &'a Device<Bound>,
    cpu: NonNull<c_void>,
    dma: u64,
    size: u32,
    direction: D,
}

// SAFETY: The memory belongs to no thread.
unsafe impl<D: Direction> Send for NonCoherent<'_, D> {}

impl<'a, D: Direction> NonCoherent<'a, D> {
    /// `dma_alloc_noncoherent()`, which reclaims and does not have anybody killed.
    #[inline]
    pub(crate) fn new(dev: &'a Device<Bound>, size: usize, direction: D) -> Result<Self> {
        // Nor has any allocator that much in one piece.
        let bytes = u32::try_from(size).map_err(|_| ENOMEM)?;
        let mut dma = 0;
        // SAFETY: The device is bound; `dma` is writable.
        let cpu = unsafe {
            lab::memlab_dma_alloc_noncoherent(as_raw(dev), size, &mut dma, direction.number())
        };
        let cpu = NonNull::new(cpu).ok_or(ENOMEM)?;
        // INVARIANT: Just allocated, and zeroed (Documentation/core-api/dma-api.rst).
        Ok(Self {
            dev,
            cpu,
            dma,
            size: bytes,
            direction,
        })
    }

    fn size(&self) -> usize {
        // CAST: It was a `usize` before.
        self.size as usize
    }

    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.cpu.as_ptr()
    }

    /// The device's address.
    pub(crate) fn dma(&self) -> u64 {
        self.dma
    }

    /// The bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant.
        unsafe { core::slice::from_raw_parts_mut(self.cpu.as_ptr().cast(), self.size()) }
    }

    /// Hands it to the device: `dma_sync_single_for_device()`.
    #[inline]
    pub(crate) fn for_device(self) -> Lent<'a, D> {
        let raw = self.direction.number();
        // SAFETY: By the type invariant.
        unsafe { lab::memlab_dma_sync_for_device(as_raw(self.dev), self.dma, self.size(), raw) };
        Lent { memory: self }
    }
}

impl<D: Direction> Drop for NonCoherent<'_, D> {
    #[inline]
    fn drop(&mut self) {
        let (dev, raw) = (as_raw(self.dev), self.direction.number());
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            lab::memlab_dma_free_noncoherent(dev, self.size(), self.cpu.as_ptr(), self.dma, raw)
        };
    }
}

// SAFETY: By the type invariant.
unsafe impl<D: Direction> CpuMemory for NonCoherent<'_, D> {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.cpu.cast(), self.size())
    }
}

/// The same while the device owns it: the CPU has no way to it.
pub(crate) struct Lent<'a, D: Direction> {
    memory: NonCoherent<'a, D>,
}

impl<'a, D: Direction> Lent<'a, D> {
    /// Takes it back: `dma_sync_single_for_cpu()`.
    #[inline]
    pub(crate) fn for_cpu(self) -> NonCoherent<'a, D> {
        let Self { memory } = self;
        let (dev, raw) = (as_raw(memory.dev), memory.direction.number());
        // SAFETY: By the type invariant of `NonCoherent`.
        unsafe { lab::memlab_dma_sync_for_cpu(dev, memory.dma, memory.size(), raw) };
        memory
    }

    /// Syncs it one way for programs that have it mapped, for the CPU or for the device again. Here it
    /// stays the device's. The way is one that the memory was allocated for.
    pub(crate) fn sync<W: Direction>(&self, for_cpu: bool, way: W) {
        let (dev, dma, size) = (as_raw(self.memory.dev), self.memory.dma, self.memory.size());
        let sync = match for_cpu {
            true => lab::memlab_dma_sync_for_cpu,
            false => lab::memlab_dma_sync_for_device,
        };
        // SAFETY: By the type invariant of `NonCoherent`; no way is nobody's.
        unsafe { sync(dev, dma, size, way.number()) };
    }

    /// The CPU's address, to be looked up and not to be read.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.memory.as_ptr()
    }
}

impl<D: Direction> DeviceMemory for Lent<'_, D> {
    fn segment(&self) -> Segment<'_> {
        // INVARIANT: Synced for the device, in this direction.
        Segment {
            dev: self.memory.dev,
            dma: self.memory.dma(),
            size: self.memory.size(),
            direction: self.memory.direction.data(),
        }
    }
}
