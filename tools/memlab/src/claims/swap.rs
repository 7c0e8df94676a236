// SPDX-License-Identifier: GPL-2.0

//! Memory on a disk.

use super::claim::prelude::*;
use crate::{
    evidence::{group::Group, system},
    sys::child::{Child, Silent},
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "swap.file-anon",
        sentence: "pages of files go to their file, anonymous ones need swap",
        lecture: "A4",
        needs: &[Group, System, Scratch],
        gather: file_anon,
        judge: file_anon_judge,
        control: Control::Live("with an area of swap"),
        why: "mm/vmscan.c: get_scan_count() leaves anonymous memory out where no swap is left; a \
              clean page of a file is dropped and read again.",
    },
    Claim {
        id: "swap.two-programs",
        sentence: "with swap, programs may use more than there is: what rests is moved out",
        lecture: "A4",
        needs: &[Group, System, Scratch],
        gather: two_programs,
        judge: two_programs_judge,
        control: Control::Live("the same two programs without swap"),
        why: "Reclaim at the limit of the group writes cold anonymous pages to swap \
              (mm/vmscan.c: shrink_folio_list); without it the OOM killer ends one.",
    },
    Claim {
        id: "swap.zram",
        sentence: "compressed memory may serve as swap, and more than it takes goes in",
        lecture: "A4",
        needs: &[Group, System],
        gather: zram,
        judge: zram_judge,
        control: Control::Live("pages of noise, which cannot be compressed"),
        why: "drivers/block/zram/zram_drv.c compresses each page; what does not get smaller is \
              kept whole.",
    },
    Claim {
        id: "swap.off",
        sentence: "swapoff does not stop the reclaim of files",
        lecture: "A4",
        needs: &[Group, Scratch],
        gather: off,
        judge: off_judge,
        control: Control::Live("anonymous memory alone"),
        why: "mm/vmscan.c goes through the lists of file pages whether there is swap or not.",
    },
    Claim {
        id: "swap.clean",
        sentence: "clean pages go without I/O",
        lecture: "D",
        needs: &[Group, Scratch],
        gather: clean,
        judge: clean_judge,
        control: Control::Live("pages of the file that were written to"),
        why: "mm/vmscan.c: shrink_folio_list() frees a clean page at once; a dirty one waits for \
              the flusher.",
    },
    Claim {
        id: "swap.thrash",
        sentence: "who uses much more than there is waits for swap most of the time",
        lecture: "B",
        needs: &[Group, System, Scratch],
        gather: thrash,
        judge: thrash_judge,
        control: Control::Live("half as much as the limit"),
        why: "A page that comes back soon after it went is a refault (mm/workingset.c); the time \
              that is lost by it is in memory.pressure (kernel/sched/psi.c).",
    },
];

/// Has a child write each page of new memory; the area's number.
fn write(lab: &Lab, child: &mut Child, bytes: u64) -> Result<u64, Silent> {
    let area = child.ask(&format!("map {bytes} small"))?;
    let id = area.number("id");
    child.ask(&format!("write {id} 0 {bytes} {}", lab.page()))?;
    Ok(id)
}

/// Has a child read all of a file, through a mapping that it gives back.
fn read(lab: &Lab, child: &mut Child, file: &str, bytes: u64) -> Result<(), Silent> {
    let area = child.ask(&format!("map {bytes} ro file={file}"))?;
    let id = area.number("id");
    child.ask(&format!("read {id} 0 {bytes} {}", lab.page()))?;
    child.ask(&format!("unmap {id}"))?;
    Ok(())
}

const FILE: u64 = 16 * MIB;
const ANON: u64 = 24 * MIB;

fn file_anon(lab: &Lab, side: Side) -> Gathered {
    let swap = match side {
        Side::Claim if system::meminfo(lab, "SwapTotal")? > 0 => {
            return lacks("a machine whose swap is off");
        }
        Side::Claim => None,
        Side::Control => Some(lab.swap(64)?),
    };
    let file = lab.file("file", FILE)?;
    file.evict()?;
    let group = Group::make(lab, "file-anon")?;
    let mut child = group.child()?;
    write(lab, &mut child, ANON)?;
    read(lab, &mut child, &file.word(), FILE)?;
    let look = || -> Result<(u64, u64), Lack> {
        Ok((group.stat("file")? / KIB, group.stat("anon")? / KIB))
    };
    let (file_before, anon_before) = look()?;
    for _ in 0..4 {
        group.reclaim((FILE + ANON) / 4)?;
    }
    let (file_after, anon_after) = look()?;
    Ok(Evidence::new()
        .flag("swap", swap.is_some(), "whether there is swap")
        .kib("file", file_before, "memory.stat: file, before")
        .kib(
            "file_after",
            file_after,
            "memory.stat: file, after memory.reclaim",
        )
        .kib("anon", anon_before, "memory.stat: anon, before")
        .kib(
            "anon_after",
            anon_after,
            "memory.stat: anon, after memory.reclaim",
        ))
}

fn file_anon_judge(e: &Evidence) -> Judged {
    let (file, file_after) = (e.get("file")?, e.get("file_after")?);
    let (anon, anon_after) = (e.get("anon")?, e.get("anon_after")?);
    let said = format!(
        "{} swap: file {file} to {file_after} KiB, anonymous {anon} to {anon_after} KiB",
        if e.is("swap")? { "with" } else { "without" }
    );
    if file < 1024.0 || file_after > 0.6 * file {
        return lacks("a group whose file pages the kernel takes back");
    }
    whether(anon_after > 0.9 * anon, said)
}

fn two_programs(lab: &Lab, side: Side) -> Gathered {
    let _swap = match side {
        Side::Claim => Some(lab.swap(128)?),
        Side::Control => None,
    };
    let group = Group::make(lab, "programs")?;
    group.set("memory.max", 48 * MIB)?;
    let mut children = [group.child()?, group.child()?];
    for child in &mut children {
        // Whether it lives is asked below.
        let _ = write(lab, child, 36 * MIB);
    }
    let swapped = group.number("memory.swap.current").unwrap_or(0) / KIB;
    let alive = children
        .iter_mut()
        .filter_map(|child| child.ask("faults").ok());
    Ok(Evidence::new()
        .count(
            "alive",
            alive.count(),
            "of two programs of 36 MiB in 48 MiB",
        )
        .kib("swapped", swapped, "memory.swap.current")
        .count("kills", group.event("oom_kill")?, "memory.events: oom_kill"))
}

fn two_programs_judge(e: &Evidence) -> Judged {
    let (alive, swapped, kills) = (e.get("alive")?, e.get("swapped")?, e.get("kills")?);
    whether(
        alive == 2.0 && swapped > 8192.0,
        format!("72 MiB in 48: {alive} of 2 live, {swapped} KiB in swap, {kills} killed"),
    )
}

fn zram(lab: &Lab, side: Side) -> Gathered {
    let (_on, device) = lab.zram(64)?;
    let group = Group::make(lab, "zram")?;
    let mut child = group.child()?;
    let id = write(lab, &mut child, 16 * MIB)?;
    if side.is_control() {
        child.ask(&format!("noise {id}"))?;
    }
    group.reclaim(12 * MIB)?;
    let (original, used) = system::zram(lab, &device)?;
    Ok(Evidence::new()
        .kib("original", original / KIB, "mm_stat: orig_data_size")
        .kib("used", used / KIB, "mm_stat: mem_used_total"))
}

fn zram_judge(e: &Evidence) -> Judged {
    let (original, used) = (e.get("original")?, e.get("used")?);
    if original < 1024.0 {
        return lacks("pages that were swapped out");
    }
    whether(
        used < 0.5 * original,
        format!("{original} KiB of pages take {used} KiB"),
    )
}

fn off(lab: &Lab, side: Side) -> Gathered {
    let swap = system::meminfo(lab, "SwapTotal")?;
    let file = lab.file("off", FILE)?;
    file.evict()?;
    let group = Group::make(lab, "off")?;
    let mut child = group.child()?;
    match side {
        Side::Claim => read(lab, &mut child, &file.word(), FILE)?,
        Side::Control => {
            write(lab, &mut child, FILE)?;
        }
    }
    let stolen = || group.stat("pgsteal");
    let before = stolen()?;
    group.reclaim(FILE / 2)?;
    Ok(Evidence::new()
        .kib("swap", swap, "meminfo: SwapTotal")
        .text(
            "of",
            if side.is_control() {
                "anonymous memory"
            } else {
                "a file"
            },
            "what the group has",
        )
        .kib(
            "stolen",
            (stolen()? - before) * lab.page() / KIB,
            "memory.stat: pgsteal grew by",
        ))
}

fn off_judge(e: &Evidence) -> Judged {
    if e.get("swap")? != 0.0 {
        return lacks("a machine whose swap is off");
    }
    let stolen = e.get("stolen")?;
    whether(
        stolen > 4096.0,
        format!(
            "without swap {stolen} KiB of {} were taken back",
            e.words("of")?
        ),
    )
}

fn clean(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("clean", FILE)?;
    file.evict()?;
    let group = Group::make(lab, "clean")?;
    let mut child = group.child()?;
    match side {
        Side::Claim => read(lab, &mut child, &file.word(), FILE)?,
        Side::Control => {
            let area = child.ask(&format!("map {FILE} shared file={}", file.word()))?;
            let id = area.number("id");
            child.ask(&format!("write {id} 0 {FILE} {}", lab.page()))?;
            child.ask(&format!("unmap {id}"))?;
        }
    }
    let written = || system::vmstat(lab, "pgpgout");
    let (file_before, before) = (group.stat("file")?, written()?);
    // Dirty pages go in the second round, after the flusher wrote them.
    for _ in 0..4 {
        group.reclaim(FILE)?;
        lab.pause(200);
    }
    let gone = file_before.saturating_sub(group.stat("file")?);
    Ok(Evidence::new()
        .kib("gone", gone / KIB, "memory.stat: file fell by")
        .kib("written", written()? - before, "vmstat: pgpgout grew by"))
}

fn clean_judge(e: &Evidence) -> Judged {
    let (gone, written) = (e.get("gone")?, e.get("written")?);
    let said = format!("{gone} KiB of a file taken back, {written} KiB written meanwhile");
    match () {
        () if gone < 4096.0 && written < 4096.0 => lacks("pages of a file that are taken back"),
        () => whether(written < gone / 4.0, said),
    }
}

fn thrash(lab: &Lab, side: Side) -> Gathered {
    let _swap = lab.swap(64)?;
    let group = Group::make(lab, "thrash")?;
    group.set("memory.max", 24 * MIB)?;
    let size = if side.is_control() {
        12 * MIB
    } else {
        40 * MIB
    };
    let mut child = group.child()?;
    let id = write(lab, &mut child, size)?;
    for _ in 0..3 {
        child.ask(&format!("read {id} 0 {size} {}", lab.page()))?;
    }
    let some = group.pressure("some");
    Ok(Evidence::new()
        .number(
            "size",
            size / MIB,
            "MiB",
            "used in a group of 24 MiB, three times over",
        )
        .count(
            "refaults",
            group.stat("workingset_refault_anon")?,
            "memory.stat: workingset_refault_anon",
        )
        .number(
            "waited",
            some.unwrap_or(0) / 1000,
            "ms",
            "memory.pressure: some, total; 0 without PSI",
        ))
}

fn thrash_judge(e: &Evidence) -> Judged {
    let (size, refaults) = (e.get("size")?, e.get("refaults")?);
    whether(
        refaults > 1000.0,
        format!(
            "{size} MiB in 24: {refaults} pages came back after they had gone, waited {} ms",
            e.get("waited")?
        ),
    )
}
