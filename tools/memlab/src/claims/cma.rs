// SPDX-License-Identifier: GPL-2.0

//! Large areas that are lent meanwhile.

use super::claim::prelude::*;
use crate::{
    evidence::{
        events::{field, Watch},
        probe::{phys, Probe},
        system,
    },
    sys::child::Child,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "cma.lends",
        sentence: "an idle area serves pages that can be moved",
        lecture: "A1",
        needs: &[Root],
        gather: lends,
        judge: lends_judge,
        control: Control::Live("pages that the kernel itself takes, which cannot be moved"),
        why:
            "mm/page_alloc.c: __rmqueue() takes from MIGRATE_CMA while more than half of a zone's \
              free pages are there, and for want of others; only where ALLOC_CMA allows it.",
    },
    Claim {
        id: "cma.takes-back",
        sentence: "a contiguous request moves them out: frames change, contents stay",
        lecture: "A1",
        needs: &[Root],
        gather: takes_back,
        judge: takes_back_judge,
        control: Control::Live("nothing asks for the area"),
        why: "mm/cma.c: cma_alloc() calls alloc_contig_range(), which isolates the pageblocks and \
              migrates what is in them (mm/migrate.c rewrites the page tables).",
    },
    Claim {
        id: "cma.auto",
        sentence: "dma_alloc_coherent() draws from CMA by itself",
        lecture: "A5",
        needs: &[Root],
        gather: auto,
        judge: auto_judge,
        control: Control::Live("one page instead of many"),
        why: "kernel/dma/contiguous.c: dma_alloc_contiguous() asks the area for more than a page \
              where the caller may sleep; behind an IOMMU pages need not be in a row.",
    },
    Claim {
        id: "cma.own-area",
        sentence: "a device may have an area of its own",
        lecture: "A1",
        needs: &[Root],
        gather: own_area,
        judge: own_area_judge,
        control: Control::Supposed("a board whose device tree gives the device one", || {
            Evidence::new()
                .kib("all", 196_608, "supposed")
                .text("device", "30000000.video", "supposed")
                .text("first", "vpu@60000000", "supposed")
        }),
        why:
            "of_reserved_mem_device_init() gives a device the area that memory-region of its node \
              names (drivers/of/of_reserved_mem.c); dma_alloc_contiguous() asks that one first.",
    },
    Claim {
        id: "cma.pinned",
        sentence: "what is pinned cannot be moved out of an area",
        lecture: "A1",
        needs: &[Root],
        gather: pinned,
        judge: pinned_judge,
        control: Control::Live("the same pages, which nobody else refers to"),
        why: "mm/migrate.c: folio_migrate_mapping() gives up on references that it does not know, \
              like a pipe's. A long-term pin is moved out of the area first (mm/gup.c).",
    },
];

const PAGES: u64 = 512;
/// In pieces of so many pages the area is asked for: as a power of two.
const PIECES: u32 = 9;

/// A child with pages, the smaller part of which may lie in an area.
struct Tenant {
    child: Child,
    id: u64,
    address: u64,
}

impl Tenant {
    /// Pages that were written.
    fn new(lab: &Lab) -> Result<Self, Lack> {
        let mut child = lab.child()?;
        let size = PAGES * lab.page();
        let area = child.ask(&format!("map {size} small"))?;
        let (id, address) = (area.number("id"), area.number("address"));
        child.ask(&format!("write {id} 0 {size} {}", lab.page()))?;
        Ok(Self { child, id, address })
    }

    /// The frames in an area, none for a page that is not in one.
    fn frames(&self, lab: &Lab, probe: &Probe) -> Result<Vec<Option<u64>>, Lack> {
        let frame = |page: u64| -> Result<Option<u64>, Lack> {
            let walk = probe.of(self.address + page * lab.page(), self.child.pid())?;
            let inside = walk.page.as_ref().and_then(|page| page.cma);
            match inside {
                None => lacks("CMA in this kernel (CONFIG_CMA)"),
                Some(inside) => Ok(phys(&walk).filter(|_| inside)),
            }
        };
        (0..PAGES).map(frame).collect()
    }

    fn sum(&mut self, lab: &Lab) -> Result<u64, Lack> {
        let size = PAGES * lab.page();
        let read = self.child.ask(&format!("read {} 0 {size} 1", self.id))?;
        Ok(read.number("sum"))
    }
}

fn lends(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let inside = match side {
        Side::Claim => {
            let tenant = Tenant::new(lab)?;
            let frames = tenant.frames(lab, &probe)?;
            frames.iter().flatten().count()
        }
        Side::Control => {
            let mut inside = 0;
            for _ in 0..16 {
                let came = probe.run(&format!("pages size={}", lab.page()))?;
                inside += usize::from(came.word("cma") == "yes");
            }
            inside
        }
    };
    Ok(Evidence::new()
        .kib(
            "area",
            system::meminfo(lab, "CmaTotal").unwrap_or(0),
            "meminfo: CmaTotal",
        )
        .kib("free", system::meminfo(lab, "MemFree")?, "meminfo: MemFree")
        .flag("kernel", side.is_control(), "whether the kernel took them")
        .count(
            "inside",
            inside,
            "of its pages, in the area: the module's walk",
        ))
}

fn lends_judge(e: &Evidence) -> Judged {
    let (area, free, inside) = (e.get("area")?, e.get("free")?, e.get("inside")?);
    let whose = match e.is("kernel")? {
        true => "the kernel's own",
        false => "a process's",
    };
    let said = format!("{inside} pages of {whose} lie in the area of {area} KiB");
    match () {
        () if inside > 0.0 => holds(said),
        () if e.is("kernel")? => holds_not(said),
        () => lacks(format!(
            "a CMA area that is more than half of what is free ({free} KiB), or no other page"
        )),
    }
}

/// So often at most is the whole area asked for.
const ASKED: u32 = 3;

/// What became of pages in an area when it was asked for.
fn moved(lab: &Lab, pin: bool, ask: bool) -> Gathered {
    let probe = Probe::open(lab)?;
    let mut tenant = Tenant::new(lab)?;
    if pin {
        tenant.child.ask(&format!("splice {}", tenant.id))?;
    }
    let (before, sum) = (tenant.frames(lab, &probe)?, tenant.sum(lab)?);
    let inside = before.iter().flatten().count();
    let mut asked = 0;
    let stay = loop {
        if ask {
            probe.whole_area(PIECES)?;
            asked += 1;
        }
        let after = tenant.frames(lab, &probe)?;
        let pairs = before.iter().zip(&after);
        let stay = pairs
            .filter(|(old, new)| old.is_some() && old == new)
            .count();
        // A page that is just being used cannot be moved, and can a moment later.
        if stay == 0 || !ask || asked == ASKED {
            break stay;
        }
    };
    Ok(Evidence::new()
        .count(
            "inside",
            inside,
            "of 512 pages, in the area: the module's walk",
        )
        .count("stay", stay, "of these, in the same frame after")
        .count("asks", asked, "how often all of the area was asked for")
        .flag("asked", ask, "whether all of the area was asked for")
        .flag("pinned", pin, "whether pipes refer to the pages")
        .flag(
            "intact",
            tenant.sum(lab)? == sum,
            "read(): the bytes add up to the same",
        ))
}

fn takes_back(lab: &Lab, side: Side) -> Gathered {
    moved(lab, false, side == Side::Claim)
}

fn told(e: &Evidence) -> Result<(f64, f64, String), Lack> {
    let (inside, stay) = (e.get("inside")?, e.get("stay")?);
    if inside < 16.0 {
        return lacks("pages in a CMA area, which is more than half of what is free");
    }
    let asked = if e.is("asked")? {
        "asked for"
    } else {
        "left alone"
    };
    let said = format!(
        "{inside} pages in the area, which is {asked}: {stay} stay in their frames, bytes {}",
        if e.is("intact")? { "intact" } else { "lost" }
    );
    Ok((inside, stay, said))
}

fn takes_back_judge(e: &Evidence) -> Judged {
    let (inside, stay, said) = told(e)?;
    whether(stay < 0.5 * inside && e.is("intact")?, said)
}

fn pinned(lab: &Lab, side: Side) -> Gathered {
    moved(lab, side == Side::Claim, true)
}

fn pinned_judge(e: &Evidence) -> Judged {
    let (inside, stay, said) = told(e)?;
    whether(stay > 0.9 * inside && e.is("intact")?, said)
}

fn own_area(lab: &Lab, _: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let device = probe.device(false)?.name;
    let mut watch = Watch::begin(lab, &["cma/cma_alloc_start"], None)?;
    probe.run(&format!(
        "dma-coherent size={} device={device}",
        64 * lab.page()
    ))?;
    let events = watch.events()?;
    let asked = events.first().and_then(|(_, words)| field(words, "name"));
    Ok(Evidence::new()
        .kib(
            "all",
            system::meminfo(lab, "CmaTotal").unwrap_or(0),
            "meminfo: CmaTotal, all areas",
        )
        .text(
            "device",
            device,
            "the module: for whom 64 pages are asked for",
        )
        .text(
            "first",
            asked.unwrap_or("-"),
            "cma_alloc_start: the area that is asked first",
        ))
}

fn own_area_judge(e: &Evidence) -> Judged {
    let first = e.words("first")?;
    let said = format!(
        "for {} the area {first} is asked first, {} KiB are in all areas",
        e.words("device")?,
        e.get("all")?
    );
    match first {
        "-" => lacks("a device whose memory comes from a CMA area"),
        // What cma= and CONFIG_CMA_SIZE_MBYTES make is called so.
        "reserved" | "default_cma" => depends("the common area", said),
        numa if numa.starts_with("numa") || numa.starts_with("pernuma") => {
            depends("the area of its memory node", said)
        }
        _ => depends("an area of its own", said),
    }
}

fn auto(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let pages = if side.is_control() { 1 } else { 64 };
    let came = probe.run(&format!("dma-coherent size={}", pages * lab.page()))?;
    Ok(Evidence::new()
        .count("pages", pages, "asked for")
        .text("device", came.word("device"), "the module: for whom")
        .text(
            "iommu",
            came.word("iommu"),
            "the module: what translates for it",
        )
        .text(
            "cma",
            came.word("cma"),
            "the module: whether it was in an area",
        ))
}

fn auto_judge(e: &Evidence) -> Judged {
    let said = format!(
        "{} pages for {}, IOMMU {}: in an area {}",
        e.get("pages")?,
        e.words("device")?,
        e.words("iommu")?,
        e.words("cma")?
    );
    match (e.words("cma")?, e.words("iommu")?) {
        ("yes", _) => depends("from an area", said),
        ("no", "none") => depends("from the buddy allocator", said),
        ("no", _) => depends("behind an IOMMU, from anywhere", said),
        _ => lacks("CMA in this kernel (CONFIG_DMA_CMA)"),
    }
}
