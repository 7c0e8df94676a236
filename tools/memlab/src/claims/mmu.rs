// SPDX-License-Identifier: GPL-2.0

//! How an address becomes a place in memory.

use super::claim::prelude::*;
use crate::evidence::{module, pages::flag, process::Seen, system, walk};

/// The chapter.
pub const CLAIMS: &[Claim] = &[
    Claim {
        id: "mmu.same-va",
        sentence: "one virtual address in two processes is two places in memory",
        lecture: "A1",
        needs: &[Root],
        gather: same_va,
        judge: same_va_judge,
        control: Control::Live("before either has written"),
        why: "Each process has a tree of tables of its own (include/linux/mm_types.h: mm->pgd).",
    },
    Claim {
        id: "mmu.offset",
        sentence: "translation looks up the page's number and keeps the offset",
        lecture: "A1",
        needs: &[Root],
        gather: offset,
        judge: offset_judge,
        control: Control::Live("pages of 4 KiB, whose frames follow each other nowhere for long"),
        why:
            "A huge page keeps 21 bits of the address, a page of 4 KiB keeps 12: the last ones of \
              the frame's number equal the address's.",
    },
    Claim {
        id: "mmu.levels",
        sentence: "translation walks a tree of tables whose entries carry rights",
        lecture: "A1, D",
        needs: &[Root],
        gather: levels,
        judge: levels_judge,
        control: Control::Live("an address that was never touched: the walk ends early"),
        why: "pgd, p4d, pud, pmd, pte, of which a machine has two to five \
              (Documentation/mm/page_tables.rst).",
    },
    Claim {
        id: "mmu.tables-in-memory",
        sentence: "page tables are stored in the MMU",
        lecture: "D",
        needs: &[Root],
        gather: tables,
        judge: tables_judge,
        control: Control::Supposed("a TLB that is filled by software, without tables", || {
            Evidence::new()
                .kib("vmpte", 0, "supposed")
                .kib("pagetables", 0, "supposed")
                .count("frames", 0, "supposed")
        }),
        why: "The MMU keeps the address of the first table only (CR3, TTBR) and a few \
              translations (the TLB). The tables are pages (include/linux/mm.h: pagetable_alloc).",
    },
    Claim {
        id: "mmu.sparse",
        sentence: "several levels save tables where little of the address space is used",
        lecture: "D",
        needs: &[],
        gather: sparse,
        judge: sparse_judge,
        control: Control::Live("as many pages in a row: their tables are full"),
        why: "A table of the next level is made where something below it is mapped (mm/memory.c: \
              __pte_alloc). One flat table of a TiB would be 2 GiB.",
    },
    Claim {
        id: "mmu.rights",
        sentence: "an access that is not allowed faults: nothing mapped, or not with that right",
        lecture: "A1, A3",
        needs: &[],
        gather: rights,
        judge: rights_judge,
        control: Control::Live("the access that each allows"),
        why: "Signal 11, si_code 1 (SEGV_MAPERR) without an area and 2 (SEGV_ACCERR) in one \
              (arch/x86/mm/fault.c: bad_area_access_error).",
    },
    Claim {
        id: "mmu.phys-wider",
        sentence: "physical addresses may be wider than virtual ones",
        lecture: "A1",
        needs: &[],
        gather: wider,
        judge: wider_judge,
        control: Control::Supposed("ARMv7 with LPAE, QEMU -M virt", || {
            Evidence::new()
                .count("physical", 40, "supposed")
                .count("virtual", 32, "supposed")
        }),
        why: "With 32-bit virtual addresses PAE and LPAE reach 36 to 40 bits of memory; with 48 \
              bits and more it is the other way round.",
    },
    Claim {
        id: "mmu.io-space",
        sentence: "a separate I/O space exists on x86 only",
        lecture: "A1",
        needs: &[],
        gather: io_space,
        judge: io_space_judge,
        control: Control::Supposed(
            "arm64, QEMU -M virt: PCI's ports are a window of memory",
            || {
                Evidence::new()
                    .count("ports", 1, "supposed")
                    .text("machine", "aarch64", "supposed")
            },
        ),
        why: "x86 has the instructions in and out; elsewhere PCI's I/O ports are memory that the \
              host bridge turns into them (include/asm-generic/io.h: PCI_IOBASE).",
    },
    Claim {
        id: "mmu.meltdown",
        sentence: "user space could read the kernel's memory by timing (Meltdown)",
        lecture: "A1",
        needs: &[],
        gather: meltdown,
        judge: meltdown_judge,
        control: Control::Supposed("a Skylake with nopti", || {
            Evidence::new()
                .text("says", "Vulnerable", "supposed")
                .count("signal", 11, "supposed")
        }),
        why: "Affected CPUs loaded before they checked; page-table isolation takes the kernel out \
              of the user's tables (arch/x86/mm/pti.c).",
    },
    Claim {
        id: "mmu.tlb",
        sentence: "the TLB keeps translations, so that a change has to flush it on every CPU",
        lecture: "D",
        needs: &[Smp],
        gather: tlb,
        judge: tlb_judge,
        control: Control::Live("one thread alone"),
        why: "munmap() sends an interrupt to the CPUs that run other threads of the process \
              (arch/x86/mm/tlb.c: flush_tlb_mm_range); arm64 broadcasts an instruction instead.",
    },
];

fn same_va(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let area = child.ask(&format!("map {page} small"))?;
    let (id, at) = (area.number("id"), area.number("address"));
    child.ask(&format!("write {id} 0 {page} {page}"))?;
    let verb = if side.is_control() { "read" } else { "write" };
    let fork = child.ask(&format!("fork {verb} {id} 0 {page} {page}"))?;
    let one = pages.frame(u64::from(child.pid()), at)?;
    let two = pages.frame(fork.number("pid"), at)?;
    Ok(Evidence::new()
        .text("address", format!("{at:#x}"), "the same in both")
        .text("parent", format!("{one:#x}"), "pagemap: frame")
        .text("child", format!("{two:#x}"), "pagemap: frame"))
}

fn same_va_judge(e: &Evidence) -> Judged {
    let (one, two) = (e.words("parent")?, e.words("child")?);
    whether(
        one != two,
        format!(
            "{} is frame {one} in one and {two} in the other",
            e.words("address")?
        ),
    )
}

fn offset(lab: &Lab, side: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let kind = if side.is_control() { "small" } else { "huge" };
    let size = 2 * MIB;
    let area = child.ask(&format!("map {size} align {kind}"))?;
    let at = area.number("address");
    child.ask(&format!("write {} 0 {size} {page}", area.number("id")))?;
    let count = size / page;
    let entries = pages.entries(u64::from(child.pid()), at, count as usize)?;
    let kept = entries.iter().zip(0..).filter(|(entry, number)| {
        entry
            .frame()
            .is_some_and(|frame| frame % count == number % count)
    });
    let kept = kept.count();
    let huge = entries[0]
        .frame()
        .is_some_and(|frame| pages.is(frame, flag::THP).unwrap_or(false));
    if side == Side::Claim && !huge {
        return lacks("a huge page");
    }
    Ok(Evidence::new()
        .count("pages", count, "of 2 MiB")
        .count(
            "kept",
            kept,
            "pagemap: frames whose last 9 bits are the address's",
        )
        .flag("huge", huge, "kpageflags: THP"))
}

fn offset_judge(e: &Evidence) -> Judged {
    let (pages, kept) = (e.get("pages")?, e.get("kept")?);
    whether(
        kept == pages,
        format!("{kept} of {pages} frames have the address's bits 12 to 20"),
    )
}

fn tables(lab: &Lab, _: Side) -> Gathered {
    let (mut child, pages, page) = (lab.child()?, lab.pages(), lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let whole = || system::meminfo(lab, "PageTables");
    let (own, all, frames) = (
        seen.status_of("VmPTE")?,
        whole()?,
        pages.count(flag::PGTABLE)?,
    );
    let size = 1024 * MIB;
    let area = child.ask(&format!("map {size} small"))?;
    child.ask(&format!("write {} 0 {size} {}", area.number("id"), 2 * MIB))?;
    Ok(Evidence::new()
        .kib(
            "vmpte",
            seen.status_of("VmPTE")? - own,
            "status: VmPTE grew by",
        )
        .kib(
            "pagetables",
            whole()? as i64 - all as i64,
            "meminfo: PageTables grew by",
        )
        .count(
            "frames",
            pages.count(flag::PGTABLE)? as i64 - frames as i64,
            "kpageflags: frames with PGTABLE, more by",
        )
        .kib("page", page / KIB, "page size"))
}

fn tables_judge(e: &Evidence) -> Judged {
    let (own, all, frames) = (e.get("vmpte")?, e.get("pagetables")?, e.get("frames")?);
    let said = format!(
        "512 pages, one in 2 MiB each, took {own} KiB of tables: PageTables {all:+} KiB, {frames:+} \
         frames of memory are tables"
    );
    match own > 1024.0 && frames > 256.0 {
        true => holds_not(said),
        false => holds(said),
    }
}

fn sparse(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let seen = Seen::child(&lab.machine, &child);
    let before = seen.status_of("VmPTE")?;
    // 64 pages far from each other, or 64 tables full of pages.
    let (size, stride) = match side {
        Side::Claim if cfg!(target_pointer_width = "64") => (MIB << 20, (MIB << 20) / 64),
        Side::Claim => (1024 * MIB, 16 * MIB),
        Side::Control => (64 * MIB, page),
    };
    let area = child.ask(&format!("map {size} small"))?;
    child.ask(&format!("write {} 0 {size} {stride}", area.number("id")))?;
    Ok(Evidence::new()
        .kib("spans", size / KIB, "mmap()")
        .kib(
            "tables",
            seen.status_of("VmPTE")? - before,
            "status: VmPTE grew by",
        )
        .kib(
            "flat",
            size / page * 8 / KIB,
            "one table with an entry of 8 B for each page",
        )
        .count("written", size / stride, "pages written"))
}

fn sparse_judge(e: &Evidence) -> Judged {
    let (tables, flat) = (e.get("tables")?, e.get("flat")?);
    whether(
        tables < flat / 16.0,
        format!(
            "{} pages in {} MiB: {tables} KiB of tables; a flat one would be {flat} KiB",
            e.get("written")?,
            e.get("spans")? / 1024.0
        ),
    )
}

fn rights(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let mut e = Evidence::new();
    for (name, kind, how, allowed) in [
        ("write_ro", "ro", "write", "read"),
        ("run_rw", "", "execute", "write"),
        ("read_none", "none", "read", ""),
        ("read_gap", "gap", "read", ""),
    ] {
        let area = child.ask(&format!("map {page} small {kind}"))?;
        let at = area.number("address");
        if kind == "gap" {
            child.ask(&format!("unmap {}", area.number("id")))?;
        }
        let how = if side.is_control() { allowed } else { how };
        if how.is_empty() {
            continue;
        }
        let fault = child.ask(&format!("fault {at} {how}"))?;
        let right = fault.number("address") == at || fault.number("signal") == 0;
        e = e.text(
            name,
            format!(
                "signal {} code {} {}",
                fault.number("signal"),
                fault.number("code"),
                if right { "there" } else { "elsewhere" }
            ),
            "siginfo: si_signo, si_code, si_addr",
        );
    }
    Ok(e)
}

fn rights_judge(e: &Evidence) -> Judged {
    let wanted = [
        ("write_ro", 2),
        ("run_rw", 2),
        ("read_none", 2),
        ("read_gap", 1),
    ];
    let mut seen = Vec::new();
    let mut right = 0;
    for (name, code) in wanted {
        let words = e.words(name).unwrap_or("not tried");
        right += i32::from(words == format!("signal 11 code {code} there"));
        seen.push(format!("{name}: {words}"));
    }
    whether(right == 4, seen.join("; "))
}

fn wider(lab: &Lab, _: Side) -> Gathered {
    let info = system::cpuinfo(lab)?;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("address sizes"));
    let line = line.ok_or("address sizes in /proc/cpuinfo (x86 has them)")?;
    let mut bits = line
        .split_whitespace()
        .filter_map(|word| word.parse::<u64>().ok());
    let (Some(physical), Some(virt)) = (bits.next(), bits.next()) else {
        return lacks("address sizes in /proc/cpuinfo");
    };
    let source = "cpuinfo: address sizes";
    Ok(Evidence::new()
        .number("physical", physical, "bits", source)
        .number("virtual", virt, "bits", source))
}

fn wider_judge(e: &Evidence) -> Judged {
    let (physical, virt) = (e.get("physical")?, e.get("virtual")?);
    let said = format!("{physical} bits of physical, {virt} of virtual addresses");
    match physical > virt {
        true => depends("physical wider", said),
        false => depends("virtual wider", said),
    }
}

fn io_space(lab: &Lab, _: Side) -> Gathered {
    Ok(Evidence::new()
        .count("ports", system::ports(lab)?, "ioports: lines")
        .text("machine", std::env::consts::ARCH, "of this program"))
}

fn io_space_judge(e: &Evidence) -> Judged {
    let (ports, machine) = (e.get("ports")?, e.words("machine")?);
    let said = format!("{ports} ranges of ports on {machine}");
    match machine == "x86_64" || machine == "x86" {
        true => depends("instructions in and out", said),
        false => depends("a window of memory", said),
    }
}

fn meltdown(lab: &Lab, _: Side) -> Gathered {
    let says = system::weakness(lab, "meltdown")?;
    let mut child = lab.child()?;
    // The middle of the upper half.
    let at = usize::MAX / 4 * 3;
    let fault = child.ask(&format!("fault {at} read"))?;
    Ok(Evidence::new()
        .text("says", says.trim(), "sysfs: cpu/vulnerabilities/meltdown")
        .count(
            "signal",
            fault.number("signal"),
            "a plain load from the kernel's half",
        ))
}

fn meltdown_judge(e: &Evidence) -> Judged {
    let says = e.words("says")?;
    let said = format!(
        "the kernel says: {says}; a plain load gets signal {}",
        e.get("signal")?
    );
    match says {
        says if says.starts_with("Not affected") => depends("not affected", said),
        says if says.starts_with("Mitigation") => depends("mitigated", said),
        _ => depends("vulnerable", said),
    }
}

fn tlb(lab: &Lab, side: Side) -> Gathered {
    let count = || system::shootdowns(lab);
    let flags = system::cpuinfo(lab)?;
    let broadcast = flags.split_whitespace().any(|word| word == "invlpgb");
    let mut child = lab.child()?;
    let threads = if side.is_control() { 0 } else { lab.cpus() };
    let rounds = 200;
    let before = count()?;
    child.ask(&format!("shootdowns {threads} {rounds}"))?;
    Ok(Evidence::new()
        .count("threads", threads, "that run meanwhile")
        .count("unmaps", rounds, "munmap() of memory that was written")
        .count("shootdowns", count()? - before, "interrupts: TLB")
        .flag("broadcast", broadcast, "cpuinfo: invlpgb"))
}

fn tlb_judge(e: &Evidence) -> Judged {
    let (unmaps, shootdowns) = (e.get("unmaps")?, e.get("shootdowns")?);
    if e.get("threads")? > 0.0 && shootdowns < unmaps / 20.0 {
        return lacks(match e.is("broadcast")? {
            true => "a CPU that is told by interrupts: this one broadcasts (invlpgb)",
            false => "interrupts that are counted: hypervisor or CPU flush otherwise here",
        });
    }
    whether(
        shootdowns > unmaps / 2.0,
        format!(
            "{shootdowns} interrupts to flush for {unmaps} munmap(), {} other threads",
            e.get("threads")?
        ),
    )
}

fn levels(lab: &Lab, side: Side) -> Gathered {
    let (mut child, page) = (lab.child()?, lab.page());
    let area = child.ask(&format!("map {} small", 64 * MIB))?;
    let (id, at) = (area.number("id"), area.number("address"));
    child.ask(&format!("write {id} 0 {page} {page}"))?;
    let to = if side.is_control() { at + 32 * MIB } else { at };
    let module = module::open(&lab.machine).map_err(|error| error.message)?;
    let walk = walk::walk(&*module, &[], to, Some(child.pid())).map_err(|error| error.message)?;
    let entries = walk.entries.iter();
    let says: Vec<String> = entries
        .map(|entry| format!("{}[{}] {}", entry.table, entry.index, entry.says.join(" ")))
        .collect();
    let present = walk.entries.iter().filter(|entry| entry.is("present"));
    Ok(Evidence::new()
        .count(
            "tables",
            walk.entries.len(),
            "the module's walk: entries on the way",
        )
        .count("present", present.count(), "of these, present")
        .text("found", walk.found, "what is at its end")
        .text("says", says.join(", "), "what each entry says"))
}

fn levels_judge(e: &Evidence) -> Judged {
    let (tables, present, says) = (e.get("tables")?, e.get("present")?, e.words("says")?);
    whether(
        tables >= 2.0 && present == tables && e.words("found")? == "page",
        format!(
            "{present} of {tables} entries present, {}: {says}",
            e.words("found")?
        ),
    )
}
