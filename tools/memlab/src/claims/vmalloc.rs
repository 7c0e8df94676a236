// SPDX-License-Identifier: GPL-2.0

//! Addresses in a row, pages anywhere.

use super::claim::prelude::*;
use crate::evidence::{
    pages::flag,
    probe::{phys, Probe},
    system,
};
use std::collections::BTreeSet;

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "vmalloc.linear",
        sentence: "kmalloc needs no mapping: its addresses are physical ones plus a constant",
        lecture: "A2",
        needs: &[Root],
        gather: linear,
        judge: linear_judge,
        control: Control::Live("pages in the vmalloc range"),
        why: "The linear map holds all low memory since boot: __va() adds a constant \
              (arch/x86/include/asm/page.h, arch/arm64/include/asm/memory.h).",
    },
    Claim {
        id: "vmalloc.mapped-unused",
        sentence: "low memory is mapped before it is used",
        lecture: "A2",
        needs: &[Root],
        gather: mapped_unused,
        judge: mapped_unused_judge,
        control: Control::Live("the same distance into the vmalloc range's end"),
        why: "init_mem_mapping() maps all of it at boot (arch/x86/mm/init.c); DEBUG_PAGEALLOC \
              alone takes free pages out.",
    },
    Claim {
        id: "vmalloc.scattered",
        sentence: "memory of vmalloc is contiguous in virtual addresses only",
        lecture: "A2",
        needs: &[Root],
        gather: scattered,
        judge: scattered_judge,
        control: Control::Live("pages in the linear map"),
        why: "mm/vmalloc.c: vm_area_alloc_pages() takes pages as they come, and a table entry is \
              made for each.",
    },
    Claim {
        id: "vmalloc.large",
        sentence: "vmalloc is for what is large, kmalloc for what is small",
        lecture: "A2",
        needs: &[Root],
        gather: large,
        judge: large_judge,
        control: Control::Live("64 KiB"),
        why: "kmalloc() has no more than the largest block of the buddy allocator \
              (KMALLOC_MAX_SIZE); vmalloc() wants pages and addresses.",
    },
    Claim {
        id: "vmalloc.prefers-high",
        sentence: "vmalloc takes high memory, kmalloc low memory",
        lecture: "A2",
        needs: &[Root],
        gather: prefers_high,
        judge: prefers_high_judge,
        control: Control::Supposed("ARMv7 with 1 GiB", || {
            Evidence::new()
                .text("vmalloc", "HighMem", "supposed")
                .text("kmalloc", "Normal", "supposed")
                .kib("high", 262_144, "supposed")
        }),
        why: "mm/vmalloc.c: __vmalloc_area_node() adds __GFP_HIGHMEM; what kmalloc() returns has \
              to be in the linear map.",
    },
    Claim {
        id: "vmalloc.ioremap",
        sentence: "ioremap lies in the vmalloc range, and takes no memory of its own",
        lecture: "A2",
        needs: &[Root],
        gather: ioremap,
        judge: ioremap_judge,
        control: Control::Live("areas of vmalloc()"),
        why: "mm/ioremap.c: generic_ioremap_prot() takes addresses of that range and enters the \
          device's; an area of vmalloc() has pages.",
    },
    Claim {
        id: "vmalloc.swap",
        sentence: "the vmalloc range holds what the kernel keeps of an area of swap",
        lecture: "B",
        needs: &[Root, System, Scratch],
        gather: swap,
        judge: swap_judge,
        control: Control::Supposed("Linux 6.1, whose map of an area is of vzalloc()", || {
            Evidence::new()
                .number("area", 256, "MiB", "supposed")
                .kib("vmalloc", 64, "supposed")
                .kib("slab", 4, "supposed")
        }),
        why: "mm/swapfile.c: up to 6.x swap_map had a byte for each page and was of vzalloc(). Since \
              the swap table, setup_clusters() has an entry for 2 MiB (kvzalloc: slab, if it is \
              small), and a table for each as it is used.",
    },
    Claim {
        id: "vmalloc.picture",
        sentence: "user space ends at 3 GiB; modules, pkmap and linear map have their places",
        lecture: "A2",
        needs: &[Root],
        gather: picture,
        judge: picture_judge,
        control: Control::Supposed("32-bit ARM", || {
            Evidence::new()
                .count("bits", 32, "supposed")
                .number("user_end", 3056, "MiB", "supposed")
                .text(
                    "order",
                    "user modules pkmap linear vmalloc fixmap",
                    "supposed",
                )
        }),
        why: "Each architecture draws its own: Documentation/arch/x86/x86_64/mm.rst, \
              Documentation/arch/arm/memory.rst; memlab show layout has this machine's.",
    },
];

fn ioremap(lab: &Lab, side: Side) -> Gathered {
    let kind = if side.is_control() {
        "vmalloc"
    } else {
        "ioremap"
    };
    let found = system::mapped(lab, kind)?;
    Ok(Evidence::new()
        .text("kind", kind, "vmallocinfo: the kind of area")
        .count("areas", found.areas, "vmallocinfo: areas of the kind")
        .count("own", found.own, "of these, with pages of their own")
        .count(
            "memory",
            found.memory,
            "of these, at an address of iomem's System RAM",
        ))
}

fn ioremap_judge(e: &Evidence) -> Judged {
    let (areas, own, memory) = (e.get("areas")?, e.get("own")?, e.get("memory")?);
    if areas == 0.0 {
        return lacks(format!("an area of {}", e.words("kind")?));
    }
    whether(
        // The firmware's own data may share a page with memory: it is mapped, and not taken.
        own == 0.0,
        format!(
            "{areas} areas of {}: {own} have pages of their own, {memory} are at memory's addresses",
            e.words("kind")?
        ),
    )
}

/// Looks that a claim makes at addresses one page after another.
const LOOKS: u64 = 4096;

/// What is mapped in the first pages of a region: addresses and where they lead.
fn mapped(lab: &Lab, probe: &Probe, name: &str) -> Result<Vec<(u64, u64)>, Lack> {
    let region = probe.region(name)?;
    // The first megabyte is the firmware's on x86.
    let start = if name == "linear" {
        region.start + 64 * MIB
    } else {
        region.start
    };
    let mut found = Vec::new();
    for page in 0..LOOKS {
        let address = start + page * lab.page();
        if address >= region.end {
            break;
        }
        let walk = probe.at(address)?;
        if let (Some(phys), "page") = (phys(&walk), walk.found) {
            found.push((address, phys));
        }
    }
    Ok(found)
}

fn region_of(side: Side, claim: &'static str, control: &'static str) -> &'static str {
    match side {
        Side::Claim => claim,
        Side::Control => control,
    }
}

fn linear(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let name = region_of(side, "linear", "vmalloc");
    let came = probe.run("kmalloc size=256")?;
    let found = mapped(lab, &probe, name)?;
    let distances = found.iter().map(|(at, phys)| at.wrapping_sub(*phys));
    let distances: BTreeSet<u64> = distances.collect();
    Ok(Evidence::new()
        .text(
            "window",
            came.word("window"),
            "the module: where kmalloc's object is",
        )
        .text("region", name, "the region that is walked")
        .count("pages", found.len(), "pages mapped there, of 4096 looks")
        .count(
            "constants",
            distances.len(),
            "differences of virtual and physical address",
        ))
}

fn linear_judge(e: &Evidence) -> Judged {
    let (pages, constants) = (e.get("pages")?, e.get("constants")?);
    if pages < 64.0 {
        return lacks("pages that are mapped there");
    }
    whether(
        constants == 1.0 && e.words("window")? == "linear",
        format!(
            "kmalloc is in {}; {pages} pages of {}: {constants} differences",
            e.words("window")?,
            e.words("region")?
        ),
    )
}

fn mapped_unused(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let start = probe.region("linear")?.start;
    let base = phys(&probe.at(start)?).unwrap_or(0);
    let free = lab.pages().frames(flag::BUDDY, 16)?;
    let end = probe.region("vmalloc")?.end;
    let mut here = 0;
    for frame in &free {
        let distance = frame * lab.page() - base;
        let address = match side {
            Side::Claim => start + distance,
            Side::Control => end - (distance % (1 << 30)) - lab.page(),
        };
        here += u64::from(probe.at(address)?.found == "page");
    }
    Ok(Evidence::new()
        .count(
            "free",
            free.len(),
            "kpageflags: frames that are free, BUDDY",
        )
        .count(
            "mapped",
            here,
            "the module's walk: addresses that lead to a page",
        ))
}

fn mapped_unused_judge(e: &Evidence) -> Judged {
    let (free, mapped) = (e.get("free")?, e.get("mapped")?);
    if free == 0.0 {
        return lacks("a free frame");
    }
    // Another may have taken one in between: it is mapped all the same.
    whether(
        mapped == free,
        format!("{mapped} of {free} addresses lead to a page, of frames that are free"),
    )
}

fn scattered(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let name = region_of(side, "vmalloc", "linear");
    let found = mapped(lab, &probe, name)?;
    let neighbours = found
        .windows(2)
        .filter(|pair| pair[1].0 == pair[0].0 + lab.page());
    let (mut all, mut apart) = (0, 0);
    for pair in neighbours {
        all += 1;
        apart += u64::from(pair[1].1 != pair[0].1 + lab.page());
    }
    Ok(Evidence::new()
        .text("region", name, "the region that is walked")
        .count(
            "pairs",
            all,
            "the module's walk: pages whose addresses follow each other",
        )
        .count("apart", apart, "of these, whose frames do not"))
}

fn scattered_judge(e: &Evidence) -> Judged {
    let (pairs, apart) = (e.get("pairs")?, e.get("apart")?);
    if pairs < 64.0 {
        return lacks("pages that are mapped there");
    }
    whether(
        apart > 0.0,
        format!(
            "{}: of {pairs} pairs of pages {apart} lie apart",
            e.words("region")?
        ),
    )
}

fn large(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let size = if side.is_control() {
        64 * KIB
    } else {
        16 * MIB
    };
    let has = |name: &str| {
        let came = probe.run(&format!("{name} size={size}"));
        came.is_ok_and(|came| came.word("takes_bytes") != "-")
    };
    Ok(Evidence::new()
        .kib("size", size / KIB, "asked for")
        .flag(
            "kmalloc",
            has("kmalloc"),
            "the module: whether kmalloc() gives it",
        )
        .flag(
            "vmalloc",
            has("vmalloc"),
            "the module: whether vmalloc() gives it",
        ))
}

fn large_judge(e: &Evidence) -> Judged {
    let word = |key: &str| -> Result<&str, Lack> { Ok(if e.is(key)? { "yes" } else { "no" }) };
    let said = format!(
        "{} KiB: kmalloc {}, vmalloc {}",
        e.get("size")?,
        word("kmalloc")?,
        word("vmalloc")?
    );
    whether(!e.is("kmalloc")? && e.is("vmalloc")?, said)
}

fn prefers_high(lab: &Lab, _: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let zone = |name: &str| -> Result<String, Lack> {
        let came = probe.run(&format!("{name} size={}", 16 * lab.page()))?;
        Ok(came.word("zone").to_owned())
    };
    Ok(Evidence::new()
        .text(
            "vmalloc",
            zone("vmalloc")?,
            "the module: its first page's zone",
        )
        .text("kmalloc", zone("kmalloc")?, "the module: its zone")
        .kib(
            "high",
            system::meminfo(lab, "HighTotal").unwrap_or(0),
            "meminfo: HighTotal, none is 0",
        ))
}

fn prefers_high_judge(e: &Evidence) -> Judged {
    let (vmalloc, kmalloc) = (e.words("vmalloc")?, e.words("kmalloc")?);
    let high = e.get("high")?;
    let said = format!("vmalloc from {vmalloc}, kmalloc from {kmalloc}; {high} KiB of high memory");
    match () {
        () if high == 0.0 => depends("there is no high memory", said),
        () if vmalloc == "HighMem" && kmalloc != "HighMem" => depends("high and low", said),
        () => holds_not(said),
    }
}

/// MiB of an area of swap.
const AREA: u64 = 256;

fn swap(lab: &Lab, _: Side) -> Gathered {
    let look = || -> Result<(u64, u64), Lack> {
        Ok((
            system::vmalloc_by(lab, "swap")?,
            system::meminfo(lab, "SUnreclaim")?,
        ))
    };
    let before = look()?;
    let _area = lab.swap(AREA)?;
    let after = look()?;
    Ok(Evidence::new()
        .number("area", AREA, "MiB", "of the area, after swapon()")
        .kib(
            "vmalloc",
            after.0 as i64 - before.0 as i64,
            "vmallocinfo: areas asked for by a function of swap, more",
        )
        .kib(
            "slab",
            after.1 as i64 - before.1 as i64,
            "meminfo: SUnreclaim, more, of whomever",
        ))
}

fn swap_judge(e: &Evidence) -> Judged {
    let (area, vmalloc) = (e.get("area")?, e.get("vmalloc")?);
    let said = format!(
        "an area of {area} MiB: {vmalloc} KiB of vmalloc more, slab {} KiB more",
        e.get("slab")?
    );
    match vmalloc > 0.0 {
        true => depends("in the vmalloc range", said),
        false => depends("in the slab", said),
    }
}

fn picture(lab: &Lab, _: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let mut regions = probe.regions()?;
    regions.retain(|region| region.name != "-");
    regions.sort_by_key(|region| region.start);
    let user = regions.iter().find(|region| region.name == "user");
    let Some(user) = user else {
        return lacks("a region user in the module's layout");
    };
    let names: Vec<&str> = regions.iter().map(|region| region.name.as_str()).collect();
    Ok(Evidence::new()
        .count("bits", usize::BITS, "of an address")
        .number(
            "user_end",
            user.end / MIB,
            "MiB",
            "the module's layout: where user space ends",
        )
        .text(
            "order",
            names.join(" "),
            "the module's layout, from the lowest",
        ))
}

fn picture_judge(e: &Evidence) -> Judged {
    let (bits, end) = (e.get("bits")?, e.get("user_end")?);
    let order = e.words("order")?;
    let said = format!("{bits} bits, user space ends at {end} MiB: {order}");
    let at = |name: &str| order.split(' ').position(|word| word == name);
    match () {
        () if bits == 64.0 && end > 1e6 => depends("64 bits: no pkmap, room for all", said),
        () if end <= 3072.0 && at("modules") < at("linear") => depends("32 bits: 3 GiB", said),
        () => holds_not(said),
    }
}
