// SPDX-License-Identifier: GPL-2.0

//! Frames, seen from outside.

use super::claim::prelude::*;
use crate::{
    evidence::{
        module,
        process::{kib, Seen},
        walk,
    },
    sys::child::Reply,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "pagemap.frame",
        sentence: "pagemap says which frame a page lies in, kpagecount how often that is mapped",
        lecture: "C",
        needs: &[Root],
        gather: frame,
        judge: frame_judge,
        control: Control::Live("the walk goes to the next page"),
        why: "fs/proc/task_mmu.c: pagemap_read() goes through the same tables; frames are shown \
              with CAP_SYS_ADMIN only.",
    },
    Claim {
        id: "pagemap.snapshot",
        sentence: "pagemap and kpagecount, read one after the other, may contradict each other",
        lecture: "C",
        needs: &[Root, Smp],
        gather: snapshot,
        judge: snapshot_judge,
        control: Control::Live("nothing is unmapped meanwhile"),
        why:
            "Nothing holds the page between two reads: it may be unmapped, freed and another's by \
              the second. fs/proc/page.c looks at whatever the frame is now.",
    },
    Claim {
        id: "pagemap.two-ways",
        sentence: "USS and PSS are the same from smaps and from pagemap with kpagecount",
        lecture: "A3",
        needs: &[Root],
        gather: two_ways,
        judge: two_ways_judge,
        control: Control::Live("another fork between the one way and the other"),
        why: "smaps divides each page by its number of mappings (fs/proc/task_mmu.c: \
              smaps_account), which kpagecount shows.",
    },
];

fn frame(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let area = child.ask(&format!("map {} small", 2 * page))?;
    let at = area.number("address");
    child.ask(&format!(
        "write {} 0 {} {page}",
        area.number("id"),
        2 * page
    ))?;
    let frame = pages.frame(u64::from(child.pid()), at)?;
    let module = module::open(&lab.machine).map_err(|error| error.message)?;
    let to = if side.is_control() { at + page } else { at };
    let walked = walk::walk(&*module, &[], to, Some(child.pid())).map_err(|error| error.message)?;
    let phys = walked.phys.as_deref().and_then(walk::parse_address);
    let phys = phys.ok_or("a page at the end of the walk")?;
    Ok(Evidence::new()
        .text(
            "pagemap",
            format!("{:#x}", frame * page),
            "pagemap: frame times the page size",
        )
        .text(
            "walk",
            format!("{phys:#x}"),
            "the module's walk through the tables",
        )
        .count(
            "kpagecount",
            pages.mapped(frame)?,
            "kpagecount of the frame",
        )
        .count(
            "mapcount",
            walked.page.map_or(0, |page| page.mapcount),
            "the walk: tables that map the page",
        ))
}

fn frame_judge(e: &Evidence) -> Judged {
    let (pagemap, walk) = (e.words("pagemap")?, e.words("walk")?);
    let (count, mapcount) = (e.get("kpagecount")?, e.get("mapcount")?);
    whether(
        pagemap == walk && count == mapcount,
        format!("{pagemap} by pagemap, {walk} by the walk; mapped {count} and {mapcount} times"),
    )
}

/// How often one looks.
const LOOKS: u64 = 400;

fn snapshot(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let area = child.ask(&format!("map {} small", 16 * page))?;
    let (id, at) = (area.number("id"), area.number("address"));
    let pid = child.pid();
    child.ask(&format!("write {id} 0 {} {page}", 16 * page))?;
    if side == Side::Claim {
        child.tell(&format!("churn {id} 1500"))?;
    }
    let (mut found, mut apart) = (0u64, 0u64);
    for look in 0..LOOKS {
        let address = at + (look % 16) * page;
        if let Ok(frame) = pages.frame(u64::from(pid), address) {
            found += 1;
            apart += u64::from(pages.mapped(frame)? == 0);
        }
    }
    let churned = match side {
        Side::Claim => child.hear()?,
        Side::Control => Reply::default(),
    };
    Ok(Evidence::new()
        .count(
            "rounds",
            churned.number("rounds"),
            "times that 16 pages went and came meanwhile",
        )
        .count("found", found, "looks that found a page mapped, of 400")
        .count(
            "apart",
            apart,
            "of these, whose frame was mapped by nobody, as the second look says",
        ))
}

fn snapshot_judge(e: &Evidence) -> Judged {
    let (rounds, found, apart) = (e.get("rounds")?, e.get("found")?, e.get("apart")?);
    if found < 20.0 {
        return lacks("a page that is mapped and unmapped meanwhile");
    }
    whether(
        apart > 0.0,
        format!(
            "16 pages went and came {rounds} times; {found} times one was mapped: in {apart} by \
             nobody, said the second look"
        ),
    )
}

fn two_ways(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let area = child.ask(&format!("map {} small", 64 * page))?;
    let (id, at) = (area.number("id"), area.number("address"));
    child.ask(&format!("write {id} 0 {} {page}", 64 * page))?;
    child.ask("fork")?;
    // These are its own again.
    child.ask(&format!("write {id} 0 {} {page}", 16 * page))?;
    let smaps = Seen::child(&lab.machine, &child).area(at)?;
    if side.is_control() {
        child.ask("fork")?;
    }
    let (mut uss, mut pss) = (0.0, 0.0);
    let size = (page / KIB) as f64;
    for entry in pages.entries(u64::from(child.pid()), at, 64)? {
        let frame = entry.frame().ok_or("root, to see frames")?;
        let count = pages.mapped(frame)? as f64;
        uss += if count == 1.0 { size } else { 0.0 };
        pss += size / count.max(1.0);
    }
    let own = kib(&smaps, "Private_Clean") + kib(&smaps, "Private_Dirty");
    Ok(Evidence::new()
        .kib("uss_smaps", own, "smaps: Private_Clean + Private_Dirty")
        .kib("uss_pages", uss, "pagemap: pages whose kpagecount is 1")
        .kib("pss_smaps", kib(&smaps, "Pss"), "smaps: Pss")
        .kib("pss_pages", pss, "pagemap: the sum of 1/kpagecount"))
}

fn two_ways_judge(e: &Evidence) -> Judged {
    let (uss, uss_pages) = (e.get("uss_smaps")?, e.get("uss_pages")?);
    let (pss, pss_pages) = (e.get("pss_smaps")?, e.get("pss_pages")?);
    whether(
        uss == uss_pages && (pss - pss_pages).abs() <= 1.0,
        format!("USS {uss} KiB by smaps and {uss_pages} by frames, PSS {pss} and {pss_pages:.1}"),
    )
}
