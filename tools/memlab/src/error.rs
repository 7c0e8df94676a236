// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, and the exit code that says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, io, path::Path};

/// Why the command ended as it did. The discriminant is the exit code, documented in the man page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Kind {
    /// What was asked was done, and a gate did not hold, or a check found something wrong.
    Failed = 1,
    /// The command line is not understood.
    Usage = 2,
    /// The module is not there.
    NoModule = 3,
    /// The kernel does not let this process do it.
    Denied = 4,
    /// The module, or the command on the kernel's behalf, refused the request.
    Refused = 5,
    /// A device vanished, is busy, or did not come back.
    Device = 6,
    /// A file cannot be read, is no recording, or cannot be written.
    File = 7,
    /// Module and command do not fit each other, or one said what the other does not understand.
    Version = 8,
    /// A signal, or a write to `stop`, ended it.
    Stopped = 130,
}

impl Kind {
    /// Every kind with what it means, for the man page.
    pub const ALL: [(Self, &'static str); 9] = [
        (
            Self::Failed,
            "a gate did not hold, a figure got worse, or a check found something wrong",
        ),
        (Self::Usage, "the command line is not understood"),
        (
            Self::NoModule,
            "the module is not loaded, or there is no way to reach it",
        ),
        (
            Self::Denied,
            "not permitted: not root, or the kernel is locked down",
        ),
        (
            Self::Refused,
            "the request was refused; the message names parameter, value and range",
        ),
        (
            Self::Device,
            "a device vanished, is in use, or did not come back",
        ),
        (
            Self::File,
            "a file cannot be read or written, or is no recording",
        ),
        (
            Self::Version,
            "module, command or recording are of different versions",
        ),
        (Self::Stopped, "stopped before its end"),
    ];

    /// The exit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// One line for people, and a kind for scripts.
#[derive(Clone, Debug)]
pub struct Error {
    /// What kind of thing went wrong.
    pub kind: Kind,
    /// One line: what it was, and what to do.
    pub message: String,
}

/// What every function that can fail returns.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    /// A word that is none of several.
    pub fn unknown(what: &str, word: &str, all: &[&str]) -> Self {
        let all = all.join(", ");
        Self::new(
            Kind::Usage,
            format!("{what}={word}: unknown, must be one of {all}"),
        )
    }

    /// A file that could not be read or written.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => Kind::Denied,
            _ => Kind::File,
        };
        Self::new(kind, format!("{}: {}", path.display(), reason(error)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The system's words without Rust's "(os error N)".
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once() {
        let mut codes: Vec<u8> = Kind::ALL.iter().map(|(kind, _)| kind.code()).collect();
        codes.dedup();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 130]);
    }

    #[test]
    fn a_reason_has_no_number() {
        assert_eq!(
            reason(&io::Error::from_raw_os_error(28)),
            "no space left on device"
        );
    }
}
