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

/// Allocates `count` pages once more, aligned to 2^`align`, and says how that went. What it finds is
/// less where `stopped` ends it.
pub(crate) fn find(area: Area, count: usize, align: u32, stopped: &dyn Fn() -> bool) -> Finding {
    let attempt = try_once(area, count, align);
    Finding {
        area: area.name(),
        largest: largest(area, free(&attempt), stopped) as u64,
        attempt,
    }
}

/// Asks for one page more than the longest run that can be had: says how long that is, and why no
/// more. `None` where `stopped` or a signal has ended the search: there may be more.
pub(crate) fn probe(area: Area, stopped: &dyn Fn() -> bool) -> Option<Finding> {
    let largest = largest(area, free(&try_once(area, 1, 0)), stopped);
    if stopped() || task::fatal_signal() {
        return None;
    }
    Some(Finding {
        area: area.name(),
        attempt: try_once(area, largest.saturating_add(1), coarse(largest)),
        largest: largest as u64,
    })
}

fn try_once(area: Area, count: usize, align: u32) -> Attempt {
    let (pages, attempt) = Allocation::watched(area, count, align);
    drop(pages);
    attempt
}

/// The free pages that an attempt saw in the area, where the kernel tells.
fn free(attempt: &Attempt) -> Option<usize> {
    let seen = attempt.seen?;
    usize::try_from(seen.available).ok()
}

/// An alignment at which there are few places for so many pages. `cma_alloc()` tries every place
/// that is free, and where pages are pinned each try takes as long as moving the others.
fn coarse(count: usize) -> u32 {
    count.checked_ilog2().unwrap_or(0).saturating_sub(2)
}

/// Whether so many pages can be had: anywhere, unless pages that cannot be moved are in the way.
fn fits(area: Area, count: usize, stopped: &dyn Fn() -> bool) -> bool {
    if stopped() || task::fatal_signal() {
        return false;
    }
    let attempt = try_once(area, count, coarse(count));
    match attempt.cause() {
        None => true,
        Some(Cause::Fragmented | Cause::Unknown) => Allocation::new(area, count, 0).is_ok(),
        Some(_) => false,
    }
}

/// The longest run that can be had, in pages. `free` is tried first: an area that nobody has cut up
/// has all of it in one.
pub(crate) fn largest(area: Area, free: Option<usize>, stopped: &dyn Fn() -> bool) -> usize {
    // Where a run is free, every shorter one is: between what fits and what does not, halve.
    let (mut fitting, mut failing) = (0, free.unwrap_or(1).max(1));
    while fits(area, failing, stopped) {
        if free.is_some() {
            return failing;
        }
        fitting = failing;
        failing = failing.saturating_mul(2);
    }
    while failing - fitting > 1 {
        let middle = fitting + (failing - fitting) / 2;
        if fits(area, middle, stopped) {
            fitting = middle;
        } else {
            failing = middle;
        }
    }
    fitting
}
