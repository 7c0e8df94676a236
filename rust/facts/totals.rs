// SPDX-License-Identifier: GPL-2.0

//! Snapshots of the whole machine: memory by use, events, CMA areas.

use crate::{
    devices::lent,
    model::totals::{
        Area,
        Event,
        MemInfo, //
    },
    sys::{
        self,
        cma::Source, //
    },
};
use kernel::prelude::*;

/// Memory by use.
pub(crate) fn meminfo() -> MemInfo {
    let raw = sys::totals::meminfo();
    MemInfo {
        total: raw.total,
        high: raw.high,
        high_free: raw.high_free,
        reserve: raw.reserve,
        low: raw.low,
        free: raw.free,
        active_file: raw.active_file,
        inactive_file: raw.inactive_file,
        slab_reclaimable: raw.slab_reclaimable,
        misc_reclaimable: raw.misc_reclaimable,
        available: u64::try_from(raw.available).unwrap_or(0),
        slab_unreclaimable: raw.slab_unreclaimable,
        anon: raw.anon,
        shmem: raw.shmem,
        page_tables: raw.page_tables,
        free_cma: raw.free_cma,
    }
}

/// The events that tell of allocations, with the time in ns at which they were read.
pub(crate) fn events() -> Result<(u64, KVec<Event>)> {
    let totals = sys::totals::events()?;
    let now = sys::clock::now();
    let mut all = KVec::new();
    for (number, total) in totals.iter().enumerate() {
        let Some(name) = sys::totals::event_name(number) else {
            continue;
        };
        // CAST: `unsigned long` is not wider than 64 bits.
        let total = *total as u64;
        all.push(Event { name, total }, GFP_KERNEL)?;
    }
    Ok((now, all))
}

/// The CMA areas of the devices that are lent now.
pub(crate) fn areas() -> Result<KVec<Area>> {
    let mut all: KVec<Area> = KVec::new();
    for look in lent::look_at_all()?.iter() {
        let name = match look.source() {
            Source::None => continue,
            Source::Area(area) => area.name(),
            Source::Unknown => "unknown",
        };
        match all.iter_mut().find(|known| known.name == name) {
            Some(known) => known.devices += 1,
            None => all.push(Area { name, devices: 1 }, GFP_KERNEL)?,
        }
    }
    Ok(all)
}
