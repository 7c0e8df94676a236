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
