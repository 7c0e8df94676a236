// SPDX-License-Identifier: GPL-2.0

//! What a process consists of, and what it uses.

use super::claim::prelude::*;
use crate::evidence::{
    group::Group,
    process::{kib, name, MMPermissions, MemoryMap, Seen},
    system,
};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "vma.sources",
        sentence: "text, data, heap, stack and mappings are areas; what is between is illegal",
        lecture: "A3",
        needs: &[],
        gather: sources,
        judge: sources_judge,
        control: Control::Live("an access in the stack's area instead of a gap"),
        why: "A fault outside any area is SEGV_MAPERR (arch/x86/mm/fault.c: bad_area).",
    },
    Claim {
        id: "vma.list",
        sentence: "mm_struct holds a list of the areas",
        lecture: "A3",
        needs: &[Root],
        gather: list,
        judge: list_judge,
        control: Control::Supposed("Linux 5.15, which had list and red-black tree", || {
            Evidence::new()
                .count("areas", 4000, "supposed")
                .count("maple", 0, "supposed")
                .flag("has_maple", false, "supposed")
        }),
        why: "Since 6.1 the areas are in a maple tree (include/linux/mm_types.h: mm_mt); list and \
              red-black tree are gone.",
    },
    Claim {
        id: "vma.three-views",
        sentence: "maps, smaps and status agree on the size of a process",
        lecture: "A3",
        needs: &[],
        gather: three_views,
        judge: three_views_judge,
        control: Control::Live("an area is added between the two looks"),
        why: "All three go through the same areas (fs/proc/task_mmu.c); VmSize is total_vm.",
    },
    Claim {
        id: "vma.four-kinds",
        sentence: "memory is private or shared, and anonymous or of a file",
        lecture: "C",
        needs: &[],
        gather: four_kinds,
        judge: four_kinds_judge,
        control: Control::Live("all four private and anonymous"),
        why: "smaps tells them by the flag s or p, by a path, and by the counters Anonymous, \
              Private_Dirty and Shared_Dirty (fs/proc/task_mmu.c).",
    },
    Claim {
        id: "vma.pss",
        sentence: "a page of n processes counts 1/n in PSS; VSS >= RSS >= PSS >= USS",
        lecture: "A3",
        needs: &[],
        gather: pss,
        judge: pss_judge,
        control: Control::Live("RSS instead of PSS"),
        why:
            "smaps divides each page by its map count (fs/proc/task_mmu.c: smaps_page_accumulate).",
    },
    Claim {
        id: "vma.ps-sum",
        sentence: "ps's VSZ is the sum of all areas, its RSS what is mapped of them",
        lecture: "B",
        needs: &[],
        gather: ps_sum,
        judge: ps_sum_judge,
        control: Control::Live("the areas with a path alone"),
        why: "total_vm is kept as areas come and go (mm/vma.c: vm_stat_account).",
    },
    Claim {
        id: "vma.sum",
        sentence: "the sum of PSS is what processes use together, the sum of RSS is not",
        lecture: "A3",
        needs: &[],
        gather: sum,
        judge: sum_judge,
        control: Control::Live("the sum of RSS"),
        why: "What several processes map is in each one's RSS whole, and in the PSS of all of \
              them together once.",
    },
    Claim {
        id: "vma.shm",
        sentence: "shared memory outlives the process that made it",
        lecture: "C",
        needs: &[],
        gather: shm,
        judge: shm_judge,
        control: Control::Live("anonymous memory"),
        why: "A segment is a file of the kernel's own tmpfs (ipc/shm.c), which IPC_RMID removes.",
    },
    Claim {
        id: "vma.kernel-memory",
        sentence: "memory that the kernel takes for a process's system calls is in no process",
        lecture: "A3",
        needs: &[Group],
        gather: kernel_memory,
        judge: kernel_memory_judge,
        control: Control::Live("memory of its own, touched"),
        why:
            "Pipes, tables, tasks are charged to the cgroup (__GFP_ACCOUNT; memory.stat: kernel), \
              and mapped into no process.",
    },
];

fn sources(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    child.ask("malloc 1000 1")?;
    let seen = Seen::child(&lab.machine, &child);
    let areas = seen.areas()?;
    let has = |what: &str| areas.iter().any(|area| name(area) == what);
    let program = |perms: MMPermissions| {
        areas
            .iter()
            .any(|area| name(area).starts_with('/') && area.perms.contains(perms))
    };
    // Between two areas, well away from the stack, which grows into what is below it.
    let gaps = areas.windows(2);
    let gap = gaps
        .map(|pair| (pair[0].address.1, pair[1].address.0 - pair[0].address.1))
        .find(|(_, size)| *size > 64 * MIB)
        .ok_or("a gap between two areas")?;
    let stack = areas.iter().find(|area| name(area) == "stack");
    let stack = stack.ok_or("a stack")?.address.1 - 64;
    let at = if side.is_control() {
        stack
    } else {
        gap.0 + gap.1 / 2
    };
    let fault = child.ask(&format!("fault {at} read"))?;
    Ok(Evidence::new()
        .count("areas", areas.len(), "maps: lines")
        .flag("text", program(MMPermissions::EXECUTE), "maps: r-xp")
        .flag("data", program(MMPermissions::WRITE), "maps: rw-p")
        .flag("heap", has("heap"), "maps: [heap]")
        .flag("stack", has("stack"), "maps: [stack]")
        .text("address", format!("{at:#x}"), "read by a child")
        .count("signal", fault.number("signal"), "siginfo: si_signo")
        .count("code", fault.number("code"), "siginfo: si_code"))
}

fn sources_judge(e: &Evidence) -> Judged {
    let all = ["text", "data", "heap", "stack"];
    let found = all
        .iter()
        .filter(|what| e.is(what).unwrap_or(false))
        .count();
    whether(
        found == all.len() && e.get("signal")? == 11.0 && e.get("code")? == 1.0,
        format!(
            "{} areas, {found} of text, data, heap and stack among them; a read at {}: signal {}, \
             code {}",
            e.get("areas")?,
            e.words("address")?,
            e.get("signal")?,
            e.get("code")?
        ),
    )
}

fn list(lab: &Lab, _: Side) -> Gathered {
    let mut child = lab.child()?;
    let before = system::slab(lab, "maple_node")?;
    for at in 0..4000 {
        // Different rights, so that no two are joined.
        let kind = if at % 2 == 0 { "ro" } else { "" };
        child.ask(&format!("map {} {kind}", lab.page()))?;
    }
    let after = system::slab(lab, "maple_node")?;
    let areas = Seen::child(&lab.machine, &child).areas()?.len();
    let grew = after.unwrap_or(0) as i64 - before.unwrap_or(0) as i64;
    Ok(Evidence::new()
        .count("areas", areas, "maps: lines")
        .count("maple", grew, "slabinfo: maple_node, in use")
        .flag("has_maple", after.is_some(), "slabinfo has maple_node"))
}

fn list_judge(e: &Evidence) -> Judged {
    let (areas, maple) = (e.get("areas")?, e.get("maple")?);
    match e.is("has_maple")? && maple > areas / 32.0 {
        true => holds_not(format!(
            "a maple tree: {areas} areas take {maple} nodes of it"
        )),
        false => holds(format!("{areas} areas and {maple} nodes of a maple tree")),
    }
}

fn three_views(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let sum = |of: fn(&MemoryMap) -> u64| -> Result<u64, Lack> {
        let areas = seen.areas()?;
        Ok(areas
            .iter()
            .filter(|area| name(area) != "vsyscall")
            .map(of)
            .sum())
    };
    let maps = sum(|area| (area.address.1 - area.address.0) >> 10)?;
    if side.is_control() {
        child.ask(&format!("map {MIB}"))?;
    }
    Ok(Evidence::new()
        .kib("maps", maps, "maps: the sum of the ranges")
        .kib(
            "smaps",
            sum(|area| kib(area, "Size"))?,
            "smaps: the sum of Size",
        )
        .kib("status", seen.status_of("VmSize")?, "status: VmSize"))
}

fn three_views_judge(e: &Evidence) -> Judged {
    let (maps, smaps, status) = (e.get("maps")?, e.get("smaps")?, e.get("status")?);
    whether(
        maps == smaps && maps == status,
        format!("{maps} KiB in maps, {smaps} in smaps, {status} in status"),
    )
}

fn four_kinds(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("kinds", MIB)?;
    let mut child = lab.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let of = format!("file={}", file.word());
    let mut e = Evidence::new();
    for (label, words) in [
        ("private_anonymous", ""),
        ("shared_anonymous", "shared"),
        ("private_file", of.as_str()),
        ("shared_file", &format!("shared {of}")),
    ] {
        let words = if side.is_control() { "" } else { words };
        let area = child.ask(&format!("map {MIB} small {words}"))?;
        child.ask(&format!(
            "read {} 0 {MIB} {}",
            area.number("id"),
            lab.page()
        ))?;
        let area = seen.area(area.number("address"))?;
        let private = area.perms.contains(MMPermissions::PRIVATE);
        // Shared anonymous memory is a file of the kernel's own, named after a device.
        let path = name(&area);
        let kind = match (private, path.starts_with('/') && !path.contains("dev/zero")) {
            (true, false) => "private, anonymous",
            (true, true) => "private, of a file",
            (false, true) => "shared, of a file",
            (false, false) => "shared, anonymous",
        };
        e = e.text(label, kind, "smaps: its line and flag");
    }
    Ok(e)
}

fn four_kinds_judge(e: &Evidence) -> Judged {
    let names = [
        "private_anonymous",
        "shared_anonymous",
        "private_file",
        "shared_file",
    ];
    let mut kinds = names
        .iter()
        .map(|name| e.words(name))
        .collect::<Result<Vec<_>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    whether(
        kinds.len() == 4,
        format!("{} kinds told apart: {}", kinds.len(), kinds.join("; ")),
    )
}

fn pss(lab: &Lab, side: Side) -> Gathered {
    let (mut child, size) = (lab.child()?, 16 * MIB);
    let seen = Seen::child(&lab.machine, &child);
    let area = child.ask(&format!("map {size} small"))?;
    let (id, at) = (area.number("id"), area.number("address"));
    child.ask(&format!("write {id} 0 {size} {}", lab.page()))?;
    let key = if side.is_control() { "Rss" } else { "Pss" };
    let share = || seen.area(at).map(|area| kib(&area, key));
    let one = share()?;
    child.ask(&format!("fork read {id} 0 {size} {}", lab.page()))?;
    let two = share()?;
    child.ask(&format!("fork read {id} 0 {size} {}", lab.page()))?;
    let three = share()?;
    let (vss, rss) = (seen.status_of("VmSize")?, seen.rollup("Rss")?);
    Ok(Evidence::new()
        .kib("one", one, "smaps of the area: the share of one process")
        .kib("two", two, "of each of two")
        .kib("three", three, "of each of three")
        .kib("vss", vss, "status: VmSize")
        .kib("rss", rss, "smaps_rollup: Rss")
        .kib("pss", seen.rollup("Pss")?, "smaps_rollup: Pss")
        .kib(
            "uss",
            seen.uss()?,
            "smaps_rollup: Private_Clean + Private_Dirty",
        ))
}

fn pss_judge(e: &Evidence) -> Judged {
    let (one, two, three) = (e.get("one")?, e.get("two")?, e.get("three")?);
    let (vss, rss, pss, uss) = (e.get("vss")?, e.get("rss")?, e.get("pss")?, e.get("uss")?);
    let near = |got: f64, want: f64| (got - want).abs() <= 0.01 * one;
    whether(
        near(two, one / 2.0) && near(three, one / 3.0) && vss >= rss && rss >= pss && pss >= uss,
        format!(
            "{one} KiB alone, {two} of two, {three} of three; {vss} >= {rss} >= {pss} >= {uss} KiB"
        ),
    )
}

fn ps_sum(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    child.ask(&format!("malloc {MIB} 1 dirty"))?;
    let seen = Seen::child(&lab.machine, &child);
    let stat = seen.text("statm")?;
    let pages: Vec<u64> = stat.split_whitespace().flat_map(str::parse).collect();
    let [size, resident, ..] = pages[..] else {
        return lacks("statm of a process");
    };
    let areas = seen.areas()?;
    let counted = areas.iter().filter(|area| match side {
        Side::Claim => name(area) != "vsyscall",
        Side::Control => name(area).starts_with('/'),
    });
    let (mut vsz, mut rss) = (0, 0);
    for area in counted {
        vsz += (area.address.1 - area.address.0) >> 10;
        rss += kib(area, "Rss");
    }
    Ok(Evidence::new()
        .kib("vsz", size * lab.page() / KIB, "statm: size")
        .kib("areas", vsz, "maps: the sum of the areas")
        .kib("rss", resident * lab.page() / KIB, "statm: resident")
        .kib("mapped", rss, "smaps: the sum of Rss"))
}

fn ps_sum_judge(e: &Evidence) -> Judged {
    let (vsz, areas, rss, mapped) = (
        e.get("vsz")?,
        e.get("areas")?,
        e.get("rss")?,
        e.get("mapped")?,
    );
    // The counters of each CPU may lag behind.
    let close = (rss - mapped).abs() <= 0.1 * rss + 512.0;
    whether(
        vsz == areas && close,
        format!("VSZ {vsz} KiB, areas {areas}; RSS {rss} KiB, mapped {mapped}"),
    )
}

fn sum(lab: &Lab, side: Side) -> Gathered {
    let (mut child, size) = (lab.child()?, 32 * MIB);
    let free = || system::meminfo(lab, "MemFree");
    let area = child.ask(&format!("map {size} small"))?;
    let id = area.number("id");
    let before = free()?;
    child.ask(&format!("write {id} 0 {size} {}", lab.page()))?;
    let mut pids = vec![u64::from(child.pid())];
    for _ in 0..3 {
        let fork = child.ask(&format!("fork read {id} 0 {size} {}", lab.page()))?;
        pids.push(fork.number("pid"));
    }
    let used = before as i64 - free()? as i64;
    let key = if side.is_control() { "Rss" } else { "Pss" };
    let mut sum = 0;
    for pid in pids {
        let seen = Seen::new(&lab.machine, u32::try_from(pid).unwrap_or(0));
        sum += kib(&seen.area(area.number("address"))?, key);
    }
    Ok(Evidence::new()
        .kib(
            "written",
            size / KIB,
            "by one of four processes, before the others were forked",
        )
        .kib("used", used, "meminfo: MemFree fell by")
        .kib("sum", sum, "smaps of the area, summed over the four"))
}

fn sum_judge(e: &Evidence) -> Judged {
    let (written, used, sum) = (e.get("written")?, e.get("used")?, e.get("sum")?);
    whether(
        (sum - written).abs() <= 0.05 * written,
        format!("{written} KiB written, {used} KiB of memory went, the sum is {sum} KiB"),
    )
}

fn shm(lab: &Lab, side: Side) -> Gathered {
    let size = 8 * MIB;
    let level = || system::meminfo(lab, "Shmem");
    let before = level()?;
    let mut child = lab.child()?;
    let made = match side {
        Side::Claim => child.ask(&format!("shared make {size}"))?.number("id"),
        Side::Control => {
            let area = child.ask(&format!("map {size} shared"))?;
            child.ask(&format!(
                "write {} 0 {size} {}",
                area.number("id"),
                lab.page()
            ))?;
            0
        }
    };
    let with = level()?;
    drop(child);
    lab.pause(100);
    let after = level()?;
    let listed = side == Side::Claim && system::segment(lab, made);
    if side == Side::Claim {
        lab.child()?.ask(&format!("shared remove {made}"))?;
    }
    let grew = |now: u64| now as i64 - before as i64;
    Ok(Evidence::new()
        .kib(
            "with",
            grew(with),
            "meminfo: Shmem, while the process lives",
        )
        .kib("after", grew(after), "meminfo: Shmem, after its end")
        .flag("listed", listed, "sysvipc/shm, as ipcs shows it"))
}

fn shm_judge(e: &Evidence) -> Judged {
    let (with, after) = (e.get("with")?, e.get("after")?);
    whether(
        with > 7168.0 && after > 0.9 * with && e.is("listed")?,
        format!("Shmem {with:+} KiB with the process, {after:+} KiB after its end"),
    )
}

fn kernel_memory(lab: &Lab, side: Side) -> Gathered {
    let group = Group::make(lab, "kernel")?;
    let mut child = group.child()?;
    let seen = Seen::child(&lab.machine, &child);
    let (kernel, rss) = (group.stat("kernel")?, seen.rollup("Rss")?);
    match side {
        Side::Claim => {
            for _ in 0..100 {
                child.ask("fork")?;
            }
        }
        Side::Control => {
            let area = child.ask(&format!("map {} small", 16 * MIB))?;
            child.ask(&format!(
                "write {} 0 {} {}",
                area.number("id"),
                16 * MIB,
                lab.page()
            ))?;
        }
    }
    lab.pause(2100); // memory.stat is flushed every two seconds.
    let grew = |now: u64, was: u64| now as i64 - was as i64;
    Ok(Evidence::new()
        .kib(
            "rss",
            grew(seen.rollup("Rss")?, rss),
            "smaps_rollup: Rss grew by",
        )
        .kib(
            "kernel",
            grew(group.stat("kernel")?, kernel) / 1024,
            "memory.stat: kernel grew by",
        ))
}

fn kernel_memory_judge(e: &Evidence) -> Judged {
    let (rss, kernel) = (e.get("rss")?, e.get("kernel")?);
    whether(
        kernel > 1024.0 && rss < kernel / 4.0,
        format!("the cgroup pays {kernel:+} KiB for the kernel, RSS {rss:+} KiB"),
    )
}
