// SPDX-License-Identifier: GPL-2.0

//! How memory is taken back.

use super::claim::prelude::*;
use crate::evidence::{group::Group, system};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "reclaim.kswapd-sleeps",
        sentence: "kswapd wakes periodically to look for memory",
        lecture: "D",
        needs: &[],
        gather: kswapd,
        judge: kswapd_judge,
        control: Control::Supposed("Linux 2.2, where it woke each second", || {
            Evidence::new()
                .count("switches", 2, "supposed")
                .number("seconds", 2.0, "s", "supposed")
        }),
        why: "It sleeps until an allocation finds a zone below its low mark (mm/vmscan.c: \
              wakeup_kswapd).",
    },
    Claim {
        id: "reclaim.drop",
        sentence: "drop_caches lets the page cache go, and what is in use stays",
        lecture: "A5",
        needs: &[System],
        gather: drop_caches,
        judge: drop_caches_judge,
        control: Control::Live("nothing is written to drop_caches"),
        why: "fs/drop_caches.c goes through every inode and lets clean, unmapped pages go.",
    },
    Claim {
        id: "reclaim.cgroup-swappiness",
        sentence: "with swappiness 0 a group never swaps",
        lecture: "A5",
        needs: &[Group, System, Scratch],
        gather: swappiness,
        judge: swappiness_judge,
        control: Control::Live("swappiness 100"),
        why:
            "mm/vmscan.c: get_scan_count() takes file pages alone for a limited group at 0. v2 has \
              no file of its own for it: vm.swappiness counts.",
    },
];

fn kswapd(lab: &Lab, _: Side) -> Gathered {
    let before = system::switches(lab, "kswapd0")?;
    let seconds = 2;
    lab.pause(1000 * seconds);
    Ok(Evidence::new()
        .count(
            "switches",
            system::switches(lab, "kswapd0")? - before,
            "status of kswapd0",
        )
        .number("seconds", seconds, "s", "of an idle machine"))
}

fn kswapd_judge(e: &Evidence) -> Judged {
    let (switches, seconds) = (e.get("switches")?, e.get("seconds")?);
    let said = format!("{switches} switches in {seconds} s");
    match switches == 0.0 {
        true => holds_not(format!(
            "{said}: it is woken where a zone falls below its low mark"
        )),
        false => holds(said),
    }
}

fn drop_caches(lab: &Lab, side: Side) -> Gathered {
    // Of the test's own file where it is on a disk, of everybody's elsewhere.
    let file = lab.file("drop", 32 * MIB)?;
    file.read()?;
    let (cached, slab) = (
        system::meminfo(lab, "Cached")?,
        system::meminfo(lab, "SReclaimable")?,
    );
    if side == Side::Claim {
        lab.drop_caches(3)?;
    }
    let of = |key: &str| system::meminfo(lab, key);
    Ok(Evidence::new()
        .kib("cached", cached, "meminfo: Cached before")
        .kib(
            "cached_after",
            of("Cached")?,
            "meminfo: Cached after drop_caches=3",
        )
        .kib("slab", slab, "meminfo: SReclaimable before")
        .kib(
            "slab_after",
            of("SReclaimable")?,
            "meminfo: SReclaimable after",
        )
        .kib("shmem", of("Shmem")?, "meminfo: Shmem, which stays"))
}

fn drop_caches_judge(e: &Evidence) -> Judged {
    let (cached, after) = (e.get("cached")?, e.get("cached_after")?);
    let (slab, slab_after) = (e.get("slab")?, e.get("slab_after")?);
    whether(
        slab_after < slab && after <= cached && after >= e.get("shmem")?,
        format!("Cached {cached} to {after} KiB, SReclaimable {slab} to {slab_after} KiB"),
    )
}

fn swappiness(lab: &Lab, side: Side) -> Gathered {
    let _area = lab.swap(64)?;
    let to = if side.is_control() { "100" } else { "0" };
    let _setting = lab.set(system::SWAPPINESS, to)?;
    let group = Group::make(lab, "swappiness")?;
    let mut child = group.child()?;
    let area = child.ask(&format!("map {} small", 32 * MIB))?;
    child.ask(&format!(
        "write {} 0 {} {}",
        area.number("id"),
        32 * MIB,
        lab.page()
    ))?;
    group.reclaim(16 * MIB)?;
    Ok(Evidence::new().text("swappiness", to, "vm.swappiness").kib(
        "swapped",
        group.number("memory.swap.current")? / KIB,
        "memory.swap.current",
    ))
}

fn swappiness_judge(e: &Evidence) -> Judged {
    let swapped = e.get("swapped")?;
    whether(
        swapped == 0.0,
        format!(
            "{swapped} KiB of 32 MiB in swap, swappiness {}",
            e.words("swappiness")?
        ),
    )
}
