// SPDX-License-Identifier: GPL-2.0

//! Pages in pieces that are one range to the device behind an IOMMU, and one to the CPU by vmap.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

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
    bindings,
    device::{
        Bound,
        Device, //
    },
    ffi::c_void,
    prelude::*, //
};

/// What `dma_alloc_noncontiguous()` gives, with its `dma_vmap_noncontiguous()`.
///
/// # Invariants
///
/// `table` is what `dma_alloc_noncontiguous()` gave for `size` bytes, `direction` and `dev`, `cpu`
/// what mapping that gave; neither has been given back.
pub(crate) struct NonContiguous<'a, D: Direction> {
    dev: &'a Device<Bound>,
    table: NonNull<bindings::sg_table>,
    cpu: NonNull<c_void>,
    size: usize,
    direction: D,
}

// SAFETY: The memory belongs to no thread.
unsafe impl<D: Direction> Send for NonContiguous<'_, D> {}

impl<'a, D: Direction> NonContiguous<'a, D> {
    /// Allocates `size` bytes and maps them for the CPU.
    #[inline]
    pub(crate) fn new(dev: &'a Device<Bound>, size: usize, direction: D) -> Result<Self> {
        let (raw, to) = (as_raw(dev), direction.number());
        // SAFETY: The device is bound.
        let table = unsafe { lab::memlab_dma_alloc_noncontiguous(raw, size, to) };
        let table = NonNull::new(table).ok_or(ENOMEM)?;
        // SAFETY: `table` was just allocated for this device and size.
        let cpu = unsafe { lab::memlab_dma_vmap(raw, size, table.as_ptr()) };
        let Some(cpu) = NonNull::new(cpu) else {
            // SAFETY: `table` was allocated above, is not mapped for the CPU, and is not used again.
            unsafe { lab::memlab_dma_free_noncontiguous(raw, size, table.as_ptr(), to) };
            return Err(ENOMEM);
        };
        // INVARIANT: Just allocated and mapped.
        Ok(Self {
            dev,
            table,
            cpu,
            size,
            direction,
        })
    }

    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.cpu.as_ptr()
    }

    /// The device's address.
    pub(crate) fn dma(&self) -> u64 {
        // SAFETY: By the type invariant the table has a first entry, which is mapped.
        super::address(unsafe { bindings::sg_dma_address(self.table.as_ref().sgl) })
    }
}

impl<'a, D: Direction> NonContiguous<'a, D> {
    /// Hands it to the device: `dma_sync_sgtable_for_device()`, and of the vmap what is cached.
    pub(crate) fn for_device(self) -> Lent<'a, D> {
        let (dev, to) = (as_raw(self.dev), self.direction.number());
        let (cpu, table) = (self.cpu.as_ptr(), self.table.as_ptr());
        // SAFETY: By the type invariant.
        unsafe { lab::memlab_dma_vmap_for_device(dev, cpu, self.size, table, to) };
        Lent { memory: self }
    }
}

// SAFETY: By the type invariant; it was asked for zeroed.
unsafe impl<D: Direction> CpuMemory for NonContiguous<'_, D> {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.cpu.cast(), self.size)
    }
}

/// The same while the device owns it: the CPU has no way to it.
pub(crate) struct Lent<'a, D: Direction> {
    memory: NonContiguous<'a, D>,
}

impl<'a, D: Direction> Lent<'a, D> {
    /// Takes it back: `dma_sync_sgtable_for_cpu()`, and forgets what is cached of the vmap.
    pub(crate) fn for_cpu(self) -> NonContiguous<'a, D> {
        let Self { memory } = self;
        let (dev, to) = (as_raw(memory.dev), memory.direction.number());
        let (cpu, table) = (memory.cpu.as_ptr(), memory.table.as_ptr());
        // SAFETY: By the type invariant of `NonContiguous`.
        unsafe { lab::memlab_dma_vmap_for_cpu(dev, cpu, memory.size, table, to) };
        memory
    }

    /// Syncs it one way for programs that have it mapped, for the CPU or for the device again. Here it
    /// stays the device's. The way is one that the memory was allocated for.
    pub(crate) fn sync<W: Direction>(&self, for_cpu: bool, way: W) {
        let memory = &self.memory;
        let (cpu, table) = (memory.cpu.as_ptr(), memory.table.as_ptr());
        let sync = match for_cpu {
            true => lab::memlab_dma_vmap_for_cpu,
            false => lab::memlab_dma_vmap_for_device,
        };
        // SAFETY: By the type invariant of `NonContiguous`; no way is nobody's.
        unsafe { sync(as_raw(memory.dev), cpu, memory.size, table, way.number()) };
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
            size: self.memory.size,
            direction: self.memory.direction.data(),
        }
    }
}

impl<D: Direction> Drop for NonContiguous<'_, D> {
    #[inline]
    fn drop(&mut self) {
        let (dev, to) = (as_raw(self.dev), self.direction.number());
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            lab::memlab_dma_vunmap(dev, self.cpu.as_ptr());
            lab::memlab_dma_free_noncontiguous(dev, self.size, self.table.as_ptr(), to);
        }
    }
}
