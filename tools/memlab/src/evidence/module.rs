// SPDX-License-Identifier: GPL-2.0

//! The module, whichever way it is reached: its files are texts, and a request is a line.

use super::Machine;
use crate::{
    error::{reason, Error, Kind, Result},
    output::progress::Watch,
    sys::{
        buffer::{Buffer, Facts},
        door::{self, Door, Refusal, Take},
    },
};
use std::{fs, io, path::PathBuf, time::Duration};

const FOLDER: &str = "/sys/kernel/debug/memlab";
const DEVICE: &str = "/dev/memlab";

/// A way to the module.
pub trait Module {
    /// The text of a file.
    fn look(&self, file: &str) -> Result<String>;

    /// Gives a file a line, waits until that is carried out, and reads what came of it.
    fn ask(&self, file: &str, line: &str) -> Result<String>;

    /// What stands between a device and memory; `None` where this way does not tell.
    fn describe(&self, _bus: &str, _device: &str) -> Option<door::Device> {
        None
    }

    /// The way of an address through the page tables.
    fn walk(&self, _address: u64, _pid: u32) -> Result<door::Walk> {
        Err(Error::new(
            Kind::NoModule,
            format!("a walk goes through {DEVICE} alone, and there is none that can be asked"),
        ))
    }

    /// A buffer of a kind, by its number, for a device, with what it is.
    fn buffer(&self, _kind: u32, _bytes: u64, _device: &str) -> Result<(Buffer, Facts)> {
        Err(Error::new(
            Kind::NoModule,
            format!("buffers are had through {DEVICE} alone, and there is none that can be asked"),
        ))
    }

    /// What follows the progress of what is on, where this way tells it.
    fn watch(&self) -> Option<Watch> {
        None
    }

    /// Whether a state of memory that was made goes when this command ends.
    fn is_session(&self) -> bool {
        false
    }
}

/// The best way that there is: the device, or, of a module that has no sessions, its files.
pub fn open(machine: &Machine) -> Result<Box<dyn Module>> {
    let folder = machine.path(FOLDER);
    if machine.is_copy() {
        return Ok(Box::new(Saved { folder }));
    }
    let opened = Door::open(&machine.path(DEVICE));
    let denied = matches!(&opened, Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
    if let Ok(door) = opened {
        // A module that is older knows less than it is asked: it is asked for what changes nothing.
        let speaks = door.abi().is_ok_and(|abi| abi >= door::ABI);
        if speaks && door.progress(0, 0).is_ok() {
            let path = machine.path(DEVICE);
            return Ok(Box::new(Session { door, path }));
        }
    }
    if fs::read_dir(&folder).is_ok() {
        return Ok(Box::new(Files { folder }));
    }
    Err(unreachable(machine, denied))
}

/// Why there is no way, and what would make one.
fn unreachable(machine: &Machine, denied: bool) -> Error {
    if denied {
        return Error::new(
            Kind::Denied,
            "the module is for root only: run this with sudo",
        );
    }
    match machine.has("/sys/module/memlab") {
        true => Error::new(
            Kind::NoModule,
            format!("the module is loaded, and {DEVICE} is not there: mount -t devtmpfs dev /dev"),
        ),
        false => Error::new(
            Kind::NoModule,
            "the module is not loaded: insmod memlab.ko (make host builds it)",
        ),
    }
}

/// Through /dev/memlab.
struct Session {
    door: Door,
    path: PathBuf,
}

impl Session {
    fn said(file: &str, refusal: &Refusal) -> Error {
        if refusal.message.is_empty() {
            return failed(file, &refusal.error);
        }
        const ENODEV: i32 = 19;
        let kind = match refusal.error.raw_os_error() {
            Some(ENODEV) => Kind::Device,
            _ if refusal.error.kind() == io::ErrorKind::ResourceBusy => Kind::Device,
            _ if refusal.error.kind() == io::ErrorKind::PermissionDenied => Kind::Denied,
            _ => Kind::Refused,
        };
        Error::new(kind, refusal.message.clone())
    }
}

impl Module for Session {
    fn look(&self, file: &str) -> Result<String> {
        self.door
            .look(file)
            .map_err(|refusal| Self::said(file, &refusal))
    }

    fn ask(&self, file: &str, line: &str) -> Result<String> {
        let take = match file {
            "run" => Take::Run,
            "compare" => Take::Compare,
            "calibrate" => Take::Calibrate,
            "scenario" => Take::Scenario,
            "cma" => Take::Probe,
            _ => return Err(missing(file)),
        };
        let taken = self.door.take(take, line);
        taken.map_err(|refusal| Self::said(file, &refusal))?;
        self.look(file)
    }

    fn describe(&self, bus: &str, device: &str) -> Option<door::Device> {
        self.door.describe(bus, device).ok()
    }

    fn walk(&self, address: u64, pid: u32) -> Result<door::Walk> {
        let walked = self.door.walk(address, pid);
        walked.map_err(|refusal| Self::said("walk", &refusal))
    }

    fn buffer(&self, kind: u32, bytes: u64, device: &str) -> Result<(Buffer, Facts)> {
        let said = |refusal: Refusal| Self::said("buffer", &refusal);
        let buffer = self.door.buffer(kind, bytes, device).map_err(said)?;
        let facts = self.door.facts(&buffer).map_err(said)?;
        Ok((buffer, facts))
    }

    fn watch(&self) -> Option<Watch> {
        // A session of its own: this one is in its call.
        let door = Door::open(&self.path).ok()?;
        let mut serial = 0;
        Some(Box::new(move |longest: Duration| {
            let timeout = u32::try_from(longest.as_millis()).unwrap_or(u32::MAX);
            let Ok(told) = door.progress(serial, timeout) else {
                std::thread::sleep(longest);
                return None;
            };
            serial = told.serial;
            let known = told.state != 0 && told.left != u64::MAX;
            known.then(|| {
                (
                    Duration::from_nanos(told.elapsed),
                    Duration::from_nanos(told.left),
                )
            })
        }))
    }

    fn is_session(&self) -> bool {
        true
    }
}

/// Through debugfs.
struct Files {
    folder: PathBuf,
}

impl Module for Files {
    fn look(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(file),
            _ => Error::file(&path, &error),
        })
    }

    fn ask(&self, file: &str, line: &str) -> Result<String> {
        let written = fs::OpenOptions::new()
            .write(true)
            .open(self.folder.join(file))
            .and_then(|mut open| io::Write::write_all(&mut open, format!("{line}\n").as_bytes()));
        let Err(error) = written else {
            return self.look(file);
        };
        let said = self.look(file).unwrap_or_default();
        Err(refused(&said).unwrap_or_else(|| failed(file, &error)))
    }
}

/// The sentence of a refusal, which is the first line of the file.
fn refused(said: &str) -> Option<Error> {
    let (errno, message) = said
        .lines()
        .next()?
        .strip_prefix("refused ")?
        .split_once(' ')?;
    let kind = match errno {
        "ENODEV" => Kind::Device,
        _ => Kind::Refused,
    };
    Some(Error::new(kind, message))
}

/// What an errno without a sentence means.
fn failed(file: &str, error: &io::Error) -> Error {
    const EPERM: i32 = 1;
    const EINTR: i32 = 4;
    const EBUSY: i32 = 16;
    const ENODEV: i32 = 19;
    const ENOTTY: i32 = 25;
    const ECANCELED: i32 = 125;
    let (kind, message) = match error.raw_os_error() {
        Some(EBUSY) => (
            Kind::Device,
            "another run is on: wait for it, or end it by a write to stop".into(),
        ),
        Some(ENODEV) => (Kind::Device, "the device went away during the run".into()),
        Some(ECANCELED | EINTR) => (Kind::Stopped, "stopped before its end".into()),
        Some(EPERM) => (
            Kind::Denied,
            format!("{file}: not permitted: not root, or the kernel is locked down"),
        ),
        Some(ENOTTY) => return missing(file),
        _ if error.kind() == io::ErrorKind::NotFound => return missing(file),
        _ => (Kind::Refused, format!("{file}: {}", reason(error))),
    };
    Error::new(kind, message)
}

fn missing(file: &str) -> Error {
    Error::new(
        Kind::Version,
        format!(
            "the module has no {file}: it is older or newer than this command, whose version is {}",
            env!("CARGO_PKG_VERSION")
        ),
    )
}

/// A copy of its files: what was asked once is all that there is.
struct Saved {
    folder: PathBuf,
}

impl Module for Saved {
    fn look(&self, file: &str) -> Result<String> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(|error| Error::file(&path, &error))
    }

    fn ask(&self, file: &str, _line: &str) -> Result<String> {
        let said = self.look(file)?;
        match refused(&said) {
            Some(error) => Err(error),
            None => Ok(said),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_its_sentence() {
        let error = refused("refused ERANGE size=0: out of range, 1 to 5 bytes\nold\n").unwrap();
        assert_eq!(error.kind, Kind::Refused);
        assert_eq!(error.message, "size=0: out of range, 1 to 5 bytes");
        assert_eq!(
            refused("refused ENODEV device=x: no").unwrap().kind,
            Kind::Device
        );
        assert!(refused("experiment kmalloc\n").is_none());
    }

    #[test]
    fn an_errno_says_what_to_do() {
        let of = |errno| failed("run", &io::Error::from_raw_os_error(errno));
        assert_eq!(of(16).kind, Kind::Device);
        assert_eq!(of(125).kind, Kind::Stopped);
        assert_eq!(of(1).kind, Kind::Denied);
        assert_eq!(of(2).kind, Kind::Version);
        assert!(of(16).message.contains("stop"));
    }
}
