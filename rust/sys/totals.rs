// SPDX-License-Identifier: GPL-2.0

//! What the whole machine has and what happened on it, and the map of its kernel.
//!
//! C headers: [`include/linux/mm.h`](srctree/include/linux/mm.h),
//! [`include/linux/vmstat.h`](srctree/include/linux/vmstat.h)

use super::memory::static_str;
use crate::bindings as lab;
use kernel::{
    ffi::c_ulong,
    prelude::*, //
};

/// Memory by use as the helper gives it.
pub(crate) use lab::memlab_meminfo as RawMemInfo;

/// Reads the counters.
pub(crate) fn meminfo() -> RawMemInfo {
    let mut raw = pin_init::zeroed::<RawMemInfo>();
    // SAFETY: `raw` is writable.
    unsafe { lab::memlab_meminfo(&mut raw) };
    raw
}

/// The totals of all VM events, by number; empty where the kernel does not count.
pub(crate) fn events() -> Result<KVec<c_ulong>> {
    // SAFETY: The function returns a constant of the kernel's configuration.
    let count = unsafe { lab::memlab_events() };
    let mut totals = KVec::from_elem(0, usize::try_from(count)?, GFP_KERNEL)?;
    events_again(&mut totals);
    Ok(totals)
}

/// The same into what [`events`] gave: nothing is allocated.
pub(crate) fn events_again(totals: &mut [c_ulong]) {
    // SAFETY: The function returns a constant of the kernel's configuration.
    let count = unsafe { lab::memlab_events() };
    if count != 0 && totals.len() >= count as usize {
        // SAFETY: There is room for each event; may be called from a context that may sleep.
        unsafe { lab::memlab_all_events(totals.as_mut_ptr()) };
    }
}

/// The name of event number `event`; `None` for one that tells nothing of allocations.
pub(crate) fn event_name(event: usize) -> Option<&'static str> {
    // SAFETY: For a number that is none of an event the function returns null.
    let name = unsafe { lab::memlab_event_name(u32::try_from(event).ok()?) };
    (!name.is_null()).then(|| static_str(name))
}

/// Gives every region of the kernel's address space: name, first byte, the byte behind the last.
pub(crate) fn for_each_region(mut each: impl FnMut(&'static str, u64, u64)) {
    let mut raw = pin_init::zeroed::<[lab::memlab_region; lab::MEMLAB_REGIONS as usize]>();
    // SAFETY: There is room for as many regions as there can be.
    let count = unsafe { lab::memlab_regions(raw.as_mut_ptr()) };
    for region in raw.iter().take(count as usize) {
        each(static_str(region.name), region.start, region.end);
    }
}
