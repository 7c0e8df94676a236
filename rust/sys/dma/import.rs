// SPDX-License-Identifier: GPL-2.0

//! Somebody's dma-buf, as the driver of a device imports it.
//!
//! C header: [`include/linux/dma-buf.h`](srctree/include/linux/dma-buf.h)

use super::{
    Direction as _,
    Segment, //
};
use crate::{
    bindings as lab,
    model::request::Direction,
    sys::device::as_raw, //
};
use core::{
    ops::Deref,
    ptr::{
        self,
        NonNull, //
    },
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

/// A dma-buf, whosever it is, which stays until this is dropped.
///
/// # Invariants
///
/// A reference is held on `raw`.
pub(crate) struct DmaBuf {
    raw: NonNull<lab::dma_buf>,
    size: u64,
}

// SAFETY: A dma-buf belongs to no thread.
unsafe impl Send for DmaBuf {}
// SAFETY: What is done with it by `&DmaBuf` locks what it changes.
unsafe impl Sync for DmaBuf {}

impl DmaBuf {
    /// The one behind a descriptor of the caller's: `EBADF` where there is none, `EINVAL` where it is
    /// of something else, `EBUSY` where somebody still works on it, `EOPNOTSUPP` in a kernel without
    /// dma-bufs.
    pub(crate) fn behind(fd: i32) -> Result<Self> {
        let (mut raw, mut size) = (ptr::null_mut(), 0);
        // SAFETY: Any number may be asked for; both may be written.
        to_result(unsafe { lab::memlab_import_get(fd, &mut raw, &mut size) })?;
        // INVARIANT: The reference was just taken.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(EINVAL)?,
            size,
        })
    }

    /// The one that a file is of.
    ///
    /// # Safety
    ///
    /// It is the file of a dma-buf.
    #[cfg(CONFIG_KUNIT = "y")]
    pub(in crate::sys) unsafe fn of_file(file: &kernel::fs::File) -> Result<Self> {
        let (mut raw, mut size) = (ptr::null_mut(), 0);
        // SAFETY: By the function's requirement it is of a dma-buf, which the borrowed file keeps;
        // both may be written.
        to_result(unsafe { lab::memlab_import_file(file.as_ptr(), &mut raw, &mut size) })?;
        // INVARIANT: The reference was just taken.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(EINVAL)?,
            size,
        })
    }

    /// Its bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Begins what the CPU does to it: waits for who writes it, and has the exporter sync it.
    #[inline]
    pub(crate) fn begin(&self, direction: Direction) -> Result {
        // SAFETY: By the type invariant it is one.
        to_result(unsafe { lab::memlab_import_begin(self.raw.as_ptr(), direction.number()) })
    }

    /// Ends that.
    #[inline]
    pub(crate) fn end(&self, direction: Direction) -> Result {
        // SAFETY: By the type invariant it is one.
        to_result(unsafe { lab::memlab_import_end(self.raw.as_ptr(), direction.number()) })
    }
}

impl Drop for DmaBuf {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; callers may sleep.
        unsafe { lab::memlab_import_put(self.raw.as_ptr()) };
    }
}

/// What a device has of somebody's dma-buf.
///
/// # Invariants
///
/// `attachment` is `dev`'s to `of`, and `table` is mapped through it in `direction`.
pub(crate) struct Imported<'d, B: Deref<Target = DmaBuf>> {
    of: B,
    dev: &'d Device<Bound>,
    attachment: *mut lab::dma_buf_attachment,
    table: *mut bindings::sg_table,
    direction: Direction,
}

impl<'d, B: Deref<Target = DmaBuf>> Imported<'d, B> {
    /// Attaches `dev` and maps it: `EOPNOTSUPP` or whatever else the exporter refuses it with.
    #[inline]
    pub(crate) fn new(of: B, dev: &'d Device<Bound>, direction: Direction) -> Result<Self> {
        let (mut attachment, mut table) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: By the type invariant of `DmaBuf` it is one; the device is bound, and both may be
        // written.
        to_result(unsafe {
            lab::memlab_import_map(
                of.raw.as_ptr(),
                as_raw(dev),
                direction.number(),
                &mut attachment,
                &mut table,
            )
        })?;
        // INVARIANT: Just attached, and mapped in this direction.
        Ok(Self {
            of,
            dev,
            attachment,
            table,
            direction,
        })
    }

    /// What the device sees from byte `at` on, as far as its addresses go on there.
    pub(crate) fn at(&self, at: u64) -> Option<Segment<'_>> {
        let (mut dma, mut size) = (0, 0);
        // SAFETY: By the type invariant it is mapped; both may be written.
        let found = unsafe { lab::memlab_import_at(self.table, at, &mut dma, &mut size) };
        // INVARIANT: Mapped in this direction for this device.
        found.then_some(Segment {
            dev: self.dev,
            dma,
            // CAST: An entry has 32 bits of size.
            size: size as usize,
            direction: self.direction.data(),
        })
    }
}

impl<B: Deref<Target = DmaBuf>> Drop for Imported<'_, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant, and nobody uses it any more.
        unsafe {
            lab::memlab_import_unmap(
                self.of.raw.as_ptr(),
                self.attachment,
                self.table,
                self.direction.number(),
            );
        }
    }
}
