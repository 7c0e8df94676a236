// SPDX-License-Identifier: GPL-2.0

//! Memory for devices.

use super::claim::prelude::*;
use crate::evidence::{
    events::{list, Watch},
    probe::Probe,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "dma.coherent-attr",
        sentence: "coherent memory is uncached",
        lecture: "A5",
        needs: &[Root],
        gather: coherent_attr,
        judge: coherent_attr_judge,
        control: Control::Supposed("a platform device of ARMv7, which no cache follows", || {
            Evidence::new()
                .text("device", "memlab", "supposed")
                .flag("coherent", false, "supposed")
                .text("attr", "write-combined", "supposed")
        }),
        why: "kernel/dma/direct.c: dma_direct_alloc() maps the pages anew with dma_pgprot() only \
              for a device whose accesses no cache follows.",
    },
    Claim {
        id: "dma.streaming",
        sentence: "a streaming map cleans caches by itself",
        lecture: "A5",
        needs: &[Root],
        gather: streaming,
        judge: streaming_judge,
        control: Control::Supposed("a platform device of ARMv7, cleaned line by line", || {
            Evidence::new()
                .flag("coherent", false, "supposed")
                .number("small", 900, "ns", "supposed")
                .number("large", 120_000, "ns", "supposed")
                .text("bounced", "no", "supposed")
        }),
        why: "kernel/dma/direct.h: dma_direct_map_phys() calls arch_sync_dma_for_device() for a \
              device that is not coherent, and nothing for one that is.",
    },
    Claim {
        id: "dma.sg",
        sentence: "a scatter list needs no contiguous memory; an IOMMU makes one range of it",
        lecture: "A5",
        needs: &[Root],
        gather: sg,
        judge: sg_judge,
        control: Control::Live("a device that no IOMMU translates for"),
        why: "drivers/iommu/dma-iommu.c: iommu_dma_map_sg() takes one range of the device's \
              addresses for the whole list and joins its segments.",
    },
    Claim {
        id: "dma.iommu-alloc",
        sentence: "behind an IOMMU coherent memory need not be contiguous, nor of CMA",
        lecture: "A5",
        needs: &[Root],
        gather: iommu_alloc,
        judge: iommu_alloc_judge,
        control: Control::Live("a device that no IOMMU translates for"),
        why: "drivers/iommu/dma-iommu.c: __iommu_dma_alloc_pages() takes blocks as it finds them \
              and maps them to one range for the device and one for the CPU.",
    },
    Claim {
        id: "dma.same-api",
        sentence: "the same APIs serve any hardware",
        lecture: "A5",
        needs: &[Root],
        gather: same_api,
        judge: same_api_judge,
        control: Control::Live("a device that carries nothing"),
        why: "kernel/dma/mapping.c asks for each device what its address is made by: nothing, a \
              bounce buffer, or an IOMMU.",
    },
];

fn coherent_attr(lab: &Lab, _: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let came = probe.run(&format!("dma-coherent size={}", lab.page()))?;
    Ok(Evidence::new()
        .text("device", came.word("device"), "the module: for whom")
        .flag(
            "coherent",
            came.word("coherent") == "yes",
            "the module: whether caches follow its accesses",
        )
        .text(
            "attr",
            came.word("attr"),
            "the module: its page-table entry",
        ))
}

fn coherent_attr_judge(e: &Evidence) -> Judged {
    let (coherent, attr) = (e.is("coherent")?, e.words("attr")?);
    let said = format!(
        "{}: caches follow it {}, its coherent memory is {attr}, by 1 entry",
        e.words("device")?,
        if coherent { "yes" } else { "no" }
    );
    match (coherent, attr) {
        (true, "cached") => depends("cached: caches follow the device", said),
        (false, "uncached" | "write-combined" | "device") => {
            depends("uncached: no cache follows the device", said)
        }
        _ => holds_not(said),
    }
}

fn streaming(lab: &Lab, _: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let map = |size: u64| probe.run(&format!("dma-single size={size} direction=to-device"));
    let (small, large) = (map(lab.page())?, map(MIB)?);
    Ok(Evidence::new()
        .flag(
            "coherent",
            large.word("coherent") == "yes",
            "the module: whether caches follow its accesses",
        )
        .number(
            "small",
            small.median("map"),
            "ns",
            "the module: a map of a page, p50",
        )
        .number(
            "large",
            large.median("map"),
            "ns",
            "the module: a map of 1 MiB, p50",
        )
        .text(
            "bounced",
            large.word("bounced"),
            "the module: whether it was copied",
        ))
}

fn streaming_judge(e: &Evidence) -> Judged {
    let (small, large) = (e.get("small")?, e.get("large")?);
    let said = format!("a map takes {small} ns for a page, {large} for 1 MiB");
    if e.words("bounced")? == "yes" {
        return lacks("a map that is not copied to a bounce buffer");
    }
    match e.is("coherent")? {
        true => depends("nothing to clean: caches follow the device", said),
        false if large > 4.0 * small => depends("cleaned, the longer the larger", said),
        false => holds_not(said),
    }
}

fn sg(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let lent = probe.device(side == Side::Claim)?;
    let mut watch = Watch::begin(lab, &["dma/dma_map_sg"], None)?;
    let size = 16 * lab.page();
    let line = format!(
        "dma-sg size={size} direction=to-device device={}",
        lent.name
    );
    let came = probe.run(&line)?;
    let events = watch.events()?;
    let ours = events
        .iter()
        .find(|(_, words)| words.starts_with(&lent.name));
    let Some((_, words)) = ours else {
        return lacks("an event dma_map_sg of the run");
    };
    let runs = |key: &str| {
        let addresses = list(words, key);
        let breaks = addresses
            .windows(2)
            .filter(|pair| pair[1] != pair[0] + lab.page());
        match addresses.is_empty() {
            true => 0,
            false => 1 + breaks.count(),
        }
    };
    Ok(Evidence::new()
        .text(
            "iommu",
            lent.iommu,
            "the module: what translates for the device",
        )
        .count("pages", 16, "of the list, from anywhere")
        .count("extents", runs("phys_addrs"), "dma_map_sg: runs of memory")
        .count(
            "segments",
            runs("dma_addrs"),
            "dma_map_sg: runs of the device's addresses",
        )
        .count(
            "failed",
            came.number("failures")?,
            "the module: maps that failed",
        ))
}

fn sg_judge(e: &Evidence) -> Judged {
    let (extents, segments) = (e.get("extents")?, e.get("segments")?);
    if extents < 2.0 {
        return lacks("a list of pages that do not lie in a row");
    }
    whether(
        segments < extents && e.get("failed")? == 0.0,
        format!(
            "{} pages in {extents} runs are {segments} for the device, IOMMU {}",
            e.get("pages")?,
            e.words("iommu")?
        ),
    )
}

fn iommu_alloc(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let lent = probe.device(side == Side::Claim)?;
    let size = 256 * lab.page();
    let came = probe.run(&format!("dma-coherent size={size} device={}", lent.name))?;
    Ok(Evidence::new()
        .text(
            "iommu",
            lent.iommu,
            "the module: what translates for the device",
        )
        .kib("size", size / KIB, "asked for")
        .count(
            "extents",
            came.number("extents")?,
            "the module: runs of memory",
        )
        .text(
            "cma",
            came.word("cma"),
            "the module: whether it is of an area",
        )
        .text(
            "window",
            came.word("window"),
            "the module: where the CPU sees it",
        ))
}

fn iommu_alloc_judge(e: &Evidence) -> Judged {
    let extents = e.get("extents")?;
    let said = format!(
        "{} KiB in {extents} runs, of an area {}, seen through {}; IOMMU {}",
        e.get("size")?,
        e.words("cma")?,
        e.words("window")?,
        e.words("iommu")?
    );
    // It may find all in a row by chance: that it is mapped anew shows that it need not.
    whether(
        e.words("cma")? == "no" && (extents > 1.0 || e.words("window")? == "vmalloc"),
        said,
    )
}

/// Each way of having memory carried, by edu.
const WAYS: [&str; 6] = [
    "transfer-coherent",
    "transfer-pool",
    "transfer-single",
    "transfer-page",
    "transfer-sg",
    "transfer-noncontiguous",
];

fn same_api(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let devices = probe.devices()?;
    let wanted = if side.is_control() { "platform" } else { "pci" };
    let mut tried = 0;
    let mut right = 0;
    let mut backends: Vec<String> = Vec::new();
    for lent in devices.iter().filter(|lent| lent.bus == wanted) {
        backends.push(lent.iommu.clone());
        for way in WAYS {
            tried += 1;
            let line = format!("{way} size=256 device={} threads=1", lent.name);
            let came = probe.carry(&line);
            right += u64::from(came.is_ok_and(|came| {
                came.word("ending") == "complete" && came.number("failures") == Ok(0)
            }));
        }
    }
    Ok(Evidence::new()
        .count("tried", tried, "ways on each lent device")
        .count(
            "right",
            right,
            "of these, with every byte right: the module",
        )
        .text(
            "backends",
            backends.join(", "),
            "the module: what translates",
        ))
}

fn same_api_judge(e: &Evidence) -> Judged {
    let (tried, right) = (e.get("tried")?, e.get("right")?);
    if tried == 0.0 {
        return lacks("an edu that is lent (memlab lend; QEMU -device edu)");
    }
    whether(
        right == tried,
        format!(
            "{right} of {tried} ways carry the right bytes, IOMMU {}",
            e.words("backends")?
        ),
    )
}
