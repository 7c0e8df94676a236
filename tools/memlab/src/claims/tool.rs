// SPDX-License-Identifier: GPL-2.0

//! What the tools say.

use super::claim::prelude::*;
use crate::evidence::{
    events::{field, kept, Watch},
    group::Group,
    process::Seen,
    system,
};
use crate::sys::delays::Wait;

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "tool.delays",
        sentence: "getdelays splits what a process waits for: a CPU, the disk, swap, reclaim",
        lecture: "A5",
        needs: &[Group, System, Scratch],
        gather: delays,
        judge: delays_judge,
        control: Control::Live("the same process, whose pages and file are in memory"),
        why: "kernel/delayacct.c adds up each wait where it happens; taskstats hands it out by \
              netlink. Only processes that begin while task_delayacct is 1 have it.",
    },
    Claim {
        id: "tool.vmstat",
        sentence: "vmstat and sar show rates: differences of counters that only rise",
        lecture: "A5, D",
        needs: &[],
        gather: vmstat,
        judge: vmstat_judge,
        control: Control::Live("a counter of what is now: nr_anon_pages after memory was freed"),
        why: "mm/vmstat.c: each CPU counts events, /proc/vmstat adds them up since boot; what \
              begins with nr_ is an amount, which may fall.",
    },
    Claim {
        id: "tool.pgpgin",
        sentence: "pgpgin and pgpgout are swap traffic",
        lecture: "D",
        needs: &[Scratch],
        gather: pgpgin,
        judge: pgpgin_judge,
        control: Control::Supposed("a kernel that counts swapping alone", || {
            Evidence::new()
                .kib("read", 16_384, "supposed")
                .kib("pgpgin", 0, "supposed")
                .count("pswpin", 0, "supposed")
        }),
        why: "block/blk-core.c: submit_bio() counts all that is read from and written to block \
              devices, in KiB; swapping is pswpin and pswpout, in pages.",
    },
    Claim {
        id: "tool.cachestat",
        sentence: "cachestat counts hits and misses: a miss is a page that is added to the cache",
        lecture: "D",
        needs: &[Root, Scratch],
        gather: cachestat,
        judge: cachestat_judge,
        control: Control::Live("the file is in memory already"),
        why: "mm/filemap.c: the tracepoint mm_filemap_add_to_page_cache, by the folio; a hit is a \
              read of pages that are there.",
    },
    Claim {
        id: "tool.oomkill",
        sentence: "oomkill names whom the OOM killer kills, as it happens",
        lecture: "D",
        needs: &[Root, Group],
        gather: oomkill,
        judge: oomkill_judge,
        control: Control::Live("killed by cgroup.kill"),
        why: "mm/oom_kill.c: the tracepoint mark_victim; vmstat's oom_kill counts it.",
    },
    Claim {
        id: "tool.swapin",
        sentence: "swapin names who waits for pages from swap",
        lecture: "D",
        needs: &[Group, System, Scratch],
        gather: swapin,
        judge: swapin_judge,
        control: Control::Live("the memory was never swapped out"),
        why: "mm/memory.c: do_swap_page() counts a major fault of the process; pswpin counts the \
              pages.",
    },
    Claim {
        id: "tool.memleak",
        sentence: "memleak lists what was allocated and not freed",
        lecture: "D",
        needs: &[Root],
        gather: memleak,
        judge: memleak_judge,
        control: Control::Live("the memory is unmapped before one looks"),
        why: "The tracepoints mm_page_alloc, mm_page_free and mm_page_free_batched of \
              include/trace/events/kmem.h, paired by frame.",
    },
    Claim {
        id: "tool.shmsnoop",
        sentence: "shmsnoop shows the calls of shared memory, with who made them",
        lecture: "D",
        needs: &[Root],
        gather: shmsnoop,
        judge: shmsnoop_judge,
        control: Control::Live("a shared mapping that is not of System V"),
        why: "It looks at the system calls shmget, shmat, shmdt and shmctl (ipc/shm.c); mmap() is \
              none of them.",
    },
];

const PAGES: u64 = 1024;

/// Maps memory in a child and writes each page.
fn written(lab: &Lab, child: &mut crate::sys::child::Child) -> Result<u64, Lack> {
    let size = PAGES * lab.page();
    let area = child.ask(&format!("map {size} small"))?;
    let id = area.number("id");
    child.ask(&format!("write {id} 0 {size} {}", lab.page()))?;
    Ok(id)
}

fn delays(lab: &Lab, side: Side) -> Gathered {
    const SIZE: u64 = 16 * MIB;
    let _on = lab.set(system::DELAYS, "1")?;
    let _area = lab.swap(64)?;
    let file = lab.file("delays", SIZE)?;
    let group = Group::make(lab, "delays")?;
    // It has to begin after that was set.
    let mut child = group.child()?;
    let area = child.ask(&format!("map {SIZE} small"))?;
    let id = area.number("id");
    child.ask(&format!("write {id} 0 {SIZE} {}", lab.page()))?;
    file.read()?;
    if side == Side::Claim {
        group.reclaim(SIZE * 3 / 4)?;
        file.evict()?;
    }
    let pid = child.pid();
    let look = || crate::sys::delays::of(pid).map_err(|error| error.to_string());
    let before = look()?;
    child.ask(&format!("read {id} 0 {SIZE} {}", lab.page()))?;
    child.ask(&format!("slurp {} {SIZE}", file.word()))?;
    let after = look()?;
    let us = |before: Wait, after: Wait| (after.ns - before.ns) / 1000;
    Ok(Evidence::new()
        .number(
            "cpu",
            us(before.cpu, after.cpu),
            "us",
            "taskstats: for a CPU",
        )
        .count(
            "disk_count",
            after.disk.count - before.disk.count,
            "taskstats: waits for the disk",
        )
        .number(
            "disk",
            us(before.disk, after.disk),
            "us",
            "taskstats: these",
        )
        .count(
            "swap_count",
            after.swap.count - before.swap.count,
            "taskstats: waits for swap",
        )
        .number(
            "swap",
            us(before.swap, after.swap),
            "us",
            "taskstats: these",
        )
        .number(
            "reclaim",
            us(before.reclaim, after.reclaim),
            "us",
            "taskstats: for memory to be taken back",
        ))
}

fn delays_judge(e: &Evidence) -> Judged {
    let (disk, swap) = (e.get("disk_count")?, e.get("swap_count")?);
    whether(
        disk > 0.0 && swap > 0.0 && e.get("disk")? > 0.0 && e.get("swap")? > 0.0,
        format!(
            "waited {} us for a CPU, {disk} times {} us for the disk, {swap} times {} us for swap, \
             {} us for reclaim",
            e.get("cpu")?,
            e.get("disk")?,
            e.get("swap")?,
            e.get("reclaim")?
        ),
    )
}

fn vmstat(lab: &Lab, side: Side) -> Gathered {
    let key = if side.is_control() {
        "nr_anon_pages"
    } else {
        "pgfault"
    };
    let mut child = lab.child()?;
    let look = || system::vmstat(lab, key);
    let first = look()?;
    let id = written(lab, &mut child)?;
    // An amount is folded into the total each second (vm.stat_interval).
    lab.pause(1500);
    let second = look()?;
    child.ask(&format!("unmap {id}"))?;
    lab.pause(1500);
    let third = look()?;
    Ok(Evidence::new()
        .text("counter", key, "vmstat")
        .count(
            "done",
            PAGES,
            "pages written for the first time, then unmapped",
        )
        .count(
            "rise",
            second as i64 - first as i64,
            "vmstat: it, after that",
        )
        .count(
            "after",
            third as i64 - second as i64,
            "vmstat: it, after the unmapping",
        ))
}

fn vmstat_judge(e: &Evidence) -> Judged {
    let (done, rise, after) = (e.get("done")?, e.get("rise")?, e.get("after")?);
    whether(
        rise >= done && after >= 0.0,
        format!(
            "{}: {rise:+} for {done} pages, {after:+} when they were unmapped",
            e.words("counter")?
        ),
    )
}

fn pgpgin(lab: &Lab, _: Side) -> Gathered {
    const SIZE: u64 = 16 * MIB;
    let file = lab.file("pgpgin", SIZE)?;
    file.evict()?;
    let of = |key: &str| system::vmstat(lab, key);
    let (pgpgin, pswpin) = (of("pgpgin")?, of("pswpin")?);
    file.read()?;
    Ok(Evidence::new()
        .kib("read", SIZE / KIB, "of a file that was not in memory")
        .kib("pgpgin", of("pgpgin")? - pgpgin, "vmstat: pgpgin grew by")
        .count("pswpin", of("pswpin")? - pswpin, "vmstat: pswpin grew by"))
}

fn pgpgin_judge(e: &Evidence) -> Judged {
    let (read, pgpgin, pswpin) = (e.get("read")?, e.get("pgpgin")?, e.get("pswpin")?);
    let said = format!("{read} KiB of a file read: pgpgin {pgpgin:+} KiB, pswpin {pswpin:+} pages");
    match pgpgin >= 0.9 * read && pswpin * 4.0 < read / 10.0 {
        true => holds_not(format!("{said}: all block devices are counted")),
        false => holds(said),
    }
}

fn cachestat(lab: &Lab, side: Side) -> Gathered {
    let (file, size) = (lab.file("cachestat", 4 * MIB)?, 4 * MIB);
    if side == Side::Claim {
        file.evict()?;
    }
    let events = ["filemap/mm_filemap_add_to_page_cache"];
    let mut watch = Watch::begin(lab, &events, Some(std::process::id()))?;
    file.read()?;
    let missed: u64 = watch
        .events()?
        .iter()
        .map(|(_, words)| {
            1 << field(words, "order")
                .and_then(|word| word.parse().ok())
                .unwrap_or(0)
        })
        .sum();
    Ok(Evidence::new()
        .count("pages", size / lab.page(), "of the file, each read once")
        .count(
            "missed",
            missed,
            "mm_filemap_add_to_page_cache: pages added meanwhile",
        ))
}

fn cachestat_judge(e: &Evidence) -> Judged {
    let (pages, missed) = (e.get("pages")?, e.get("missed")?);
    whether(
        missed >= 0.9 * pages,
        format!(
            "{missed} pages added for {pages} read: {} hits",
            (pages - missed).max(0.0)
        ),
    )
}

fn oomkill(lab: &Lab, side: Side) -> Gathered {
    let group = Group::make(lab, "oomkill")?;
    group.set("memory.max", 16 * MIB)?;
    let _ = group.set("memory.swap.max", 0); // No such file where the kernel has no swap.
    let mut child = group.child()?;
    let mut watch = Watch::begin(lab, &["oom/mark_victim"], None)?;
    let died = match side {
        Side::Claim => {
            let area = child.ask(&format!("map {} small", 32 * MIB))?;
            let id = area.number("id");
            child.ask(&format!("write {id} 0 {} {}", 32 * MIB, lab.page()))
        }
        Side::Control => {
            group.set("cgroup.kill", 1)?;
            child.ask("faults")
        }
    };
    let pid = child.pid().to_string();
    let events = watch.events()?;
    let named = events
        .iter()
        .any(|(_, words)| field(words, "pid") == Some(&pid));
    Ok(Evidence::new()
        .count("pid", child.pid(), "of the child")
        .flag("died", died.is_err(), "it does not answer any more")
        .count("victims", events.len(), "mark_victim: events")
        .flag("named", named, "of these, one with the child's pid"))
}

fn oomkill_judge(e: &Evidence) -> Judged {
    if !e.is("died")? {
        return lacks("a child that was killed");
    }
    whether(
        e.is("named")?,
        format!(
            "process {} died; {} victims marked, it among them: {}",
            e.get("pid")?,
            e.get("victims")?,
            if e.is("named")? { "yes" } else { "no" }
        ),
    )
}

fn swapin(lab: &Lab, side: Side) -> Gathered {
    let _area = lab.swap(64)?;
    let group = Group::make(lab, "swapin")?;
    let mut child = group.child()?;
    let id = written(lab, &mut child)?;
    let size = PAGES * lab.page();
    if side == Side::Claim {
        group.reclaim(2 * size)?;
    }
    let seen = Seen::child(&lab.machine, &child);
    let (pswpin, (_, major)) = (system::vmstat(lab, "pswpin")?, seen.faults()?);
    child.ask(&format!("read {id} 0 {size} {}", lab.page()))?;
    Ok(Evidence::new()
        .count("pages", PAGES, "read by the child")
        .count(
            "pswpin",
            system::vmstat(lab, "pswpin")? - pswpin,
            "vmstat: pswpin grew by",
        )
        .count(
            "major",
            seen.faults()?.1 - major,
            "stat: the child's major faults",
        ))
}

fn swapin_judge(e: &Evidence) -> Judged {
    let (pages, pswpin, major) = (e.get("pages")?, e.get("pswpin")?, e.get("major")?);
    whether(
        pswpin >= pages / 4.0 && major > 0.0,
        format!("{pages} pages read: {pswpin} from swap, {major} major faults of the reader"),
    )
}

fn memleak(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let events = [
        "kmem/mm_page_alloc",
        "kmem/mm_page_free",
        "kmem/mm_page_free_batched",
    ];
    let mut watch = Watch::begin(lab, &events, Some(child.pid()))?;
    let id = written(lab, &mut child)?;
    if side.is_control() {
        child.ask(&format!("unmap {id}"))?;
    }
    let events = watch.events()?;
    Ok(Evidence::new()
        .count("written", PAGES, "pages written by the child")
        .count(
            "events",
            events.len(),
            "kmem: pages taken and given back, events",
        )
        .count(
            "kept",
            kept(&events),
            "of these frames, taken and not given back",
        ))
}

fn memleak_judge(e: &Evidence) -> Judged {
    let (written, kept) = (e.get("written")?, e.get("kept")?);
    whether(
        kept >= 0.9 * written,
        format!(
            "{written} pages written: {kept} taken and not given back, of {} events",
            e.get("events")?
        ),
    )
}

fn shmsnoop(lab: &Lab, side: Side) -> Gathered {
    let mut child = lab.child()?;
    let events = ["syscalls/sys_enter_shmget", "syscalls/sys_enter_shmat"];
    let mut watch = Watch::begin(lab, &events, Some(child.pid()))?;
    let size = 16 * lab.page();
    match side {
        Side::Claim => {
            let made = child.ask(&format!("shared make {size}"))?;
            child.ask(&format!("shared remove {}", made.number("id")))?;
        }
        Side::Control => {
            child.ask(&format!("map {size} shared"))?;
        }
    }
    let events = watch.events()?;
    let of = |name: &str| {
        events
            .iter()
            .filter(|(event, _)| event.contains(name))
            .count()
    };
    Ok(Evidence::new()
        .count("pid", child.pid(), "of the child, whose calls are traced")
        .count("shmget", of("shmget"), "sys_enter_shmget: events")
        .count("shmat", of("shmat"), "sys_enter_shmat: events"))
}

fn shmsnoop_judge(e: &Evidence) -> Judged {
    let (get, attach) = (e.get("shmget")?, e.get("shmat")?);
    whether(
        get > 0.0 && attach > 0.0,
        format!(
            "process {}: {get} calls of shmget, {attach} of shmat",
            e.get("pid")?
        ),
    )
}
