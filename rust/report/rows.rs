// SPDX-License-Identifier: GPL-2.0

//! What the parts of a comparison's report share about its rows.

use crate::model::outcome::Outcome;
use core::fmt::{
    self,
    Write, //
};

/// The sizes in `rows`, each once, rising.
pub(super) fn sizes<'a, T: 'a>(
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> impl Iterator<Item = u64> {
    let above = move |last: Option<u64>| {
        rows.clone()
            .map(|o| o.request.size())
            .filter(|size| last.is_none_or(|last| *size > last))
            .min()
    };
    core::iter::successors(above(None), move |last| above(Some(*last)))
}

/// Ends the line of a list that began with `lead`, if anything was put on it.
pub(super) fn end(out: &mut dyn Write, lead: &str) -> fmt::Result {
    match lead {
        ", " => writeln!(out),
        _ => Ok(()),
    }
}
