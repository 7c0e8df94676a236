// SPDX-License-Identifier: GPL-2.0

//! Addresses in a row, pages anywhere.

use super::claim::prelude::*;
use crate::evidence::system;

/// The chapter.
pub const CLAIMS: &[Claim] = &[Claim {
    id: "vmalloc.ioremap",
    sentence: "ioremap lies in the vmalloc range, and takes no memory of its own",
    lecture: "A2",
    needs: &[Root],
    gather: ioremap,
    judge: ioremap_judge,
    control: Control::Live("areas of vmalloc()"),
    why: "mm/ioremap.c: generic_ioremap_prot() takes addresses of that range and enters the \
          device's; an area of vmalloc() has pages.",
}];

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
