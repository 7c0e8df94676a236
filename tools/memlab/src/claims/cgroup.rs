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
