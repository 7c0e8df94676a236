// SPDX-License-Identifier: GPL-2.0

//! What is changed for the time of a look, as values that put it back when they are dropped.

use super::{lab::Lab, look::Look, tuning::Undo};
use crate::{error::reason, sys::swap};
use std::fs;

/// Something that was changed.
pub struct Held<'a> {
    lab: &'a Lab,
    undo: Undo,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Err(why) = self.lab.journal.borrow_mut().undo(&self.undo) {
            eprintln!("memlab: not put back: {why}; memlab claims --restore tries again");
        }
    }
}

impl Lab {
    /// Has a file of the kernel's say something else; only where the system may be changed.
    pub fn set(&self, file: &str, text: &str) -> Look<Held<'_>> {
        if !self.system {
            return Err("--system".into());
        }
        let undo = Undo::Write {
            file: file.to_owned(),
            text: self.chosen(file)?,
        };
        self.change(undo, || fs::write(self.machine.path(file), text))
            .map_err(|why| format!("{file}: {why}"))
    }

    /// Limits dirty pages by bytes, `dirty` or `dirty_background`. The share of memory that counts
    /// otherwise is zero from then on, and has to be put back instead.
    pub fn dirty(&self, which: &str, bytes: u64) -> Look<Held<'_>> {
        if !self.system {
            return Err("--system".into());
        }
        let [ratio, limit] = ["ratio", "bytes"].map(|unit| format!("/proc/sys/vm/{which}_{unit}"));
        let share = self.chosen(&ratio)?;
        let undo = match share.as_str() {
            "0" => Undo::Write {
                text: self.chosen(&limit)?,
                file: limit.clone(),
            },
            _ => Undo::Write {
                file: ratio,
                text: share,
            },
        };
        let path = self.machine.path(&limit);
        self.change(undo, || fs::write(path, bytes.to_string()))
            .map_err(|why| format!("{limit}: {why}"))
    }

    /// Has all that is dirty written, so that what comes is of who looks.
    pub fn settle(&self) {
        rustix::fs::sync();
        self.pause(200);
    }

    /// Swap in compressed memory, on the first device of zram if nobody uses it.
    pub fn zram(&self, mib: u64) -> Look<((Held<'_>, Held<'_>), String)> {
        if !self.system {
            return Err("--system".into());
        }
        let folder = "/sys/block/zram0";
        let size = self
            .text(&format!("{folder}/disksize"))
            .map_err(|_| "zram (modprobe zram)".to_owned())?;
        if size.trim() != "0" {
            return Err("a device of zram that nobody uses".into());
        }
        let path = std::path::PathBuf::from("/dev/zram0");
        let reset = Undo::Write {
            file: format!("{folder}/reset"),
            text: "1".into(),
        };
        let page = self.page();
        let pages = u32::try_from((mib << 20) / page).unwrap_or(u32::MAX);
        let made = self.change(reset, || {
            let size = self.machine.path(&format!("{folder}/disksize"));
            fs::write(size, (mib << 20).to_string())?;
            swap::mark_device(&path, pages, page as usize)
        })?;
        let file = path.display().to_string();
        let on = self
            .change(Undo::SwapOff { file }, || swap::on(&path))
            .map_err(|why| format!("swapon: {why}"))?;
        Ok(((on, made), "zram0".into()))
    }

    fn change(&self, undo: Undo, change: impl FnOnce() -> std::io::Result<()>) -> Look<Held<'_>> {
        self.journal.borrow_mut().note(undo.clone())?;
        let held = Held { lab: self, undo };
        change().map_err(|error| reason(&error))?;
        Ok(held)
    }

    /// Lets go of what can be: 1 the page cache, 2 dentries and inodes, 3 both.
    pub fn drop_caches(&self, what: u32) -> Look<()> {
        if !self.system {
            return Err("--system".into());
        }
        rustix::fs::sync();
        let file = "/proc/sys/vm/drop_caches";
        fs::write(self.machine.path(file), what.to_string())
            .map_err(|error| format!("{file}: {}", reason(&error)))
    }

    /// Takes a block of memory out for a while. As it comes back, the kernel reckons its reserve for
    /// users anew from what is free (mm/mmap.c: reserve_mem_notifier): that is put back as well.
    pub fn offline(&self, block: u64) -> Look<(Held<'_>, Held<'_>)> {
        const RESERVE: &str = "/proc/sys/vm/user_reserve_kbytes";
        let file = format!("/sys/devices/system/memory/memory{block}/state");
        match self.chosen(&file)?.as_str() {
            "online" => {
                let reserve = self.remember(Undo::Write {
                    file: RESERVE.into(),
                    text: self.chosen(RESERVE)?,
                })?;
                // The first is dropped first.
                Ok((self.set(&file, "offline")?, reserve))
            }
            other => Err(format!("{file} says {other}")),
        }
    }

    /// An area of swap in the scratch folder.
    pub fn swap(&self, mib: u64) -> Look<(Held<'_>, Held<'_>)> {
        if !self.system {
            return Err("--system".into());
        }
        let path = self
            .folder()
            .join(format!("memlab-{}-swap", std::process::id()));
        let file = path.display().to_string();
        let page = self.page();
        let pages = u32::try_from((mib << 20) / page).unwrap_or(u32::MAX);
        let made = self.change(Undo::Remove { file: file.clone() }, || {
            swap::make(&path, pages, page as usize)
        })?;
        let on = self
            .change(Undo::SwapOff { file }, || swap::on(&path))
            .map_err(|why| format!("swapon: {why}"))?;
        // The first is dropped first.
        Ok((on, made))
    }

    /// A file or folder of ours that another process removes where this one cannot.
    pub fn remember(&self, undo: Undo) -> Look<Held<'_>> {
        self.change(undo, || Ok(()))
    }
}
