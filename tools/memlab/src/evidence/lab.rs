// SPDX-License-Identifier: GPL-2.0

//! What claims are shown with: processes, groups, files and settings, each put back when dropped.

use super::{look::Look, pages::Pages, process, tuning::Journal, Machine};
use crate::{
    error::{Error, Kind, Result},
    sys::child::Child,
};
use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// Bytes.
pub const KIB: u64 = 1 << 10;
/// Bytes.
pub const MIB: u64 = 1 << 20;

/// The laboratory.
pub struct Lab {
    /// The machine.
    pub machine: Machine,
    /// Whether settings of the whole system may be changed for a while.
    pub system: bool,
    /// What has to be put back, also by another process after this one was killed.
    pub journal: RefCell<Journal>,
    scratch: PathBuf,
    _alone: Option<fs::File>,
}

const LOCK: &str = "/run/memlab-claims.lock";
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

impl Lab {
    /// A laboratory whose files lie in a folder. Two at once would take each other's changes for
    /// what was there before.
    pub fn new(machine: &Machine, scratch: &Path, system: bool) -> Result<Self> {
        let mut alone = None;
        // Who may not write there changes nothing that others see.
        if let Ok(file) = fs::File::create(machine.path(LOCK)) {
            let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
            if rustix::fs::flock(&file, lock).is_err() {
                return Err(Error::new(
                    Kind::Refused,
                    format!("another memlab claims is on ({LOCK} is locked)"),
                ));
            }
            alone = Some(file);
        }
        Ok(Self {
            machine: machine.clone(),
            system,
            journal: RefCell::new(Journal::at(machine)),
            scratch: scratch.to_owned(),
            _alone: alone,
        })
    }

    /// Where the command lies, which is on a disk where anything is.
    pub fn home() -> PathBuf {
        let program = std::env::current_exe().ok();
        let folder = program.and_then(|path| Some(path.parent()?.to_owned()));
        folder.unwrap_or_else(std::env::temp_dir)
    }

    /// Why files in the folder would say nothing of a disk; none where they do.
    pub fn no_disk(&self) -> Option<String> {
        let kind = rustix::fs::statfs(&self.scratch).map(|found| found.f_type as u32);
        match kind {
            Ok(TMPFS | RAMFS) => Some(format!(
                "a folder on a disk (--scratch DIR): {} is in memory",
                self.scratch.display()
            )),
            Ok(_) => None,
            Err(error) => Some(format!("--scratch {}: {error}", self.scratch.display())),
        }
    }

    /// A process that does what it is told.
    pub fn child(&self) -> Look<Child> {
        let started = Child::start();
        let mut child =
            started.map_err(|error| format!("child: {}", crate::error::reason(&error)))?;
        // Until it answers it may be what it was before it was executed.
        child.ask("faults").map_err(|why| why.to_string())?;
        Ok(child)
    }

    /// The frames of a process's pages.
    pub fn pages(&self) -> Pages {
        Pages::of(&self.machine)
    }

    /// The size of a page.
    pub fn page(&self) -> u64 {
        rustix::param::page_size() as u64
    }

    /// How many CPUs are online.
    pub fn cpus(&self) -> usize {
        thread::available_parallelism().map_or(1, usize::from)
    }

    /// Whether this process is root's.
    pub fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// The folder for files.
    pub fn folder(&self) -> &Path {
        &self.scratch
    }

    /// A number of a file of `key value` or `key: value kB`.
    pub fn field(&self, file: &str, key: &str) -> Look<u64> {
        let text = self.machine.read(file).map_err(|error| error.message)?;
        process::fields(&text)
            .get(key)
            .copied()
            .ok_or_else(|| format!("{file} has no {key}"))
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Look<String> {
        self.machine.read(file).map_err(|error| error.message)
    }

    /// What is chosen in a file like `always [madvise] never`, or its whole text.
    pub fn chosen(&self, file: &str) -> Look<String> {
        Ok(super::tuning::chosen(&self.text(file)?))
    }

    /// Waits.
    pub fn pause(&self, ms: u64) {
        thread::sleep(Duration::from_millis(ms));
    }

    /// A file of so many bytes none of which is there yet, removed when dropped.
    pub fn sparse(&self, name: &str, length: u64) -> Look<Scratch> {
        let scratch = self.file(name, 0)?;
        let file = fs::OpenOptions::new().write(true).open(&scratch.path);
        file.and_then(|file| file.set_len(length))
            .map_err(|error| format!("{}: {}", scratch.word(), crate::error::reason(&error)))?;
        Ok(scratch)
    }

    /// A file of so many bytes that are not zero, on the disk, removed when dropped.
    pub fn file(&self, name: &str, length: u64) -> Look<Scratch> {
        let path = self
            .scratch
            .join(format!("memlab-{}-{name}", std::process::id()));
        let scratch = Scratch { path };
        scratch.fill(length)?;
        Ok(scratch)
    }
}

/// A file for the time of a look.
pub struct Scratch {
    /// Where it is.
    pub path: PathBuf,
}

impl Scratch {
    fn fill(&self, length: u64) -> Look<()> {
        let block: Vec<u8> = (0..MIB).map(|at| (at % 251) as u8 | 1).collect();
        let done = (|| {
            let mut file = fs::File::create(&self.path)?;
            let mut left = length;
            while left > 0 {
                let part = left.min(MIB);
                std::io::Write::write_all(&mut file, &block[..part as usize])?;
                left -= part;
            }
            file.sync_all()
        })();
        done.map_err(|error: std::io::Error| {
            format!("{}: {}", self.path.display(), crate::error::reason(&error))
        })
    }

    /// Reads it whole.
    pub fn read(&self) -> Look<usize> {
        fs::read(&self.path)
            .map(|bytes| bytes.len())
            .map_err(|error| crate::error::reason(&error))
    }

    /// One byte of it, by read().
    pub fn byte(&self, at: u64) -> Look<u64> {
        let mut byte = [0];
        let read = fs::File::open(&self.path)
            .and_then(|file| std::os::unix::fs::FileExt::read_exact_at(&file, &mut byte, at));
        read.map(|()| u64::from(byte[0]))
            .map_err(|error| crate::error::reason(&error))
    }

    /// As a word of a line.
    pub fn word(&self) -> String {
        self.path.display().to_string()
    }

    /// Asks the kernel to let its clean pages go.
    pub fn evict(&self) -> Look<()> {
        let done = fs::File::open(&self.path).and_then(|file| {
            file.sync_all()?;
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
            Ok(())
        });
        done.map_err(|error| crate::error::reason(&error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // It may not have been made.
    }
}
