// SPDX-License-Identifier: GPL-2.0

//! All experiments at several sizes, within a time: the experiments take turns, so that what else
//! the machine does falls on all alike.

use super::run::{
    self,
    Report, //
};
use crate::{
    experiment::CATALOGUE,
    model::{
        num,
        outcome::Ending,
        request::{
            CompareRequest,
            Info,
            Mode,
            Refusal,
            Request, //
        },
    },
};
use kernel::prelude::*;

/// How often the experiments take turns.
const ROUNDS: u64 = 3;
/// Operations of one experiment and size in one round, if the time allows.
const ITERATIONS: u64 = 3_000;

/// What a comparison found.
pub(crate) struct Comparison {
    /// One for each experiment and size that could be measured.
    pub(crate) rows: KVec<Report>,
    /// What could not be measured, and why: one for each experiment.
    pub(crate) refused: KVec<Refusal>,
}

/// Compares what `request` asks for. `cancelled` is asked now and then whether to stop.
#[inline(never)]
pub(crate) fn compare(
    request: &CompareRequest,
    cancelled: &dyn Fn() -> bool,
) -> Result<Comparison, Refusal> {
    let mut comparison = Comparison {
        rows: KVec::new(),
        refused: KVec::new(),
    };
    let pairs = || {
        request
            .sizes()
            .iter()
            .flat_map(|size| CATALOGUE.iter().enumerate().map(move |at| (*size, at)))
            .filter(|(size, (index, info))| {
                request.experiments.has(*index, info) && takes(info, *size)
            })
            .map(|(size, (_, info))| (size, *info))
    };
    let runs = (pairs().count() as u64).saturating_mul(ROUNDS);
    let time = num::div(request.time, runs).unwrap_or(1).max(1);
    let limits = run::limits();
    for round in 0..ROUNDS {
        for (size, info) in pairs() {
            let mut one = Request::within(info, &limits);
            one.size = size;
            one.time = time;
            one.iterations = ITERATIONS.min(limits.iterations);
            if info.directions.contains(&request.direction) {
                one.direction = request.direction;
            }
            one.device = request.device;
            if round == 0 {
                first(&mut comparison, &one, cancelled)?;
            } else {
                again(&mut comparison, one, cancelled)?;
            }
            if comparison.rows.iter().any(|row| cut_short(row.ending)) {
                return Ok(comparison);
            }
        }
    }
    Ok(comparison)
}

fn takes(info: &Info, size: u64) -> bool {
    (info.sizes.min..=info.sizes.max).contains(&size)
}

/// Whether a run ended for a reason that ends the comparison too.
fn cut_short(ending: Ending) -> bool {
    matches!(ending, Ending::Stopped | Ending::DeviceGone)
}

/// Measures a pair for the first time: from now on it has a row, or a reason to have none.
#[inline(never)]
fn first(
    comparison: &mut Comparison,
    one: &Request,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let full = |_| Refusal::no_memory(format_args!("no memory for the rows of the comparison"));
    match run::run(one, cancelled) {
        Ok(row) => comparison.rows.push(row, GFP_KERNEL).map_err(full),
        // A device that is not there fails all of them.
        Err(refusal) if !one.device.as_str().is_empty() => Err(refusal),
        Err(refusal) if comparison.refused.contains(&refusal) => Ok(()),
        Err(refusal) => comparison.refused.push(refusal, GFP_KERNEL).map_err(full),
    }
}

/// Measures a pair again in the same mode, and adds what was counted to its row.
#[inline(never)]
fn again(
    comparison: &mut Comparison,
    mut one: Request,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let same =
        |row: &&mut Report| row.request.info.name == one.info.name && row.request.size == one.size;
    let Some(row) = comparison.rows.iter_mut().find(same) else {
        return Ok(());
    };
    one.batch = row.batch;
    one.mode = if row.batch > 1 { Mode::Batch } else { Mode::Op };
    let more = run::run(&one, cancelled)?;
    row.tally.merge(&more.tally);
    row.elapsed = row.elapsed.saturating_add(more.elapsed);
    if row.ending == Ending::Complete || cut_short(more.ending) {
        row.ending = more.ending;
    }
    // The clock was not equally quiet in all rounds: the noisiest one speaks for the row.
    if more.clock.floor() > row.clock.floor() {
        row.clock = more.clock;
    }
    Ok(())
}
