// SPDX-License-Identifier: GPL-2.0

//! The module, whichever way it is reached: its files are texts, and a request is a line.

use super::Machine;
use crate::error::{reason, Error, Kind, Result};
use std::{fs, io, path::PathBuf};

const FOLDER: &str = "/sys/kernel/debug/memlab";

/// A way to the module.
pub trait Module {
    /// The text of a file.
    fn look(&self, file: &str) -> Result<String>;

    /// Gives a file a line, waits until that is carried out, and reads what came of it.
    fn ask(&self, file: &str, line: &str) -> Result<String>;
}

/// The best way that there is.
pub fn open(machine: &Machine) -> Result<Box<dyn Module>> {
    let folder = machine.path(FOLDER);
    if machine.is_copy() {
        return Ok(Box::new(Saved { folder }));
    }
    match fs::read_dir(&folder) {
        Ok(_) => Ok(Box::new(Files { folder })),
        Err(error) => Err(unreachable(machine, &error)),
    }
}

/// Why there is no way, and what would make one.
fn unreachable(machine: &Machine, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return Error::new(
            Kind::Denied,
            "the module is for root only: run this with sudo",
        );
    }
    let message = match machine.has("/sys/module/memlab") {
        true => "debugfs is not mounted: mount -t debugfs debugfs /sys/kernel/debug",
        false => "the module is not loaded: insmod memlab.ko (make host builds it)",
    };
    Error::new(Kind::NoModule, message)
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
