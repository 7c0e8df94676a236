// SPDX-License-Identifier: GPL-2.0

//! Paging: when a process gets a page, and what it costs.

use super::claim::prelude::*;
use crate::evidence::{
    pages::{flag, Pages},
    process::{kib, Seen},
    system,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "page.lazy",
        sentence: "malloc(100M) grows the address space (VSS), not what is resident (RSS)",
        lecture: "A2, D",
        needs: &[],
        gather: lazy,
        judge: lazy_judge,
        control: Control::Live("every page of it is written"),
        why: "mmap() only links an area (mm/vma.c); a page comes by a fault (mm/memory.c: \
              do_anonymous_page).",
    },
    Claim {
        id: "page.zero",
        sentence: "reads before any write see one page of zeros",
        lecture: "A2",
        needs: &[Root],
        gather: zero,
        judge: zero_judge,
        control: Control::Live("the pages are written"),
        why: "A read fault maps ZERO_PAGE read-only (mm/memory.c: do_anonymous_page); before it \
              there is no entry at all. With huge pages it is the huge zero folio.",
    },
    Claim {
        id: "page.on-write",
        sentence: "the first write to a page faults, and gets the page",
        lecture: "A2, A3",
        needs: &[],
        gather: on_write,
        judge: on_write_judge,
        control: Control::Live("the pages are written a second time"),
        why: "mm/memory.c: do_anonymous_page; with huge pages one fault fills 512 entries \
              (mm/huge_memory.c: do_huge_pmd_anonymous_page).",
    },
    Claim {
        id: "page.cow",
        sentence: "after fork() a page is shared until somebody writes it",
        lecture: "A2",
        needs: &[Root],
        gather: cow,
        judge: cow_judge,
        control: Control::Live("the memory is MAP_SHARED"),
        why: "fork copies the entries read-only (mm/memory.c: copy_present_ptes), the write \
              fault copies the page (do_wp_page).",
    },
    Claim {
        id: "page.huge",
        sentence: "a huge page needs one entry less: no table of the last level",
        lecture: "D",
        needs: &[],
        gather: huge,
        judge: huge_judge,
        control: Control::Live("MADV_NOHUGEPAGE"),
        why: "The entry of the second level maps 2 MiB itself; its table is set aside, in case \
              the page is split (mm/huge_memory.c: pgtable_trans_huge_deposit).",
    },
    Claim {
        id: "page.huge-tlb",
        sentence: "huge pages need fewer entries of the TLB, so that random reads are faster",
        lecture: "D",
        needs: &[],
        gather: huge_tlb,
        judge: huge_tlb_judge,
        control: Control::Supposed("QEMU's TCG, whose TLB is of 4 KiB pages", || {
            Evidence::new()
                .number("small_ns", 31.0, "ns", "supposed")
                .number("huge_ns", 31.2, "ns", "supposed")
                .kib("huge_kib", 65536, "supposed")
                .flag("emulated", false, "supposed")
        }),
        why: "One entry of the TLB reaches 2 MiB instead of 4 KiB. An emulator's does not.",
    },
    Claim {
        id: "page.rss-approx",
        sentence: "RSS in stat lags behind what is mapped",
        lecture: "C",
        needs: &[],
        gather: rss_approx,
        judge: rss_approx_judge,
        control: Control::Live("smaps_rollup instead of stat: it counts the entries"),
        why: "RSS is a counter per CPU (include/linux/mm.h: get_mm_counter), summed when it \
              overflows its batch; smaps walks the tables (fs/proc/task_mmu.c).",
    },
    Claim {
        id: "page.rss-sum",
        sentence: "RSS is what is resident of files and of anonymous memory",
        lecture: "C",
        needs: &[],
        gather: rss_sum,
        judge: rss_sum_judge,
        control: Control::Live("private memory instead of shared"),
        why: "Shared memory has a counter of its own, MM_SHMEMPAGES (include/linux/mm.h: \
              get_mm_rss adds the three).",
    },
];

const SIZE: u64 = 100 * MIB;

fn lazy(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let before = seen.status()?;
    child.ask(&format!(
        "malloc {SIZE} 1{}",
        if side.is_control() { " dirty" } else { "" }
    ))?;
    let after = seen.status()?;
    let grew = |key: &str| after[key] as i64 - before[key] as i64;
    Ok(Evidence::new()
        .kib("asked", SIZE / KIB, "malloc()")
        .kib("vss", grew("VmSize"), "status: VmSize")
        .kib("rss", grew("VmRSS"), "status: VmRSS"))
}

fn lazy_judge(e: &Evidence) -> Judged {
    let (asked, vss, rss) = (e.get("asked")?, e.get("vss")?, e.get("rss")?);
    whether(
        vss >= asked && rss < asked / 50.0,
        format!("{asked} KiB asked for: {vss:.0} KiB of addresses, {rss:.0} KiB resident"),
    )
}

fn zero(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let pid = u64::from(child.pid());
    let area = child.ask(&format!("map {} small", 64 * page))?;
    let (id, at) = (area.number("id"), area.number("address"));
    let entries = |pages: &Pages| pages.entries(pid, at, 64);
    let before = entries(&pages)?.iter().filter(|one| one.present()).count();
    let verb = if side.is_control() { "write" } else { "read" };
    child.ask(&format!("{verb} {id} 0 {} {page}", 64 * page))?;
    let mut frames: Vec<u64> = entries(&pages)?
        .iter()
        .filter_map(|one| one.frame())
        .collect();
    let mapped = frames.len();
    frames.sort_unstable();
    frames.dedup();
    let Some(first) = frames.first() else {
        return lacks("root, to see frames");
    };
    Ok(Evidence::new()
        .count("before", before, "pagemap: entries before any access")
        .count("entries", mapped, "pagemap: entries after 64 accesses")
        .count("frames", frames.len(), "pagemap: different frames")
        .flag(
            "zero_page",
            pages.is(*first, flag::ZERO_PAGE)?,
            "kpageflags: ZERO_PAGE",
        ))
}

fn zero_judge(e: &Evidence) -> Judged {
    let (before, frames, entries) = (e.get("before")?, e.get("frames")?, e.get("entries")?);
    whether(
        before == 0.0 && frames == 1.0 && e.is("zero_page")?,
        format!("{before} entries before, then {entries} entries with {frames} frames"),
    )
}

fn on_write(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let pages = 4096;
    let area = child.ask(&format!("map {} align", pages * page))?;
    let write = format!("write {} 0 {} {page}", area.number("id"), pages * page);
    if side.is_control() {
        child.ask(&write)?;
    }
    let (before, rss) = (child.ask("faults")?, seen.status_of("VmRSS")?);
    child.ask(&write)?;
    let (after, then) = (child.ask("faults")?, seen.status_of("VmRSS")?);
    let thp = system::thp(lab);
    Ok(Evidence::new()
        .count("pages", pages, "pages written")
        .count(
            "faults",
            after.number("minor") - before.number("minor"),
            "getrusage: ru_minflt",
        )
        .kib("rss", then as i64 - rss as i64, "status: VmRSS")
        .text(
            "thp",
            thp.unwrap_or("off".into()),
            "transparent_hugepage/enabled",
        )
        .kib("page", page / KIB, "page size"))
}

fn on_write_judge(e: &Evidence) -> Judged {
    let (pages, faults, rss) = (e.get("pages")?, e.get("faults")?, e.get("rss")?);
    let said = format!(
        "{pages} pages written: {faults} faults, {rss:.0} KiB more resident, huge pages {}",
        e.words("thp")?
    );
    let got = rss >= 0.95 * pages * e.get("page")?;
    match () {
        () if !got => holds_not(said),
        () if faults >= 0.95 * pages => depends("a fault for each page", said),
        () => depends("a fault for many pages", said),
    }
}

fn cow(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let kind = if side.is_control() { "shared" } else { "small" };
    let area = child.ask(&format!("map {} {kind}", 16 * page))?;
    let (id, at) = (area.number("id"), area.number("address"));
    child.ask(&format!("write {id} 0 {} {page}", 16 * page))?;
    let quiet = child.ask(&format!("fork read {id} 0 {} {page}", 16 * page))?;
    let writer = child.ask(&format!("fork write {id} 0 {page} {page}"))?;
    let parent = pages.frame(u64::from(child.pid()), at)?;
    let shared = pages.frame(quiet.number("pid"), at)?;
    let written = pages.frame(writer.number("pid"), at)?;
    // Of shared memory fork copies no entries.
    let second = pages.frame(writer.number("pid"), at + page).ok();
    Ok(Evidence::new()
        .flag(
            "shared",
            parent == shared,
            "pagemap: parent and a child that only read",
        )
        .flag(
            "parted",
            parent != written,
            "pagemap: parent and a child that wrote",
        )
        .flag(
            "rest_shared",
            Some(pages.frame(u64::from(child.pid()), at + page)?) == second,
            "pagemap: the next page, which it did not write",
        )
        .count(
            "maps",
            pages.mapped(parent)?,
            "kpagecount of the parent's frame",
        ))
}

fn cow_judge(e: &Evidence) -> Judged {
    let (shared, parted, rest) = (e.is("shared")?, e.is("parted")?, e.is("rest_shared")?);
    let word = |same| if same { "the same" } else { "another" };
    whether(
        shared && parted && rest,
        format!(
            "{} frame after fork ({} mappings), {} after the child's write, which left the next page {}",
            word(shared),
            e.get("maps")?,
            word(!parted),
            if rest { "shared" } else { "parted" }
        ),
    )
}

fn huge(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    if system::thp(lab)? == "never" {
        return lacks("transparent huge pages (enabled says never)");
    }
    let kind = if side.is_control() { "small" } else { "huge" };
    let size = 64 * MIB;
    let area = child.ask(&format!("map {size} align {kind}"))?;
    let (before, faults) = (seen.status_of("VmPTE")?, seen.faults()?.0);
    child.ask(&format!("write {} 0 {size} {page}", area.number("id")))?;
    let (after, then) = (seen.status_of("VmPTE")?, seen.faults()?.0);
    let area = seen.area(area.number("address"))?;
    Ok(Evidence::new()
        .kib("mapped", size / KIB, "mmap()")
        .kib("huge", kib(&area, "AnonHugePages"), "smaps: AnonHugePages")
        .kib("tables", after - before, "status: VmPTE")
        .count("faults", then - faults, "stat: minflt"))
}

fn huge_judge(e: &Evidence) -> Judged {
    let (mapped, huge, tables) = (e.get("mapped")?, e.get("huge")?, e.get("tables")?);
    let faults = e.get("faults")?;
    whether(
        huge >= 0.9 * mapped && faults < mapped / 16.0,
        format!(
            "{huge:.0} of {mapped} KiB by entries of 2 MiB: {faults} faults; {tables} KiB of \
             tables are kept, in case they are split"
        ),
    )
}

fn huge_tlb(lab: &Lab, _: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let size = 64 * MIB;
    let mut ns = [Vec::new(), Vec::new()];
    let mut areas = Vec::new();
    for kind in ["small", "huge"] {
        let area = child.ask(&format!("map {size} align {kind}"))?;
        child.ask(&format!("write {} 0 {size} {page}", area.number("id")))?;
        areas.push(area);
    }
    for _ in 0..5 {
        for (area, ns) in areas.iter().zip(&mut ns) {
            ns.push(
                child
                    .ask(&format!("chase {} 200000", area.number("id")))?
                    .real("ns"),
            );
        }
    }
    let least = |ns: &[f64]| ns.iter().copied().fold(f64::INFINITY, f64::min);
    let huge = seen.area(areas[1].number("address"))?;
    Ok(Evidence::new()
        .number(
            "small_ns",
            least(&ns[0]),
            "ns",
            "a random read, best of 5 x 200,000",
        )
        .number(
            "huge_ns",
            least(&ns[1]),
            "ns",
            "the same under MADV_HUGEPAGE",
        )
        .kib("huge_kib", kib(&huge, "AnonHugePages"), "smaps")
        .flag("emulated", system::emulated(lab), "cpuinfo: QEMU's TCG"))
}

fn huge_tlb_judge(e: &Evidence) -> Judged {
    let (small, huge) = (e.get("small_ns")?, e.get("huge_ns")?);
    if e.is("emulated")? {
        return lacks("a CPU that is not emulated: a TLB of hardware");
    }
    if e.get("huge_kib")? == 0.0 {
        return lacks("huge pages");
    }
    let said = format!("{small:.1} ns by pages of 4 KiB, {huge:.1} ns by huge ones");
    match huge < 0.9 * small {
        true => depends("faster", said),
        false => depends("no faster", said),
    }
}

fn rss_approx(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let area = child.ask(&format!("map {} small", 512 * page))?;
    let mut worst = 0i64;
    for step in 0..20u64 {
        let from = step * 13 * page;
        child.ask(&format!(
            "write {} {from} {} {page}",
            area.number("id"),
            13 * page
        ))?;
        let fast = match side {
            Side::Claim => seen.resident()?,
            Side::Control => seen.rollup("Rss")?,
        };
        let areas = seen.areas()?;
        let exact: u64 = areas.iter().map(|area| kib(area, "Rss")).sum();
        worst = worst.max((fast as i64 - exact as i64).abs());
    }
    Ok(Evidence::new()
        .kib(
            "off",
            worst,
            "the most of 20 times: it against the sum of smaps",
        )
        .count("cpus", lab.cpus(), "CPUs online"))
}

fn rss_approx_judge(e: &Evidence) -> Judged {
    let off = e.get("off")?;
    let said = format!(
        "{off} KiB beside the sum of the entries, on {} CPUs",
        e.get("cpus")?
    );
    match off > 0.0 {
        true => depends("lags", said),
        false => depends("exact", said),
    }
}

fn rss_sum(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let kind = if side.is_control() { "small" } else { "shared" };
    let area = child.ask(&format!("map {} {kind}", 16 * MIB))?;
    let before = seen.status()?;
    child.ask(&format!(
        "write {} 0 {} {page}",
        area.number("id"),
        16 * MIB
    ))?;
    let after = seen.status()?;
    let grew = |key: &str| -> Result<i64, Lack> {
        let of = |status: &std::collections::BTreeMap<String, u64>| status.get(key).copied();
        let both = of(&after).zip(of(&before));
        let (after, before) = both.ok_or_else(|| Lack(format!("{key} in /proc/PID/status")))?;
        Ok(after as i64 - before as i64)
    };
    Ok(Evidence::new()
        .kib("rss", grew("VmRSS")?, "status: VmRSS grew by")
        .kib("anonymous", grew("RssAnon")?, "status: RssAnon grew by")
        .kib("file", grew("RssFile")?, "status: RssFile grew by")
        .kib("shared", grew("RssShmem")?, "status: RssShmem grew by"))
}

fn rss_sum_judge(e: &Evidence) -> Judged {
    let (rss, shared) = (e.get("rss")?, e.get("shared")?);
    let two = e.get("anonymous")? + e.get("file")?;
    whether(
        two >= 0.95 * rss,
        format!("RSS grew by {rss} KiB, files and anonymous by {two}, shared memory by {shared}"),
    )
}
