// SPDX-License-Identifier: GPL-2.0

//! A trace buffer of the command's own: an instance of tracefs, which leaves everybody else's
//! tracing alone and goes when it is dropped.

use super::{process, Machine};
use crate::error::{Error, Kind, Result};
use std::{
    fs,
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    thread,
};

/// Where tracefs is mounted, and where older systems have it.
const MOUNTS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
/// What an instance of ours is called, before the number of its process.
const PREFIX: &str = "memlab-";
/// Of all CPUs together, and of each of them at least.
const MOST_KIB: u64 = 64 << 10;
const LEAST_KIB: u64 = 64;
/// The part of memory that the buffers may be.
const PART: u64 = 32;

/// The instance.
pub struct Instance {
    folder: PathBuf,
    pipe: Option<fs::File>,
    rest: Vec<u8>,
}

impl Instance {
    /// Makes one in which nothing is on. Those of processes that have ended are removed first.
    pub fn new(machine: &Machine) -> Result<Self> {
        let instances = MOUNTS
            .iter()
            .map(|mount| machine.path(&format!("{mount}/instances")))
            .find(|folder| fs::metadata(folder).is_ok())
            .ok_or_else(|| match rustix::process::geteuid().is_root() {
                true => Error::new(
                    Kind::File,
                    format!(
                        "tracefs is not mounted: mount -t tracefs tracefs {}",
                        MOUNTS[0]
                    ),
                ),
                false => Error::new(Kind::Denied, "tracing is for root only: run this with sudo"),
            })?;
        for old in fs::read_dir(&instances).into_iter().flatten().flatten() {
            let name = old.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix(PREFIX);
            if pid.is_some_and(|pid| !machine.has(&format!("/proc/{pid}"))) {
                let _ = fs::remove_dir(old.path()); // Another may have been faster.
            }
        }
        let folder = instances.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => Error::new(
                Kind::Denied,
                "this kernel lets nobody trace: it is locked down, or this is not root",
            ),
            _ => Error::file(&folder, &error),
        })?;
        let opened = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(folder.join("trace_pipe"));
        match opened {
            Ok(pipe) => Ok(Self {
                folder,
                pipe: Some(pipe),
                rest: Vec::new(),
            }),
            Err(error) => {
                let failed = Error::file(&folder.join("trace_pipe"), &error);
                let _ = fs::remove_dir(&folder); // The first error is the one to tell.
                Err(failed)
            }
        }
    }

    /// Writes a line into a file of it.
    pub fn set(&self, file: &str, line: &str) -> Result {
        let path = self.folder.join(file);
        fs::write(&path, line).map_err(|error| Error::file(&path, &error))
    }

    /// The text of a file of it.
    pub fn text(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))
    }

    /// Whether it has a file.
    pub fn has(&self, file: &str) -> bool {
        fs::metadata(self.folder.join(file)).is_ok()
    }

    /// Has the buffers as large as they may be on this machine.
    pub fn fit(&self, machine: &Machine) -> Result {
        let fields = process::fields(&machine.read("/proc/meminfo")?);
        let memory_kib = fields.get("MemTotal").copied().unwrap_or(0);
        let cpus = thread::available_parallelism().map_or(1, |count| count.get() as u64);
        let all = (memory_kib / PART).min(MOST_KIB);
        let each = (all / cpus).max(LEAST_KIB);
        self.set("buffer_size_kb", &each.to_string())
    }

    /// The whole lines that have come since the last time.
    pub fn lines(&mut self) -> Result<Vec<String>> {
        let mut block = vec![0; 1 << 16];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut block) {
                Ok(0) => break,
                Ok(count) => self.rest.extend(block.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::file(&self.folder.join("trace_pipe"), &error)),
            }
            // What comes faster than it is read is looked at meanwhile.
            if self.rest.len() > 1 << 22 {
                break;
            }
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let whole: Vec<u8> = self.rest.drain(..end.map_or(0, |at| at + 1)).collect();
        let text = String::from_utf8_lossy(&whole);
        Ok(text.lines().map(str::to_owned).collect())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // An instance is not removed while one of its files is open.
        drop(self.pipe.take());
        let _ = fs::remove_dir(&self.folder); // What stays is removed by the next.
    }
}

/// What stands before an event's own words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// The CPU.
    pub cpu: u32,
    /// By the trace's clock, in us.
    pub us: u64,
}

/// Parts `comm-pid [cpu] flags time: rest`; none of what is no event.
pub fn head(line: &str) -> Option<(Head, &str)> {
    // A command may be called anything: the number of the CPU is followed by flags and a time.
    line.match_indices('[').find_map(|(at, _)| {
        let (cpu, rest) = line.get(at + 1..)?.split_once("] ")?;
        let cpu = cpu.parse().ok()?;
        let (before, rest) = rest.split_once(": ")?;
        let mut words = before.split_whitespace();
        let (_, time, None) = (words.next()?, words.next()?, words.next()) else {
            return None;
        };
        let (seconds, micros) = time.split_once('.')?;
        let us = seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?;
        let us = us.checked_add(micros.parse().ok()?)?;
        (micros.len() == 6).then_some((Head { cpu, us }, rest))
    })
}

/// How many events were lost before this line, where it says so.
pub fn lost(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix("CPU:")?.split_once("[LOST ")?;
    let count = rest.split_whitespace().next()?;
    // The kernel may not know how many.
    Some(count.parse().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_begins_with_its_cpu_and_time() {
        let line = "   my [1] task-12    [003] d..1.    17.000042: dma_map_phys: a b";
        let want = Head {
            cpu: 3,
            us: 17_000_042,
        };
        assert_eq!(head(line), Some((want, "dma_map_phys: a b")));
        assert_eq!(head("# tracer: nop"), None);
        assert_eq!(head(" => dma_map_phys"), None);
    }

    #[test]
    fn what_is_lost_is_counted() {
        assert_eq!(lost("CPU:1 [LOST 42 EVENTS]"), Some(42));
        assert_eq!(lost("CPU:1 [LOST EVENTS]"), Some(1));
        assert_eq!(lost(" x-1 [000] ..... 1.000000: dma_map_phys: y"), None);
    }
}
