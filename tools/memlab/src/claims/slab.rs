// SPDX-License-Identifier: GPL-2.0

//! Small objects cut from pages.

use super::claim::prelude::*;
use crate::evidence::{
    events::{kept, Watch},
    probe::Probe,
    system,
};

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
    Claim {
        id: "slab.second-level",
        sentence: "kmalloc cuts pages into equal objects",
        lecture: "A2, B",
        needs: &[Root],
        gather: second_level,
        judge: second_level_judge,
        control: Control::Live("a size above the largest class"),
        why: "mm/slab_common.c: kmalloc_info[] has the classes; what is larger goes to the page \
              allocator (mm/slub.c: ___kmalloc_large_node).",
    },
    Claim {
        id: "slab.from-buddy",
        sentence: "the pages of slabs come from the buddy allocator",
        lecture: "A2",
        needs: &[Root],
        gather: from_buddy,
        judge: from_buddy_judge,
        control: Control::Live("the same names again: their objects are there"),
        why: "mm/slub.c: allocate_slab() asks alloc_pages() for a block of the cache's order, and \
              cuts it into objects.",
    },
    Claim {
        id: "slab.leak-visible",
        sentence: "allocations without their frees show in slabinfo",
        lecture: "A2, A3",
        needs: &[Root],
        gather: leak_visible,
        judge: leak_visible_judge,
        control: Control::Live("each is closed before the next is opened"),
        why: "An open file is an object of the cache filp (fs/file_table.c), which is joined with \
              no other: who never closes leaves a count that only rises.",
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
    let names = 30_000;
    system::miss(lab, system::DEVICES, names);
    let before = system::meminfo(lab, key)?;
    lab.drop_caches(2)?;
    let dentries = system::slab(lab, "dentry")?;
    Ok(Evidence::new()
        .count(
            "names",
            names,
            "names looked up in sysfs that are not there: a dentry each",
        )
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

fn second_level(lab: &Lab, side: Side) -> Gathered {
    let probe = Probe::open(lab)?;
    let size = if side.is_control() {
        9 * lab.page()
    } else {
        100
    };
    let came = probe.run(&format!("kmalloc size={size}"))?;
    let takes = came.number("takes_bytes")?;
    let class = system::slab_class(lab, takes)?;
    Ok(Evidence::new()
        .number("asked", size, "B", "of kmalloc()")
        .number("takes", takes, "B", "the module: ksize() of it")
        .count(
            "objects",
            class.0,
            "slabinfo: objects in a slab of that size, 0 without such a class",
        )
        .count("pages", class.1, "slabinfo: pages of such a slab"))
}

fn second_level_judge(e: &Evidence) -> Judged {
    let (asked, takes, objects) = (e.get("asked")?, e.get("takes")?, e.get("objects")?);
    whether(
        objects >= 2.0 && takes > asked,
        format!(
            "{asked} bytes take {takes}: {objects} such objects in a slab of {} pages",
            e.get("pages")?
        ),
    )
}

const NAMES: u64 = 20_000;

fn from_buddy(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let head = format!("slab-{}", std::process::id());
    // Each look at a name that is not there makes a dentry, which stays.
    let names = |head: &str| format!("miss {NAMES} {} {head}", system::DEVICES);
    let head = match side {
        Side::Claim => format!("{head}-{}", child.pid()),
        Side::Control => {
            child.ask(&names(&head))?;
            head
        }
    };
    let objects = || -> Result<u64, Lack> { Ok(system::slab(lab, "dentry")?.unwrap_or(0)) };
    let before = objects()?;
    let mut watch = Watch::begin(
        lab,
        &["kmem/mm_page_alloc", "kmem/mm_page_free"],
        Some(child.pid()),
    )?;
    child.ask(&names(&head))?;
    let pages = kept(&watch.events()?);
    Ok(Evidence::new()
        .count("names", NAMES, "names looked up that are not there")
        .count(
            "objects",
            objects()? as i64 - before as i64,
            "slabinfo: dentry, in use, grew by",
        )
        .count(
            "pages",
            pages,
            "mm_page_alloc less mm_page_free of the process: pages taken and kept",
        )
        .number("page", lab.page(), "B", "page size"))
}

fn from_buddy_judge(e: &Evidence) -> Judged {
    let (names, objects, pages) = (e.get("names")?, e.get("objects")?, e.get("pages")?);
    let each = pages * e.get("page")? / objects.max(1.0);
    whether(
        // A dentry is of 192 bytes, or a little more where debugging adds to it.
        objects > 0.7 * names && (100.0..1000.0).contains(&each),
        format!("{names} names: {objects} objects more, and {pages} pages of the buddy allocator"),
    )
}

/// A process may have 1024 files open: two for each pipe.
const PIPES: u64 = 450;

fn leak_visible(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let count = || -> Result<u64, Lack> {
        let found = system::slab(lab, "filp")?;
        found.ok_or_else(|| "a cache filp in /proc/slabinfo".into())
    };
    let before = count()?;
    let close = if side.is_control() { "close" } else { "" };
    child.ask(&format!("pipes {PIPES} {close}"))?;
    Ok(Evidence::new()
        .count("opened", 2 * PIPES, "files: both ends of pipes")
        .count(
            "grew",
            count()? as i64 - before as i64,
            "slabinfo: filp, in use",
        ))
}

fn leak_visible_judge(e: &Evidence) -> Judged {
    let (opened, grew) = (e.get("opened")?, e.get("grew")?);
    // What lies ready for a CPU counts as used already.
    whether(
        grew >= 0.6 * opened,
        format!("{opened} files opened: {grew} objects of filp more"),
    )
}
