// SPDX-License-Identifier: GPL-2.0

//! Who has the pages of the CMA areas: what lies in each frame, and whose process has it mapped.

use super::{log, look::Look, pages::Pages, process::Seen, Machine};
use std::collections::BTreeMap;

/// An area as sysfs has it, in pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Its name.
    pub name: String,
    /// All of its pages.
    pub pages: u64,
    /// Those that no driver has allocated: free, or lent to what can be moved.
    pub left: u64,
}

/// The areas; none where the kernel does not show them (`CONFIG_CMA_SYSFS`).
pub fn areas(machine: &Machine) -> Vec<Area> {
    const FOLDER: &str = "/sys/kernel/mm/cma";
    let area = |name: String| {
        let number = |file: &str| {
            let text = machine.look(&format!("{FOLDER}/{name}/{file}"))?;
            text.trim().parse().ok()
        };
        Some(Area {
            pages: number("total_pages")?,
            left: number("available_pages")?,
            name,
        })
    };
    machine.names(FOLDER).into_iter().filter_map(area).collect()
}

/// The frames that were reserved at boot, by the kernel's log: first, and how many.
fn ranges(lines: &[String], page: u64) -> Vec<(u64, u64)> {
    let range = |line: &String| {
        let rest = line.strip_prefix("cma: Reserved ")?;
        let (mib, rest) = rest.split_once(" MiB at 0x")?;
        let start = rest.split_whitespace().next()?;
        let start = u64::from_str_radix(start, 16).ok()?;
        Some((start / page, (mib.parse::<u64>().ok()? << 20) / page))
    };
    lines.iter().filter_map(range).collect()
}

/// What lies in the frames of the areas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holders {
    /// Frames by what they are, the word that is shown.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Frames that a process has mapped, the most first: who, and how many.
    pub processes: Vec<(String, u64)>,
}

/// The areas of a process in pieces: address, and how many pages.
fn mapped(maps: &str, page: u64) -> impl Iterator<Item = (u64, usize)> + '_ {
    /// Of one read; and of an area of which next to nothing can be there.
    const PIECE: u64 = 1 << 16;
    const MOST: u64 = 1 << 24;
    let area = move |line: &str| {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        let hex = |word: &str| u64::from_str_radix(word, 16).ok();
        let (start, end) = (hex(start)?, hex(end)?);
        let pages = end.checked_sub(start)? / page;
        // The last page of the addresses is the kernel's (vsyscall).
        (pages <= MOST && end < 1 << 63).then_some((start, pages))
    };
    maps.lines()
        .filter_map(area)
        .flat_map(move |(start, pages)| {
            let pieces = (0..pages).step_by(PIECE as usize);
            pieces.map(move |at| (start + at * page, (pages - at).min(PIECE) as usize))
        })
}

/// Bits of /proc/kpageflags, as include/uapi/linux/kernel-page-flags.h numbers them.
const LRU: u64 = 1 << 5;
const SLAB: u64 = 1 << 7;
const BUDDY: u64 = 1 << 10;
const ANON: u64 = 1 << 12;
const SWAPBACKED: u64 = 1 << 14;
const UNEVICTABLE: u64 = 1 << 18;
const PGTABLE: u64 = 1 << 26;

/// What a frame is that is not free.
fn kind(flags: u64) -> &'static str {
    match flags {
        flags if flags & BUDDY != 0 => "free",
        flags if flags & UNEVICTABLE != 0 => "locked in memory",
        flags if flags & ANON != 0 => "anonymous",
        flags if flags & (LRU | SWAPBACKED) == LRU | SWAPBACKED => "shared memory and tmpfs",
        flags if flags & LRU != 0 => "page cache",
        flags if flags & (SLAB | PGTABLE) != 0 => "the kernel's",
        // The tail of a free block has no flag, as what a driver has allocated.
        _ => "neither",
    }
}

/// Looks at each frame, and at what each process has mapped.
pub fn holders(machine: &Machine) -> Look<Holders> {
    let page = rustix::param::page_size() as u64;
    let ranges = ranges(&log::Log::from_boot(machine)?.lines()?, page);
    if ranges.is_empty() {
        return Err("the kernel's log, which says where the areas lie, is gone".into());
    }
    let pages = Pages::of(machine);
    let mut found = Holders::default();
    for (first, count) in &ranges {
        for flags in pages.flags(*first, usize::try_from(*count).unwrap_or(0))? {
            *found.kinds.entry(kind(flags)).or_insert(0) += 1;
        }
    }
    let within = |frame: u64| {
        let mut all = ranges.iter();
        all.any(|(first, count)| (*first..first + count).contains(&frame))
    };
    for seen in Seen::all(machine) {
        // One that has ended meanwhile has none.
        let Ok(maps) = seen.text("maps") else {
            continue;
        };
        let mapped = mapped(&maps, page).filter_map(|(address, count)| {
            let entries = pages.entries(seen.pid().into(), address, count).ok()?;
            let frames = entries.into_iter().filter_map(|entry| entry.frame());
            Some(frames.filter(|frame| within(*frame)).count() as u64)
        });
        let count: u64 = mapped.sum();
        if count != 0 {
            found.processes.push((seen.label(), count));
        }
    }
    let most_first = |(_, count): &(String, u64)| std::cmp::Reverse(*count);
    found.processes.sort_by_key(most_first);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_lies_where_the_log_says() {
        let lines = [
            "cma: Reserved 32 MiB at 0x000000003e000000",
            "Memory: 900000K/1048056K available",
            "cma: Reserved 64 MiB in 2 ranges",
        ]
        .map(str::to_owned);
        assert_eq!(ranges(&lines, 4096), [(0x3e000, 8192)]);
    }

    #[test]
    fn an_area_is_read_in_pieces() {
        let maps = "1000-3000 rw-p 0 00:00 0 \n10000000-30000000 rw-p 0 00:00 0 [heap]\n\
                    ffffffffff600000-ffffffffff601000 --xp 0 00:00 0 [vsyscall]\n";
        let found: Vec<_> = mapped(maps, 4096).collect();
        assert_eq!(
            found,
            [(0x1000, 2), (0x1000_0000, 1 << 16), (0x2000_0000, 1 << 16)]
        );
    }

    #[test]
    fn a_frame_is_one_thing() {
        assert_eq!(kind(BUDDY), "free");
        assert_eq!(kind(LRU | SWAPBACKED | ANON), "anonymous");
        assert_eq!(kind(LRU | SWAPBACKED), "shared memory and tmpfs");
        assert_eq!(kind(LRU), "page cache");
        assert_eq!(
            kind(LRU | ANON | SWAPBACKED | UNEVICTABLE),
            "locked in memory"
        );
        assert_eq!(kind(0), "neither");
    }
}
