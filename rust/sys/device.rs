// SPDX-License-Identifier: GPL-2.0

//! The C side of a device, what the DMA layer has noted of it, and a device of the module's own.
//!
//! C header: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h)

use crate::bindings as lab;
use kernel::{
    bindings,
    device::{
        Bound,
        Device,
        DeviceContext, //
    },
    devres,
    dma::DmaMask,
    error::to_result,
    prelude::*,
    sync::aref::ARef, //
};

/// The C device behind a `&Device`; `Device::as_raw` is not public.
#[inline]
pub(super) fn as_raw<Ctx: DeviceContext>(dev: &Device<Ctx>) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of an opaque `struct device`.
    core::ptr::from_ref(dev).cast_mut().cast()
}

/// A device with what the DMA layer had noted of it: its masks and its longest segment. The device
/// has them again when this is dropped.
///
/// # Invariants
///
/// The device is bound as long as this lives.
pub(super) struct Limits {
    device: ARef<Device>,
    noted: lab::memlab_dma_limits,
}

impl Limits {
    /// What is noted of `dev` now.
    ///
    /// # Safety
    ///
    /// The device stays bound until the value is dropped, and nothing is mapped for it then.
    pub(super) unsafe fn of(dev: &Device<Bound>) -> Self {
        let mut noted = pin_init::zeroed::<lab::memlab_dma_limits>();
        // SAFETY: The device is bound, so that its DMA is set up; `noted` may be written.
        unsafe { lab::memlab_dma_limits(as_raw(dev), &mut noted) };
        // INVARIANT: By the function's requirement.
        Self {
            device: dev.into(),
            noted,
        }
    }

    /// Gives the device so many bits of address; `EIO` where the platform cannot serve that.
    pub(super) fn set_masks(&mut self, bits: u32) -> Result {
        let mask = DmaMask::try_new(bits)?.value();
        let raw = as_raw::<kernel::device::Normal>(&self.device);
        // SAFETY: By the type invariant the device is bound. Any mask is taken or refused.
        to_result(unsafe { lab::memlab_dma_set_masks(raw, mask, mask) })
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        let raw = as_raw::<kernel::device::Normal>(&self.device);
        // SAFETY: By the type invariant the device is bound; it gets what it had before.
        unsafe { lab::memlab_dma_set_limits(raw, &self.noted) };
    }
}

/// Has the masks and the longest segment of `dev` put back as they are now when it is unbound, or
/// when its probe fails. To be called before anything else is registered for it.
pub(crate) fn put_back_later(dev: &Device<Bound>) -> Result {
    // SAFETY: The value goes to the device's own list of what is dropped when it is unbound, last
    // what came first: what may map memory for it was registered later, and has gone before.
    devres::register(dev, unsafe { Limits::of(dev) }, GFP_KERNEL)
}

/// A platform device without resources, unregistered on drop.
///
/// # Invariants
///
/// `raw` is a registered platform device that nothing else unregisters.
pub(crate) struct PlatformDevice {
    raw: *mut bindings::platform_device,
}

// SAFETY: A platform device may be unregistered from any thread.
unsafe impl Send for PlatformDevice {}
// SAFETY: `&PlatformDevice` gives access to nothing.
unsafe impl Sync for PlatformDevice {}

impl PlatformDevice {
    /// Registers the device `name`, with all 64 bits of DMA addresses until a driver says less. It is
    /// coherent as `coherent` says, or as what is behind the first PCI host bridge; `EOPNOTSUPP`
    /// where every device is coherent and this one is not to be.
    pub(crate) fn register(name: &'static CStr, coherent: Option<bool>) -> Result<Self> {
        let coherent = coherent.map_or(-1, i32::from);
        let mut raw = core::ptr::null_mut();
        // SAFETY: The name outlives the device, and `raw` may be written.
        to_result(unsafe { lab::memlab_platform_device(name.as_char_ptr(), coherent, &mut raw) })?;
        // INVARIANT: Just registered.
        Ok(Self { raw })
    }
}

impl Drop for PlatformDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the device is registered, and only here unregistered.
        unsafe { bindings::platform_device_unregister(self.raw) };
    }
}
