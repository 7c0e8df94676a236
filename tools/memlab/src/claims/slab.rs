// SPDX-License-Identifier: GPL-2.0

//! Small objects cut from pages.

use super::claim::prelude::*;
use crate::evidence::system;

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "slab.task-struct",
        sentence: "task_struct has a slab cache of its own",
        lecture: "A2",
        needs: &[Root],
        gather: task_struct,
        judge: task_struct_judge,
        control: Control::Live("as many areas are mapped instead"),
        why: "kernel/fork.c: fork_init() makes the cache; which bytes of it user space may copy \
              sets it apart, so that it is joined with none (mm/slab_common.c).",
    },
    Claim {
        id: "slab.reclaimable",
        sentence: "dentries and inodes go by drop_caches=2, objects in use stay",
        lecture: "A5",
        needs: &[System],
        gather: reclaimable,
        judge: reclaimable_judge,
        control: Control::Live("SUnreclaim instead of SReclaimable"),
        why: "Their caches are SLAB_RECLAIM_ACCOUNT and have shrinkers (fs/super.c: \
              super_cache_scan); what somebody refers to is passed over.",
    },
];

const TASKS: u64 = 300;

fn task_struct(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let count = || -> Result<u64, Lack> {
        let found = system::slab(lab, "task_struct")?;
        found.ok_or_else(|| "a cache task_struct in /proc/slabinfo".into())
    };
    let before = count()?;
    let line = match side {
        Side::Claim => "fork".to_owned(),
        Side::Control => format!("map {}", lab.page()),
    };
    for _ in 0..TASKS {
        child.ask(&line)?;
    }
    Ok(Evidence::new()
        .count("asked", TASKS, "times that it was asked for one")
        .count(
            "grew",
            count()? as i64 - before as i64,
            "slabinfo: task_struct, in use",
        ))
}

fn task_struct_judge(e: &Evidence) -> Judged {
    let (asked, grew) = (e.get("asked")?, e.get("grew")?);
    // What lies ready for a CPU counts as used already.
    whether(
        grew >= 0.7 * asked,
        format!("asked {asked} times: {grew} objects of task_struct more"),
    )
}

fn reclaimable(lab: &Lab, side: Side) -> Gathered {
    let key = if side.is_control() {
        "SUnreclaim"
    } else {
        "SReclaimable"
    };
    // The second time there is nothing to make any more but what the first one let go.
    lab.drop_caches(2)?;
    let names = system::roam(lab, system::DEVICES, 6);
    let before = system::meminfo(lab, key)?;
    lab.drop_caches(2)?;
    let dentries = system::slab(lab, "dentry")?;
    Ok(Evidence::new()
        .count("names", names, "names looked up in sysfs")
        .text("of", key, "meminfo")
        .kib("before", before, "meminfo: it before")
        .kib(
            "after",
            system::meminfo(lab, key)?,
            "meminfo: it after drop_caches=2",
        )
        .count(
            "stay",
            dentries.unwrap_or(0),
            "slabinfo: dentry, in use after",
        ))
}

fn reclaimable_judge(e: &Evidence) -> Judged {
    let (before, after, stay) = (e.get("before")?, e.get("after")?, e.get("stay")?);
    whether(
        before - after > before / 20.0 && stay > 0.0,
        format!(
            "{} {before} to {after} KiB, {stay} dentries stay",
            e.words("of")?
        ),
    )
}
