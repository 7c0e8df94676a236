// SPDX-License-Identifier: GPL-2.0

//! The course: its chapters in their order with all their claims, and the page that says of each
//! whether it is built.

use super::claim::{Claim, Control, Need};

/// Every chapter with the names of its claims, built or not.
pub const COURSE: &[(&str, &str)] = &[
    ("mmu", "same-va offset levels tables-in-memory sparse rights kernel-shared phys-wider io-space device-addresses meltdown tlb"),
    ("zone", "split mask gfp-dma high pcp"),
    ("buddy", "split-merge fragments compaction waste reserved section"),
    ("cma", "lends takes-back auto own-area pinned"),
    ("slab", "second-level from-buddy task-struct leak-visible reclaimable"),
    ("vmalloc", "linear mapped-unused scattered large prefers-high ioremap picture swap"),
    ("page", "lazy zero on-write cow code-lazy major-dear huge huge-tlb rss-approx rss-sum"),
    ("oom", "score adj spared background overcommit panic log"),
    ("vma", "sources list three-views four-kinds pss ps-sum sum shm kernel-memory"),
    ("leak", "uss tools order"),
    ("cache", "second-read write-back mmap-same mmap-copy mmap-lazy no-mmap free buffers sum not-all direct"),
    ("swap", "file-anon two-programs zram off clean thrash"),
    ("reclaim", "recent slow-return three-marks kswapd-sleeps min-formula reserve emergency swappiness cgroup-swappiness drop shrinker"),
    ("dma", "coherent-attr streaming sg iommu-alloc same-api not-faster"),
    ("cgroup", "limit rss-swap kmem counts-cache usage-lags"),
    ("dirty", "time background throttle"),
    ("tool", "delays vmstat pgpgin cachestat oomkill swapin memleak shmsnoop"),
    ("libc", "brk-mmap keeps mallopt page-wise"),
    ("pagemap", "frame snapshot two-ways"),
];

/// What a chapter is about, and what to read next in the kernel's own documentation.
pub fn about(chapter: &str) -> (&'static str, &'static str) {
    match chapter {
        "mmu" => (
            "how an address becomes a place in memory",
            "Documentation/mm/page_tables.rst",
        ),
        "zone" => (
            "memory cut by address",
            "Documentation/mm/physical_memory.rst",
        ),
        "buddy" => (
            "how pages are kept and given out",
            "Documentation/mm/page_allocation.rst",
        ),
        "cma" => ("large areas that are lent meanwhile", "mm/cma.c"),
        "slab" => ("small objects cut from pages", "Documentation/mm/slab.rst"),
        "vmalloc" => (
            "addresses in a row, pages anywhere",
            "Documentation/mm/vmalloc.rst",
        ),
        "page" => (
            "when a process gets a page",
            "Documentation/admin-guide/mm/concepts.rst",
        ),
        "oom" => ("who dies when nothing is left", "Documentation/mm/oom.rst"),
        "vma" => (
            "what a process consists of, and what it uses",
            "Documentation/mm/process_addrs.rst",
        ),
        "leak" => (
            "memory that nobody gives back",
            "Documentation/dev-tools/kmemleak.rst",
        ),
        "cache" => ("files in memory", "Documentation/mm/page_cache.rst"),
        "swap" => (
            "memory on a disk",
            "Documentation/admin-guide/mm/concepts.rst",
        ),
        "reclaim" => (
            "how memory is taken back",
            "Documentation/mm/page_reclaim.rst",
        ),
        "dma" => ("memory for devices", "Documentation/core-api/dma-api.rst"),
        "cgroup" => (
            "limits of a group",
            "Documentation/admin-guide/cgroup-v2.rst",
        ),
        "dirty" => (
            "when what was written goes to the disk",
            "Documentation/admin-guide/sysctl/vm.rst",
        ),
        "tool" => (
            "what the tools say",
            "Documentation/accounting/delay-accounting.rst",
        ),
        "libc" => (
            "malloc between a process and the kernel",
            "malloc(3), mallopt(3)",
        ),
        _ => (
            "frames, seen from outside",
            "Documentation/admin-guide/mm/pagemap.rst",
        ),
    }
}

/// All ids, in the order of the list.
pub fn ids() -> impl Iterator<Item = String> {
    let chapters = COURSE.iter();
    chapters.flat_map(|(chapter, names)| {
        let names = names.split(' ');
        names.map(move |name| format!("{chapter}.{name}"))
    })
}

fn needs(claim: &Claim) -> String {
    let name = |need: &Need| match need {
        Need::Root => "root",
        Need::Group => "cgroup v2",
        Need::Scratch => "a disk",
        Need::System => "--system",
        Need::Smp => "2 CPUs",
    };
    let names: Vec<&str> = claim.needs.iter().map(name).collect();
    names.join(", ")
}

/// Documentation/claims.md.
pub fn page() -> String {
    let built: Vec<&Claim> = super::all().collect();
    let missing: Vec<String> = ids()
        .filter(|id| !built.iter().any(|claim| claim.id == id))
        .collect();
    let mut text = format!(
        "# Claims

This page is made from tools/memlab/src/claims: `memlab generate DIR` writes it.

What lectures on Linux memory management say, and `memlab claims` checks on the kernel that it runs on:
{} of {} sentences. A verdict is computed from figures that are printed beside it, and the control is a
look where the sentence must come out otherwise. Where one machine cannot give both, the control is
supposed: figures made up for the purpose, which show that the verdict can differ, and no more.
",
        built.len(),
        ids().count()
    );
    for (chapter, _) in COURSE {
        let rows: Vec<&&Claim> = built
            .iter()
            .filter(|claim| claim.chapter() == *chapter)
            .collect();
        if rows.is_empty() {
            continue;
        }
        let (what, next) = about(chapter);
        text += &format!("\n## {chapter}: {what}\n\nRead next: {next}\n\n");
        text += "| id | sentence | lecture | needs | control |\n|---|---|---|---|---|\n";
        for claim in rows {
            let live = match claim.control {
                Control::Live(what) => what.to_owned(),
                Control::Supposed(what, _) => format!("supposed: {what}"),
            };
            text += &format!(
                "| {} | {} | {} | {} | {live} |\n",
                claim.id,
                claim.sentence,
                claim.lecture,
                needs(claim)
            );
        }
    }
    text += &format!("\n## Not built yet: {}\n\n", missing.len());
    text += &lines(missing.into_iter());
    text.push('\n');
    text
}

/// Words in lines of at most 100 columns.
fn lines(words: impl Iterator<Item = String>) -> String {
    let (mut text, mut length) = (String::new(), 0);
    for word in words {
        let fits = length + word.len() < 100;
        text += match length {
            0 => "",
            _ if fits => " ",
            _ => "\n",
        };
        length = if fits {
            length + 1 + word.len()
        } else {
            word.len()
        };
        text += &word;
    }
    text
}
