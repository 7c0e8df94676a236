// SPDX-License-Identifier: GPL-2.0

//! All experiments at several sizes, within a time: the experiments take turns, so that what else
//! the machine does falls on all alike.

use super::{
    limits::{
        held_max,
        limits, //
    },
    run::{
        self,
        Report, //
    }, //
};
use crate::{
    devices::lent,
    experiment::CATALOGUE,
    model::{
        compare_request::CompareRequest,
        cost::{
            BreakEven,
            Cost,
            Largest, //
        },
        num,
        outcome::Ending,
        request::{
            Direction,
            Family,
            Info,
            Limits,
            Mode,
            Parameter,
            Refusal,
            Request, //
        },
        text::Text, //
    },
    probe,
    sys::task,
};
use kernel::prelude::*;

/// How often the experiments take turns.
const ROUNDS: u64 = 3;
/// Operations of one experiment and size in one round, if the time allows.
const ITERATIONS: u64 = 3_000;
/// Two questions are asked beside the rows; each has a part of the time: 1 / 2 to this.
const BESIDE_SHIFT: u32 = 3;
/// The smallest size at which copying and mapping are set against each other, in bytes.
const BREAK_EVEN_MIN: u64 = 64;

/// What a comparison found.
pub(crate) struct Comparison {
    /// One for each experiment, size and direction that could be measured.
    pub(crate) rows: KVec<Report>,
    /// The same maps on the device lent first, where an IOMMU stands before the one that was asked
    /// for.
    pub(crate) direct: KVec<Report>,
    /// What could not be measured, and why: one for each experiment.
    pub(crate) refused: KVec<Refusal>,
    /// Where mapping begins to pay.
    pub(crate) break_even: KVec<BreakEven>,
    /// What the device can have in one piece.
    pub(crate) largest: Option<Largest>,
    /// How it ended.
    pub(crate) ending: Ending,
}

impl Comparison {
    const NOTHING: Self = Self {
        rows: KVec::new(),
        direct: KVec::new(),
        refused: KVec::new(),
        break_even: KVec::new(),
        largest: None,
        ending: Ending::Complete,
    };
}

/// One cell of the table that a comparison fills.
#[derive(Clone, Copy)]
struct Item {
    info: &'static Info,
    size: u64,
    direction: Option<Direction>,
}

impl Item {
    /// Everything that `request` asks for, the smallest size first.
    #[inline(never)]
    fn all(request: &CompareRequest) -> Result<KVec<Self>, Refusal> {
        let mut items = KVec::new();
        for &size in request.sizes() {
            for info in selected(request) {
                if !info.sizes.has(size) {
                    continue;
                }
                let item = |direction| Self {
                    info,
                    size,
                    direction,
                };
                if info.directions.is_empty() {
                    items.push(item(None), GFP_KERNEL).map_err(full)?;
                }
                for direction in request.directions.iter() {
                    if info.directions.contains(&direction) {
                        items
                            .push(item(Some(direction)), GFP_KERNEL)
                            .map_err(full)?;
                    }
                }
            }
        }
        Ok(items)
    }

    /// The request for one turn of it. On the heap: a run goes deep, and stacks are small.
    #[inline(never)]
    fn request(
        &self,
        of: &CompareRequest,
        limits: &Limits,
        time: u64,
    ) -> Result<KBox<Request>, Refusal> {
        let mut one = KBox::new(Request::new(self.info, limits), GFP_KERNEL).map_err(full)?;
        one.set(Parameter::Size, self.size, limits)?;
        one.set(Parameter::Time, time, limits)?;
        one.set(
            Parameter::Iterations,
            ITERATIONS.min(limits.iterations),
            limits,
        )?;
        if let Some(direction) = self.direction {
            one.set(Parameter::Direction, direction as u64, limits)?;
        }
        if self.info.needs_device {
            one.set_device(of.device)?;
        }
        Ok(one)
    }
}

/// The experiments that are compared.
fn selected(request: &CompareRequest) -> impl Iterator<Item = &'static Info> + Clone + '_ {
    (CATALOGUE.iter().enumerate())
        .filter(|(index, info)| request.experiments.has(*index, info))
        .map(|(_, info)| *info)
}

/// Compares what `request` asks for. `cancelled` is asked now and then whether to stop. What is
/// refused is not measured; a device that is not lent refuses it all.
#[inline(never)]
pub(crate) fn compare(
    request: &CompareRequest,
    cancelled: &dyn Fn() -> bool,
) -> Result<Comparison, Refusal> {
    let mut comparison = Comparison::NOTHING;
    let limits = limits();
    let beside = request.time() >> BESIDE_SHIFT;
    let time = request.time().saturating_sub(2 * beside);
    let cancelled = &|| cancelled() || task::fatal_signal();
    lent(request)?;
    if rows(&mut comparison, request, &limits, time, cancelled)? {
        for direction in request.directions.iter() {
            break_even(
                &mut comparison,
                request,
                &limits,
                direction,
                beside,
                cancelled,
            )?;
        }
        direct(&mut comparison, request, &limits, beside, cancelled)?;
        if first_of(request, Family::Streaming).is_some() {
            comparison.largest = largest(request, cancelled);
        }
    }
    comparison.ending = ending(&comparison, request, cancelled);
    Ok(comparison)
}

/// What ended it.
fn ending(
    comparison: &Comparison,
    request: &CompareRequest,
    cancelled: &dyn Fn() -> bool,
) -> Ending {
    let mut endings = comparison.rows.iter().map(|row| row.ending);
    match endings.find(|ending| cut_short(*ending)) {
        Some(ending) => ending,
        None if cancelled() => Ending::Stopped,
        None if lent(request).is_err() => Ending::DeviceGone,
        None => Ending::Complete,
    }
}

/// Refuses where the device that was asked for is not lent, or no longer.
fn lent(request: &CompareRequest) -> Result<(), Refusal> {
    if !request.device.as_str().is_empty() {
        lent::look(request.device)?;
    }
    Ok(())
}

/// Measures every row; whether nothing has cut that short.
#[inline(never)]
fn rows(
    comparison: &mut Comparison,
    request: &CompareRequest,
    limits: &Limits,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<bool, Refusal> {
    let items = Item::all(request)?;
    let runs = (items.len() as u64).saturating_mul(ROUNDS);
    let time = num::div(time, runs).unwrap_or(1).max(1);
    for round in 0..ROUNDS {
        for item in &items {
            if cancelled() {
                return Ok(false);
            }
            let turn = if round == 0 { first } else { again };
            turn(comparison, item, request, limits, time, cancelled)?;
            if comparison.rows.iter().any(|row| cut_short(row.ending)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The first experiment of a family that is compared.
fn first_of(request: &CompareRequest, family: Family) -> Option<&'static Info> {
    selected(request).find(|info| info.family == family)
}

/// What the device can have in one piece; `None` if it is gone, or the search was stopped.
#[inline(never)]
fn largest(request: &CompareRequest, cancelled: &dyn Fn() -> bool) -> Option<Largest> {
    let lease = lent::lease(request.device).ok()?;
    let stop = || cancelled() || lease.recalled();
    probe::coherent::largest(lease.device(), held_max(), &stop)
}

/// Copies and maps at rising sizes.
#[inline(never)]
fn break_even(
    comparison: &mut Comparison,
    request: &CompareRequest,
    limits: &Limits,
    direction: Direction,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let first_of = |family| first_of(request, family);
    let (Some(map), Some(copy)) = (first_of(Family::Streaming), first_of(Family::Copying)) else {
        return Ok(());
    };
    let mut found = BreakEven::new(direction, map, copy);
    let largest = request.sizes().iter().copied().max().unwrap_or(0);
    let sizes = || {
        core::iter::successors(Some(BREAK_EVEN_MIN), |size| Some(size << 1))
            .take_while(|size| *size <= largest.min(map.sizes.max).min(copy.sizes.max))
    };
    // Both, at every size, in every direction.
    let runs =
        (sizes().count() as u64).saturating_mul(2 * request.directions.iter().count() as u64);
    let time = num::div(time, runs).unwrap_or(1).max(1);
    let cost = |info: &'static Info, size| {
        let direction = Some(direction).filter(|direction| info.directions.contains(direction));
        let item = Item {
            info,
            size,
            direction,
        };
        cost(&item, request, limits, time, cancelled)
    };
    for size in sizes() {
        let (Some(mapped), Some(copied)) = (cost(map, size)?, cost(copy, size)?) else {
            break;
        };
        found.add(size, &mapped, &copied);
    }
    if found.tried == 0 || cancelled() {
        return Ok(());
    }
    comparison.break_even.push(found, GFP_KERNEL).map_err(full)
}

/// What one item costs; `None` if it was refused or cut short, or has no samples.
#[inline(never)]
fn cost(
    item: &Item,
    request: &CompareRequest,
    limits: &Limits,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Option<Cost>, Refusal> {
    match run::turn(&*item.request(request, limits, time)?, cancelled) {
        Ok(report) => Ok(Cost::of(&report).filter(|_| !cut_short(report.ending))),
        Err(_) => lent(request).map(|()| None),
    }
}

/// Maps the same on the device lent first, in the first direction.
#[inline(never)]
fn direct(
    comparison: &mut Comparison,
    request: &CompareRequest,
    limits: &Limits,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let translated = |row: &Report| {
        (row.device.as_ref()).is_some_and(|device| !matches!(device.iommu, "none" | "identity"))
    };
    let Some(map) = first_of(request, Family::Streaming) else {
        return Ok(());
    };
    if request.device.as_str().is_empty() || !comparison.rows.iter().any(translated) {
        return Ok(());
    }
    let items = Item::all(request)?;
    let mine = |item: &&Item| {
        item.info.name == map.name && item.direction == request.directions.iter().next()
    };
    let count = items.iter().filter(mine).count() as u64;
    let time = num::div(time, count).unwrap_or(1).max(1);
    for item in items.iter().filter(mine) {
        let mut one = item.request(request, limits, time)?;
        one.set_device(Text::EMPTY)?;
        // A size that this device does not take has no counterpart.
        let report = run::turn(&one, cancelled);
        // Nor has one that stands behind an IOMMU itself anything to say about it.
        if let Some(report) = report.ok().filter(|report| !translated(report)) {
            comparison.direct.push(report, GFP_KERNEL).map_err(full)?;
        }
    }
    Ok(())
}

fn full<E>(_: E) -> Refusal {
    Refusal::no_memory(format_args!("no memory for the rows of the comparison"))
}

/// Whether a run ended for a reason that ends the comparison too.
fn cut_short(ending: Ending) -> bool {
    matches!(ending, Ending::Stopped | Ending::DeviceGone)
}

/// Measures a pair for the first time: from now on it has a row, or a reason to have none.
#[inline(never)]
fn first(
    comparison: &mut Comparison,
    item: &Item,
    request: &CompareRequest,
    limits: &Limits,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let one = item.request(request, limits, time)?;
    match run::turn(&one, cancelled) {
        Ok(row) => comparison.rows.push(row, GFP_KERNEL).map_err(full),
        Err(refusal) => {
            lent(request)?;
            if comparison.refused.contains(&refusal) {
                return Ok(());
            }
            comparison.refused.push(refusal, GFP_KERNEL).map_err(full)
        }
    }
}

/// Measures a pair again in the same mode, and adds what was counted to its row.
#[inline(never)]
fn again(
    comparison: &mut Comparison,
    item: &Item,
    request: &CompareRequest,
    limits: &Limits,
    time: u64,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), Refusal> {
    let mut one = item.request(request, limits, time)?;
    let same = |row: &&mut Report| {
        row.request.info().name == one.info().name
            && row.request.size() == one.size()
            && row.request.direction() == one.direction()
    };
    let Some(row) = comparison.rows.iter_mut().find(same) else {
        return Ok(());
    };
    let mode = match row.batch {
        1 => Mode::Op,
        _ => Mode::Batch,
    };
    one.set(Parameter::Batch, row.batch, limits)?;
    one.set(Parameter::Mode, mode as u64, limits)?;
    let Ok(more) = run::turn(&one, cancelled) else {
        // There may be less memory by now: the row keeps what it has.
        return lent(request);
    };
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

#[cfg(CONFIG_KUNIT = "y")]
#[path = "compare_tests.rs"]
mod compare_tests;
