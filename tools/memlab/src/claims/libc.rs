// SPDX-License-Identifier: GPL-2.0

//! malloc(), which stands between a process and the kernel.

use super::claim::prelude::*;
use crate::evidence::process::{name, Seen};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "libc.brk-mmap",
        sentence: "malloc takes small objects from the heap (brk), from 128 KiB on by mmap",
        lecture: "D",
        needs: &[],
        gather: brk_mmap,
        judge: brk_mmap_judge,
        control: Control::Live("64 KiB instead of 1 MiB as the large object"),
        why: "M_MMAP_THRESHOLD is 128 KiB at first, and dynamic: freeing an object that was \
              mapped raises it to that size (mallopt(3)).",
    },
    Claim {
        id: "libc.keeps",
        sentence: "what is freed is not given back to the system: RES stays",
        lecture: "A2, B, D",
        needs: &[],
        gather: keeps,
        judge: keeps_judge,
        control: Control::Live("one object on top of the heap stays"),
        why: "The heap shrinks from its top where M_TRIM_THRESHOLD (128 KiB) are free there; what \
              is below an object in use stays. Mappings go one by one.",
    },
    Claim {
        id: "libc.mallopt",
        sentence: "mallopt moves the thresholds: with trimming and mmap off, RES stays",
        lecture: "A2",
        needs: &[],
        gather: mallopt,
        judge: mallopt_judge,
        control: Control::Live("without mallopt()"),
        why: "M_MMAP_MAX=0 has everything come from the heap, M_TRIM_THRESHOLD=-1 never shrinks \
              it (mallopt(3)): a second round costs no fault.",
    },
    Claim {
        id: "libc.page-wise",
        sentence: "one object in use keeps its page, and one on top all that is below",
        lecture: "B, D",
        needs: &[],
        gather: page_wise,
        judge: page_wise_judge,
        control: Control::Live("no object is kept"),
        why: "Memory is given back in whole pages, and of the heap from its top only; \
              malloc_trim() advises the pages between away (MADV_DONTNEED), those without objects.",
    },
];

fn brk_mmap(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let large = if side.is_control() { 64 * KIB } else { MIB };
    let place = |address: u64| seen.area(address).map(|area| name(&area));
    let small = child.ask("malloc 1000 1")?;
    let first = child.ask(&format!("malloc {large} 1"))?;
    let (small, large_in) = (
        place(small.number("address"))?,
        place(first.number("address"))?,
    );
    child.ask(&format!("free {}", first.number("id")))?;
    let again = child.ask(&format!("malloc {large} 1"))?;
    let again = place(again.number("address"))?;
    Ok(Evidence::new()
        .text("small", small, "maps: the area that 1,000 B lie in")
        .kib("large", large / KIB, "malloc()")
        .text("large_in", large_in, "maps: the area that they lie in")
        .text("again_in", again, "maps: the same size again, after free()"))
}

fn brk_mmap_judge(e: &Evidence) -> Judged {
    let (small, large) = (e.words("small")?, e.words("large_in")?);
    let said = format!(
        "1,000 B lie in {small}, {} KiB in {large}, and once that was freed in {}",
        e.get("large")?,
        e.words("again_in")?
    );
    whether(small == "heap" && large != "heap", said)
}

/// RSS in KiB before, with, and after 100 MiB of objects, in this order.
fn rounds(lab: &Lab, size: u64, free: &str) -> Result<Evidence, Lack> {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let before = seen.rollup("Rss")?;
    let objects = child.ask(&format!("malloc {size} {} dirty", 100 * MIB / size))?;
    let with = seen.rollup("Rss")?;
    child.ask(&format!("free {} {free}", objects.number("id")))?;
    let after = seen.rollup("Rss")?;
    child.ask("trim")?;
    let trimmed = seen.rollup("Rss")?;
    Ok(Evidence::new()
        .kib("before", before, "smaps_rollup: Rss")
        .kib("with", with, "smaps_rollup: Rss, 100 MiB in use")
        .kib("after", after, "smaps_rollup: Rss, after free()")
        .kib(
            "trimmed",
            trimmed,
            "smaps_rollup: Rss, after malloc_trim(0)",
        ))
}

fn keeps(lab: &Lab, side: Side) -> Gathered {
    rounds(lab, 1000, if side.is_control() { "last" } else { "" })
}

fn keeps_judge(e: &Evidence) -> Judged {
    let (with, after, trimmed) = (e.get("with")?, e.get("after")?, e.get("trimmed")?);
    let gave = with - after;
    let said = format!(
        "{with} KiB resident, {after} after all of it was freed, {trimmed} after malloc_trim()"
    );
    match gave > 0.5 * (with - e.get("before")?) {
        true => holds_not(format!("{said}: the free top of the heap is given back")),
        false => holds(said),
    }
}

fn mallopt(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    if side == Side::Claim {
        // M_MMAP_MAX and M_TRIM_THRESHOLD.
        child.ask("mallopt 18446744073709551612 0")?;
        child.ask("mallopt 18446744073709551615 18446744073709551615")?;
    }
    let size = MIB;
    let objects = child.ask(&format!("malloc {size} 100 dirty"))?;
    child.ask(&format!("free {}", objects.number("id")))?;
    let (kept, before) = (seen.rollup("Rss")?, child.ask("faults")?);
    child.ask(&format!("malloc {size} 100 dirty"))?;
    let after = child.ask("faults")?;
    Ok(Evidence::new()
        .kib("kept", kept, "smaps_rollup: Rss, after free() of 100 MiB")
        .count(
            "faults",
            after.number("minor") - before.number("minor"),
            "ru_minflt, second round",
        )
        .count("pages", 100 * MIB / lab.page(), "pages of 100 MiB"))
}

fn mallopt_judge(e: &Evidence) -> Judged {
    let (kept, faults, pages) = (e.get("kept")?, e.get("faults")?, e.get("pages")?);
    whether(
        kept > 100.0 * 1024.0 && faults < pages / 100.0,
        format!("{kept} KiB stay after free(); a second round takes {faults} faults"),
    )
}

fn page_wise(lab: &Lab, side: Side) -> Gathered {
    rounds(lab, 100, if side.is_control() { "" } else { "keep=20" })
}

fn page_wise_judge(e: &Evidence) -> Judged {
    let (with, trimmed, before) = (e.get("with")?, e.get("trimmed")?, e.get("before")?);
    let objects = with - before;
    whether(
        e.get("after")? - before > 0.9 * objects && trimmed - before > 0.9 * objects,
        format!(
            "{objects} KiB of objects; {} KiB resident where one in 20 is kept, {} after \
             malloc_trim()",
            e.get("after")? - before,
            trimmed - before
        ),
    )
}
