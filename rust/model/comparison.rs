// SPDX-License-Identifier: GPL-2.0

//! What a comparison found beside its rows.

use super::request::{
    Direction,
    Info,
    Refusal, //
};

/// What was asked for and could not be measured.
#[derive(Debug)]
pub struct Refused {
    /// The experiment.
    pub info: &'static Info,
    /// Bytes per operation.
    pub size: u64,
    /// The direction; `None` where it has none.
    pub direction: Option<Direction>,
    /// Why.
    pub why: Refusal,
}

/// The largest piece of coherent memory that could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest {
    /// Bytes; 0 if not even a page.
    pub bytes: u64,
    /// The next larger size that was asked for in vain; `None` if no more was asked for.
    pub missed: Option<u64>,
}
