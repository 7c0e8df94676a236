// SPDX-License-Identifier: GPL-2.0

//! Snapshots of every zone with its buddy lists.

use crate::{
    model::{
        memory::{
            FreeList,
            MigrateType,
            Reach,
            Stand,
            Zone,
            ORDERS_MAX, //
        },
        text::Text, //
    },
    sys::{
        self,
        memory::{
            RawZone,
            Spot, //
        },
    },
};
use kernel::prelude::*;

/// Every populated zone of every online node.
pub(crate) fn zones() -> Result<KVec<Zone>> {
    let mut all = KVec::new();
    zones_again(&mut all)?;
    Ok(all)
}

/// The same into a vector that may have room for them already: then nothing is allocated.
pub(crate) fn zones_again(all: &mut KVec<Zone>) -> Result {
    all.clear();
    for node in sys::memory::nodes() {
        sys::memory::for_each_zone(node, |name, raw| add(all, node, name, raw))?;
    }
    Ok(())
}

/// Where a zone stands. May be asked while memory is short: takes no lock, and no memory.
pub(crate) fn stand(zone: Spot) -> Option<Stand> {
    zone.stand().map(|raw| Stand {
        reach: reach(raw.reach),
        free: raw.free,
        free_cma: raw.free_cma,
        free_highatomic: raw.free_highatomic,
        watermarks: raw.watermark,
        boost: raw.boost,
        kept: raw.kept,
    })
}

fn reach(raw: u32) -> Reach {
    match raw {
        sys::memory::REACH_KERNEL => Reach::Kernel,
        sys::memory::REACH_MAPPED => Reach::Mapped,
        _ => Reach::Movable,
    }
}

/// Adds a zone. In a frame of its own: a zone takes half of the stack that a function may use.
#[inline(never)]
fn add(all: &mut KVec<Zone>, node: u32, name: &str, raw: &RawZone) -> Result {
    let zone = Zone {
        node,
        name: Text::new(name),
        reach: reach(raw.reach),
        start_pfn: raw.start_pfn,
        spanned: raw.spanned,
        present: raw.present,
        managed: raw.managed,
        free: raw.free,
        cma: raw.cma,
        free_cma: raw.free_cma,
        free_highatomic: raw.free_highatomic,
        watermarks: raw.watermark,
        boost: raw.boost,
        index: usize::try_from(raw.index)?,
        zones: usize::try_from(raw.zones)?,
        reserve: raw.reserve,
        pcp: raw.pcp,
        pcp_high: raw.pcp_high,
        orders: usize::try_from(raw.orders)?,
        blocks: raw.blocks,
    };
    Ok(all.push(zone, GFP_KERNEL)?)
}

/// The free lists of each of `zones` by migration type. Each order is counted under the zone's lock
/// by itself, so that nobody waits long for it.
pub(crate) fn free_lists(zones: &[Zone]) -> Result<KVec<FreeList>> {
    let mut all = KVec::new();
    for zone in zones {
        let first = all.len();
        for order in 0..zone.orders {
            let area = sys::memory::free_area(zone.node, zone.index, order).ok_or(ENODEV)?;
            if order == 0 {
                rows(&mut all, zone, area.types)?;
            }
            for row in all.iter_mut().skip(first) {
                count(row, order, &area);
            }
        }
    }
    Ok(all)
}

/// A row for each migration type that this kernel has.
fn rows(all: &mut KVec<FreeList>, zone: &Zone, types: u32) -> Result {
    for (bit, (migrate, _)) in MigrateType::ALL.into_iter().enumerate() {
        if types & (1 << bit) == 0 {
            continue;
        }
        let row = FreeList {
            node: zone.node,
            zone: zone.name,
            migrate,
            orders: zone.orders,
            blocks: [0; ORDERS_MAX],
            capped: 0,
        };
        all.push(row, GFP_KERNEL)?;
    }
    Ok(())
}

fn count(row: &mut FreeList, order: usize, area: &sys::memory::RawFreeArea) {
    let mine = |(migrate, _): &(MigrateType, _)| *migrate == row.migrate;
    let Some(bit) = MigrateType::ALL.iter().position(mine) else {
        return;
    };
    if let (Some(blocks), Some(counted)) = (row.blocks.get_mut(order), area.blocks.get(bit)) {
        *blocks = *counted;
        row.capped |= (area.capped >> bit & 1) << order;
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "memory_tests.rs"]
mod memory_tests;
