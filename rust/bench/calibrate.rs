// SPDX-License-Identifier: GPL-2.0

//! The instrument measures delays that are known, so that its figures can be judged.

use super::{
    limits::limits,
    progress,
    run::{
        self,
        Part,
        Report, //
    }, //
};
use crate::{
    experiment::CATALOGUE,
    model::{
        calibration::{
            Calibration,
            Delay,
            DELAYS, //
        },
        histogram,
        outcome::Ending,
        request::{
            Mode,
            Parameter,
            Refusal,
            Request, //
        },
    },
};

/// Samples of each delay, if the time allows.
const ITERATIONS: u64 = 500;
/// Milliseconds for each delay.
const TIME: u64 = 500;

/// Runs every delay. `cancelled` is asked now and then whether to stop.
///
/// The longest comes first: it gives a CPU that was idle the time to reach its speed.
pub(crate) fn calibrate(cancelled: &dyn Fn() -> bool) -> Result<Calibration, Refusal> {
    let mut found = Calibration {
        delays: DELAYS.map(|instructions| Delay {
            instructions,
            ..Delay::default()
        }),
        ending: Ending::Complete,
    };
    let info = CATALOGUE.iter().find(|info| info.name == "calibrate");
    let Some(info) = info else {
        return Err(Refusal::invalid(format_args!(
            "calibrate: not in the catalogue"
        )));
    };
    let limits = limits();
    progress::expect(DELAYS.len() as u64);
    for delay in found.delays.iter_mut().rev() {
        let mut one = Request::new(info, &limits);
        for (parameter, value) in [
            (Parameter::Size, delay.instructions),
            (Parameter::Iterations, ITERATIONS.min(limits.iterations)),
            (Parameter::Time, TIME.min(limits.time)),
            (Parameter::Mode, Mode::Op as u64),
        ] {
            one.set(parameter, value, &limits)?;
        }
        let report = run::turn(&one, Part::First, cancelled)?;
        progress::one_more();
        fill(delay, &report);
        found.ending = report.ending;
        if report.ending == Ending::Stopped {
            break;
        }
    }
    Ok(found)
}

fn fill(delay: &mut Delay, report: &Report) {
    let [waited, empty] = &report.tally.phases;
    let clock = &report.clock;
    let net = |median: Option<u64>| median.unwrap_or(0).saturating_sub(clock.median);
    delay.net = net(waited.percentile(500));
    delay.rounding = histogram::rounding(waited.percentile(500).unwrap_or(0));
    delay.empty = net(empty.percentile(500));
    delay.floor = clock.floor();
    delay.samples = waited.count();
    delay.disturbed = report.tally.disturbed;
}
