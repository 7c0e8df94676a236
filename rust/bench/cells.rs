// SPDX-License-Identifier: GPL-2.0

//! What a comparison measures: cells that take turns, in rounds, so that what else the machine does
//! falls on all alike, and the rounds say how far that moves them.

use super::{
    progress,
    run::{
        self,
        Part,
        Report, //
    }, //
};
use crate::{
    devices::lent,
    model::{
        compare_request::CompareRequest,
        cost::ROUNDS_MAX,
        num,
        outcome::Ending,
        request::{
            Buffers,
            Direction,
            Info,
            Limits,
            Mode,
            Parameter,
            Refusal,
            Request, //
        },
        text::Text, //
    },
};
use kernel::prelude::*;

/// Operations of one cell in one round, if the time allows.
const ITERATIONS: u64 = 3_000;

/// What a cell is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It was asked for.
    Row,
    /// The same map on the device lent first.
    Direct,
    /// The same map of memory that the device reaches.
    Reachable,
    /// A size between two that were asked for.
    Between,
}

/// One experiment at one size, in one direction if it has any.
pub(super) struct Cell {
    pub(super) info: &'static Info,
    pub(super) size: u64,
    pub(super) direction: Option<Direction>,
    pub(super) role: Role,
    /// What was measured, in all rounds together.
    pub(super) report: Option<Report>,
    /// Why nothing was.
    pub(super) refusal: Option<Refusal>,
}

impl Cell {
    pub(super) fn new(
        info: &'static Info,
        size: u64,
        direction: Option<Direction>,
        role: Role,
    ) -> Self {
        Self {
            info,
            size,
            direction: direction.filter(|direction| info.directions.contains(direction)),
            role,
            report: None,
            refusal: None,
        }
    }

    /// Whether it was cut short by what ends the comparison, too.
    fn cut_short(&self) -> bool {
        let ending = self.report.as_ref().map(|report| report.ending);
        ending.is_some_and(cut_short)
    }
}

/// Whether a run ended for a reason that ends a comparison.
pub(super) fn cut_short(ending: Ending) -> bool {
    matches!(ending, Ending::Stopped | Ending::DeviceGone)
}

/// Who asks for what is measured.
pub(super) struct Asked<'a> {
    pub(super) request: &'a CompareRequest,
    pub(super) limits: &'a Limits,
    /// Whether to stop.
    pub(super) cancelled: &'a dyn Fn() -> bool,
}

impl Asked<'_> {
    /// Refuses where the device that was asked for is not lent, or no longer.
    pub(super) fn lent(&self) -> Result<(), Refusal> {
        if !self.request.device.as_str().is_empty() {
            lent::look(self.request.device)?;
        }
        Ok(())
    }

    /// Measures `cells` for `time` ms in all; whether nothing has cut that short.
    #[inline(never)]
    pub(super) fn measure(&self, cells: &mut [Cell], time: u64) -> Result<bool, Refusal> {
        let runs = (cells.len() as u64).saturating_mul(ROUNDS_MAX as u64);
        let time = num::div(time, runs).unwrap_or(1).max(1);
        progress::expect(runs);
        for round in 0..ROUNDS_MAX {
            for cell in &mut *cells {
                if (self.cancelled)() {
                    return Ok(false);
                }
                match round {
                    0 => self.first(cell, time)?,
                    _ => self.again(cell, time)?,
                }
                progress::one_more();
                if cell.cut_short() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Measures a cell for the first time: from now on it has figures, or a reason to have none.
    #[inline(never)]
    fn first(&self, cell: &mut Cell, time: u64) -> Result<(), Refusal> {
        match run::turn(&*self.turn(cell, time)?, Part::First, self.cancelled) {
            Ok(report) => cell.report = Some(report),
            Err(refusal) => {
                self.lent()?;
                cell.refusal = Some(refusal);
            }
        }
        Ok(())
    }

    /// Measures a cell again in the same mode, and adds what was counted.
    #[inline(never)]
    fn again(&self, cell: &mut Cell, time: u64) -> Result<(), Refusal> {
        let mut one = self.turn(cell, time)?;
        let Some(report) = &mut cell.report else {
            return Ok(());
        };
        let mode = match report.batch {
            1 => Mode::Op,
            _ => Mode::Batch,
        };
        one.set(Parameter::Batch, report.batch, self.limits)?;
        one.set(Parameter::Mode, mode as u64, self.limits)?;
        let Ok(more) = run::turn(&one, Part::Later, self.cancelled) else {
            // There may be less memory by now: the cell keeps what it has.
            return self.lent();
        };
        report.tally.merge(&more.tally);
        report.rounds.extend(&more.rounds);
        report.elapsed = report.elapsed.saturating_add(more.elapsed);
        if report.ending == Ending::Complete || cut_short(more.ending) {
            report.ending = more.ending;
        }
        // The clock was not equally quiet in all rounds: the noisiest one speaks for all.
        if more.clock.floor() > report.clock.floor() {
            report.clock = more.clock;
        }
        Ok(())
    }

    /// The request for one turn of a cell. On the heap: a run goes deep, and stacks are small.
    #[inline(never)]
    fn turn(&self, cell: &Cell, time: u64) -> Result<KBox<Request>, Refusal> {
        let limits = self.limits;
        let mut one = KBox::new(Request::new(cell.info, limits), GFP_KERNEL).map_err(full)?;
        let iterations = ITERATIONS.min(limits.iterations);
        one.set(Parameter::Size, cell.size, limits)?;
        one.set(Parameter::Time, time, limits)?;
        one.set(Parameter::Iterations, iterations, limits)?;
        if let Some(direction) = cell.direction {
            one.set(Parameter::Direction, direction as u64, limits)?;
        }
        if cell.role == Role::Reachable {
            one.set(Parameter::Buffers, Buffers::Reachable as u64, limits)?;
        }
        if cell.info.needs_device {
            one.set_device(match cell.role {
                Role::Direct => Text::EMPTY,
                Role::Row | Role::Reachable | Role::Between => self.request.device,
            })?;
        }
        Ok(one)
    }
}

/// Refuses where there is no room for what was found.
pub(super) fn full<E>(_: E) -> Refusal {
    Refusal::no_memory(format_args!("no memory for the rows of the comparison"))
}
