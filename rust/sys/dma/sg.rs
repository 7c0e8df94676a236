// SPDX-License-Identifier: GPL-2.0

//! Scattered memory that a device is given as one list.
//!
//! C header: [`include/linux/scatterlist.h`](srctree/include/linux/scatterlist.h)
//!
//! The kernel crate's `scatterlist::SGTable` builds the table and maps it in one step; here the
//! table is kept and mapped again and again.
//!
//! # Examples
//!
//! ```ignore
//! let mut pages = Scatter::new(3, 4096, 0, Reach::ANY)?;
//! pages.fill(0xa5);
//! let mapped = pages.map(dev, ToDevice).map_err(|(_pages, error)| error)?;
//! mapped.entries().for_each(start_transfer);
//! let pages = mapped.unmap();
//! ```

use super::{
    buffer::{
        Buffer,
        Reach, //
    },
    DeviceMemory,
    Direction,
    Segment, //
};
use crate::{
    bindings as lab,
    sys::device::as_raw, //
};
use core::{
    cmp::Reverse,
    mem::ManuallyDrop, //
};
use kernel::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    prelude::*, //
};

/// Pieces of memory with a table of one entry for each.
///
/// It is handed from owner to owner while time is taken: so what it consists of stays where it is.
pub(crate) struct Scatter(KBox<Pieces>);

/// # Invariants
///
/// `table` was made by `sg_alloc_table()` and its entries cover `pieces`, one each.
struct Pieces {
    table: bindings::sg_table,
    pieces: KVVec<Buffer>,
    /// All bytes together.
    size: usize,
}

// SAFETY: The memory belongs to no thread.
unsafe impl Send for Pieces {}

impl Scatter {
    /// `size` zeroed bytes in `count` pieces that differ by one byte at most, each of them `offset`
    /// bytes into a page and where `reach` says. Among those of one
    /// length, no piece begins where the one before it ends.
    ///
    /// `EINVAL` where a piece would be empty.
    pub(crate) fn new(count: usize, size: usize, offset: usize, reach: Reach) -> Result<Self> {
        let (least, longer) = match (size.checked_div(count), size.checked_rem(count)) {
            (Some(least), Some(longer)) => (least, longer),
            _ => return Err(EINVAL),
        };
        Self::of(count, offset, reach, |n| least + usize::from(n < longer))
    }

    /// `size` zeroed bytes in pieces of `whole` bytes, of which the last may be shorter; else as
    /// [`Scatter::new`].
    pub(crate) fn whole(whole: usize, size: usize, offset: usize, reach: Reach) -> Result<Self> {
        if whole == 0 {
            return Err(EINVAL);
        }
        Self::of(size.div_ceil(whole), offset, reach, |n| {
            whole.min(size - n * whole)
        })
    }

    fn of(
        count: usize,
        offset: usize,
        reach: Reach,
        length: impl Fn(usize) -> usize,
    ) -> Result<Self> {
        // Nobody is killed for the list of the pieces either.
        let mut pieces = KVVec::with_capacity(count, GFP_NOWAIT | __GFP_NOWARN)?;
        for n in 0..count {
            pieces.push(Buffer::within(length(n), offset, reach)?, GFP_KERNEL)?;
        }
        // Downwards: what touches by chance an IOMMU would map as one, so that the cost of a list
        // would be that of the free lists' order.
        pieces.sort_unstable_by_key(|piece| Reverse((piece.size(), piece.phys())));
        let table = pin_init::zeroed::<bindings::sg_table>();
        // Without entries, freeing the table frees nothing.
        let size = pieces.iter().map(Buffer::size).sum();
        let this = Pieces {
            table,
            pieces,
            size,
        };
        let mut this = KBox::new(this, GFP_KERNEL)?;
        let entries = u32::try_from(count)?;
        let gfp = bindings::GFP_KERNEL | bindings::__GFP_NOWARN | lab::MEMLAB_GFP_MAYFAIL;
        // SAFETY: The table is writable and empty; on failure nothing is left allocated.
        to_result(unsafe { bindings::sg_alloc_table(&mut this.table, entries, gfp) })?;
        // INVARIANT: The entries are filled in before the value is handed out.
        let mut entry = this.table.sgl;
        for piece in &this.pieces {
            let length = u32::try_from(piece.size())?;
            // SAFETY: The table has an entry for every piece, and `sg_next` goes to the next one.
            unsafe {
                lab::memlab_sg_set_buf(entry, piece.as_ptr(), length);
                entry = bindings::sg_next(entry);
            }
        }
        Ok(Self(this))
    }

    /// Sets every byte.
    pub(crate) fn fill(&mut self, byte: u8) {
        for piece in &mut self.0.pieces {
            piece.bytes_mut().fill(byte);
        }
    }

    /// The pieces, in their order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Buffer> {
        self.0.pieces.iter()
    }

    /// The pieces, in their order.
    pub(crate) fn pieces_mut(&mut self) -> impl Iterator<Item = &mut Buffer> {
        self.0.pieces.iter_mut()
    }

    /// All bytes together.
    pub(crate) fn size(&self) -> usize {
        self.0.size
    }

    /// Hands all pieces to `dev`: `dma_map_sg()`. Gives them back if that fails.
    #[inline]
    pub(crate) fn map<D: Direction>(
        self,
        dev: &Device<Bound>,
        direction: D,
    ) -> Result<MappedScatter<'_, D>, (Self, Error)> {
        // SAFETY: The device is bound, and by the type invariant the table has `orig_nents`
        // entries, which no other mapping uses because mapping takes the table.
        let mapped = unsafe {
            bindings::dma_map_sg_attrs(
                as_raw(dev),
                self.0.table.sgl,
                self.0.table.orig_nents as i32,
                direction.raw(),
                0,
            )
        };
        if mapped == 0 {
            return Err((self, EIO));
        }
        // INVARIANT: Just mapped, to so many entries.
        Ok(MappedScatter {
            scatter: ManuallyDrop::new(self),
            count: mapped,
            dev,
            direction,
        })
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, or it is all zero; the pieces are freed after their table.
        unsafe { bindings::sg_free_table(&mut self.table) };
    }
}

/// Memory that a device owns until [`MappedScatter::unmap`]: the CPU has no way to it.
///
/// # Invariants
///
/// `scatter` is mapped for `dev` in `direction`: the first `count` entries of its table.
pub(crate) struct MappedScatter<'a, D: Direction> {
    scatter: ManuallyDrop<Scatter>,
    count: u32,
    dev: &'a Device<Bound>,
    direction: D,
}

impl<D: Direction> MappedScatter<'_, D> {
    /// Takes the memory back: `dma_unmap_sg()`.
    #[inline]
    pub(crate) fn unmap(self) -> Scatter {
        let mut this = ManuallyDrop::new(self);
        this.unmap_in_place();
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.scatter) }
    }

    #[inline]
    fn unmap_in_place(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            bindings::dma_unmap_sg_attrs(
                as_raw(self.dev),
                self.scatter.0.table.sgl,
                self.scatter.0.table.orig_nents as i32,
                self.direction.raw(),
                0,
            )
        };
    }

    /// What the map has made of the pieces. An IOMMU may have joined some.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut entry = self.scatter.0.table.sgl;
        (0..self.count).map(move |_| {
            // SAFETY: By the type invariant this is a mapped entry.
            let segment = unsafe { self.of_entry(entry) };
            // SAFETY: `entry` is one of the list; behind the last one there is null, which the
            // iterator does not come to.
            entry = unsafe { bindings::sg_next(entry) };
            segment
        })
    }

    /// # Safety
    ///
    /// `entry` is one of the first `count` entries of the table.
    unsafe fn of_entry(&self, entry: *mut bindings::scatterlist) -> Segment<'_> {
        // SAFETY: By the type invariant it is mapped.
        let (dma, size) = unsafe { (bindings::sg_dma_address(entry), bindings::sg_dma_len(entry)) };
        // INVARIANT: Mapped in this direction.
        Segment {
            dev: self.dev,
            dma: super::address(dma),
            // CAST: 32 bits.
            size: size as usize,
            direction: self.direction.data(),
        }
    }

    /// The pieces, to be looked up and not to be read.
    pub(crate) fn scatter(&self) -> &Scatter {
        &self.scatter
    }
}

impl<D: Direction> DeviceMemory for MappedScatter<'_, D> {
    fn segment(&self) -> Segment<'_> {
        // SAFETY: No map succeeds with less than one entry.
        unsafe { self.of_entry(self.scatter.0.table.sgl) }
    }
}

impl<D: Direction> Drop for MappedScatter<'_, D> {
    fn drop(&mut self) {
        self.unmap_in_place();
        // SAFETY: The mapping has ended, and `scatter` is not used again.
        unsafe { ManuallyDrop::drop(&mut self.scatter) };
    }
}
