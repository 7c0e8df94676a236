// SPDX-License-Identifier: GPL-2.0

//! What the clock costs here and now.

use crate::{
    model::{
        histogram::Histogram,
        outcome::ClockCost, //
    },
    sys::clock::now, //
};

/// Reads looked at for the smallest step.
const READS: u32 = 512;

/// The smallest step that the clock was seen to make, in ns.
///
/// Two reads are at least the cost of a read apart, which may be many steps; but how far apart they
/// are differs by whole steps. So both the distances and their differences are looked at.
pub(crate) fn step() -> u64 {
    let mut smallest = u64::MAX;
    let mut seen = |difference: u64| {
        if difference != 0 {
            smallest = smallest.min(difference);
        }
    };
    let mut last = now();
    let mut last_distance = 0;
    for _ in 0..READS {
        let next = now();
        let distance = next.saturating_sub(last);
        seen(distance);
        seen(distance.abs_diff(last_distance));
        last = next;
        last_distance = distance;
    }
    smallest
}

/// The cost of the clock for each of 2^`batch_shift` operations, by what as many empty ones were
/// measured to take. A clock that was never seen to step counts as one that cannot tell anything.
pub(crate) fn cost(empty: &Histogram, step: u64, batch_shift: u32) -> ClockCost {
    ClockCost {
        median: empty.percentile(500).unwrap_or(0),
        p99: empty.percentile(990).unwrap_or(0),
        step: (step >> batch_shift).max(1),
    }
}
