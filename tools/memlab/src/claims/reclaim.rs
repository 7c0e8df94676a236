// SPDX-License-Identifier: GPL-2.0

//! How memory is taken back.

use super::claim::prelude::*;
use crate::evidence::{group::Group, process::Seen, system, zone};

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
        needs: &[System, Scratch],
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
    Claim {
        id: "reclaim.min-formula",
        sentence: "the lowest mark is 4 sqrt(low memory), in KiB",
        lecture: "A5",
        needs: &[],
        gather: min_formula,
        judge: min_formula_judge,
        control: Control::Supposed("2 GiB, and min_free_kbytes lowered by hand", || {
            Evidence::new()
                .kib("low", 2_000_000, "supposed")
                .kib("formula", 5656, "supposed")
                .kib("min", 1024, "supposed")
                .text("thp", "always", "supposed")
        }),
        why: "mm/page_alloc.c: calculate_min_free_kbytes(), between 128 and 262144; with huge \
              pages mm/khugepaged.c: set_recommended_min_free_kbytes() raises it.",
    },
    Claim {
        id: "reclaim.reserve",
        sentence: "lowmem_reserve_ratio sets the lowest mark",
        lecture: "A5",
        needs: &[System],
        gather: reserve,
        judge: reserve_judge,
        control: Control::Live("min_free_kbytes is doubled instead"),
        why: "It sets what a lower zone keeps from requests that may take a higher one \
              (mm/page_alloc.c: setup_per_zone_lowmem_reserve).",
    },
    Claim {
        id: "reclaim.slow-return",
        sentence: "what was taken back is slow the first time it is used again",
        lecture: "A4",
        needs: &[Scratch],
        gather: slow_return,
        judge: slow_return_judge,
        control: Control::Live("nothing is taken back in between"),
        why: "A page that is not there is read from its file by a major fault, with those around \
              it (mm/filemap.c: filemap_fault).",
    },
    Claim {
        id: "reclaim.shrinker",
        sentence: "reclaim calls the shrinkers of caches as well",
        lecture: "D",
        needs: &[Group, Scratch],
        gather: shrinker,
        judge: shrinker_judge,
        control: Control::Live("objects that are in use: open pipes"),
        why: "mm/vmscan.c: shrink_one() and shrink_node_memcgs() call shrink_slab() \
              (mm/shrinker.c), here the one of dentries (fs/super.c).",
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
        slab_after < slab && after < cached - 16_384.0 && after >= e.get("shmem")?,
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

fn min_formula(lab: &Lab, _: Side) -> Gathered {
    let zones = zone::zones(lab)?;
    let low = zones.iter().filter(|zone| zone.is_low());
    let pages: u64 = low.map(|zone| zone.pages("managed")).sum();
    let low = pages * lab.page() / KIB;
    let formula = (16 * low).isqrt().clamp(128, 262_144);
    Ok(Evidence::new()
        .kib("low", low, "zoneinfo: managed, without HighMem and Movable")
        .kib(
            "formula",
            formula,
            "4 sqrt(it), at least 128 and at most 262144",
        )
        .kib(
            "min",
            system::number(lab, system::MIN_FREE)?,
            "vm.min_free_kbytes",
        )
        .text(
            "thp",
            system::thp(lab).unwrap_or("off".into()),
            "transparent_hugepage/enabled",
        ))
}

fn min_formula_judge(e: &Evidence) -> Judged {
    let (low, formula, min) = (e.get("low")?, e.get("formula")?, e.get("min")?);
    let thp = e.words("thp")?;
    let said = format!(
        "{formula} KiB by the formula from {low} KiB, min_free_kbytes is {min}; huge pages {thp}"
    );
    match () {
        () if (min - formula).abs() <= 0.05 * formula => holds(said),
        () if min > formula && ["always", "madvise"].contains(&thp) => holds_not(said),
        () => depends("set by hand", said),
    }
}

fn reserve(lab: &Lab, side: Side) -> Gathered {
    let sums = || -> Result<(u64, u64), Lack> {
        let zones = zone::zones(lab)?;
        let kept = zones.iter().map(|zone| zone.protection).sum();
        Ok((kept, zone::sum(&zones, "min")))
    };
    let (file, text) = match side {
        Side::Claim => {
            let text = lab.text(system::RESERVE_RATIO)?;
            let halves = text
                .split_whitespace()
                .map(|word| word.parse::<u64>().map_or(0, |ratio| ratio.div_ceil(2)));
            let halves: Vec<String> = halves.map(|ratio| ratio.to_string()).collect();
            (system::RESERVE_RATIO, halves.join(" "))
        }
        Side::Control => {
            let twice = 2 * system::number(lab, system::MIN_FREE)?;
            (system::MIN_FREE, twice.to_string())
        }
    };
    let (kept, min) = sums()?;
    let _held = lab.set(file, &text)?;
    let (kept_after, min_after) = sums()?;
    Ok(Evidence::new()
        .text(
            "set",
            file.rsplit('/').next().unwrap_or(""),
            "the sysctl that is changed",
        )
        .count("kept", kept, "zoneinfo: protection of all zones, before")
        .count("kept_after", kept_after, "zoneinfo: protection, after")
        .count("min", min, "zoneinfo: min of all zones, before")
        .count("min_after", min_after, "zoneinfo: min, after"))
}

fn reserve_judge(e: &Evidence) -> Judged {
    let (kept, kept_after) = (e.get("kept")?, e.get("kept_after")?);
    let (min, min_after) = (e.get("min")?, e.get("min_after")?);
    if kept == kept_after && min == min_after {
        return lacks("two zones, of which the one protects the other");
    }
    whether(
        min != min_after,
        format!(
            "{}: protection {kept} to {kept_after} pages, min {min} to {min_after}",
            e.words("set")?
        ),
    )
}

fn slow_return(lab: &Lab, side: Side) -> Gathered {
    const SIZE: u64 = 8 * MIB;
    let file = lab.file("return", SIZE)?;
    let mut child = lab.child()?;
    let look = |child: &mut crate::sys::child::Child| -> Result<(u64, u64), Lack> {
        let area = child.ask(&format!("map {SIZE} ro file={}", file.word()))?;
        let id = area.number("id");
        let seen = Seen::child(&lab.machine, child);
        let (_, before) = seen.faults()?;
        let read = child.ask(&format!("read {id} 0 {SIZE} {}", lab.page()))?;
        let (_, after) = seen.faults()?;
        child.ask(&format!("unmap {id}"))?;
        Ok((after - before, read.number("ns") / 1000))
    };
    let (_, warm) = look(&mut child)?;
    if side == Side::Claim {
        file.evict()?;
    }
    let (major, again) = look(&mut child)?;
    Ok(Evidence::new()
        .number(
            "warm",
            warm,
            "us",
            "to read 8 MiB through a mapping, in memory",
        )
        .count("major", major, "stat: major faults when it is read again")
        .number("again", again, "us", "to read it again"))
}

fn slow_return_judge(e: &Evidence) -> Judged {
    let (warm, major, again) = (e.get("warm")?, e.get("major")?, e.get("again")?);
    whether(
        major >= 1.0,
        format!("{warm} us while it was in memory; then {again} us with {major} major faults"),
    )
}

fn shrinker(lab: &Lab, side: Side) -> Gathered {
    let group = Group::make(lab, "shrinker")?;
    let mut child = group.child()?;
    match side {
        Side::Claim => child.ask(&format!("miss 20000 {}", lab.folder().display()))?,
        Side::Control => child.ask("pipes 450")?,
    };
    let kinds = || -> Result<u64, Lack> {
        Ok(group.stat("slab_reclaimable")? + group.stat("slab_unreclaimable")?)
    };
    lab.pause(2100); // memory.stat is flushed every two seconds.
    let before = kinds()?;
    for _ in 0..4 {
        group.reclaim(4 * MIB)?;
    }
    lab.pause(2100);
    Ok(Evidence::new()
        .kib(
            "slab",
            before / KIB,
            "memory.stat: slab of the group, before",
        )
        .kib(
            "slab_after",
            kinds()? / KIB,
            "memory.stat: slab, after memory.reclaim",
        ))
}

fn shrinker_judge(e: &Evidence) -> Judged {
    let (slab, after) = (e.get("slab")?, e.get("slab_after")?);
    whether(
        after < 0.6 * slab,
        format!("{slab} KiB of slab in the group, {after} after reclaim"),
    )
}
