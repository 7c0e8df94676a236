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

    /// The block device that the scratch folder lies on.
    pub fn device(&self) -> Look<PathBuf> {
        let device = rustix::fs::stat(&self.scratch).map_err(|error| error.to_string())?;
        let (major, minor) = (
            rustix::fs::major(device.st_dev),
            rustix::fs::minor(device.st_dev),
        );
        let text = self.text(&format!("/sys/dev/block/{major}:{minor}/uevent"));
        let text = text.map_err(|_| "a file system on one block device".to_owned())?;
        let name = text.lines().find_map(|line| line.strip_prefix("DEVNAME="));
        let name = name.ok_or("a block device with a name")?;
        Ok(Path::new("/dev").join(name))
    }

    /// Reads so many bytes of that device, past its file system, from its middle on, where no
    /// file of a small file system has brought them in yet.
    pub fn read_device(&self, length: u64) -> Look<()> {
        let path = self.device()?;
        let done = (|| {
            let mut file = fs::File::open(&path)?;
            let end = std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0))?;
            std::io::Seek::seek(&mut file, std::io::SeekFrom::Start((end / 2) & !0xfff))?;
            let mut block = vec![0; MIB as usize];
            for _ in 0..length / MIB {
                std::io::Read::read_exact(&mut file, &mut block)?;
            }
            Ok(())
        })();
        done.map_err(|error: std::io::Error| {
            format!("{}: {}", path.display(), crate::error::reason(&error))
        })
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

    /// Removes the files that processes which were killed have left in the folder; which.
    pub fn sweep(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.scratch).into_iter().flatten().flatten();
        let left = entries.filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name
                .strip_prefix(SCRATCH)
                .and_then(|rest| rest.split('-').next());
            let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
            pid.is_some_and(|pid| !self.machine.has(&format!("/proc/{pid}")))
        });
        left.filter(|entry| fs::remove_file(entry.path()).is_ok())
            .map(|entry| format!("{} is removed", entry.path().display()))
            .collect()
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
            .join(format!("{SCRATCH}{}-{name}", std::process::id()));
        let scratch = Scratch { path };
        scratch.fill(length)?;
        Ok(scratch)
    }
}

/// How the name of such a file begins: as nobody else's does, since those that were left are removed.
const SCRATCH: &str = ".memlab-claims-";

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

    /// Writes so many bytes to its end, and does not wait for the disk.
    pub fn append(&self, length: u64) -> Look<()> {
        let block = vec![b'm'; MIB as usize];
        let done = (|| {
            let mut file = fs::OpenOptions::new().append(true).open(&self.path)?;
            for _ in 0..length / MIB {
                std::io::Write::write_all(&mut file, &block)?;
            }
            Ok(())
        })();
        done.map_err(|error: std::io::Error| crate::error::reason(&error))
    }

    /// Reads it whole, past the cache.
    pub fn read_direct(&self) -> Look<usize> {
        #[repr(align(4096))]
        struct Block([u8; 1 << 16]);
        let mut block = Box::new(Block([0; 1 << 16]));
        let direct = rustix::fs::OFlags::DIRECT.bits();
        let opened = std::os::unix::fs::OpenOptionsExt::custom_flags(
            fs::OpenOptions::new().read(true),
            i32::try_from(direct).unwrap_or(0),
        )
        .open(&self.path);
        let mut file = opened.map_err(|error| crate::error::reason(&error))?;
        let mut all = 0;
        loop {
            let got = std::io::Read::read(&mut file, &mut block.0);
            match got.map_err(|error| crate::error::reason(&error))? {
                0 => return Ok(all),
                count => all += count,
            }
        }
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
