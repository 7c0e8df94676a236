// SPDX-License-Identifier: GPL-2.0

//! The map of the kernel's address space.

use crate::{
    model::layout::{
        Region,
        REGIONS_MAX, //
    },
    sys, //
};
use kernel::prelude::*;

/// The regions, the highest first. They do not overlap.
pub(crate) fn regions() -> Result<KVec<Region>> {
    let mut all = KVec::with_capacity(REGIONS_MAX, GFP_KERNEL)?;
    sys::totals::for_each_region(|name, start, end| {
        // There is room for as many as there can be.
        let _ = all.push_within_capacity(Region { name, start, end });
    });
    // Not by the library's sort, whose stack frame alone is larger than one may be on ARM.
    let highest_below = |end: u64| {
        let below = all
            .iter()
            .filter(|region| region.size() > 0 && region.end <= end);
        below.max_by_key(|region| region.start).copied()
    };
    let mut sorted = KVec::with_capacity(REGIONS_MAX, GFP_KERNEL)?;
    let mut next = highest_below(u64::MAX);
    while let Some(region) = next {
        sorted.push(region, GFP_KERNEL)?;
        next = highest_below(region.start);
    }
    Ok(sorted)
}
