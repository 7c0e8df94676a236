// SPDX-License-Identifier: GPL-2.0

//! What procfs says of a process.

use super::{look::Look, Machine};
use crate::sys::child::Child;
pub use procfs::process::{MMPermissions, MemoryMap};
use procfs::process::{MMapPath, Process};
use std::collections::BTreeMap;

/// The numbers of a file of `key value` or `key: value kB`, a line each.
pub fn fields(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| {
        let (key, rest) = line.split_once([' ', ':', '\t'])?;
        let value = rest.trim_start_matches([':', ' ', '\t']).split_whitespace();
        Some((key.to_owned(), value.into_iter().next()?.parse().ok()?))
    });
    lines.collect()
}

/// A process that is looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    machine: Machine,
    pid: u32,
}

impl Seen {
    /// By its number.
    pub fn new(machine: &Machine, pid: u32) -> Self {
        Self {
            machine: machine.clone(),
            pid,
        }
    }

    /// All that there are.
    pub fn all(machine: &Machine) -> impl Iterator<Item = Self> + '_ {
        let names = machine.names("/proc").into_iter();
        names.filter_map(|name| Some(Self::new(machine, name.parse().ok()?)))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its number and what it calls itself.
    pub fn label(&self) -> String {
        let comm = self.text("comm").unwrap_or_default();
        format!("{} ({})", self.pid, comm.trim())
    }

    /// This process.
    pub fn own(machine: &Machine) -> Self {
        Self::new(machine, std::process::id())
    }

    /// What was read from devices for it, in bytes.
    pub fn read_bytes(&self) -> Look<u64> {
        let found = fields(&self.text("io")?).get("read_bytes").copied();
        found.ok_or_else(|| "/proc/PID/io (CONFIG_TASK_IO_ACCOUNTING)".into())
    }

    /// A child.
    pub fn child(machine: &Machine, child: &Child) -> Self {
        Self::new(machine, child.pid())
    }

    /// One of its files.
    pub fn text(&self, file: &str) -> Look<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        self.machine.read(&path).map_err(|error| error.message)
    }

    /// The numbers of /proc/PID/status, sizes in KiB.
    pub fn status(&self) -> Look<BTreeMap<String, u64>> {
        Ok(fields(&self.text("status")?))
    }

    /// One number of /proc/PID/status.
    pub fn status_of(&self, key: &str) -> Look<u64> {
        let found = self.status()?.get(key).copied();
        found.ok_or_else(|| format!("/proc/PID/status has no {key}"))
    }

    /// One number of /proc/PID/smaps_rollup, in KiB.
    pub fn rollup(&self, key: &str) -> Look<u64> {
        let found = fields(&self.text("smaps_rollup")?).get(key).copied();
        found.ok_or_else(|| format!("/proc/PID/smaps_rollup has no {key}"))
    }

    /// Private memory that no other process maps, in KiB: USS.
    pub fn uss(&self) -> Look<u64> {
        Ok(self.rollup("Private_Clean")? + self.rollup("Private_Dirty")?)
    }

    /// Its areas with what smaps says of each.
    pub fn areas(&self) -> Look<Vec<MemoryMap>> {
        let pid = i32::try_from(self.pid).unwrap_or(0);
        let maps = Process::new(pid).and_then(|process| process.smaps());
        maps.map(|maps| maps.0)
            .map_err(|error| format!("smaps: {error}"))
    }

    /// The area that an address lies in.
    pub fn area(&self, address: u64) -> Look<MemoryMap> {
        let mut areas = self.areas()?.into_iter();
        let found = areas.find(|area| (area.address.0..area.address.1).contains(&address));
        found.ok_or_else(|| format!("no area at {address:#x}"))
    }

    /// Its minor and major faults so far.
    pub fn faults(&self) -> Look<(u64, u64)> {
        let pid = i32::try_from(self.pid).unwrap_or(0);
        let stat = Process::new(pid).and_then(|process| process.stat());
        let stat = stat.map_err(|error| format!("stat: {error}"))?;
        Ok((stat.minflt, stat.majflt))
    }

    /// RSS as /proc/PID/stat has it, in KiB.
    pub fn resident(&self) -> Look<u64> {
        let pid = i32::try_from(self.pid).unwrap_or(0);
        let stat = Process::new(pid).and_then(|process| process.stat());
        let stat = stat.map_err(|error| format!("stat: {error}"))?;
        Ok(stat.rss * (rustix::param::page_size() as u64 >> 10))
    }

    /// Shifts how likely it is to be killed for lack of memory.
    pub fn adjust(&self, by: i32) -> Look<()> {
        let path = format!("/proc/{}/oom_score_adj", self.pid);
        std::fs::write(self.machine.path(&path), by.to_string())
            .map_err(|error| format!("oom_score_adj: {}", crate::error::reason(&error)))
    }

    /// How likely it is to be killed for lack of memory.
    pub fn oom_score(&self) -> Look<i64> {
        let text = self.text("oom_score")?;
        text.trim().parse().map_err(|_| "oom_score".to_owned())
    }
}

/// What an area is of, in a word or a path.
pub fn name(area: &MemoryMap) -> String {
    match &area.pathname {
        MMapPath::Path(path) => path.display().to_string(),
        MMapPath::Heap => "heap".into(),
        MMapPath::Stack => "stack".into(),
        MMapPath::Vdso => "vdso".into(),
        MMapPath::Anonymous => "anonymous".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// A number of smaps for an area, in KiB.
pub fn kib(area: &MemoryMap, key: &str) -> u64 {
    area.extension.map.get(key).map_or(0, |bytes| bytes >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_a_colon_or_none_and_a_unit_or_none() {
        let read = fields("VmRSS:\t  12 kB\nName:\tx\npgfault 7\nnr_free_pages 9\n");
        assert_eq!(read["VmRSS"], 12);
        assert_eq!((read["pgfault"], read["nr_free_pages"]), (7, 9));
        assert_eq!(read.len(), 3);
    }
}
