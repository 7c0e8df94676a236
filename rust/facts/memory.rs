// SPDX-License-Identifier: GPL-2.0

//! Snapshots of every zone with its buddy lists.

use crate::{
    model::{
        memory::Zone,
        text::Text, //
    },
    sys, //
};
use kernel::prelude::*;

/// Every populated zone of every online node.
pub(crate) fn zones() -> Result<KVec<Zone>> {
    let mut all = KVec::new();
    for node in sys::memory::nodes() {
        for (name, raw) in sys::memory::zones(node) {
            let zone = Zone {
                node,
                name: Text::new(name),
                start_pfn: raw.start_pfn,
                spanned: raw.spanned,
                present: raw.present,
                managed: raw.managed,
                free: raw.free,
                cma: raw.cma,
                free_cma: raw.free_cma,
                watermarks: raw.watermark,
                orders: usize::try_from(raw.orders)?,
                blocks: raw.blocks,
            };
            all.push(zone, GFP_KERNEL)?;
        }
    }
    Ok(all)
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "memory_tests.rs"]
mod memory_tests;
