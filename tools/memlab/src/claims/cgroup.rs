// SPDX-License-Identifier: GPL-2.0

//! Limits of a group.

use super::claim::prelude::*;
use crate::{
    evidence::{group::Group, process::Seen},
    sys::child::Silent,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "cgroup.limit",
        sentence: "at its limit a group reclaims, then kills inside itself",
        lecture: "A5",
        needs: &[Group],
        gather: limit,
        judge: limit_judge,
        control: Control::Live("a limit that is not reached"),
        why: "mm/memcontrol.c: try_charge_memcg() reclaims from the group and then calls \
              mem_cgroup_oom(). v1's limit_in_bytes is v2's memory.max.",
    },
    Claim {
        id: "cgroup.kmem",
        sentence: "kernel memory has limits of its own (kmem)",
        lecture: "C",
        needs: &[Group],
        gather: kmem,
        judge: kmem_judge,
        control: Control::Supposed("Linux 4.19 with cgroup v1", || {
            Evidence::new()
                .flag("kmem_limit", true, "supposed")
                .flag("max", true, "supposed")
                .kib("kernel", 200, "supposed")
        }),
        why: "v2 counts it with the rest, in memory.max; memory.stat says how much it is \
              (Documentation/admin-guide/cgroup-v2.rst).",
    },
    Claim {
        id: "cgroup.counts-cache",
        sentence: "a group pays for the cache that it brings in",
        lecture: "C",
        needs: &[Group],
        gather: counts_cache,
        judge: counts_cache_judge,
        control: Control::Live("the group that touches the same pages second"),
        why: "A page of the cache is charged when it is added, to who faults or reads \
              (mm/filemap.c: filemap_add_folio, mm/shmem.c), and once.",
    },
    Claim {
        id: "cgroup.usage-lags",
        sentence: "what a group uses is not exact",
        lecture: "C",
        needs: &[Group],
        gather: usage_lags,
        judge: usage_lags_judge,
        control: Control::Supposed("a kernel that charges page by page", || {
            Evidence::new()
                .kib("off", 0, "supposed")
                .kib("used", 1040, "supposed")
        }),
        why: "Each CPU takes 64 pages at once from the group and keeps what is left \
              (mm/memcontrol.c: MEMCG_CHARGE_BATCH, try_charge_memcg).",
    },
    Claim {
        id: "cgroup.rss-swap",
        sentence: "limiting memory alone pushes a group into swap",
        lecture: "C",
        needs: &[Group, System, Scratch],
        gather: rss_swap,
        judge: rss_swap_judge,
        control: Control::Live("memory.swap.max 0 as well"),
        why: "memory.max counts what is resident: what reclaim writes to swap is not \
              (mm/memcontrol.c: memory.swap.max is a limit of its own).",
    },
];

fn limit(lab: &Lab, side: Side) -> Gathered {
    let (group, beside) = (Group::make(lab, "limit")?, Group::make(lab, "beside")?);
    let mib = if side.is_control() { 256 } else { 32 };
    group.set("memory.max", mib * MIB)?;
    // No such file where the kernel has no swap.
    let _ = group.set("memory.swap.max", 0);
    let mut neighbour = beside.child()?;
    let area = neighbour.ask(&format!("map {} small", 8 * MIB))?;
    let page = lab.page();
    neighbour.ask(&format!("write {} 0 {} {page}", area.number("id"), 8 * MIB))?;
    let resident = |child| Seen::child(&lab.machine, child).rollup("Rss");
    let before = resident(&neighbour)?;
    let mut child = group.child()?;
    let area = child.ask(&format!("map {} small", 64 * MIB))?;
    let wrote = child.ask(&format!(
        "write {} 0 {} {page}",
        area.number("id"),
        64 * MIB
    ));
    let killed = matches!(wrote, Err(Silent::Killed(9)));
    Ok(Evidence::new()
        .kib("max", mib * 1024, "memory.max")
        .kib("peak", group.number("memory.peak")? / KIB, "memory.peak")
        .count("reached", group.event("max")?, "memory.events: max")
        .count("kills", group.event("oom_kill")?, "memory.events: oom_kill")
        .flag("killed", killed, "wait(): who wrote 64 MiB got signal 9")
        .kib(
            "neighbour",
            resident(&neighbour)? as i64 - before as i64,
            "smaps_rollup: Rss of a neighbour grew by",
        ))
}

fn limit_judge(e: &Evidence) -> Judged {
    let (max, peak, kills) = (e.get("max")?, e.get("peak")?, e.get("kills")?);
    let neighbour = e.get("neighbour")?;
    whether(
        e.is("killed")? && kills == 1.0 && e.is("reached")? && peak <= max && neighbour >= -64.0,
        format!(
            "limit {max} KiB, peak {peak}, reached {} times, {kills} killed; neighbour \
             {neighbour:+} KiB",
            e.get("reached")?
        ),
    )
}

fn kmem(lab: &Lab, _: Side) -> Gathered {
    let group = Group::make(lab, "kmem")?;
    let mut child = group.child()?;
    for _ in 0..20 {
        child.ask("fork")?;
    }
    Ok(Evidence::new()
        .flag(
            "kmem_limit",
            group.has("memory.kmem.limit_in_bytes"),
            "its file",
        )
        .flag("max", group.has("memory.max"), "its file")
        .kib("kernel", group.stat("kernel")? / KIB, "memory.stat: kernel"))
}

fn kmem_judge(e: &Evidence) -> Judged {
    let kernel = e.get("kernel")?;
    match e.is("kmem_limit")? {
        true => holds(format!(
            "memory.kmem.limit_in_bytes is there; {kernel} KiB are the kernel's"
        )),
        false => holds_not(format!(
            "no file of that kind: the {kernel} KiB of the kernel's count in memory.max"
        )),
    }
}

fn counts_cache(lab: &Lab, side: Side) -> Gathered {
    let (first, second) = (Group::make(lab, "first")?, Group::make(lab, "second")?);
    let file = lab.sparse("brought", 16 * MIB)?;
    let touch = |group: &Group<'_>| -> Result<u64, Lack> {
        let mut child = group.child()?;
        let before = group.stat("file")?;
        let area = child.ask(&format!("map {} shared ro file={}", 16 * MIB, file.word()))?;
        child.ask(&format!(
            "read {} 0 {} {}",
            area.number("id"),
            16 * MIB,
            lab.page()
        ))?;
        Ok(group.stat("file")?.saturating_sub(before) / KIB)
    };
    let mut grew = touch(&first)?;
    if side.is_control() {
        grew = touch(&second)?;
    }
    Ok(Evidence::new()
        .kib("touched", 16 * 1024, "of a file that is in no page before")
        .kib("grew", grew, "memory.stat: file grew by"))
}

fn counts_cache_judge(e: &Evidence) -> Judged {
    let (touched, grew) = (e.get("touched")?, e.get("grew")?);
    // The counters of each CPU are added up only when they are far off.
    whether(
        grew >= 0.9 * touched,
        format!("{touched} KiB of a file touched: the group's `file` grew by {grew} KiB"),
    )
}

fn usage_lags(lab: &Lab, _: Side) -> Gathered {
    let group = Group::make(lab, "lags")?;
    let (mut child, page) = (group.child()?, lab.page());
    let area = child.ask(&format!("map {} small", 512 * page))?;
    let (mut worst, mut used) = (0, 0);
    for step in 0..20 {
        let line = format!(
            "write {} {} {} {page}",
            area.number("id"),
            step * 13 * page,
            13 * page
        );
        child.ask(&line)?;
        used = group.number("memory.current")? / KIB;
        let parts = group.stat("anon")? + group.stat("file")? + group.stat("kernel")?;
        worst = worst.max((used as i64 - (parts / KIB) as i64).abs());
    }
    Ok(Evidence::new()
        .kib(
            "off",
            worst,
            "the most of 20 times: memory.current against anon + file + kernel",
        )
        .kib("used", used, "memory.current at the end"))
}

fn usage_lags_judge(e: &Evidence) -> Judged {
    let (off, used) = (e.get("off")?, e.get("used")?);
    let said = format!("{off} KiB beside the sum of its parts, of {used} KiB");
    match off > 0.0 {
        true => depends("lags", said),
        false => depends("exact", said),
    }
}

fn rss_swap(lab: &Lab, side: Side) -> Gathered {
    let _swap = lab.swap(64)?;
    let group = Group::make(lab, "rss-swap")?;
    group.set("memory.max", 16 * MIB)?;
    if side.is_control() {
        group.set("memory.swap.max", 0)?;
    }
    let mut child = group.child()?;
    let area = child.ask(&format!("map {} small", 32 * MIB))?;
    let id = area.number("id");
    let wrote = child.ask(&format!("write {id} 0 {} {}", 32 * MIB, lab.page()));
    Ok(Evidence::new()
        .kib("max", 16 * 1024, "memory.max")
        .flag("alive", wrote.is_ok(), "whether who wrote 32 MiB lives")
        .kib(
            "swapped",
            group.number("memory.swap.current")? / KIB,
            "memory.swap.current",
        ))
}

fn rss_swap_judge(e: &Evidence) -> Judged {
    let (max, swapped) = (e.get("max")?, e.get("swapped")?);
    let lives = if e.is("alive")? {
        "lives"
    } else {
        "was killed"
    };
    whether(
        e.is("alive")? && swapped > 8192.0,
        format!(
            "32768 KiB written with a limit of {max}: {swapped} KiB in swap, the writer {lives}"
        ),
    )
}
