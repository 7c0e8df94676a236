// SPDX-License-Identifier: GPL-2.0

//! What the parts of a comparison's report share about its rows.

use crate::model::{
    outcome::Outcome,
    request::Info, //
};
use core::fmt::{
    self,
    Display,
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

/// What gets memory of `size` bytes, once each: in which direction it is for is nothing to its
/// price.
pub(super) fn memory<'a, T: 'a>(
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
    size: u64,
) -> impl Iterator<Item = &'a Outcome<T>> + Clone {
    let group = rows.filter(move |o| o.request.size() == size && o.request.info().allocates);
    let all = group.clone();
    group.filter(move |o| {
        let name = o.request.info().name;
        let first = all.clone().find(|row| row.request.info().name == name);
        first.is_some_and(|first| core::ptr::eq(first, *o))
    })
}

/// Names, each once, with commas between them.
pub(super) struct Names<F>(pub(super) F);

impl<F: Fn() -> I, I: Iterator<Item = &'static Info>> Names<F> {
    pub(super) fn is_empty(&self) -> bool {
        (self.0)().next().is_none()
    }
}

impl<F: Fn() -> I, I: Iterator<Item = &'static Info>> Display for Names<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (at, info) in (self.0)().enumerate() {
            if !(self.0)().take(at).any(|before| before.name == info.name) {
                write!(f, "{comma}{}", info.name)?;
                comma = ", ";
            }
        }
        Ok(())
    }
}

/// Ends the line of a list that began with `lead`, if anything was put on it.
pub(super) fn end(out: &mut dyn Write, lead: &str) -> fmt::Result {
    match lead {
        ", " => writeln!(out),
        _ => Ok(()),
    }
}
