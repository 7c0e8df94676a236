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
    memory::{
        FreeList,
        Zone, //
    },
    num::Dec,
    text::Text, //
};
use core::fmt::{
    self,
    Display,
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
    ("pcp", 7),
    ("pcp_high", 8),
    ("protection", -10),
];

/// The size, the use and the watermarks of each zone, what its per-CPU lists hold, and what it keeps
/// from allocations that could have come from a higher zone.
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
                &Dec(zone.pcp),
                &Dec(zone.pcp_high),
                &Reserve(zone),
            ],
        )?;
    }
    total(out, zones, page_size)
}

/// The reserve against each zone in the order of `/proc/zoneinfo`, as one field.
pub(super) struct Reserve<'a>(pub(super) &'a Zone);

impl Display for Reserve<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for pages in self.0.reserves() {
            write!(f, "{comma}{}", Dec(*pages))?;
            comma = ",";
        }
        Ok(())
    }
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
    order_names(out, orders)?;
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

/// The same blocks by migration type: the first field is the type, as in `/proc/pagetypeinfo`.
pub fn free_lists(out: &mut dyn Write, lists: &[FreeList]) -> fmt::Result {
    let orders = lists.iter().map(|list| list.orders).max().unwrap_or(0);
    writeln!(
        out,
        "\n# free blocks by migration type; >N: the list was counted up to N only"
    )?;
    write!(out, "{:<11} {:>4} {:<8}", "type", "node", "zone")?;
    order_names(out, orders)?;
    writeln!(out)?;
    for list in lists {
        let name = list.migrate.name();
        write!(out, "{name:<11} {:>4} {:<8}", list.node, list.zone)?;
        for (blocks, more) in list.counts() {
            let more = if more { ">" } else { "" };
            let cell = Text::<24>::format(format_args!("{more}{}", Dec(blocks)));
            write!(out, " {cell:>7}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

pub(super) fn order_names(out: &mut dyn Write, orders: usize) -> fmt::Result {
    for order in 0..orders {
        let name = Text::<8>::format(format_args!("order{order}"));
        write!(out, " {name:>7}")?;
    }
    Ok(())
}

/// What taking and rendering a snapshot took.
pub fn cost(out: &mut dyn Write, ns: u64) -> fmt::Result {
    writeln!(out, "# taken and rendered in {} ns", Dec(ns))
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
