// SPDX-License-Identifier: GPL-2.0

//! The kernel's log, from a moment on.

use super::{lab::Lab, look::Look, Machine};
use crate::error::reason;
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
};

/// What a machine said last keeps over a panic, where firmware has room for it.
const LAST: &str = "/sys/fs/pstore";
const FILE: &str = "/dev/kmsg";
/// No record is longer (kernel/printk/internal.h: PRINTK_MESSAGE_MAX).
const LONGEST: usize = 2048;

/// The line of a panic in what the machine said before it began anew; none where nothing is kept.
pub fn last_words(lab: &Lab) -> Option<String> {
    let mut names = lab.machine.names(LAST).into_iter();
    let text = names.find_map(|name| {
        let text = lab.machine.look(&format!("{LAST}/{name}"))?;
        text.contains("Kernel panic").then_some(text)
    })?;
    let line = text.lines().find(|line| line.contains("Kernel panic"))?;
    let at = line.find("Kernel panic")?;
    Some(line[at..].trim().to_owned())
}

/// What is logged after it was opened.
pub struct Log(File);

impl Log {
    /// From now on.
    pub fn from_now(lab: &Lab) -> Look<Self> {
        Self::from_end(&lab.machine)
    }

    /// From now on, of a machine.
    pub fn from_end(machine: &Machine) -> Look<Self> {
        let mut log = Self::from_boot(machine)?;
        let sought = log.0.seek(SeekFrom::End(0));
        sought.map_err(|error| format!("{FILE}: {}", reason(&error)))?;
        Ok(log)
    }

    /// From the first line that is still kept.
    pub fn from_boot(machine: &Machine) -> Look<Self> {
        if machine.is_copy() {
            return Err("the log of the machine that this is a copy of".into());
        }
        let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
        let mut options = OpenOptions::new();
        let opened = options
            .read(true)
            .custom_flags(flags)
            .open(machine.path(FILE));
        let file = opened.map_err(|error| format!("{FILE}: {}", reason(&error)))?;
        Ok(Self(file))
    }

    /// The lines since then, or since it was asked the last time.
    pub fn lines(&mut self) -> Look<Vec<String>> {
        let mut lines = Vec::new();
        let mut record = [0; LONGEST];
        loop {
            match self.0.read(&mut record) {
                Ok(0) => return Ok(lines),
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]).into_owned();
                    let text = text.split_once(';').map_or("", |(_, text)| text);
                    lines.extend(text.lines().next().map(str::to_owned));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(lines),
                // Records were overwritten before they were read: it goes on behind them.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) => return Err(format!("{FILE}: {}", reason(&error))),
            }
        }
    }
}
