// SPDX-License-Identifier: GPL-2.0

//! What the whole machine has: memory by use, events, CMA.

use super::table::{
    header,
    per_cent,
    row,
    Column,
    Maybe, //
};
use crate::model::{
    memory::{
        kernel_top,
        Zone, //
    },
    num::Dec,
    totals::{
        Area,
        Event,
        MemInfo, //
    }, //
};
use core::fmt::{
    self,
    Write, //
};

const TERMS: &[Column] = &[("sign", -4), ("term", -16), ("kB", 12), ("meaning", -1)];

const USES: &[Column] = &[("use", -16), ("kB", 12)];

/// MemAvailable term by term, then memory by use with the names of `/proc/meminfo`.
pub fn meminfo(out: &mut dyn Write, info: &MemInfo, zones: &[Zone], page_size: u32) -> fmt::Result {
    let kb = |pages: u64| Dec(pages.saturating_mul(u64::from(page_size >> 10)));
    let terms = info.terms();
    let sum = [
        ("+", "free", info.free, "on the buddy lists"),
        (
            "-",
            "reserve",
            info.reserve,
            "high watermarks and lowmem_reserve of all zones",
        ),
        (
            "+",
            "page_cache",
            terms.cache,
            "active and inactive file pages",
        ),
        (
            "-",
            "cache_kept",
            terms.cache_kept,
            "half of them, at most the low watermarks",
        ),
        (
            "+",
            "reclaimable",
            terms.reclaimable,
            "slabs and others that can be shrunk",
        ),
        (
            "-",
            "reclaimable_kept",
            terms.reclaimable_kept,
            "half of them, at most the low watermarks",
        ),
        ("=", "MemAvailable", terms.sum, "without swapping"),
    ];
    writeln!(out, "# what si_mem_available() adds up, in kB")?;
    header(out, TERMS)?;
    for (sign, term, pages, meaning) in sum {
        row(out, TERMS, &[&sign, &term, &kb(pages), &meaning])?;
    }
    writeln!(
        out,
        "# the kernel's own right after: {} kB; the low watermarks of all zones: {} kB\n",
        kb(info.available),
        kb(info.low)
    )?;
    usable(out, zones, page_size)?;
    let uses = [
        ("MemTotal", info.total),
        ("MemFree", info.free),
        ("HighTotal", info.high),
        ("HighFree", info.high_free),
        ("Active(file)", info.active_file),
        ("Inactive(file)", info.inactive_file),
        ("AnonPages", info.anon),
        ("Shmem", info.shmem),
        ("SReclaimable", info.slab_reclaimable),
        ("SUnreclaim", info.slab_unreclaimable),
        ("PageTables", info.page_tables),
        ("CmaFree", info.free_cma),
    ];
    header(out, USES)?;
    for (name, pages) in uses {
        row(out, USES, &[&name, &kb(pages)])?;
    }
    Ok(())
}

const USABLE: &[Column] = &[
    ("node", 4),
    ("zone", -8),
    ("free_kB", 10),
    ("cma_kB", 10),
    ("atomic_kB", 9),
    ("min_kB", 8),
    ("kept_kB", 8),
    ("usable_kB", 10),
];

/// What of the free memory the kernel itself can have, zone by zone.
fn usable(out: &mut dyn Write, zones: &[Zone], page_size: u32) -> fmt::Result {
    let kb = |pages: u64| Dec(pages.saturating_mul(u64::from(page_size >> 10)));
    writeln!(
        out,
        "# usable by the kernel now, without reclaim: free - CMA - kept for atomic - min - kept from"
    )?;
    writeln!(
        out,
        "# others (lowmem_reserve); CMA areas and Movable are lent to what can be moved away only"
    )?;
    header(out, USABLE)?;
    let top = kernel_top(zones);
    for zone in zones {
        row(
            out,
            USABLE,
            &[
                &zone.node,
                &zone.name,
                &kb(zone.free),
                &kb(zone.free_cma),
                &kb(zone.free_highatomic),
                &kb(zone.min()),
                &kb(zone.kept(top)),
                &Maybe(zone.usable(top).map(kb)),
            ],
        )?;
    }
    let sum = |of: &dyn Fn(&Zone) -> u64| zones.iter().map(of).fold(0, u64::saturating_add);
    writeln!(
        out,
        "# usable by the kernel: {} kB of {} kB free in all zones\n",
        kb(sum(&|zone| zone.usable(top).unwrap_or(0))),
        kb(sum(&|zone| zone.free))
    )
}

const EVENTS: &[Column] = &[("event", -30), ("total", 14)];

/// Totals of events since boot, read at `ns`.
pub fn events(out: &mut dyn Write, ns: u64, events: &[Event]) -> fmt::Result {
    writeln!(
        out,
        "# since boot, names of /proc/vmstat; pgpgin and pgpgout in KiB"
    )?;
    writeln!(out, "# CLOCK_MONOTONIC {} ns", Dec(ns))?;
    if events.is_empty() {
        return writeln!(out, "# this kernel does not count: no VM_EVENT_COUNTERS");
    }
    header(out, EVENTS)?;
    for event in events {
        row(out, EVENTS, &[&event.name, &Dec(event.total)])?;
    }
    Ok(())
}

const CMA: &[Column] = &[
    ("node", 4),
    ("zone", -8),
    ("cma", 10),
    ("free_cma", 10),
    ("free_pct", 8),
    ("of_zone_pct", 11),
];

const AREAS: &[Column] = &[
    ("area", -24),
    ("devices", 7),
    ("pages", 8),
    ("free", 8), //
];

/// The CMA pages of each zone, and the areas as far as a module can see them.
pub fn cma(out: &mut dyn Write, zones: &[Zone], areas: &[Area]) -> fmt::Result {
    writeln!(
        out,
        "# in pages; a zone's areas together, and how many of its pages they are"
    )?;
    header(out, CMA)?;
    for zone in zones {
        row(
            out,
            CMA,
            &[
                &zone.node,
                &zone.name,
                &Dec(zone.cma),
                &Dec(zone.free_cma),
                &per_cent(zone.free_cma, zone.cma),
                &per_cent(zone.cma, zone.managed),
            ],
        )?;
    }
    writeln!(
        out,
        "\n# areas that coherent memory of the lent devices came from when they were lent: the one\n# that the kernel asks first; how much they hold is private to it: see its debugfs cma/"
    )?;
    header(out, AREAS)?;
    for area in areas {
        row(
            out,
            AREAS,
            &[&area.name, &area.devices, &"unknown", &"unknown"],
        )?;
    }
    Ok(())
}
