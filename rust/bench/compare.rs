// SPDX-License-Identifier: GPL-2.0

//! All experiments at several sizes, within a time, and what else a driver author asks with them.

use super::{
    cells::{
        cut_short,
        full,
        Asked,
        Cell,
        Role, //
    },
    limits::{
        held_max,
        limits, //
    },
    run::Report, //
};
use crate::{
    devices::lent,
    experiment::CATALOGUE,
    facts::provenance,
    model::{
        break_even::{
            BreakEven,
            Choice, //
        },
        compare_request::CompareRequest,
        comparison::{
            Largest,
            Refused, //
        },
        outcome::Ending,
        provenance::{
            Device,
            Mapper, //
        },
        request::{
            Direction,
            Family,
            Info,
            Refusal,
            DEVICE_NAME_MAX, //
        },
        text::Text, //
    },
    probe,
    sys::task,
};
use kernel::prelude::*;

/// What the CPU's own accesses are known by.
const TOUCHED: [&str; 2] = ["access-cached", "access-coherent"];
/// What is set against what: mapping for each transfer against copying through a buffer that is kept, of
/// the kernel's own memory and of a program's.
const CHOICES: [(Family, Family); 2] = [
    (Family::Streaming, Family::Copying),
    (Family::Pinning, Family::UserCopying),
];
/// What is measured between two sizes has a part of the time: 1 / 2 to this.
const BETWEEN_SHIFT: u32 = 3;

/// What a comparison found.
pub(crate) struct Comparison {
    /// One for each experiment, size and direction that could be measured.
    pub(crate) rows: KVec<Report>,
    /// The same maps where nothing stands between the memory and the device.
    pub(crate) beside: KVec<Report>,
    /// What could not be measured, and why.
    pub(crate) refused: KVec<Refused>,
    /// Where mapping begins to pay.
    pub(crate) break_even: KVec<BreakEven>,
    /// What the device can have in one piece.
    pub(crate) largest: Option<Largest>,
    /// Whether the CPU's own accesses are to be counted.
    pub(crate) touch: bool,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// The experiments that are compared.
fn selected(request: &CompareRequest) -> impl Iterator<Item = &'static Info> + Clone + '_ {
    (CATALOGUE.iter().enumerate())
        .filter(|(index, info)| {
            let touched = request.touch && TOUCHED.contains(&info.name);
            touched || request.experiments.has(*index, info)
        })
        .map(|(_, info)| *info)
}

/// Compares what `request` asks for. `cancelled` is asked now and then whether to stop. What is
/// refused is not measured; a device that is not lent refuses it all.
#[inline(never)]
pub(crate) fn compare(
    request: &CompareRequest,
    cancelled: &dyn Fn() -> bool,
) -> Result<Comparison, Refusal> {
    let cancelled = &|| cancelled() || task::fatal_signal();
    let limits = &limits();
    let asked = Asked {
        request,
        limits,
        cancelled,
    };
    asked.lent()?;
    let mut cells = rows(request)?;
    beside(request, &mut cells)?;
    let between_time = request.time() >> BETWEEN_SHIFT;
    let time = request.time().saturating_sub(between_time);
    let mut whole = asked.measure(&mut cells, time)?;
    if whole {
        let mut more = between(request, &cells)?;
        whole = asked.measure(&mut more, between_time)?;
        for cell in more {
            cells.push(cell, GFP_KERNEL).map_err(full)?;
        }
    }
    let mut largest = None;
    if whole && first_of(request, Family::Streaming).is_some() {
        largest = self::largest(request, cancelled);
    }
    collect(&asked, cells, largest)
}

/// Sorts what was measured.
#[inline(never)]
fn collect(
    asked: &Asked<'_>,
    cells: KVVec<Cell>,
    largest: Option<Largest>,
) -> Result<Comparison, Refusal> {
    let request = asked.request;
    let mut found = Comparison {
        rows: KVec::new(),
        beside: KVec::new(),
        refused: KVec::new(),
        break_even: KVec::new(),
        largest,
        touch: request.touch,
        ending: ending(asked, &cells),
    };
    for choice in CHOICES {
        for direction in request.directions.iter() {
            put_break_even(&mut found, request, &cells, choice, direction)?;
        }
    }
    for cell in cells {
        put(&mut found, cell)?;
    }
    Ok(found)
}

/// Puts what can be said of one direction where it belongs, in a frame of its own.
#[inline(never)]
fn put_break_even(
    found: &mut Comparison,
    request: &CompareRequest,
    cells: &[Cell],
    choice: (Family, Family),
    direction: Direction,
) -> Result<(), Refusal> {
    match break_even(request, cells, choice, direction) {
        Some(even) => found.break_even.push(even, GFP_KERNEL).map_err(full),
        None => Ok(()),
    }
}

/// Puts what was measured, or why nothing was, where it belongs; likewise.
#[inline(never)]
fn put(found: &mut Comparison, cell: Cell) -> Result<(), Refusal> {
    match (cell.role, cell.report, cell.refusal) {
        (Role::Row, Some(report), _) => found.rows.push(report, GFP_KERNEL).map_err(full)?,
        (Role::Direct | Role::Reachable, Some(report), _) => {
            found.beside.push(report, GFP_KERNEL).map_err(full)?;
        }
        (Role::Row, None, Some(why)) => {
            let refused = Refused {
                info: cell.info,
                size: cell.size,
                direction: cell.direction,
                why,
            };
            found.refused.push(refused, GFP_KERNEL).map_err(full)?;
        }
        // What is no answer to what was asked has no reason to be named either.
        _ => {}
    }
    Ok(())
}

/// What ended it.
fn ending(asked: &Asked<'_>, cells: &[Cell]) -> Ending {
    let reports = cells.iter().filter_map(|cell| cell.report.as_ref());
    let mut endings = reports.map(|report| report.ending);
    match endings.find(|ending| cut_short(*ending)) {
        Some(ending) => ending,
        None if (asked.cancelled)() => Ending::Stopped,
        None if asked.lent().is_err() => Ending::DeviceGone,
        None => Ending::Complete,
    }
}

/// Everything that is asked for, the smallest size first.
#[inline(never)]
fn rows(request: &CompareRequest) -> Result<KVVec<Cell>, Refusal> {
    let mut cells = KVVec::new();
    for &size in request.sizes() {
        for info in selected(request).filter(|info| info.sizes.has(size)) {
            let mut put = |direction| {
                let cell = Cell::new(info, size, direction, Role::Row);
                cells.push(cell, GFP_KERNEL).map_err(full)
            };
            if info.directions.is_empty() {
                put(None)?;
            }
            let taken = |direction: &Direction| info.directions.contains(direction);
            for direction in request.directions.iter().filter(taken) {
                put(Some(direction))?;
            }
        }
    }
    Ok(cells)
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

/// What is known of a device that is lent.
#[inline(never)]
fn device(name: Text<DEVICE_NAME_MAX>) -> Option<Device> {
    let lease = lent::lease(name).ok()?;
    Some(provenance::device(lease.device()))
}

/// Adds the first map where less stands between the memory and the device: of memory that the device
/// reaches, where what it is handed is bounced; and, in the first direction, on the device lent first,
/// where an IOMMU translates for the device that was asked for and not for that one.
#[inline(never)]
fn beside(request: &CompareRequest, cells: &mut KVVec<Cell>) -> Result<(), Refusal> {
    let (Some(map), Some(mine)) = (first_of(request, Family::Streaming), device(request.device))
    else {
        return Ok(());
    };
    let sizes = || request.sizes().iter().filter(|size| map.sizes.has(**size));
    let mut put = |size, direction, role| {
        let cell = Cell::new(map, size, Some(direction), role);
        cells.push(cell, GFP_KERNEL).map_err(full)
    };
    if mine.bounces {
        for &size in sizes() {
            for direction in request.directions.iter() {
                put(size, direction, Role::Reachable)?;
            }
        }
    }
    let translates = |device: &Device| device.mapper == Mapper::Iommu;
    let others = device(Text::EMPTY).filter(|first| translates(&mine) && !translates(first));
    if let Some((direction, _)) = request.directions.iter().next().zip(others) {
        for &size in sizes() {
            put(size, direction, Role::Direct)?;
        }
    }
    Ok(())
}

/// What can be said of mapping and copying in `direction`, from all sizes that were measured; `None`
/// where one of them was not asked for.
#[inline(never)]
fn break_even(
    request: &CompareRequest,
    cells: &[Cell],
    (map, copy): (Family, Family),
    direction: Direction,
) -> Option<BreakEven> {
    let (map, copy) = (first_of(request, map)?, first_of(request, copy)?);
    let mut found = BreakEven::new(direction, map, copy);
    let mine = || {
        let asked = |cell: &&Cell| {
            let role = matches!(cell.role, Role::Row | Role::Between);
            role && cell.direction == Some(direction)
        };
        cells.iter().filter(asked)
    };
    let cost = |info: &Info, size| {
        let mut cells = mine().filter(|cell| cell.info.name == info.name && cell.size == size);
        cells.next()?.report.as_ref()?.cost()
    };
    let mut last = 0;
    while let Some(size) = mine()
        .filter(|cell| cell.info.name == map.name || cell.info.name == copy.name)
        .map(|cell| cell.size)
        .filter(|size| *size > last)
        .min()
    {
        let (map, copy) = (cost(map, size), cost(copy, size));
        found.add(size, Choice::between(map.as_ref(), copy.as_ref()));
        last = size;
    }
    (last != 0).then_some(found)
}

/// Both at each power of two between the sizes where it changes which of them is cheaper.
#[inline(never)]
fn between(request: &CompareRequest, cells: &[Cell]) -> Result<KVVec<Cell>, Refusal> {
    let mut more = KVVec::new();
    for choice in CHOICES {
        for direction in request.directions.iter() {
            between_in(choice, direction, request, cells, &mut more)?;
        }
    }
    Ok(more)
}

/// The same in one direction, in a frame of its own.
#[inline(never)]
fn between_in(
    choice: (Family, Family),
    direction: Direction,
    request: &CompareRequest,
    cells: &[Cell],
    more: &mut KVVec<Cell>,
) -> Result<(), Refusal> {
    let found = break_even(request, cells, choice, direction);
    let Some((found, (below, above))) = found.and_then(|found| Some((found, found.gap()?))) else {
        return Ok(());
    };
    let sizes = core::iter::successors(Some(1u64), |size| size.checked_mul(2))
        .skip_while(|size| *size <= below)
        .take_while(|size| *size < above);
    for size in sizes {
        for info in [found.map, found.copy] {
            let measured = |cell: &Cell| {
                let same = cell.info.name == info.name && cell.size == size;
                same && cell.direction == Some(direction)
            };
            if !cells.iter().any(measured) {
                let cell = Cell::new(info, size, Some(direction), Role::Between);
                more.push(cell, GFP_KERNEL).map_err(full)?;
            }
        }
    }
    Ok(())
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "compare_tests.rs"]
mod compare_tests;
