// SPDX-License-Identifier: GPL-2.0

//! What a CMA area has to give, found out by taking it and giving it back: pages of others that lie
//! in the area are moved by that, as they are by any allocation from it.

use crate::{
    model::cma::{
        Attempt,
        Cause,
        Finding, //
    },
    sys::{
        cma::{
            Allocation,
            Area, //
        },
        task, //
    },
};

/// Allocates `count` pages once more, aligned to 2^`align`, and says how that went.
pub(crate) fn find(area: Area, count: usize, align: u32) -> Finding {
    let attempt = try_once(area, count, align);
    let total = attempt
        .seen
        .and_then(|seen| usize::try_from(seen.total).ok());
    Finding {
        area: area.name(),
        attempt,
        largest: largest(area, total) as u64,
    }
}

/// Asks for one page more than the longest run that can be had: says how long that is, and why no
/// more.
pub(crate) fn probe(area: Area) -> Finding {
    let attempt = try_once(area, 1, 0);
    let total = attempt
        .seen
        .and_then(|seen| usize::try_from(seen.total).ok());
    let largest = largest(area, total);
    Finding {
        area: area.name(),
        attempt: try_once(area, largest.saturating_add(1), coarse(largest)),
        largest: largest as u64,
    }
}

fn try_once(area: Area, count: usize, align: u32) -> Attempt {
    let (pages, attempt) = Allocation::watched(area, count, align);
    drop(pages);
    attempt
}

/// An alignment at which there are few places for so many pages. `cma_alloc()` tries every place
/// that is free, and where pages are pinned each try takes as long as moving the others.
fn coarse(count: usize) -> u32 {
    count.checked_ilog2().unwrap_or(0).saturating_sub(2)
}

/// Whether so many pages can be had: anywhere, unless pages that cannot be moved are in the way.
fn fits(area: Area, count: usize) -> bool {
    if task::fatal_signal() {
        return false;
    }
    let attempt = try_once(area, count, coarse(count));
    match attempt.cause() {
        None => true,
        Some(Cause::Fragmented | Cause::Unknown) => Allocation::new(area, count, 0).is_ok(),
        Some(_) => false,
    }
}

/// The longest run that can be had, in pages; at most `total` where that is known.
pub(crate) fn largest(area: Area, total: Option<usize>) -> usize {
    // Where a run is free, every shorter one is: between what fits and what does not, halve.
    let (mut fitting, mut failing) = (0, total.map_or(1, |total| total.saturating_add(1)));
    if total.is_none() {
        while fits(area, failing) {
            fitting = failing;
            failing = failing.saturating_mul(2);
        }
    }
    while failing - fitting > 1 {
        let middle = fitting + (failing - fitting) / 2;
        if fits(area, middle) {
            fitting = middle;
        } else {
            failing = middle;
        }
    }
    fitting
}
