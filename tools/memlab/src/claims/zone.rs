// SPDX-License-Identifier: GPL-2.0

//! Memory cut by address.

use super::claim::prelude::*;
use crate::evidence::{
    probe::{Came, Probe},
    system, zone,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "zone.split",
        sentence: "memory is cut by address: DMA, DMA32, Normal, HighMem",
        lecture: "A1, B",
        needs: &[],
        gather: split,
        judge: split_judge,
        control: Control::Supposed("ARMv7 with 1 GiB: no zone for DMA, and one above", || {
            Evidence::new()
                .text("zones", "Normal HighMem", "supposed")
                .number("dma_end", 0, "MiB", "supposed")
                .number("dma32_end", 0, "MiB", "supposed")
                .number("high_start", 768, "MiB", "supposed")
        }),
        why:
            "The architecture sets the limits: 16 MiB and 4 GiB on x86 (arch/x86/mm/init.c: \
              zone_sizes_init), what devices reach on arm64, the end of the linear map for HighMem.",
    },
    Claim {
        id: "zone.high",
        sentence: "high memory is reached by a window for a while",
        lecture: "A1, A2",
        needs: &[],
        gather: high,
        judge: high_judge,
        control: Control::Supposed("ARMv7 with 1 GiB", || {
            Evidence::new()
                .count("bits", 32, "supposed")
                .kib("high", 262_144, "supposed")
                .kib("total", 1_020_000, "supposed")
        }),
        why:
            "With 64 bits all memory is in the linear map and kmap_local_page() is a sum; with 32 \
              what does not fit is mapped when it is used (mm/highmem.c).",
    },
    Claim {
        id: "zone.mask",
        sentence: "what the device can reach decides the zone, not the call",
        lecture: "A1",
        needs: &[Root],
        gather: mask,
        judge: mask_judge,
        control: Control::Live("the same mask each time"),
        why:
            "kernel/dma/direct.c: dma_direct_optimal_gfp_mask() makes GFP_DMA or GFP_DMA32 of the \
              device's mask; the caller of dma_alloc_coherent() names no zone.",
    },
    Claim {
        id: "zone.gfp-dma",
        sentence: "GFP_DMA comes from ZONE_DMA, which is kept from others",
        lecture: "A1",
        needs: &[Root],
        gather: gfp_dma,
        judge: gfp_dma_judge,
        control: Control::Live("GFP_KERNEL"),
        why: "include/linux/gfp.h: gfp_zone(). A higher request may fall into the zone only while \
              more than its lowmem_reserve is free there (mm/page_alloc.c: __zone_watermark_ok).",
    },
    Claim {
        id: "zone.pcp",
        sentence: "each CPU has lists of pages of its own before the free lists of a zone",
        lecture: "B",
        needs: &[Root],
        gather: pcp,
        judge: pcp_judge,
        control: Control::Live("blocks of 16 pages, which no CPU keeps"),
        why: "mm/page_alloc.c: rmqueue_pcplist() takes single pages, and blocks up to \
              PAGE_ALLOC_COSTLY_ORDER, from the CPU's list; it is filled from the zone's lists \
              many pages at once.",
    },
];

fn split(lab: &Lab, _: Side) -> Gathered {
    let zones = zone::zones(lab)?;
    let mut names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
    names.dedup();
    let mib = |frame: u64| frame * lab.page() / MIB;
    let of = |name: &'static str| zones.iter().filter(move |zone| zone.name == name);
    let end = |name| of(name).map(|zone| mib(zone.end())).max().unwrap_or(0);
    let high = of("HighMem").map(|zone| mib(zone.pages("start_pfn"))).min();
    Ok(Evidence::new()
        .text("zones", names.join(" "), "zoneinfo: zones with pages")
        .number("dma_end", end("DMA"), "MiB", "zoneinfo: where DMA ends")
        .number(
            "dma32_end",
            end("DMA32"),
            "MiB",
            "zoneinfo: where DMA32 ends",
        )
        .number(
            "high_start",
            high.unwrap_or(0),
            "MiB",
            "zoneinfo: where HighMem begins",
        ))
}

fn split_judge(e: &Evidence) -> Judged {
    let (zones, dma, dma32) = (e.words("zones")?, e.get("dma_end")?, e.get("dma32_end")?);
    let high = e.get("high_start")?;
    let said =
        format!("{zones}; DMA ends at {dma} MiB, DMA32 at {dma32}, HighMem begins at {high}");
    match () {
        () if dma32 > 4096.0 => holds_not(said),
        () if high > 0.0 => depends("a zone above what the kernel maps", said),
        () if dma > 0.0 && dma <= 16.0 => depends("16 MiB and 4 GiB", said),
        () if dma > 16.0 => depends("a zone for devices of 30 to 32 bits", said),
        () => depends("one zone alone", said),
    }
}

fn high(lab: &Lab, _: Side) -> Gathered {
    Ok(Evidence::new()
        .count("bits", usize::BITS, "of an address")
        .kib(
            "high",
            system::meminfo(lab, "HighTotal").unwrap_or(0),
            "meminfo: HighTotal, none is 0",
        )
        .kib(
            "total",
            system::meminfo(lab, "MemTotal")?,
            "meminfo: MemTotal",
        ))
}

fn high_judge(e: &Evidence) -> Judged {
    let (bits, high) = (e.get("bits")?, e.get("high")?);
    let said = format!(
        "{high} of {} KiB are high memory, addresses have {bits} bits",
        e.get("total")?
    );
    match () {
        () if high > 0.0 => depends("a window for a part", said),
        () => depends("all is mapped for good", said),
    }
}

fn mask(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let device = probe.device(false)?.name;
    let run = |mask: u64| -> Result<Came, Lack> {
        let mask = if side.is_control() { 24 } else { mask };
        let line = format!(
            "dma-coherent size={} device={device} mask={mask}",
            lab.page()
        );
        Ok(probe.run(&line)?)
    };
    let (low, high) = (run(24)?, run(64)?);
    Ok(Evidence::new()
        .text(
            "low_zone",
            low.word("zone"),
            "the module: zone for a mask of 24 bits",
        )
        .number(
            "low",
            low.number("phys")? / MIB,
            "MiB",
            "the module: its address",
        )
        .text(
            "high_zone",
            high.word("zone"),
            "the module: zone for the other mask",
        )
        .number(
            "high",
            high.number("phys")? / MIB,
            "MiB",
            "the module: its address",
        ))
}

fn mask_judge(e: &Evidence) -> Judged {
    let (low, high) = (e.words("low_zone")?, e.words("high_zone")?);
    whether(
        low != high && e.get("low")? < 16.0,
        format!(
            "24 bits: {low}, at {} MiB; the other: {high}, at {} MiB",
            e.get("low")?,
            e.get("high")?
        ),
    )
}

fn gfp_dma(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let gfp = if side.is_control() { "kernel" } else { "dma" };
    let zones = zone::zones(lab)?;
    let Some(dma) = zones.iter().find(|zone| zone.name == "DMA") else {
        return lacks("a zone DMA");
    };
    let came = probe.run(&format!("kmalloc size={} gfp={gfp}", lab.page()))?;
    Ok(Evidence::new()
        .text("gfp", gfp, "asked for")
        .text("zone", came.word("zone"), "the module: where it was")
        .number(
            "at",
            came.number("phys")? / MIB,
            "MiB",
            "the module: its address",
        )
        .count(
            "kept",
            dma.protection,
            "zoneinfo: protection of ZONE_DMA, in pages",
        ))
}

fn gfp_dma_judge(e: &Evidence) -> Judged {
    let zone = e.words("zone")?;
    let said = format!(
        "GFP {}: {zone}, at {} MiB; {} pages of ZONE_DMA are kept from higher requests",
        e.words("gfp")?,
        e.get("at")?,
        e.get("kept")?
    );
    whether(zone == "DMA", said)
}

const TURNS: u64 = 10;

fn pcp(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let pages = if side.is_control() { 16 } else { 1 };
    let (mut lists, mut own) = (0, 0);
    for _ in 0..TURNS {
        let came = probe.run(&format!("pages size={}", pages * lab.page()))?;
        let changed = |name: &str| came.changed("alloc", name) != 0;
        let orders = (0..=zone::ORDERS).any(|order| changed(&format!("order{order}")));
        lists += u64::from(orders);
        own += u64::from(changed("pcp"));
    }
    Ok(Evidence::new()
        .count("pages", pages, "of one allocation")
        .count("turns", TURNS, "allocations")
        .count(
            "own",
            own,
            "of these, in which the CPU's list changed: the module",
        )
        .count(
            "lists",
            lists,
            "of these, in which a free list changed: the module",
        ))
}

fn pcp_judge(e: &Evidence) -> Judged {
    let (turns, own, lists) = (e.get("turns")?, e.get("own")?, e.get("lists")?);
    whether(
        lists <= turns / 2.0 && own >= turns / 2.0,
        format!(
            "{turns} times {} pages: a CPU's list changed in {own}, the zone's in {lists}",
            e.get("pages")?
        ),
    )
}
