// SPDX-License-Identifier: GPL-2.0

//! Files in memory.

use super::claim::prelude::*;
use crate::evidence::{process::Seen, system};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "cache.second-read",
        sentence: "the second read of a file comes from memory",
        lecture: "A4, B, C",
        needs: &[Scratch],
        gather: second_read,
        judge: second_read_judge,
        control: Control::Live("its pages were let go before the second read"),
        why: "filemap_read() looks into the page cache first (mm/filemap.c).",
    },
    Claim {
        id: "cache.mmap-same",
        sentence: "read, write and mmap of a file meet in one page",
        lecture: "A4",
        needs: &[],
        gather: mmap_same,
        judge: mmap_same_judge,
        control: Control::Live("MAP_PRIVATE"),
        why: "A shared mapping maps the page cache's own pages (mm/filemap.c: filemap_fault); a \
              private one copies at the first write.",
    },
    Claim {
        id: "cache.mmap-lazy",
        sentence: "mapping a file reads nothing of it yet",
        lecture: "A4",
        needs: &[Scratch],
        gather: mmap_lazy,
        judge: mmap_lazy_judge,
        control: Control::Live("every page of it is touched"),
        why: "mmap() links an area; pages are read by faults (mm/filemap.c: filemap_fault).",
    },
    Claim {
        id: "cache.no-mmap",
        sentence: "many devices refuse mmap",
        lecture: "A4",
        needs: &[],
        gather: no_mmap,
        judge: no_mmap_judge,
        control: Control::Live("a file instead"),
        why: "Without a method mmap the call is refused with ENODEV (mm/vma.c, mm/mmap.c).",
    },
    Claim {
        id: "cache.free",
        sentence: "free's used is total - free - buffers - cache",
        lecture: "A4, B",
        needs: &[],
        gather: free,
        judge: free_judge,
        control: Control::Supposed("procps 3.3, which reckoned used that way", || {
            Evidence::new()
                .kib("total", 1_000_000, "supposed")
                .kib("by_available", 350_000, "supposed")
                .kib("by_terms", 350_000, "supposed")
        }),
        why: "procps 4 shows used = total - available; MemAvailable leaves out what of cache and \
              slab cannot be taken back (mm/show_mem.c: si_mem_available).",
    },
    Claim {
        id: "cache.sum",
        sentence: "the page cache is Cached + SwapCached, Buffers stand outside",
        lecture: "C",
        needs: &[],
        gather: sum,
        judge: sum_judge,
        control: Control::Supposed("a kernel that counts block devices apart", || {
            Evidence::new()
                .kib("pages", 90_000, "supposed")
                .kib("cached", 90_000, "supposed")
                .kib("swap_cached", 0, "supposed")
                .kib("buffers", 5_000, "supposed")
        }),
        why: "Cached is nr_file_pages less the swap cache and Buffers, the pages of block devices \
              (fs/proc/meminfo.c).",
    },
    Claim {
        id: "cache.not-all",
        sentence: "shared memory is in Cached, and cannot be dropped",
        lecture: "C",
        needs: &[System],
        gather: not_all,
        judge: not_all_judge,
        control: Control::Live("the shared memory is unmapped before"),
        why: "Its pages have no file to come back from: without swap they stay (mm/shmem.c).",
    },
    Claim {
        id: "cache.write-back",
        sentence: "a write dirties pages in memory, and the disk gets them later",
        lecture: "A4",
        needs: &[Scratch],
        gather: write_back,
        judge: write_back_judge,
        control: Control::Live("fsync() after it"),
        why: "A write copies into the page cache and marks it dirty (mm/filemap.c: \
              generic_perform_write); the flusher writes it (fs/fs-writeback.c).",
    },
    Claim {
        id: "cache.buffers",
        sentence: "pages of a raw block device are Buffers, those of files Cached",
        lecture: "A4, C",
        needs: &[Root, Scratch],
        gather: buffers,
        judge: buffers_judge,
        control: Control::Live("a file instead"),
        why: "Buffers is the page cache of block devices' own inodes (block/bdev.c: \
              nr_blockdev_pages), which file systems read their metadata through.",
    },
    Claim {
        id: "cache.direct",
        sentence: "O_DIRECT goes past the cache",
        lecture: "A4",
        needs: &[Scratch],
        gather: direct,
        judge: direct_judge,
        control: Control::Live("the same file, without O_DIRECT"),
        why: "mm/filemap.c: generic_file_read_iter() has the file system read straight into the \
              program's pages.",
    },
];

const SIZE: u64 = 16 * MIB;

fn second_read(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("read", SIZE)?;
    file.evict()?;
    let disk = || Seen::own(&lab.machine).read_bytes();
    let read = || -> Result<(f64, u64), Lack> {
        let (before, began) = (disk()?, std::time::Instant::now());
        file.read()?;
        Ok((
            began.elapsed().as_secs_f64() * 1000.0,
            (disk()? - before) / KIB,
        ))
    };
    let (first_ms, first) = read()?;
    if side.is_control() {
        file.evict()?;
    }
    let (second_ms, second) = read()?;
    Ok(Evidence::new()
        .kib("first", first, "io: read_bytes, first read")
        .kib("second", second, "io: read_bytes, second read")
        .number("first_ms", first_ms, "ms", "of 16 MiB")
        .number("second_ms", second_ms, "ms", "of 16 MiB"))
}

fn second_read_judge(e: &Evidence) -> Judged {
    let (first, second) = (e.get("first")?, e.get("second")?);
    if first < 1024.0 {
        return lacks("a device that the first read has to ask");
    }
    whether(
        second < first / 20.0,
        format!(
            "{first} KiB from the device in {:.1} ms, then {second} KiB in {:.1} ms",
            e.get("first_ms")?,
            e.get("second_ms")?
        ),
    )
}

fn mmap_same(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("same", MIB)?;
    let mut child = lab.child()?;
    let kind = if side.is_control() { "" } else { "shared" };
    let area = child.ask(&format!("map {MIB} {kind} file={}", file.word()))?;
    // The byte that it writes is its offset, with the last bit set.
    let at = 300;
    let before = file.byte(at)?;
    child.ask(&format!("write {} {at} 1 1", area.number("id")))?;
    Ok(Evidence::new()
        .count(
            "wrote",
            (at % 256) | 1,
            "a store through the mapping, at byte 300",
        )
        .count("before", before, "read() of that byte before")
        .count(
            "after",
            file.byte(at)?,
            "read() of it after, without msync()",
        ))
}

fn mmap_same_judge(e: &Evidence) -> Judged {
    let (wrote, before, after) = (e.get("wrote")?, e.get("before")?, e.get("after")?);
    if wrote == before {
        return lacks("a byte that the store changes");
    }
    whether(
        after == wrote,
        format!("{wrote} stored where {before} was: read() says {after} before any msync()"),
    )
}

fn mmap_lazy(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("lazy", SIZE)?;
    file.evict()?;
    let mut child = lab.child()?;
    let area = child.ask(&format!("map {SIZE} ro file={}", file.word()))?;
    let id = area.number("id");
    if side.is_control() {
        child.ask(&format!("read {id} 0 {SIZE} {}", lab.page()))?;
    }
    let found = child.ask(&format!("resident {id}"))?;
    Ok(Evidence::new()
        .count("pages", found.number("pages"), "of the mapping")
        .count("resident", found.number("resident"), "mincore(): in memory"))
}

fn mmap_lazy_judge(e: &Evidence) -> Judged {
    let (pages, resident) = (e.get("pages")?, e.get("resident")?);
    whether(
        resident < pages / 20.0,
        format!("{resident} of {pages} pages are in memory"),
    )
}

fn no_mmap(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("mapped", MIB)?;
    let mut child = lab.child()?;
    let path = match side {
        Side::Claim => system::DEVICE_WITHOUT_MMAP.to_owned(),
        Side::Control => file.word(),
    };
    let said = child.ask(&format!("map {} ro file={path}", lab.page()));
    Ok(Evidence::new()
        .text(
            "of",
            path.rsplit('/').next().unwrap_or(""),
            "mmap() of it, to read",
        )
        .text(
            "said",
            said.map_or_else(|why| why.to_string(), |_| "mapped".into()),
            "what mmap() said",
        ))
}

fn no_mmap_judge(e: &Evidence) -> Judged {
    let said = e.words("said")?;
    whether(
        said.contains("os error 19"),
        format!("{}: {said}", e.words("of")?),
    )
}

fn free(lab: &Lab, _: Side) -> Gathered {
    let of = |key: &str| system::meminfo(lab, key);
    let (total, available) = (of("MemTotal")?, of("MemAvailable")?);
    let terms = of("MemFree")? + of("Buffers")? + of("Cached")? + of("SReclaimable")?;
    Ok(Evidence::new()
        .kib("total", total, "meminfo: MemTotal")
        .kib(
            "by_available",
            total - available,
            "MemTotal - MemAvailable, procps 4's used",
        )
        .kib(
            "by_terms",
            total as i64 - terms as i64,
            "MemTotal - MemFree - Buffers - Cached - SReclaimable",
        ))
}

fn free_judge(e: &Evidence) -> Judged {
    let (available, terms) = (e.get("by_available")?, e.get("by_terms")?);
    let said = format!("total - available is {available} KiB, the sum of the terms {terms}");
    whether((available - terms).abs() <= 0.001 * e.get("total")?, said)
}

fn sum(lab: &Lab, _: Side) -> Gathered {
    let of = |key: &str| system::meminfo(lab, key);
    let pages = system::vmstat(lab, "nr_file_pages")? * lab.page() / KIB;
    Ok(Evidence::new()
        .kib("pages", pages, "vmstat: nr_file_pages")
        .kib("cached", of("Cached")?, "meminfo: Cached")
        .kib("swap_cached", of("SwapCached")?, "meminfo: SwapCached")
        .kib("buffers", of("Buffers")?, "meminfo: Buffers"))
}

fn sum_judge(e: &Evidence) -> Judged {
    let (pages, cached, swap) = (e.get("pages")?, e.get("cached")?, e.get("swap_cached")?);
    let buffers = e.get("buffers")?;
    if buffers < 256.0 {
        return lacks("Buffers: a file system on a block device");
    }
    let said = format!("{pages} KiB: {cached} cached + {swap} in swap's cache, {buffers} Buffers");
    let without = (pages - cached - swap).abs();
    let with = (pages - cached - swap - buffers).abs();
    match with < without {
        true => holds_not(format!("{said}, which are inside")),
        false => holds(said),
    }
}

fn not_all(lab: &Lab, side: Side) -> Gathered {
    let (mut child, size) = (lab.child()?, 32 * MIB);
    let area = child.ask(&format!("map {size} shared"))?;
    child.ask(&format!(
        "write {} 0 {size} {}",
        area.number("id"),
        lab.page()
    ))?;
    let cached = || system::meminfo(lab, "Cached");
    let before = cached()?;
    if side.is_control() {
        child.ask(&format!("unmap {}", area.number("id")))?;
    }
    lab.drop_caches(1)?;
    Ok(Evidence::new()
        .kib("shared", size / KIB, "of shared memory, written")
        .kib("before", before, "meminfo: Cached")
        .kib("after", cached()?, "meminfo: Cached, after drop_caches=1")
        .kib(
            "shmem",
            system::meminfo(lab, "Shmem")?,
            "meminfo: Shmem, after it",
        ))
}

fn not_all_judge(e: &Evidence) -> Judged {
    let (shared, after, shmem) = (e.get("shared")?, e.get("after")?, e.get("shmem")?);
    whether(
        after >= shared && shmem >= shared,
        format!(
            "of {} KiB cached {after} stay, {shmem} of them shared",
            e.get("before")?
        ),
    )
}

fn write_back(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("write-back", 0)?;
    lab.settle();
    let of = || -> Result<(u64, u64), Lack> {
        Ok((
            system::meminfo(lab, "Dirty")?,
            system::vmstat(lab, "pgpgout")?,
        ))
    };
    let (dirty, written) = of()?;
    file.append(SIZE)?;
    if side.is_control() {
        file.evict()?;
    }
    let (dirty_after, written_after) = of()?;
    Ok(Evidence::new()
        .kib("wrote", SIZE / KIB, "by write()")
        .kib(
            "dirty",
            dirty_after as i64 - dirty as i64,
            "meminfo: Dirty grew by",
        )
        .kib(
            "written",
            written_after - written,
            "vmstat: pgpgout grew by",
        ))
}

fn write_back_judge(e: &Evidence) -> Judged {
    let (wrote, dirty, written) = (e.get("wrote")?, e.get("dirty")?, e.get("written")?);
    whether(
        dirty >= 0.6 * wrote && written <= 0.4 * wrote,
        format!("{wrote} KiB written: {dirty:+} KiB dirty in memory, {written} KiB to the disk"),
    )
}

fn buffers(lab: &Lab, side: Side) -> Gathered {
    const PART: u64 = 8 * MIB;
    let file = lab.file("buffers", PART)?;
    file.evict()?;
    let of = |key: &str| system::meminfo(lab, key);
    let (buffers, cached) = (of("Buffers")?, of("Cached")?);
    match side {
        Side::Claim => lab.read_device(PART)?,
        Side::Control => {
            file.read()?;
        }
    }
    let grew = |now: u64, was: u64| now as i64 - was as i64;
    Ok(Evidence::new()
        .text(
            "of",
            if side.is_control() {
                "a file"
            } else {
                "the block device"
            },
            "what 8 MiB were read of",
        )
        .kib(
            "buffers",
            grew(of("Buffers")?, buffers),
            "meminfo: Buffers grew by",
        )
        .kib(
            "cached",
            grew(of("Cached")?, cached),
            "meminfo: Cached grew by",
        ))
}

fn buffers_judge(e: &Evidence) -> Judged {
    let (buffers, cached) = (e.get("buffers")?, e.get("cached")?);
    if buffers.max(cached) < 4096.0 {
        return lacks("blocks that are not in memory yet");
    }
    whether(
        buffers > cached,
        format!(
            "8192 KiB of {} read: Buffers {buffers:+} KiB, Cached {cached:+}",
            e.words("of")?
        ),
    )
}

fn direct(lab: &Lab, side: Side) -> Gathered {
    let file = lab.file("direct", SIZE)?;
    file.evict()?;
    let read = match side {
        Side::Claim => file.read_direct()?,
        Side::Control => file.read()?,
    };
    let mut child = lab.child()?;
    let area = child.ask(&format!("map {SIZE} ro file={}", file.word()))?;
    let found = child.ask(&format!("resident {}", area.number("id")))?;
    Ok(Evidence::new()
        .kib("read", read as u64 / KIB, "by read()")
        .count("pages", found.number("pages"), "of the file")
        .count(
            "resident",
            found.number("resident"),
            "mincore(): in memory after",
        ))
}

fn direct_judge(e: &Evidence) -> Judged {
    let (read, pages, resident) = (e.get("read")?, e.get("pages")?, e.get("resident")?);
    whether(
        resident < pages / 20.0,
        format!("{read} KiB read: {resident} of {pages} pages are in memory"),
    )
}
