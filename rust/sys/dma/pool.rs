// SPDX-License-Identifier: GPL-2.0

//! Small coherent blocks of one size.
//!
//! C header: [`include/linux/dmapool.h`](srctree/include/linux/dmapool.h)
//!
//! # Examples
//!
//! ```ignore
//! let pool = Pool::new(dev, 64)?;
//! let descriptor = pool.alloc()?;
//! tell_the_device(descriptor.segment());
//! drop(descriptor); // `pool` cannot go first: the block borrows it
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
    device::{
        Bound,
        Device, //
    },
    dma::DataDirection,
    ffi::c_void,
    prelude::*, //
};

/// What `dma_pool_create()` gives. It keeps its pages until it goes.
///
/// # Invariants
///
/// `raw` is a live pool of `dev`'s, of blocks of `size` bytes.
pub(crate) struct Pool<'d> {
    dev: &'d Device<Bound>,
    raw: NonNull<lab::dma_pool>,
    size: usize,
}

// SAFETY: A pool belongs to no thread.
unsafe impl Send for Pool<'_> {}
// SAFETY: A pool has a lock of its own.
unsafe impl Sync for Pool<'_> {}

impl<'d> Pool<'d> {
    /// A pool of blocks of `size` bytes: `dma_pool_create(name, dev, size, 0, 0)`. `ENOMEM` also
    /// where `size` is 0 or above `INT_MAX`.
    pub(crate) fn new(dev: &'d Device<Bound>, size: usize) -> Result<Self> {
        // SAFETY: The device is bound.
        let raw = unsafe { lab::memlab_dma_pool_create(as_raw(dev), size) };
        // INVARIANT: Just made.
        Ok(Self {
            dev,
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            size,
        })
    }

    /// `dma_pool_alloc()`, which reclaims and does not have anybody killed.
    #[inline]
    pub(crate) fn alloc(&self) -> Result<Block<'_>> {
        let mut dma = 0;
        // SAFETY: The pool is live by the type invariant; `dma` is writable.
        let cpu = unsafe { lab::memlab_dma_pool_alloc(self.raw.as_ptr(), &mut dma) };
        // INVARIANT: Just allocated.
        Ok(Block {
            pool: self,
            cpu: NonNull::new(cpu).ok_or(ENOMEM)?,
            dma,
        })
    }
}

impl Drop for Pool<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; blocks borrow the pool, so none is out that was not
        // forgotten, and of those the kernel leaves the pages alone.
        unsafe { lab::memlab_dma_pool_destroy(self.raw.as_ptr()) };
    }
}

/// A block of a pool.
///
/// # Invariants
///
/// `cpu` and `dma` are what `dma_pool_alloc()` gave for `pool`, not yet freed.
pub(crate) struct Block<'a> {
    pool: &'a Pool<'a>,
    cpu: NonNull<c_void>,
    dma: u64,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Block<'_> {}

impl Block<'_> {
    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.cpu.as_ptr()
    }
}

impl DeviceMemory for Block<'_> {
    fn segment(&self) -> Segment<'_> {
        // INVARIANT: The device may have coherent memory at any time.
        Segment {
            dev: self.pool.dev,
            dma: self.dma,
            size: self.pool.size,
            direction: DataDirection::Bidirectional,
        }
    }
}

// SAFETY: By the invariants of block and pool; the pool hands out each block once, and what it was
// given first is initialised, as the kernel zeroes a pool's pages.
unsafe impl CpuMemory for Block<'_> {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.cpu.cast(), self.pool.size)
    }
}

impl Drop for Block<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariants.
        unsafe { lab::memlab_dma_pool_free(self.pool.raw.as_ptr(), self.cpu.as_ptr(), self.dma) };
    }
}

/// A block with the pool that it is from, which has no other.
///
/// # Invariants
///
/// `cpu` and `dma` are what `dma_pool_alloc()` gave for `pool`, not yet freed; behind `cpu` are `size`
/// bytes, initialised.
pub(crate) struct OwnBlock<'d> {
    pool: Pool<'d>,
    cpu: NonNull<c_void>,
    dma: u64,
    size: usize,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for OwnBlock<'_> {}

impl<'d> OwnBlock<'d> {
    /// A pool for blocks of `size` bytes, and the one.
    pub(crate) fn new(dev: &'d Device<Bound>, size: usize) -> Result<Self> {
        let pool = Pool::new(dev, size)?;
        let block = core::mem::ManuallyDrop::new(pool.alloc()?);
        let (cpu, dma) = (block.cpu, block.dma);
        // SAFETY: The pool's blocks have `size` bytes, and nothing refers to this one yet.
        unsafe { cpu.cast::<u8>().write_bytes(0, size) };
        // INVARIANT: Just allocated and zeroed; the block itself was forgotten.
        Ok(Self {
            pool,
            cpu,
            dma,
            size,
        })
    }

    /// The CPU's address.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.cpu.as_ptr()
    }
}

impl DeviceMemory for OwnBlock<'_> {
    fn segment(&self) -> Segment<'_> {
        // INVARIANT: The device may have coherent memory at any time.
        Segment {
            dev: self.pool.dev,
            dma: self.dma,
            size: self.size,
            direction: DataDirection::Bidirectional,
        }
    }
}

// SAFETY: By the type invariant.
unsafe impl CpuMemory for OwnBlock<'_> {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.cpu.cast(), self.size)
    }
}

impl Drop for OwnBlock<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the pool goes after this.
        unsafe { lab::memlab_dma_pool_free(self.pool.raw.as_ptr(), self.cpu.as_ptr(), self.dma) };
    }
}
