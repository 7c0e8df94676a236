// SPDX-License-Identifier: GPL-2.0

//! How many bits of address a device is said to have.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)

use crate::{
    bindings as lab,
    sys::device::as_raw, //
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    dma::DmaMask,
    error::to_result,
    prelude::*, //
};

/// A device with other masks than its own, which it has again when this is dropped.
///
/// # Invariants
///
/// `before` is what the DMA layer had noted of `dev` before.
pub(crate) struct Masked<'a> {
    dev: &'a Device<Bound>,
    before: lab::memlab_dma_limits,
}

impl<'a> Masked<'a> {
    /// `dma_set_mask_and_coherent(dev, DMA_BIT_MASK(bits))`. `EIO` where the platform cannot serve
    /// such a device; its masks are then what they were.
    ///
    /// Not to be called while memory of the device is allocated or mapped. The module's runs, which
    /// take turns, are the only users of a device that is lent.
    pub(crate) fn set(dev: &'a Device<Bound>, bits: u32) -> Result<Self> {
        let mask = DmaMask::try_new(bits)?.value();
        let mut before = pin_init::zeroed::<lab::memlab_dma_limits>();
        // SAFETY: The device is bound.
        unsafe { lab::memlab_dma_limits(as_raw(dev), &mut before) };
        // INVARIANT: Read above.
        let this = Self { dev, before };
        // Where the second of the two fails, dropping `this` takes the first one back.
        // SAFETY: The device is bound, and whoever sets its masks is its only user.
        to_result(unsafe { lab::memlab_dma_set_masks(as_raw(dev), mask, mask) })?;
        Ok(this)
    }
}

impl Drop for Masked<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; the device is bound as long as it is borrowed.
        unsafe { lab::memlab_dma_set_limits(as_raw(self.dev), &self.before) };
    }
}
