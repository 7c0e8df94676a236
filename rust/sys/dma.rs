// SPDX-License-Identifier: GPL-2.0

//! Memory that a device can reach.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)
//!
//! Every mapping borrows a bound device, so that none can outlive the binding: forgetting one
//! leaks it, with the memory behind it, and does nothing worse.

use super::device::as_raw;
use crate::bindings as lab;
use core::ptr::NonNull;
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    dma::DmaAddress,
    ffi::c_void,
    prelude::*, //
};

pub(crate) use kernel::dma::DataDirection;

/// Coherent memory.
///
/// `kernel::dma::Coherent` also takes a reference on the device and asks for zeroed memory; here
/// `dma_alloc_coherent()` is called alone, because it is what is measured.
///
/// # Invariants
///
/// `cpu` and `dma` are what `dma_alloc_attrs()` gave for `size` bytes and `dev`, not yet freed.
pub(crate) struct Coherent<'a> {
    dev: &'a Device<Bound>,
    cpu: NonNull<c_void>,
    dma: DmaAddress,
    size: usize,
}

impl<'a> Coherent<'a> {
    /// `dma_alloc_coherent(dev, size, &dma, GFP_KERNEL | __GFP_NOWARN)`.
    #[inline]
    pub(crate) fn new(dev: &'a Device<Bound>, size: usize) -> Result<Self> {
        let mut dma: DmaAddress = 0;
        // SAFETY: The device is bound; `dma` is writable.
        let cpu = unsafe {
            bindings::dma_alloc_attrs(
                as_raw(dev),
                size,
                &mut dma,
                bindings::GFP_KERNEL | bindings::__GFP_NOWARN,
                0,
            )
        };
        let cpu = NonNull::new(cpu).ok_or(ENOMEM)?;
        // INVARIANT: Just allocated.
        Ok(Self {
            dev,
            cpu,
            dma,
            size,
        })
    }

    /// Whether `size` bytes can be had without trying hard; they are freed at once.
    pub(crate) fn obtainable(dev: &'a Device<Bound>, size: usize) -> bool {
        let mut dma: DmaAddress = 0;
        let gfp = bindings::GFP_KERNEL | lab::MEMLAB_GFP_NORETRY | bindings::__GFP_NOWARN;
        // SAFETY: The device is bound; `dma` is writable.
        let cpu = unsafe { bindings::dma_alloc_attrs(as_raw(dev), size, &mut dma, gfp, 0) };
        // INVARIANT: Just allocated.
        let found = NonNull::new(cpu).map(|cpu| Self {
            dev,
            cpu,
            dma,
            size,
        });
        found.is_some()
    }

    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.cpu.as_ptr()
    }

    /// The device's address.
    pub(crate) fn dma(&self) -> u64 {
        u64::from(self.dma)
    }
}

impl Drop for Coherent<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            bindings::dma_free_attrs(as_raw(self.dev), self.size, self.cpu.as_ptr(), self.dma, 0)
        };
    }
}

/// Memory of the CPU that can be handed to a device.
///
/// # Invariants
///
/// `ptr` points to `size` bytes from `kmalloc()`, all initialised, that nothing else owns.
pub(crate) struct Buffer {
    ptr: NonNull<c_void>,
    size: usize,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Zeroed memory of `size` bytes, which must not be 0.
    pub(crate) fn new(size: usize) -> Result<Self> {
        if size == 0 {
            return Err(EINVAL);
        }
        let gfp = bindings::GFP_KERNEL | bindings::__GFP_ZERO | bindings::__GFP_NOWARN;
        // SAFETY: `kmalloc()` may be called with any size from a context that may sleep.
        let ptr = unsafe { bindings::__kmalloc_noprof(size, gfp) };
        let ptr = NonNull::new(ptr).ok_or(ENOMEM)?;
        // INVARIANT: Just allocated, zeroed, and not `ZERO_SIZE_PTR` as `size` is not 0.
        Ok(Self { ptr, size })
    }

    /// The bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant; the CPU owns the memory as long as it is a `Buffer`.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.as_ptr().cast(), self.size) }
    }

    /// Hands the memory to `dev`: `dma_map_single()`. Gives it back if that fails.
    #[inline]
    pub(crate) fn map(
        self,
        dev: &Device<Bound>,
        direction: DataDirection,
    ) -> Result<Mapped<'_>, (Self, Error)> {
        // SAFETY: The device is bound, the memory linear-mapped, and no other mapping of it exists
        // because mapping takes the buffer.
        let addr = unsafe {
            lab::memlab_dma_map_single(as_raw(dev), self.ptr.as_ptr(), self.size, direction as u32)
        };
        // SAFETY: `addr` was returned by the mapping call.
        if unsafe { lab::memlab_dma_mapping_error(as_raw(dev), addr) } {
            return Err((self, EIO));
        }
        // INVARIANT: Just mapped.
        Ok(Mapped {
            buffer: core::mem::ManuallyDrop::new(self),
            dev,
            addr,
            direction,
        })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the memory came from `kmalloc()` and is owned.
        unsafe { bindings::kfree(self.ptr.as_ptr()) };
    }
}

/// Memory that a device owns until [`Mapped::unmap`]: the CPU has no way to it.
///
/// # Invariants
///
/// `addr` is a live streaming mapping of `buffer` for `dev` in `direction`.
pub(crate) struct Mapped<'a> {
    buffer: core::mem::ManuallyDrop<Buffer>,
    dev: &'a Device<Bound>,
    addr: u64,
    direction: DataDirection,
}

impl Mapped<'_> {
    /// Takes the memory back from the device: `dma_unmap_single()`.
    #[inline]
    pub(crate) fn unmap(self) -> Buffer {
        let mut this = core::mem::ManuallyDrop::new(self);
        this.unmap_in_place();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { core::mem::ManuallyDrop::take(&mut this.buffer) }
    }

    /// Ends the mapping. The caller sees to it that this happens once.
    #[inline]
    fn unmap_in_place(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            lab::memlab_dma_unmap_single(
                as_raw(self.dev),
                self.addr,
                self.buffer.size,
                self.direction as u32,
            )
        };
    }

    /// The device's address.
    pub(crate) fn dma(&self) -> u64 {
        self.addr
    }

    /// The CPU's address, to be looked up and not to be read.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.buffer.ptr.as_ptr()
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        self.unmap_in_place();
        // SAFETY: The mapping has ended, and `buffer` is not used again.
        unsafe { core::mem::ManuallyDrop::drop(&mut self.buffer) };
    }
}
