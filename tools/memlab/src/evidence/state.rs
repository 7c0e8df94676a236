// SPDX-License-Identifier: GPL-2.0

//! The kernel's figures of memory at one moment, by name, to take one from another.

use super::{process::fields, swiotlb, zone, Machine};
use crate::error::Result;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a figure is one of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Of /proc/meminfo, in KiB.
    Memory,
    /// Of /proc/zoneinfo, in KiB for each zone: what is free, and its watermarks.
    Zone,
    /// Of /proc/vmstat, counted since boot.
    Events,
    /// Free blocks of /proc/buddyinfo, in KiB for each zone and order.
    Buddy,
    /// A cache of /proc/slabinfo, in KiB.
    Slab,
    /// The bounce buffer, in KiB.
    Swiotlb,
    /// Areas of CMA by name, in pages since boot.
    Cma,
    /// How long processes have waited for something (/proc/pressure), in us.
    Pressure,
    /// The page cache, by the kernel's tracepoints, in pages since it is looked at.
    Cache,
    /// Processes by number, in major faults of each: reads of files, and swap-ins.
    Process,
}

/// What is shown of a zone.
const ZONE: [&str; 7] = ["free", "min", "low", "high", "managed", "cma", "free_cma"];

impl Group {
    /// Its name, and the unit of its figures.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Memory => ("memory", "KiB"),
            Self::Events => ("events", ""),
            Self::Buddy => ("buddy", "KiB"),
            Self::Slab => ("slab", "KiB"),
            Self::Zone => ("zone", "KiB"),
            Self::Swiotlb => ("swiotlb", "KiB"),
            Self::Cma => ("cma", "pages"),
            Self::Pressure => ("pressure", "us"),
            Self::Cache => ("cache", "pages"),
            Self::Process => ("process", "major faults"),
        }
    }
}

/// What is asked of meminfo: what memory is used for, and what is left.
const MEMORY: [&str; 17] = [
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapFree",
    "Dirty",
    "Writeback",
    "AnonPages",
    "Mapped",
    "Shmem",
    "SReclaimable",
    "SUnreclaim",
    "KernelStack",
    "PageTables",
    "VmallocUsed",
    "Percpu",
    "CmaFree",
];
/// What begins the names of events that a command causes. The rest of vmstat are amounts.
const EVENTS: [&str; 20] = [
    "pgfault",
    "pgmajfault",
    "pgpgin",
    "pgpgout",
    "pswpin",
    "pswpout",
    "pgscan_",
    "pgsteal_",
    "allocstall_",
    "pgalloc_",
    "pgfree",
    "pgmigrate_",
    "compact_",
    "thp_",
    "cma_alloc_",
    "oom_kill",
    "workingset_refault_",
    "nr_dirtied",
    "drop_",
    "kswapd_",
];

/// CMA's areas (mm/cma_sysfs.c).
const CMA: &str = "/sys/kernel/mm/cma";

/// The most that a process had in memory so far, in KiB; none where it is gone.
pub fn most_had(machine: &Machine, pid: u32) -> Option<u64> {
    amount(machine, &format!("/proc/{pid}/status"), "VmHWM")
}

/// What could be had without swapping, in KiB (mm/show_mem.c: si_mem_available()).
pub fn available(machine: &Machine) -> Option<u64> {
    amount(machine, "/proc/meminfo", "MemAvailable")
}

fn amount(machine: &Machine, file: &str, key: &str) -> Option<u64> {
    fields(&machine.look(file)?).get(key).copied()
}

/// The figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(pub BTreeMap<(Group, String), i64>);

impl State {
    /// As they are now. What this machine does not have, or not show, is left out.
    pub fn of(machine: &Machine) -> Result<Self> {
        let mut state = Self::default();
        state.memory(&machine.read("/proc/meminfo")?);
        state.events(&machine.read("/proc/vmstat")?);
        let page_kib = rustix::param::page_size() as i64 / 1024;
        if let Some(text) = machine.look("/proc/buddyinfo") {
            state.buddy(&text, page_kib);
        }
        if let Some(text) = machine.look("/proc/slabinfo") {
            state.slab(&text, page_kib);
        }
        if let Some(text) = machine.look("/proc/zoneinfo") {
            state.zones(&text, page_kib);
        }
        if let Some(pool) = swiotlb::pool(machine) {
            let all = [
                ("size", Some(pool.size)),
                ("used", pool.used),
                ("most", pool.most),
            ];
            for (name, kib) in all {
                if let Some(kib) = kib {
                    state.put(Group::Swiotlb, name, kib as i64);
                }
            }
        }
        for area in machine.names(CMA) {
            for file in machine.names(&format!("{CMA}/{area}")) {
                let text = machine.look(&format!("{CMA}/{area}/{file}"));
                if let Some(pages) = text.and_then(|text| text.trim().parse().ok()) {
                    state.put(Group::Cma, &format!("{area} {file}"), pages);
                }
            }
        }
        for what in ["memory", "io", "cpu"] {
            if let Some(text) = machine.look(&format!("/proc/pressure/{what}")) {
                state.pressure(&text, what);
            }
        }
        Ok(state)
    }

    /// A figure.
    pub fn get(&self, group: Group, name: &str) -> Option<i64> {
        self.0.get(&(group, name.to_owned())).copied()
    }

    fn zones(&mut self, text: &str, page_kib: i64) {
        for zone in zone::parse(text) {
            for key in ZONE {
                let name = format!("node {} {} {key}", zone.node, zone.name);
                let key = if key == "free_cma" {
                    "nr_free_cma"
                } else {
                    key
                };
                self.put(Group::Zone, &name, zone.pages(key) as i64 * page_kib);
            }
        }
    }

    fn pressure(&mut self, text: &str, what: &str) {
        for line in text.lines() {
            let total = line.rsplit_once("total=").map(|(_, total)| total.parse());
            if let (Some((who, _)), Some(Ok(us))) = (line.split_once(' '), total) {
                self.put(Group::Pressure, &format!("{what} {who}"), us);
            }
        }
    }

    /// Adds a figure.
    pub fn put(&mut self, group: Group, name: &str, figure: i64) {
        self.0.insert((group, name.to_owned()), figure);
    }

    fn memory(&mut self, text: &str) {
        let fields = fields(text);
        for name in MEMORY {
            if let Some(kib) = fields.get(name) {
                self.put(Group::Memory, name, *kib as i64);
            }
        }
    }

    fn events(&mut self, text: &str) {
        for (name, count) in fields(text) {
            if EVENTS.iter().any(|begin| name.starts_with(begin)) {
                self.put(Group::Events, &name, count as i64);
            }
        }
    }

    fn buddy(&mut self, text: &str, page_kib: i64) {
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["Node", node, "zone", zone, blocks @ ..] = words.as_slice() else {
                continue;
            };
            for (order, blocks) in blocks.iter().enumerate() {
                let node = node.trim_end_matches(',');
                let name = format!("node {node} {zone} order {order}");
                let blocks = blocks.parse::<i64>().unwrap_or(0);
                self.put(Group::Buddy, &name, blocks * (page_kib << order));
            }
        }
    }

    /// Whole slabs, as the kernel takes and gives them back.
    fn slab(&mut self, text: &str, page_kib: i64) {
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else {
                continue;
            };
            let numbers: Vec<i64> = words.filter_map(|word| word.parse().ok()).collect();
            // Of the tunables between these three are numbers, of slabdata the second is.
            if let [_, _, _, _, pages, _, _, _, _, slabs, _] = numbers.as_slice() {
                self.put(Group::Slab, name, slabs * pages * page_kib);
            }
        }
    }

    /// What has been added since an earlier moment; what there was not then began at nothing.
    pub fn since(&self, before: &Self) -> BTreeMap<(Group, String), i64> {
        let all = self.0.iter().map(|(key, now)| {
            let then = before.0.get(key).copied().unwrap_or(0);
            let counts = key.0 == Group::Events;
            (key.clone(), difference(*now, then, counts, usize::BITS))
        });
        all.collect()
    }
}

/// What counts does not fall: on a machine of 32 bits it has begun again.
fn difference(now: i64, then: i64, counts: bool, bits: u32) -> i64 {
    match now.wrapping_sub(then) {
        fallen @ i64::MIN..0 if counts && bits == 32 => fallen + (1 << 32),
        change => change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_of_32_bits_begins_again() {
        let last = i64::from(u32::MAX);
        assert_eq!(difference(3, last, true, 32), 4);
        assert_eq!(difference(3, last, true, 64), 3 - last);
        assert_eq!(difference(3, last, false, 32), 3 - last);
    }

    #[test]
    fn every_file_is_read_as_the_kernel_writes_it() {
        let mut state = State::default();
        state.memory("MemFree:  100 kB\nHugetlb: 7 kB\n");
        state.events("pgfault 12\nnr_free_pages 9\ncompact_stall 1\n");
        state.buddy("Node 0, zone    DMA32      3      0      2 \n", 4);
        state.slab(
            "slabinfo - version: 2.1\n# name <active_objs> ...\n\
             dentry 100 105 192 21 1 : tunables 0 0 0 : slabdata 5 5 0\n",
            4,
        );
        let get = |group, name: &str| state.0.get(&(group, name.to_owned())).copied();
        assert_eq!(get(Group::Memory, "MemFree"), Some(100));
        assert_eq!(get(Group::Events, "compact_stall"), Some(1));
        assert_eq!(get(Group::Events, "nr_free_pages"), None);
        assert_eq!(get(Group::Buddy, "node 0 DMA32 order 2"), Some(32));
        assert_eq!(get(Group::Slab, "dentry"), Some(20));
        assert_eq!(state.0.len(), 7);
    }

    #[test]
    fn what_is_new_began_at_nothing() {
        let mut now = State::default();
        now.put(Group::Slab, "new", 8);
        let grown = now.since(&State::default());
        assert_eq!(grown.get(&(Group::Slab, "new".into())), Some(&8));
    }
}
