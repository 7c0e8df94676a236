// SPDX-License-Identifier: GPL-2.0

//! What can be had now: the watermarks, and how fragmented the free memory is.

use super::{
    memory::{
        order_names,
        Reserve, //
    },
    table::{
        header,
        row,
        Bytes,
        Column,
        Maybe, //
    }, //
};
use crate::model::{
    fragmentation::{
        Blocks,
        Cause,
        Verdict, //
    },
    memory::{
        FreeList,
        Reach,
        Zone, //
    },
    num::Dec,
    text::Text, //
};
use core::fmt::{
    self,
    Write, //
};

const WATERMARKS: &[Column] = &[
    ("node", 4),
    ("zone", -8),
    ("managed", 10),
    ("free", 10),
    ("min", 8),
    ("low", 8),
    ("high", 8),
    ("boost", 8),
    ("above_min", 10),
    ("movable_at", -10),
    ("other_at", -10),
    ("protection", -10),
];

/// The watermarks of each zone, the reserve it keeps from others, and where free stands.
pub fn watermarks(out: &mut dyn Write, zones: &[Zone]) -> fmt::Result {
    writeln!(
        out,
        "# in pages; min, low and high include boost, which fragmentation raises for a while"
    )?;
    writeln!(
        out,
        "# free stands above high: kswapd sleeps; high: it works on if it was woken; low: it is \
         woken;"
    )?;
    writeln!(
        out,
        "# min: callers reclaim themselves. CMA pages count for movable allocations only"
    )?;
    header(out, WATERMARKS)?;
    for zone in zones {
        let [min, low, high] = zone.watermarks.map(Dec);
        row(
            out,
            WATERMARKS,
            &[
                &zone.node,
                &zone.name,
                &Dec(zone.managed),
                &Dec(zone.free),
                &min,
                &low,
                &high,
                &Dec(zone.boost),
                &Maybe(zone.free.checked_sub(min.0).map(Dec)),
                &stands(zone, zone.free),
                &match zone.reach {
                    Reach::Movable => "-",
                    _ => stands(zone, zone.free.saturating_sub(zone.free_cma)),
                },
                &Reserve(zone),
            ],
        )?;
    }
    not_for_kernel(out, zones)?;
    writeln!(
        out,
        "# protection: pages that the zone keeps, beside min, from an allocation that could have \
         come"
    )?;
    writeln!(
        out,
        "# from the node's zone of that number (lowmem_reserve), in the order of /proc/zoneinfo"
    )
}

/// Says so where a zone has no pages for the kernel.
fn not_for_kernel(out: &mut dyn Write, zones: &[Zone]) -> fmt::Result {
    match zones.iter().any(|zone| zone.reach == Reach::Movable) {
        true => writeln!(
            out,
            "# Movable: only for what can be moved away, not for kernel memory"
        ),
        false => Ok(()),
    }
}

/// The highest mark that `free` is not above.
fn stands(zone: &Zone, free: u64) -> &'static str {
    let names = ["below_min", "below_low", "below_high"];
    let marks = zone.watermarks.into_iter().zip(names);
    let mut short = marks.filter(|(mark, _)| free <= *mark);
    short.next().map_or("above_high", |(_, name)| name)
}

const VERDICTS: &[Column] = &[
    ("for", -7),
    ("node", 4),
    ("zone", -8),
    ("largest", 7),
    ("bytes", 8),
    ("fails_from", 10),
    ("index", 6),
    ("because_of", -1),
];

/// Both indices of each zone by order, then what can be had and why no more.
pub fn fragmentation(
    out: &mut dyn Write,
    zones: &[Zone],
    lists: &[FreeList],
    page_size: u32,
) -> fmt::Result {
    let orders = zones.iter().map(|zone| zone.orders).max().unwrap_or(0);
    writeln!(
        out,
        "# unusable: share of the free pages that lies in smaller blocks; extfrag: why a request \
         would"
    )?;
    writeln!(
        out,
        "# fail: 0 lack of memory, 1 fragmentation, -1 it would not"
    )?;
    write!(out, "{:<8} {:>4} {:<8}", "index", "node", "zone")?;
    order_names(out, orders)?;
    writeln!(out)?;
    for zone in zones {
        let blocks = Blocks::of(zone);
        write!(out, "{:<8} {:>4} {:<8}", "unusable", zone.node, zone.name)?;
        for order in 0..zone.orders {
            let unusable = i64::try_from(blocks.unusable(order)).unwrap_or(1000);
            write!(out, " {:>7}", thousandths(unusable))?;
        }
        write!(out, "\n{:<8} {:>4} {:<8}", "extfrag", zone.node, zone.name)?;
        for order in 0..zone.orders {
            write!(out, " {:>7}", thousandths(blocks.fragmentation(order)))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\n# the largest order to be had now, without reclaim or compaction, above the watermark \
         min"
    )?;
    header(out, VERDICTS)?;
    let uses = [(true, "movable"), (false, "other")];
    for (zone, (movable, name)) in zones.iter().flat_map(|zone| uses.map(|each| (zone, each))) {
        if zone.reach == Reach::Movable && !movable {
            let none = &"-";
            let why = &"not-for-kernel-memory";
            row(
                out,
                VERDICTS,
                &[&name, &zone.node, &zone.name, none, none, none, none, why],
            )?;
            continue;
        }
        let blocks = Blocks::serving(movable, zone, lists);
        verdict(out, zone, name, &blocks, page_size)?;
    }
    writeln!(
        out,
        "# other: kernel memory, which may not have CMA's pages. because of fragmentation: enough is \
         free,"
    )?;
    writeln!(
        out,
        "# compaction helps; of memory: too little is free above min, reclaim helps. The kernel \
         compacts"
    )?;
    writeln!(
        out,
        "# rather than reclaims where the index is above vm.extfrag_threshold, 0.500 by default"
    )
}

fn verdict(
    out: &mut dyn Write,
    zone: &Zone,
    name: &str,
    blocks: &Blocks,
    page_size: u32,
) -> fmt::Result {
    let [min, _, _] = zone.watermarks;
    let verdict = Verdict::new(blocks, min);
    let bytes = verdict
        .largest
        .map(|order| Bytes(u64::from(page_size) << order));
    row(
        out,
        VERDICTS,
        &[
            &name,
            &zone.node,
            &zone.name,
            &Maybe(verdict.largest),
            &Maybe(bytes),
            &Maybe(verdict.fails.map(|(order, _, _)| order)),
            &Maybe(verdict.fails.map(|(_, index, _)| thousandths(index))),
            &match verdict.fails {
                Some((_, _, Cause::Memory)) => "memory",
                Some((_, _, Cause::Fragmentation)) => "fragmentation",
                None => "-",
            },
        ],
    )
}

/// A number of thousandths as the kernel prints its indices.
fn thousandths(value: i64) -> Text<24> {
    let sign = if value < 0 { "-" } else { "" };
    let digits = value.unsigned_abs();
    // Far below the 32 bits that ARM can divide: both indices are within 1000 of 0.
    let digits = u32::try_from(digits).unwrap_or(u32::MAX);
    Text::format(format_args!("{sign}{}.{:03}", digits / 1000, digits % 1000))
}
