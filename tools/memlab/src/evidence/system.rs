// SPDX-License-Identifier: GPL-2.0

//! What procfs and sysfs say of the machine as a whole, each by its name.

use super::{lab::Lab, look::Look};

/// A field of meminfo, in KiB.
pub fn meminfo(lab: &Lab, key: &str) -> Look<u64> {
    lab.field("/proc/meminfo", key)
}

/// Objects in use of a cache of slabinfo; none where there is no such cache.
pub fn slab(lab: &Lab, cache: &str) -> Look<Option<u64>> {
    let text = lab.text("/proc/slabinfo")?;
    let head = format!("{cache} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&head));
    Ok(line.and_then(|line| line.split_whitespace().next()?.parse().ok()))
}

/// The text of cpuinfo.
pub fn cpuinfo(lab: &Lab) -> Look<String> {
    lab.text("/proc/cpuinfo")
}

/// Whether QEMU's TCG is the machine, whose timings say nothing of hardware.
pub fn emulated(lab: &Lab) -> bool {
    cpuinfo(lab).unwrap_or_default().contains("TCG")
}

/// When huge pages are used: always, madvise or never.
pub fn thp(lab: &Lab) -> Look<String> {
    lab.chosen("/sys/kernel/mm/transparent_hugepage/enabled")
}

/// Interrupts by which CPUs were told to flush their TLB, on all of them.
pub fn shootdowns(lab: &Lab) -> Look<u64> {
    let text = lab.text("/proc/interrupts")?;
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("TLB:"));
    let line = line.ok_or("TLB in /proc/interrupts (x86 has it)")?;
    let counts = line
        .split_whitespace()
        .filter_map(|word| word.parse::<u64>().ok());
    Ok(counts.sum())
}

/// How many ranges of I/O ports there are.
pub fn ports(lab: &Lab) -> Look<usize> {
    Ok(lab.text("/proc/ioports")?.lines().count())
}

/// What the kernel says of a weakness of the CPU.
pub fn weakness(lab: &Lab, name: &str) -> Look<String> {
    let text = lab.text(&format!("/sys/devices/system/cpu/vulnerabilities/{name}"))?;
    Ok(text.trim().to_owned())
}

/// Whether a segment of System V is listed.
pub fn segment(lab: &Lab, id: u64) -> bool {
    let text = lab.text("/proc/sysvipc/shm").unwrap_or_default();
    let id = id.to_string();
    text.lines()
        .any(|line| line.split_whitespace().nth(1) == Some(&id))
}

/// A character device that has no method mmap.
pub const DEVICE_WITHOUT_MMAP: &str = "/dev/tty0";
/// How much rather anonymous memory is taken than files.
pub const SWAPPINESS: &str = "/proc/sys/vm/swappiness";

/// Whether more is given than there is.
pub const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";
/// How much of a zone is kept from requests that may take a higher one: a part in so many.
pub const RESERVE_RATIO: &str = "/proc/sys/vm/lowmem_reserve_ratio";
/// What the lowest marks of all zones are made from, in KiB.
pub const MIN_FREE: &str = "/proc/sys/vm/min_free_kbytes";

/// From when on a dirty page is old, in hundredths of a second.
pub const DIRTY_EXPIRE: &str = "/proc/sys/vm/dirty_expire_centisecs";
/// How often the flusher looks for old ones.
pub const DIRTY_WRITEBACK: &str = "/proc/sys/vm/dirty_writeback_centisecs";

/// What a device of zram keeps, before and after compression, in bytes.
pub fn zram(lab: &Lab, device: &str) -> Look<(u64, u64)> {
    let text = lab.text(&format!("/sys/block/{device}/mm_stat"))?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    match (numbers.next(), numbers.nth(1)) {
        (Some(Ok(original)), Some(Ok(used))) => Ok((original, used)),
        _ => Err(format!("mm_stat: {}", text.trim())),
    }
}

/// Whether it is kept what each process waits for.
pub const DELAYS: &str = "/proc/sys/kernel/task_delayacct";
/// Whether the multi-generational LRU is on.
pub const GENERATIONS: &str = "/sys/kernel/mm/lru_gen/enabled";
/// The module's device, for a process that asks it for itself.
pub const DEVICE: &str = "/dev/memlab";

/// KiB of areas of vmalloc() whose caller's name has a word in it.
pub fn vmalloc_by(lab: &Lab, word: &str) -> Look<u64> {
    Ok(vmalloc_of(&lab.text("/proc/vmallocinfo")?, word) * lab.page() / 1024)
}

fn vmalloc_of(info: &str, word: &str) -> u64 {
    let of = |line: &str| -> Option<u64> {
        let mut words = line.split_whitespace().skip(2);
        let caller = words.next()?;
        let pages = words.find_map(|word| word.strip_prefix("pages="))?;
        caller.contains(word).then(|| pages.parse().ok())?
    };
    info.lines().filter_map(of).sum()
}

/// All devices, a folder of sysfs for each.
pub const DEVICES: &str = "/sys/devices";

/// A file that holds one number.
pub fn number(lab: &Lab, file: &str) -> Look<u64> {
    let text = lab.text(file)?;
    text.trim()
        .parse()
        .map_err(|_| format!("{file}: {}", text.trim()))
}

/// Objects and pages of a slab of kmalloc's class of a size; zeros where there is no such class.
pub fn slab_class(lab: &Lab, bytes: u64) -> Look<(u64, u64)> {
    let text = lab.text("/proc/slabinfo")?;
    Ok(class_of(&text, bytes).unwrap_or((0, 0)))
}

fn class_of(text: &str, bytes: u64) -> Option<(u64, u64)> {
    text.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is = words.first()?.starts_with("kmalloc-") && *words.get(3)? == bytes.to_string();
        let number = |at: usize| words.get(at)?.parse().ok();
        is.then_some((number(4)?, number(5)?))
    })
}

/// The numbers of the blocks of memory that can be taken out, rising.
pub fn memory_blocks(lab: &Lab) -> Look<Vec<u64>> {
    let names = lab.machine.names("/sys/devices/system/memory");
    let numbers = names
        .iter()
        .filter_map(|name| name.strip_prefix("memory")?.parse().ok());
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    match numbers.is_empty() {
        true => Err("/sys/devices/system/memory (CONFIG_MEMORY_HOTREMOVE)".into()),
        false => Ok(numbers),
    }
}

/// Looks for names that are not there: the kernel remembers each.
pub fn miss(lab: &Lab, folder: &str, count: usize) {
    for number in 0..count {
        let _ = std::fs::symlink_metadata(lab.machine.path(&format!("{folder}/none-{number}")));
    }
}

/// A kind of areas of vmallocinfo: how many, how many of them have pages of their own, and how many
/// begin in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mapped {
    /// Areas.
    pub areas: usize,
    /// Of these, with pages.
    pub own: usize,
    /// Of these, whose physical address is memory's.
    pub memory: usize,
}

/// What vmallocinfo says of areas of a kind: its last words have that name.
pub fn mapped(lab: &Lab, kind: &str) -> Look<Mapped> {
    let memory = lab.text("/proc/iomem")?;
    Ok(mapped_of(&lab.text("/proc/vmallocinfo")?, &memory, kind))
}

fn mapped_of(info: &str, iomem: &str, kind: &str) -> Mapped {
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok();
    let ranges = iomem.lines().filter_map(|line| {
        let (range, name) = line.split_once(" : ")?;
        let (start, end) = range.trim().split_once('-')?;
        (name == "System RAM").then_some((hex(start)?, hex(end)?))
    });
    let ranges: Vec<(u64, u64)> = ranges.collect();
    let mut found = Mapped::default();
    for line in info.lines() {
        let words: Vec<&str> = line.split_whitespace().skip(2).collect();
        if !words.contains(&kind) {
            continue;
        }
        let of = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
        let inside = |at: u64| {
            ranges
                .iter()
                .any(|(start, end)| (*start..=*end).contains(&at))
        };
        found.areas += 1;
        found.own += usize::from(of("pages=").is_some());
        found.memory += usize::from(of("phys=").and_then(hex).is_some_and(inside));
    }
    found
}

/// A counter of vmstat.
pub fn vmstat(lab: &Lab, key: &str) -> Look<u64> {
    lab.field("/proc/vmstat", key)
}

/// How often a kernel thread has begun and ended to run.
pub fn switches(lab: &Lab, name: &str) -> Look<u64> {
    for pid in lab.machine.names("/proc") {
        let of = |file: &str| lab.machine.look(&format!("/proc/{pid}/{file}"));
        if pid.parse::<u32>().is_ok() && of("comm").as_deref() == Some(name) {
            let fields = super::process::fields(&of("status").unwrap_or_default());
            let count = |key: &str| fields.get(key).copied().unwrap_or(0);
            return Ok(count("voluntary_ctxt_switches") + count("nonvoluntary_ctxt_switches"));
        }
    }
    Err(format!("a thread {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_by_the_size_of_its_objects() {
        let text = "# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n\
                    kmalloc-128 100 128 128 32 1 : tunables\ndentry 9 9 192 21 1 : tunables\n";
        assert_eq!(class_of(text, 128), Some((32, 1)));
        assert_eq!(class_of(text, 192), None);
    }

    #[test]
    fn an_area_is_of_who_asked_for_it() {
        let info = "0x0-0x1 69632 __do_sys_swapon+0x1/0x2 pages=16 vmalloc N0=16\n\
                    0x0-0x1 8192 pcpu_create_chunk+0x1/0x2 pages=1 vmalloc\n\
                    0x0-0x1 8192 acpi_swap+0x1 phys=0x1000 ioremap\n";
        assert_eq!((vmalloc_of(info, "swap"), vmalloc_of(info, "bpf")), (16, 0));
    }

    #[test]
    fn an_area_has_pages_or_lies_at_a_device() {
        let info = "0x0-0x0 8192 acpi+0x1 phys=0x00000000000f0000 ioremap\n\
                    0x0-0x0 8192 x+0x1 phys=0x0000000000002000 ioremap\n\
                    0x0-0x0 20480 y+0x1 pages=4 vmalloc N0=4\n";
        let iomem = "00001000-0009fbff : System RAM\n000f0000-000fffff : Reserved\n";
        let of = |kind| {
            let found = mapped_of(info, iomem, kind);
            (found.areas, found.own, found.memory)
        };
        assert_eq!(of("ioremap"), (2, 0, 1));
        assert_eq!(of("vmalloc"), (1, 1, 0));
    }
}
