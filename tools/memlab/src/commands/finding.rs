// SPDX-License-Identifier: GPL-2.0

//! What a look at the kernel or at a device found, and how it is to be taken.

use schemars::JsonSchema;
use serde::Serialize;

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// It works, and costs something or surprises.
    Odd,
    /// It does not work.
    Wrong,
    /// It cannot be told.
    Unknown,
}

impl Verdict {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Odd => "odd",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found, and what follows from it.
    pub because: String,
}

/// A finding.
pub fn finding(what: &str, verdict: Verdict, because: impl Into<String>) -> Finding {
    Finding {
        what: what.to_owned(),
        verdict,
        because: because.into(),
    }
}
