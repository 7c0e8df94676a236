// SPDX-License-Identifier: GPL-2.0

//! Memory cut by address.

use super::claim::prelude::*;
use crate::evidence::{system, zone};

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
