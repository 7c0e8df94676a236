// SPDX-License-Identifier: GPL-2.0

//! Streaming mappings: memory of the CPU that is lent to a device for one transfer.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)
//!
//! # Examples
//!
//! To the device; the CPU fills the buffer before it is mapped, and has it back afterwards:
//!
//! ```ignore
//! let mut buffer = Buffer::new(4096)?;
//! buffer.bytes_mut().fill(0xa5);
//! let mapped = buffer.map(dev, ToDevice).map_err(|(_buffer, error)| error)?;
//! start_transfer(mapped.segment());
//! let buffer = mapped.unmap();
//! ```
//!
//! From the device, one buffer for many transfers: between two of them the CPU has a part of it.
//!
//! ```ignore
//! let mut mapped = Buffer::new(4096)?.map(dev, FromDevice).map_err(|(_, error)| error)?;
//! loop {
//!     wait_for_transfer();
//!     let header = mapped.for_cpu(0..64);
//!     look_at(header.bytes());
//!     mapped = header.for_device();
//! }
//! ```
//!
//! None of these compiles: `bytes_mut()` of a [`Mapped`], a second `unmap()`, an
//! [`OnCpu::bytes_mut`] of memory that only the device writes, a [`Mapped`] that is kept when the
//! borrow of its bound device ends.

use super::{
    CpuMemory,
    CpuWrites,
    DeviceMemory,
    Direction,
    Segment, //
};
use crate::{
    bindings as lab,
    sys::{
        device::as_raw,
        memory::PAGE_SIZE, //
    },
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    ffi::c_void,
    prelude::*, //
};

/// `MEMLAB_NOT_MAPPED` of the helpers.
const NOT_MAPPED: u64 = u64::MAX;

/// Where memory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All of it at or below this physical address: where a device reaches it.
    Within(u64),
    /// All of it above this physical address.
    Beyond(u64),
}

impl Reach {
    /// Anywhere.
    pub(crate) const ANY: Self = Self::Within(u64::MAX);

    /// Whether `size` bytes from `phys` on lie there.
    fn has(self, phys: u64, size: usize) -> bool {
        match self {
            Self::Within(highest) => phys.saturating_add(size as u64 - 1) <= highest,
            Self::Beyond(highest) => phys > highest,
        }
    }
}

/// So many pieces are held while one is looked for above an address: what lies below it is what the
/// free lists have on top only now and then.
const PIECES_HELD: usize = 64;

/// Physically contiguous memory of the CPU that can be handed to a device.
///
/// # Invariants
///
/// `ptr` points to `size` bytes, all initialised, which reach to the end of pages that
/// `alloc_pages_exact()` gave and of which `ptr` is in the first. Nothing else owns those pages.
pub(crate) struct Buffer {
    ptr: NonNull<c_void>,
    size: usize,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Buffer {}
// SAFETY: `&Buffer` only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// `size` bytes, zeroed, from the beginning of a page on. `EINVAL` if `size` is 0.
    pub(crate) fn new(size: usize) -> Result<Self> {
        Self::within(size, 0, Reach::ANY)
    }

    /// `size` bytes, zeroed, that begin `offset` bytes into a page and lie where `reach` says.
    ///
    /// `EINVAL` if `size` is 0 or `offset` no place in a page, `ENOMEM` if there is none.
    pub(crate) fn within(size: usize, offset: usize, reach: Reach) -> Result<Self> {
        if size == 0 || offset >= PAGE_SIZE {
            return Err(EINVAL);
        }
        let all = size.checked_add(offset).ok_or(EINVAL)?;
        let lies = |buffer: &Self| reach.has(buffer.phys(), size);
        match reach {
            // The lower a zone, the scarcer it is. A kernel without the zone takes any other.
            Reach::Within(_) => (0..3)
                .filter_map(|zone| Self::from_zone(size, all, zone))
                .find(lies)
                .ok_or(ENOMEM),
            Reach::Beyond(_) => {
                let mut held = KVec::new();
                while held.len() < PIECES_HELD {
                    let buffer = Self::from_zone(size, all, 0).ok_or(ENOMEM)?;
                    if lies(&buffer) {
                        return Ok(buffer);
                    }
                    held.push(buffer, GFP_KERNEL)?;
                }
                Err(ENOMEM)
            }
        }
    }

    /// `size` bytes at the end of `all` that are zeroed and begin in the first page of them, from a
    /// zone as `memlab_alloc_exact()` counts them.
    fn from_zone(size: usize, all: usize, zone: u32) -> Option<Self> {
        // SAFETY: May be called with any size from a context that may sleep.
        let base = NonNull::new(unsafe { lab::memlab_alloc_exact(all, zone) })?;
        // SAFETY: What stands before the `size` bytes is less than the first page just allocated.
        let ptr = unsafe { base.byte_add(all - size) };
        // INVARIANT: Just allocated and zeroed.
        Some(Self { ptr, size })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: By the type invariant; the CPU owns the memory as long as it is a `Buffer`.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr().cast(), self.size) }
    }

    /// The bytes.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: By the type invariant; the CPU owns the memory as long as it is a `Buffer`.
        unsafe { core::slice::from_raw_parts_mut(self.ptr.as_ptr().cast(), self.size) }
    }

    /// The physical address.
    pub(super) fn phys(&self) -> u64 {
        // SAFETY: What `alloc_pages_exact()` gives is in the linear map.
        unsafe { lab::memlab_virt_to_phys(self.ptr.as_ptr()) }
    }

    /// The CPU's address, to be looked up.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.ptr.as_ptr()
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Hands the memory to `dev`: `dma_map_single()`. Gives it back if that fails.
    #[inline]
    pub(crate) fn map<D: Direction>(
        self,
        dev: &Device<Bound>,
        direction: D,
    ) -> Result<Mapped<'_, D>, (Self, Error)> {
        self.map_by::<D, Single>(dev, direction)
    }

    /// The same by another function of the kernel's.
    #[inline]
    pub(crate) fn map_by<D: Direction, C: Call>(
        self,
        dev: &Device<Bound>,
        direction: D,
    ) -> Result<Mapped<'_, D, C>, (Self, Error)> {
        // SAFETY: The device is bound, the memory linear-mapped, and no other mapping of it exists
        // because mapping takes the buffer.
        let addr = unsafe {
            C::map(
                as_raw(dev),
                self.ptr.as_ptr(),
                self.size,
                direction.number(),
            )
        };
        if addr == NOT_MAPPED {
            return Err((self, EIO));
        }
        // INVARIANT: Just mapped.
        Ok(Mapped {
            buffer: ManuallyDrop::new(self),
            dev,
            addr,
            direction,
            call: PhantomData,
        })
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let offset = self.ptr.as_ptr() as usize % PAGE_SIZE;
        // SAFETY: By the type invariant the pages begin here, and came from `alloc_pages_exact()`
        // with this size.
        unsafe { lab::memlab_free_exact(self.ptr.as_ptr().byte_sub(offset), offset + self.size) };
    }
}

// SAFETY: By the type invariant; the CPU owns the memory as long as it is a `Buffer`.
unsafe impl CpuMemory for Buffer {
    fn cpu(&self) -> (NonNull<u8>, usize) {
        (self.ptr.cast(), self.size)
    }
}

/// A pair of functions that map and unmap contiguous memory.
pub(crate) trait Call: super::sealed::Sealed {
    /// Maps `size` bytes; [`NOT_MAPPED`] where that fails.
    ///
    /// # Safety
    ///
    /// `dev` is bound; `ptr` is an address of the linear map with `size` bytes behind it, which are
    /// left to the device until they are unmapped.
    unsafe fn map(dev: *mut bindings::device, ptr: *mut c_void, size: usize, raw: u32) -> u64;

    /// Ends a mapping.
    ///
    /// # Safety
    ///
    /// `map` gave `addr` for the other parameters, and it has not been unmapped.
    unsafe fn unmap(dev: *mut bindings::device, addr: u64, size: usize, raw: u32);
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $map:ident, $unmap:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name;

        impl super::sealed::Sealed for $name {}

        impl Call for $name {
            #[inline]
            unsafe fn map(
                dev: *mut bindings::device,
                ptr: *mut c_void,
                size: usize,
                raw: u32,
            ) -> u64 {
                // SAFETY: As the caller promises.
                unsafe { lab::$map(dev, ptr, size, raw) }
            }

            #[inline]
            unsafe fn unmap(dev: *mut bindings::device, addr: u64, size: usize, raw: u32) {
                // SAFETY: As the caller promises.
                unsafe { lab::$unmap(dev, addr, size, raw) }
            }
        }
    )*};
}

calls! {
    /// `dma_map_single()`, for an address.
    Single = memlab_dma_map_single, memlab_dma_unmap_single;
    /// `dma_map_page()`, for a page and an offset in it.
    Page = memlab_dma_map_page, memlab_dma_unmap_page;
    /// `dma_map_phys()`, for a physical address.
    Phys = memlab_dma_map_phys, memlab_dma_unmap_phys;
}

/// Memory that a device owns until [`Mapped::unmap`]: the CPU has no way to it.
///
/// # Invariants
///
/// `addr` is a live streaming mapping of `buffer` for `dev` in `direction`, made by `C`.
pub(crate) struct Mapped<'a, D: Direction, C: Call = Single> {
    buffer: ManuallyDrop<Buffer>,
    dev: &'a Device<Bound>,
    addr: u64,
    direction: D,
    call: PhantomData<C>,
}

impl<'a, D: Direction, C: Call> Mapped<'a, D, C> {
    /// Takes the memory back from the device.
    #[inline]
    pub(crate) fn unmap(self) -> Buffer {
        let mut this = ManuallyDrop::new(self);
        this.unmap_in_place();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.buffer) }
    }

    /// Ends the mapping. The caller sees to it that this happens once.
    #[inline]
    fn unmap_in_place(&mut self) {
        let size = self.buffer.size;
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe { C::unmap(as_raw(self.dev), self.addr, size, self.direction.number()) };
    }

    /// Lets the CPU have `part` of the memory, as far as it is within it, for a while:
    /// `dma_sync_single_for_cpu()`. The device is to leave alone meanwhile what shares a cache line
    /// with that part: if it does not see the caches, what it writes there is lost where the line is
    /// written back. A [`Segment`] of the mapping, which whoever drives the device borrows as long as
    /// that may write, does not outlive this call.
    #[inline]
    pub(crate) fn for_cpu(self, part: Range<usize>) -> OnCpu<'a, D, C> {
        let end = part.end.min(self.buffer.size);
        let part = part.start.min(end)..end;
        let (at, size) = (self.addr + part.start as u64, part.end - part.start);
        let raw = self.direction.number();
        if size != 0 {
            // SAFETY: By the type invariant a part of a live mapping in this direction.
            unsafe { lab::memlab_dma_sync_for_cpu(as_raw(self.dev), at, size, raw) };
        }
        // INVARIANT: Within the mapping, and just synced.
        OnCpu { mapped: self, part }
    }

    /// The CPU's address, to be looked up and not to be read.
    pub(crate) fn as_ptr(&self) -> *const c_void {
        self.buffer.as_ptr()
    }
}

impl<D: Direction, C: Call> DeviceMemory for Mapped<'_, D, C> {
    fn segment(&self) -> Segment<'_> {
        // INVARIANT: Mapped in this direction.
        Segment {
            dev: self.dev,
            dma: self.addr,
            size: self.buffer.size,
            direction: self.direction.data(),
        }
    }
}

impl<D: Direction, C: Call> Drop for Mapped<'_, D, C> {
    fn drop(&mut self) {
        self.unmap_in_place();
        // SAFETY: The mapping has ended, and `buffer` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.buffer) };
    }
}

/// A mapping of which the CPU has a part until [`OnCpu::for_device`].
///
/// # Invariants
///
/// `part` is within the mapping, and synced for the CPU where it is not empty.
pub(crate) struct OnCpu<'a, D: Direction, C: Call = Single> {
    mapped: Mapped<'a, D, C>,
    part: Range<usize>,
}

impl<'a, D: Direction, C: Call> OnCpu<'a, D, C> {
    /// Where the part is, and its length: the rest is the device's.
    fn place(&self) -> (*mut u8, usize) {
        let buffer = self.mapped.buffer.ptr.as_ptr().cast::<u8>();
        (buffer.wrapping_add(self.part.start), self.part.len())
    }

    /// What the device has written, or the CPU has.
    #[cfg_attr(
        not(CONFIG_KUNIT = "y"),
        expect(
            dead_code,
            reason = "what is measured is the change of hands; tests look"
        )
    )]
    pub(crate) fn bytes(&self) -> &[u8] {
        let (start, size) = self.place();
        // SAFETY: So many bytes of the buffer, all initialised, and the CPU's by the type invariant.
        unsafe { core::slice::from_raw_parts(start, size) }
    }

    /// Gives the part back to the device: `dma_sync_single_for_device()`.
    #[inline]
    pub(crate) fn for_device(self) -> Mapped<'a, D, C> {
        let Self { mapped, part } = self;
        let (at, size) = (mapped.addr + part.start as u64, part.end - part.start);
        let raw = mapped.direction.number();
        if size != 0 {
            // SAFETY: By the type invariants a part of a live mapping in this direction.
            unsafe { lab::memlab_dma_sync_for_device(as_raw(mapped.dev), at, size, raw) };
        }
        mapped
    }
}

impl<D: CpuWrites, C: Call> OnCpu<'_, D, C> {
    /// The bytes, for the CPU to write.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let (start, size) = self.place();
        // SAFETY: As in `bytes`, and borrowed for writing.
        unsafe { core::slice::from_raw_parts_mut(start, size) }
    }
}
