// SPDX-License-Identifier: GPL-2.0

//! What the page cache is asked for, and who is killed for lack of memory, by the kernel's
//! tracepoints: no file of procfs counts either.

use super::{
    state::{Group, State},
    trace::{head, Instance},
    Machine,
};
use crate::error::{Error, Kind, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// Pages that are read of files, in ranges.
const READ: &str = "events/filemap/mm_filemap_get_pages";
/// Pages that are touched in files that are mapped, and were not mapped yet.
const FAULT: &str = "events/filemap/mm_filemap_fault";
/// Blocks of pages that come into the cache.
const ADD: &str = "events/filemap/mm_filemap_add_to_page_cache";
/// Who is to be killed.
const VICTIM: &str = "events/oom/mark_victim";

/// A process that the kernel killed for lack of memory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Victim {
    /// Its number.
    pub pid: u32,
    /// What it called itself.
    pub command: String,
    /// What it had of its own, in KiB.
    pub anonymous_kib: u64,
}

/// The kernel counts meanwhile.
pub struct Lookups {
    instance: Instance,
}

impl Lookups {
    /// Begins.
    pub fn begin(machine: &Machine) -> Result<Self> {
        let instance = Instance::new(machine)?;
        for (event, trigger) in [
            (READ, "hist:keys=s_dev:vals=index,last_index"),
            (FAULT, "hist:keys=s_dev"),
            (ADD, "hist:keys=order"),
        ] {
            if !instance.has(&format!("{event}/hist")) {
                return Err(Error::new(
                    Kind::Refused,
                    format!(
                        "this kernel does not count {} (CONFIG_HIST_TRIGGERS, and 6.12 at least)",
                        event.trim_start_matches("events/")
                    ),
                ));
            }
            instance.set(&format!("{event}/trigger"), trigger)?;
        }
        if instance.has(VICTIM) {
            instance.set(&format!("{VICTIM}/enable"), "1")?;
        }
        Ok(Self { instance })
    }

    /// Adds what has been counted so far to the figures of now.
    pub fn count(&self, state: &mut State) -> Result {
        let text = |event: &str| self.instance.text(&format!("{event}/hist"));
        let read = text(READ)?;
        // A range has its last page, too.
        let read = sum(&read, "last_index") - sum(&read, "index") + sum(&read, "hitcount");
        state.put(Group::Cache, "read", read);
        state.put(Group::Cache, "faulted", sum(&text(FAULT)?, "hitcount"));
        state.put(Group::Cache, "added", added(&text(ADD)?));
        Ok(())
    }

    /// Who was killed since the last time.
    pub fn victims(&mut self) -> Result<Vec<Victim>> {
        let lines = self.instance.lines()?;
        Ok(lines.iter().filter_map(|line| victim(line)).collect())
    }
}

/// A field of the rows of a histogram, which are `{ key: value } field: value ...`.
fn rows<'a>(text: &'a str, field: &'a str) -> impl Iterator<Item = (&'a str, i64)> + 'a {
    text.lines().filter_map(move |line| {
        let (key, rest) = line.trim().strip_prefix('{')?.split_once('}')?;
        let mut words = rest.split_whitespace();
        words.find(|word| word.strip_suffix(':') == Some(field))?;
        Some((key, words.next()?.parse().ok()?))
    })
}

fn sum(text: &str, field: &str) -> i64 {
    rows(text, field).map(|(_, count)| count).sum()
}

/// Pages, of blocks by their order.
fn added(text: &str) -> i64 {
    let pages = rows(text, "hitcount").filter_map(|(key, count)| {
        let order: u32 = key.rsplit_once(':')?.1.trim().parse().ok()?;
        count.checked_shl(order)
    });
    pages.sum()
}

fn victim(line: &str) -> Option<Victim> {
    let (_, words) = head(line)?;
    let rest = words.strip_prefix("mark_victim: pid=")?;
    let (pid, rest) = rest.split_once(" comm=")?;
    // A command may be called anything; what follows it is the kernel's.
    let (command, rest) = rest.rsplit_once(" total-vm=")?;
    let (_, rest) = rest.split_once("anon-rss=")?;
    Some(Victim {
        pid: pid.parse().ok()?,
        command: command.to_owned(),
        anonymous_kib: rest.split_once("kB")?.0.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_added_up() {
        let text = "# event histogram\n#\n\n{ s_dev:          1 } hitcount:          2  index:         \
                    30  last_index:         36\n{ s_dev:   8388609 } hitcount:          1  index:   \
                    7  last_index:          7\n\nTotals:\n    Hits: 3\n    Entries: 2\n";
        assert_eq!(sum(text, "hitcount"), 3);
        assert_eq!(sum(text, "last_index") - sum(text, "index"), 6);
        let text = "{ order:          0 } hitcount:         12\n\
                    { order:          2 } hitcount:          3\n";
        assert_eq!(added(text), 24);
    }

    #[test]
    fn a_victim_is_named() {
        let line =
            "   x-12    [003] d..1.    17.000042: mark_victim: pid=94 comm=a b total-vm=9kB \
                    anon-rss=7kB file-rss:1kB shmem-rss:0kB uid=0 pgtables=44kB oom_score_adj=0";
        let found = victim(line).unwrap();
        assert_eq!((found.pid, found.command.as_str()), (94, "a b"));
        assert_eq!(found.anonymous_kib, 7);
    }
}
