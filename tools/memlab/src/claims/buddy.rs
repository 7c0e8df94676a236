// SPDX-License-Identifier: GPL-2.0

//! How pages are kept and given out.

use super::claim::prelude::*;
use crate::evidence::{probe::Probe, system, zone};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "buddy.split-merge",
        sentence:
            "blocks of powers of two are split on demand, and merged when both halves are free",
        lecture: "A1",
        needs: &[Root],
        gather: split_merge,
        judge: split_merge_judge,
        control: Control::Live("a block of whose size one is free: nothing has to be split"),
        why:
            "mm/page_alloc.c: __rmqueue_smallest() takes the smallest block that is large enough, \
              expand() puts its other halves on their lists, __free_one_page() joins buddies. \
              ZONE_DMA or DMA32 is looked at, where next to nobody else allocates.",
    },
    Claim {
        id: "buddy.fragments",
        sentence: "enough memory may be free, and yet no large block",
        lecture: "A1, D",
        needs: &[Root, System],
        gather: fragments,
        judge: fragments_judge,
        control: Control::Live("before memory is fragmented"),
        why:
            "One page in use keeps its buddies apart: __free_one_page() joins free ones only. The \
              module takes all that is free, keeps one page of 16 and gives back the others.",
    },
    Claim {
        id: "buddy.waste",
        sentence: "an order wastes up to half of a block; alloc_pages_exact() gives that back",
        lecture: "A1",
        needs: &[Root],
        gather: waste,
        judge: waste_judge,
        control: Control::Live("a size that is a power of two"),
        why: "mm/page_alloc.c: make_alloc_exact() splits the block and frees the pages behind the \
              size.",
    },
    Claim {
        id: "buddy.reserved",
        sentence: "memory reserved at boot is lost to all, a CMA area is not",
        lecture: "A1",
        needs: &[],
        gather: reserved,
        judge: reserved_judge,
        control: Control::Supposed("the same area, as a hole that memmap= makes", || {
            Evidence::new()
                .kib("present", 5_242_000, "supposed")
                .kib("lost", 400_000, "supposed")
                .kib("area", 262_144, "supposed")
                .kib("area_free", 0, "supposed")
        }),
        why: "memblock_reserve() keeps pages from the buddy allocator (mm/memblock.c); mm/cma.c: \
              cma_init_reserved_areas() hands its pageblocks over, for what can be moved.",
    },
    Claim {
        id: "buddy.section",
        sentence: "a section can be taken out only if its pages can be moved",
        lecture: "B",
        needs: &[System],
        gather: section,
        judge: section_judge,
        control: Control::Live("the block that the kernel itself lies in"),
        why: "mm/memory_hotplug.c: offline_pages() isolates the pageblocks, which \
              has_unmovable_pages() refuses, and migrates what is in them.",
    },
];

/// The orders that no list of a CPU holds: above PAGE_ALLOC_COSTLY_ORDER, below a huge page's.
const PLAIN: std::ops::Range<usize> = 4..9;

fn split_merge(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let quiet = |zone: &str| -> Option<usize> {
        let free = zone::free_lists(lab, zone).ok()?;
        let above = |order: usize| free.iter().skip(order + 1).any(|count| *count > 0);
        let has = |order: usize| free.get(order).is_some_and(|count| *count > 0);
        let mut orders = PLAIN;
        orders.find(|order| above(*order) && has(*order) == side.is_control())
    };
    // Where there is nothing above it, the second is everybody's.
    let second = zone::free_lists(lab, "Normal").is_ok();
    let zones = [("DMA", "dma", true), ("DMA32", "dma32", second)];
    let mut found = zones
        .into_iter()
        .filter(|(.., is)| *is)
        .filter_map(|(zone, gfp, _)| Some((quiet(zone)?, gfp)));
    let Some((order, gfp)) = found.next() else {
        return lacks("a quiet zone with blocks of some sizes and not of others");
    };
    let came = probe.run(&format!("pages size={} gfp={gfp}", lab.page() << order))?;
    let sum = |phase: &str, from: usize, to: usize| -> i64 {
        let orders = (from..to).map(|order| came.changed(phase, &format!("order{order}")));
        orders.map(|change| change.max(0)).sum()
    };
    let lower = |phase: &str| -> i64 {
        let orders = (order + 1..=zone::ORDERS).map(|order| {
            let change = came.changed(phase, &format!("order{order}"));
            change.min(0).abs()
        });
        orders.sum()
    };
    Ok(Evidence::new()
        .count("order", order, "log2 of the pages that are asked for")
        .text("zone", came.word("zone"), "the module: where they were")
        .count(
            "split",
            lower("alloc"),
            "larger blocks fewer while they are held",
        )
        .count(
            "halves",
            sum("alloc", order, zone::ORDERS),
            "other halves on the lists while they are held",
        )
        .count(
            "merged",
            sum("free", order + 1, zone::ORDERS + 1),
            "larger blocks more after they were freed",
        ))
}

fn split_merge_judge(e: &Evidence) -> Judged {
    let (order, split, merged) = (e.get("order")?, e.get("split")?, e.get("merged")?);
    let halves = e.get("halves")?;
    whether(
        split > 0.0 && halves > 0.0 && merged > 0.0,
        format!(
            "order {order} from zone {}: {split} larger block split into {halves} halves beside \
             it, {merged} merged when it was freed",
            e.words("zone")?
        ),
    )
}

/// log2 of the pages of a block that is asked for under fragmentation.
const BLOCK: u32 = 8;
/// One page of so many is kept, as a power of two.
const SPLIT: u32 = 4;

/// So many requests are made.
const REFUSED: u64 = 8;
/// How often memory is fragmented until none of them is met.
const FRAGMENTED: u32 = 3;

fn fragments(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let line = format!("pages size={} gfp=nowait", lab.page() << BLOCK);
    let mut tries = match side {
        Side::Claim => FRAGMENTED,
        Side::Control => 1,
    };
    // A process that ends meanwhile gives back blocks that were not among the free ones.
    let (free, came) = loop {
        if side == Side::Claim {
            probe.state(&format!("fragment order={SPLIT} share=50"))?;
        }
        let free = system::meminfo(lab, "MemFree")? - system::meminfo(lab, "CmaFree").unwrap_or(0);
        let came = probe.run(&line)?;
        tries -= 1;
        if tries == 0 || came.number("failures")? >= REFUSED {
            break (free, came);
        }
    };
    Ok(Evidence::new()
        .number("free", free / KIB, "MiB", "meminfo: MemFree less CmaFree")
        .kib("block", (lab.page() << BLOCK) / KIB, "asked for, in a row")
        .count(
            "refused",
            came.number("failures")?,
            "the module: requests that failed, of 8",
        ))
}

fn fragments_judge(e: &Evidence) -> Judged {
    let (free, block, refused) = (e.get("free")?, e.get("block")?, e.get("refused")?);
    if 1024.0 * free < 16.0 * block {
        return lacks("free memory, many times what is asked for");
    }
    whether(
        refused >= REFUSED as f64,
        format!(
            "{free} MiB are free: of {REFUSED} requests for {block} KiB in a row {refused} failed"
        ),
    )
}

fn waste(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let pages = if side.is_control() { 16 } else { 9 };
    let size = pages * lab.page();
    let takes = |of: &str| -> Result<u64, Lack> {
        Ok(probe
            .run(&format!("{of} size={size}"))?
            .number("takes_bytes")?)
    };
    Ok(Evidence::new()
        .kib("asked", size / KIB, "of both")
        .kib(
            "order",
            takes("pages")? / KIB,
            "the module: what alloc_pages() took",
        )
        .kib(
            "exact",
            takes("pages-exact")? / KIB,
            "the module: what alloc_pages_exact() kept",
        ))
}

fn waste_judge(e: &Evidence) -> Judged {
    let (asked, order, exact) = (e.get("asked")?, e.get("order")?, e.get("exact")?);
    whether(
        order > asked && exact == asked,
        format!("asked for {asked} KiB: an order takes {order}, exact keeps {exact}"),
    )
}

fn reserved(lab: &Lab, _: Side) -> Gathered {
    let zones = zone::zones(lab)?;
    let kib = |key: &str| zone::sum(&zones, key) * lab.page() / KIB;
    let of = |key: &str| system::meminfo(lab, key).unwrap_or(0);
    Ok(Evidence::new()
        .kib("present", kib("present"), "zoneinfo: present, all zones")
        .kib(
            "lost",
            kib("present").saturating_sub(kib("managed")),
            "zoneinfo: present less managed",
        )
        .kib("area", of("CmaTotal"), "meminfo: CmaTotal")
        .kib(
            "area_free",
            of("CmaFree"),
            "meminfo: CmaFree, which MemFree counts",
        ))
}

fn reserved_judge(e: &Evidence) -> Judged {
    let (present, lost, area) = (e.get("present")?, e.get("lost")?, e.get("area")?);
    let said = format!(
        "of {present} KiB {lost} are in no list; the area has {area} KiB, {} of them free",
        e.get("area_free")?
    );
    match () {
        () if area == 0.0 => lacks("a CMA area (cma=256M)"),
        // What is lost is too little for the area to be a part of it.
        () if lost < area && e.get("area_free")? > 0.0 => holds(said),
        () if e.get("area_free")? == 0.0 => holds_not(said),
        () => lacks("a CMA area that is larger than all that was reserved otherwise"),
    }
}

fn section(lab: &Lab, side: Side) -> Gathered {
    let blocks = system::memory_blocks(lab)?;
    let count = blocks.len();
    let tried: Vec<u64> = match side {
        Side::Claim => blocks.iter().rev().take(8).copied().collect(),
        // The kernel's image begins there on x86; everywhere the first block has its data.
        Side::Control => blocks.iter().take(1).copied().collect(),
    };
    let (mut went, mut said) = (0, String::from("-"));
    for number in &tried {
        match lab.offline(*number) {
            Ok(_held) => {
                went = 1;
                said = format!("memory{number} went");
                break;
            }
            Err(why) => said = why,
        }
    }
    Ok(Evidence::new()
        .count("blocks", count, "sysfs: blocks of memory")
        .count(
            "tried",
            tried.len(),
            "of these, the last ones; or the first",
        )
        .count("went", went, "one went offline, and is online again")
        .text("said", said, "the last that was tried"))
}

fn section_judge(e: &Evidence) -> Judged {
    let said = e.words("said")?;
    if e.get("blocks")? == 0.0 {
        return lacks("blocks of memory in sysfs (CONFIG_MEMORY_HOTREMOVE)");
    }
    whether(
        e.is("went")?,
        format!("of {} blocks tried: {said}", e.get("tried")?),
    )
}
