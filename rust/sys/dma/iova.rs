// SPDX-License-Identifier: GPL-2.0

//! Scattered pages in one range of device addresses, by the two-step API.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h) (`dma_iova_*`)

use super::{
    sg::Scatter,
    DeviceMemory,
    Direction,
    Segment, //
};
use crate::{
    bindings as lab,
    sys::device::as_raw, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::DataDirection,
    error::to_result,
    prelude::*, //
};

/// A range of a device's addresses, with nothing behind it or with something.
///
/// # Invariants
///
/// `state` is one that `dma_iova_try_alloc()` said yes to for `dev`; what is linked is the first
/// `linked` bytes.
struct Iova<'a> {
    dev: &'a Device<Bound>,
    state: lab::memlab_iova,
    linked: usize,
    raw: u32,
}

impl<'a> Iova<'a> {
    #[inline]
    fn new(dev: &'a Device<Bound>, size: usize, raw: u32) -> Option<Self> {
        let mut state = pin_init::zeroed::<lab::memlab_iova>();
        // SAFETY: The device is bound; `state` is writable. Without a size there is no range.
        let got = size != 0 && unsafe { lab::memlab_iova_alloc(as_raw(dev), &mut state, size) };
        // INVARIANT: Nothing is linked yet. Not made where there is none: it would be given back.
        got.then(|| Self {
            dev,
            state,
            linked: 0,
            raw,
        })
    }
}

impl Iova<'_> {
    /// Puts all of `scatter` behind it. The caller keeps it from the CPU.
    #[inline]
    fn link(&mut self, scatter: &Scatter) -> Result {
        for piece in scatter.pieces() {
            let (ptr, len) = (piece.as_ptr().cast_mut(), piece.size());
            let (dev, at, raw) = (as_raw(self.dev), self.linked, self.raw);
            // SAFETY: By the type invariant; the piece is in the linear map, and the range has room
            // as it was made for all pieces together.
            to_result(unsafe { lab::memlab_iova_link(dev, &mut self.state, ptr, at, len, raw) })?;
            // INVARIANT: Just linked, behind the others.
            self.linked += len;
        }
        Ok(())
    }

    #[inline]
    fn sync(&mut self, size: usize) -> Result {
        // SAFETY: By the type invariant.
        to_result(unsafe { lab::memlab_iova_sync(as_raw(self.dev), &mut self.state, size) })
    }
}

impl Drop for Iova<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe {
            lab::memlab_iova_destroy(as_raw(self.dev), &mut self.state, self.linked, self.raw)
        };
    }
}

/// Whether `dev` has an IOMMU that gives it a range of addresses of `size` bytes.
pub(crate) fn available(dev: &Device<Bound>, size: usize) -> bool {
    Iova::new(dev, size, super::Bidirectional.number()).is_some()
}

/// Pages that a device owns, in one range of its addresses, until [`Linked::unlink`].
///
/// # Invariants
///
/// All of `scatter` is linked in `range`, in its order and in `direction`. `range` goes first.
pub(crate) struct Linked<'a> {
    range: Iova<'a>,
    scatter: Scatter,
    direction: DataDirection,
}

impl Scatter {
    /// Hands all pieces to `dev` in one range of its addresses: `dma_iova_try_alloc()`,
    /// `dma_iova_link()` for each, `dma_iova_sync()`. All but the last are to be whole pages.
    ///
    /// Gives them back with `ENOMEM` where there is no range, or with what linking said.
    #[inline]
    pub(crate) fn link<D: Direction>(
        self,
        dev: &Device<Bound>,
        direction: D,
    ) -> Result<Linked<'_>, (Self, Error)> {
        let size = self.size();
        let Some(mut range) = Iova::new(dev, size, direction.number()) else {
            return Err((self, ENOMEM));
        };
        if let Err(error) = range.link(&self).and_then(|()| range.sync(size)) {
            drop(range);
            return Err((self, error));
        }
        // INVARIANT: All were linked.
        Ok(Linked {
            range,
            scatter: self,
            direction: direction.data(),
        })
    }
}

impl Linked<'_> {
    /// Takes the pages back: `dma_iova_destroy()`.
    #[inline]
    pub(crate) fn unlink(self) -> Scatter {
        let Self { range, scatter, .. } = self;
        drop(range);
        scatter
    }

    /// The pages, to be looked up and not to be read.
    pub(crate) fn scatter(&self) -> &Scatter {
        &self.scatter
    }
}

impl DeviceMemory for Linked<'_> {
    fn segment(&self) -> Segment<'_> {
        // SAFETY: By the type invariant of `Iova`.
        let dma = unsafe { lab::memlab_iova_addr(&self.range.state) };
        // INVARIANT: All of it is linked in this direction.
        Segment {
            dev: self.range.dev,
            dma,
            size: self.range.linked,
            direction: self.direction,
        }
    }
}
