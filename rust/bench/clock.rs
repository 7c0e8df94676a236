// SPDX-License-Identifier: GPL-2.0

//! What the clock costs here and now.

use crate::{
    model::clock_step::Distances,
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

/// The smallest step that the clock was seen to make, in ns; `u64::MAX` if it did not: it counts as
/// one that cannot tell anything.
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
