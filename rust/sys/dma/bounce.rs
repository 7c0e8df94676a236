// SPDX-License-Identifier: GPL-2.0

//! Bounce buffers: where the bytes behind a device's address really lie, and the pool that they may
//! be copied to.
//!
//! C headers: [`include/linux/dma-direct.h`](srctree/include/linux/dma-direct.h),
//! [`include/linux/swiotlb.h`](srctree/include/linux/swiotlb.h)

use crate::{
    bindings as lab,
    model::remark::BouncePool,
    sys::device::as_raw, //
};
use kernel::device::{
    Bound,
    Device, //
};

/// The physical address behind `dma`, an address that `dev` was given by a map that still stands;
/// `None` where the kernel does not tell.
pub(crate) fn behind(dev: &Device<Bound>, dma: u64) -> Option<u64> {
    // SAFETY: The device is bound, so that its DMA and its IOMMU's domain are set up and stay; any
    // address may be looked up in them.
    let phys = unsafe { lab::memlab_dma_to_phys(as_raw(dev), dma) };
    (phys != u64::MAX).then_some(phys)
}

/// The pool that streaming mappings of `dev` are bounced through, if it has one, with the physical
/// address of its last byte.
pub(crate) fn pool(dev: &Device<Bound>) -> Option<(BouncePool, u64)> {
    let mut raw = pin_init::zeroed::<lab::memlab_bounce>();
    // SAFETY: The device is bound, so that its pool is set up and stays; `raw` is writable.
    unsafe { lab::memlab_bounce(as_raw(dev), &mut raw) };
    let pool = BouncePool {
        slots: raw.slots,
        slot_bytes: u64::from(raw.slot_bytes),
        used: raw.used,
        most: raw.most,
        asked: 0,
    };
    (raw.slots != 0).then_some((pool, raw.end.saturating_sub(1)))
}

/// Does `work` while the device's addresses are `by` more than the physical ones, as behind many a
/// bridge: what the kernel calls a range map.
#[cfg(CONFIG_KUNIT = "y")]
pub(crate) fn shifted<T>(dev: &Device<Bound>, by: u64, work: impl FnOnce() -> T) -> T {
    use kernel::bindings;

    /// `struct bus_dma_region`, which the kernel crate does not bind.
    #[repr(C)]
    struct Region {
        cpu_start: bindings::phys_addr_t,
        dma_start: bindings::dma_addr_t,
        size: u64,
    }

    let region = |dma_start, size| Region {
        cpu_start: 0,
        dma_start,
        size,
    };
    // The last one has no size.
    let map = [region(by as bindings::dma_addr_t, 1 << 40), region(0, 0)];
    let raw = as_raw(dev);
    // SAFETY: The tests run one after the other, and nothing of this device's, which is the module's
    // own, is mapped before or after `work`; the map lives until it is taken out again.
    let before =
        unsafe { core::mem::replace(&mut (*raw).dma_range_map, map.as_ptr().cast_mut().cast()) };
    let done = work();
    // SAFETY: As when it was put in: nothing is mapped any more.
    unsafe { (*raw).dma_range_map = before };
    done
}
