// SPDX-License-Identifier: GPL-2.0

//! A memory cgroup (v2) of its own, for children: limits, what it uses, who died in it.

use super::{lab::Lab, look::Look, process::fields, setting::Held, tuning::Undo};
use crate::{error::reason, sys::child::Child};
use std::{collections::BTreeMap, fs};

const TREE: &str = "/sys/fs/cgroup";

/// A group; dropping it ends who is in it, and removes it.
pub struct Group<'a> {
    lab: &'a Lab,
    folder: String,
    _held: Held<'a>,
}

/// What a memory cgroup cannot be had for; none where it can.
pub fn missing(lab: &Lab) -> Option<String> {
    match lab.text(&format!("{TREE}/cgroup.subtree_control")) {
        Err(_) => Some("cgroup v2 at /sys/fs/cgroup".into()),
        Ok(text) if !text.split_whitespace().any(|word| word == "memory") => {
            Some("the memory controller in /sys/fs/cgroup/cgroup.subtree_control".into())
        }
        Ok(_) if !lab.is_root() => Some("root".into()),
        Ok(_) => None,
    }
}

impl<'a> Group<'a> {
    /// Makes one, directly below the root's.
    pub fn make(lab: &'a Lab, name: &str) -> Look<Self> {
        if let Some(what) = missing(lab) {
            return Err(what);
        }
        let folder = format!("{TREE}/memlab-{}-{name}", std::process::id());
        let held = lab.remember(Undo::Group {
            folder: folder.clone(),
        })?;
        fs::create_dir(lab.machine.path(&folder))
            .map_err(|error| format!("{folder}: {}", reason(&error)))?;
        Ok(Self {
            lab,
            folder,
            _held: held,
        })
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Writes one of its files.
    pub fn set(&self, name: &str, text: impl ToString) -> Look<()> {
        let path = self.lab.machine.path(&self.file(name));
        fs::write(path, text.to_string()).map_err(|error| format!("{name}: {}", reason(&error)))
    }

    /// Whether it has a file.
    pub fn has(&self, name: &str) -> bool {
        self.lab.machine.has(&self.file(name))
    }

    /// The number that one of its files says.
    pub fn number(&self, name: &str) -> Look<u64> {
        let text = self.lab.text(&self.file(name))?;
        text.trim()
            .parse()
            .map_err(|_| format!("{name}: {}", text.trim()))
    }

    /// The numbers of one of its files.
    pub fn fields(&self, name: &str) -> Look<BTreeMap<String, u64>> {
        Ok(fields(&self.lab.text(&self.file(name))?))
    }

    /// A number of memory.stat.
    pub fn stat(&self, key: &str) -> Look<u64> {
        let found = self.fields("memory.stat")?.get(key).copied();
        found.ok_or_else(|| format!("memory.stat has no {key}"))
    }

    /// A number of memory.events.
    pub fn event(&self, key: &str) -> Look<u64> {
        let found = self.fields("memory.events")?.get(key).copied();
        found.ok_or_else(|| format!("memory.events has no {key}"))
    }

    /// How long its processes waited for memory so far, in us: some of them, or full, all of them.
    pub fn pressure(&self, whose: &str) -> Look<u64> {
        let text = self.lab.text(&self.file("memory.pressure"))?;
        let line = text.lines().find(|line| line.starts_with(whose));
        let total = line.and_then(|line| line.split_once("total=")?.1.parse().ok());
        total.ok_or_else(|| "memory.pressure (PSI)".into())
    }

    /// Starts a child in it.
    pub fn child(&self) -> Look<Child> {
        let child = self.lab.child()?;
        self.add(child.pid())?;
        Ok(child)
    }

    /// Takes a process in.
    pub fn add(&self, pid: u32) -> Look<()> {
        self.set("cgroup.procs", pid)
    }

    /// Has the kernel reclaim so many bytes from it; how many were.
    pub fn reclaim(&self, bytes: u64) -> Look<()> {
        // It says EAGAIN where it could not reclaim all of them.
        match self.set("memory.reclaim", bytes) {
            Err(why) if why.contains("temporarily") => Ok(()),
            other => other,
        }
    }
}
