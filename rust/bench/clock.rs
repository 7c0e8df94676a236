// SPDX-License-Identifier: GPL-2.0

//! What the clock costs here and now.

use crate::{
    model::{
        histogram::Histogram,
        outcome::ClockCost, //
    },
    sys::clock::now, //
};

/// Pairs of reads looked at for the smallest step.
const READS: u32 = 256;

/// The smallest difference, above 0, between two reads that follow each other, in ns.
pub(crate) fn step() -> u64 {
    let mut smallest = u64::MAX;
    let mut last = now();
    for _ in 0..READS {
        let next = now();
        let difference = next.saturating_sub(last);
        if difference != 0 {
            smallest = smallest.min(difference);
        }
        last = next;
    }
    if smallest == u64::MAX {
        // The clock stood still: it steps in more than all the reads took.
        now().saturating_sub(last).max(1)
    } else {
        smallest
    }
}

/// The cost of a clock by what the empty operation was measured to take.
pub(crate) fn cost(empty: &Histogram, step: u64) -> ClockCost {
    ClockCost {
        median: empty.percentile(500).unwrap_or(0),
        p99: empty.percentile(990).unwrap_or(0),
        step,
    }
}
