// SPDX-License-Identifier: GPL-2.0

//! Zones and their buddy lists, node by node.

use super::table::{
    header,
    mib,
    per_cent,
    row,
    Column, //
};
use crate::model::{
    memory::Zone,
    num::Dec,
    text::Text, //
};
use core::fmt::{
    self,
    Write, //
};

const ZONES: &[Column] = &[
    ("node", 4),
    ("zone", -8),
    ("start_pfn", 9),
    ("spanned", 10),
    ("present", 10),
    ("managed", 10),
    ("free", 10),
    ("free_MiB", 8),
    ("cma", 8),
    ("free_cma", 8),
    ("min", 8),
    ("low", 8),
    ("high", 8),
];

/// The size, the use and the watermarks of each zone.
pub fn zones(out: &mut dyn Write, zones: &[Zone], page_size: u32) -> fmt::Result {
    writeln!(out, "# in pages of {page_size} bytes, but free_MiB")?;
    header(out, ZONES)?;
    for zone in zones {
        let [min, low, high] = zone.watermarks.map(Dec);
        row(
            out,
            ZONES,
            &[
                &zone.node,
                &zone.name,
                &Dec(zone.start_pfn),
                &Dec(zone.spanned),
                &Dec(zone.present),
                &Dec(zone.managed),
                &Dec(zone.free),
                &mib(zone.free, page_size),
                &Dec(zone.cma),
                &Dec(zone.free_cma),
                &min,
                &low,
                &high,
            ],
        )?;
    }
    total(out, zones, page_size)
}

/// The free blocks of each zone by order, as in `/proc/buddyinfo`, then what they come to.
pub fn buddy(out: &mut dyn Write, zones: &[Zone], page_size: u32) -> fmt::Result {
    writeln!(
        out,
        "# free blocks of 2^order pages of {page_size} bytes; what they hold in pages and MiB; \
         free CMA pages and their share of all free pages"
    )?;
    let orders = (zones.iter().map(|zone| zone.free_blocks().len()).max()).unwrap_or(0);
    write!(out, "{:>4} {:<8}", "node", "zone")?;
    for order in 0..orders {
        let name = Text::<8>::format(format_args!("order{order}"));
        write!(out, " {name:>7}")?;
    }
    writeln!(
        out,
        " {:>10} {:>8} {:>8} {:>7}",
        "pages", "MiB", "free_cma", "cma_pct"
    )?;
    for zone in zones {
        write!(out, "{:>4} {:<8}", zone.node, zone.name)?;
        for blocks in zone.free_blocks() {
            write!(out, " {:>7}", Dec(*blocks))?;
        }
        writeln!(
            out,
            " {:>10} {:>8} {:>8} {:>7}",
            Dec(zone.buddy_pages()),
            mib(zone.buddy_pages(), page_size),
            Dec(zone.free_cma),
            per_cent(zone.free_cma, zone.free),
        )?;
    }
    total(out, zones, page_size)
}

/// What all zones have together.
fn total(out: &mut dyn Write, zones: &[Zone], page_size: u32) -> fmt::Result {
    let sum = |of: fn(&Zone) -> u64| zones.iter().map(of).fold(0, u64::saturating_add);
    let (free, cma) = (sum(|zone| zone.free), sum(|zone| zone.free_cma));
    writeln!(
        out,
        "# total: {} of {} managed pages free, {} MiB; {} of them ({} %) in CMA",
        Dec(free),
        Dec(sum(|zone| zone.managed)),
        mib(free, page_size),
        Dec(cma),
        per_cent(cma, free),
    )
}
