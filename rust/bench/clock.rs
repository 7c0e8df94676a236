// SPDX-License-Identifier: GPL-2.0

//! What the clock costs here and now.

use crate::{
    model::{
        clock_step::Distances, //
        histogram::Histogram,
        outcome::ClockCost,
    },
    sys::{
        clock::now,
        spin, //
    },
};

/// Two readings are 0 to this many instructions further apart than a reading takes: otherwise
/// the same loop would meet a steady clock with the same distance each time.
const SPREAD: usize = 64;
/// Pairs of readings looked at for the smallest step.
const READS: usize = 4 * SPREAD;

/// The smallest step that the clock was seen to make, in ns; `u64::MAX` if it did not.
pub(crate) fn step() -> u64 {
    let distance = |at: usize| {
        let start = now();
        spin::instructions(at % SPREAD);
        now().saturating_sub(start)
    };
    let shortest = (0..READS).map(distance).min().unwrap_or(0);
    let mut distances = Distances::from(shortest);
    (0..READS)
        .map(distance)
        .for_each(|each| distances.see(each));
    distances.step().unwrap_or(u64::MAX)
}

/// The cost of the clock for each of 2^`batch_shift` operations, by what the phases of as many empty
/// ones were measured to take `before` and `after` those that are measured. A clock that was never
/// seen to step counts as one that cannot tell anything.
pub(crate) fn cost(
    before: &[Histogram; 2],
    after: &[Histogram; 2],
    step: u64,
    batch_shift: u32,
) -> ClockCost {
    let median = |[acquire, _]: &[Histogram; 2]| acquire.percentile(500);
    let (begun, ended) = (median(before), median(after));
    let both = before.iter().chain(after);
    let p99s = both.filter_map(|phase| phase.percentile(990));
    ClockCost {
        // A CPU that has become faster makes the clock cheaper than it was at first: what is
        // taken off is never more than either.
        median: begun.into_iter().chain(ended).min().unwrap_or(0),
        // On ARM an empty release takes ten instructions more than an empty acquire.
        p99: p99s.max().unwrap_or(0),
        step: (step >> batch_shift).max(1),
        drift: begun
            .zip(ended)
            .map_or(0, |(begun, ended)| begun.abs_diff(ended)),
    }
}
