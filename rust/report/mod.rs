// SPDX-License-Identifier: GPL-2.0

//! Values to text. Pure: a value in, lines out.
//!
//! Tables are one header line, then rows of fields without spaces in them, `-` for what there is
//! not; notes start with `#`. Lists are `key value`, the value up to the end of the line.

mod advice;
mod answer;
mod calibrate;
mod comparison;
mod delta;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod expect;
mod findings;
mod help;
mod layout;
mod memory;
mod outcome;
mod provenance;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod report_tests;
mod reserves;
mod rows;
mod scenario;
#[cfg(any(test, CONFIG_KUNIT = "y"))]
mod snapshot_tests;
mod table;
mod totals;
mod ways;

pub use self::{
    calibrate::calibration,
    comparison::comparison,
    findings::Findings,
    help::{
        experiments,
        help, //
    },
    layout::layout,
    memory::{
        buddy,
        cost,
        free_lists,
        zones, //
    },
    outcome::outcome,
    provenance::{
        devices,
        provenance, //
    },
    reserves::{
        fragmentation,
        watermarks, //
    },
    scenario::{
        probe,
        scenario, //
    },
    totals::{
        cma,
        events,
        meminfo, //
    },
};

use crate::model::request::{
    Errno,
    Refusal, //
};
use core::fmt::{
    self,
    Write, //
};

/// Why the last request was not carried out.
pub fn refusal(out: &mut dyn Write, refusal: &Refusal) -> fmt::Result {
    let errno = match refusal.errno {
        Errno::Invalid => "EINVAL",
        Errno::Range => "ERANGE",
        Errno::NoDevice => "ENODEV",
        Errno::NoMemory => "ENOMEM",
        Errno::Unsupported => "EOPNOTSUPP",
    };
    writeln!(out, "refused {errno} {}", refusal.message.as_str())
}

/// What a file shows before anything was written to it.
pub fn nothing(out: &mut dyn Write, file: &str) -> fmt::Result {
    writeln!(out, "# nothing yet: a write to {file} runs, see help")
}

/// What the file `stop` is for.
pub fn stop(out: &mut dyn Write) -> fmt::Result {
    writeln!(
        out,
        "# a write ends the run that is on, within 100 ms between two operations"
    )
}
