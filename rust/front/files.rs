// SPDX-License-Identifier: GPL-2.0

//! The files: what each shows and takes. They are in debugfs, and /dev/memlab has them without it.

use super::{
    lab::{
        self,
        Failure,
        Lab, //
    },
    snapshots, //
};
use crate::{
    bench::limits::limits,
    devices::lent,
    experiment::CATALOGUE,
    facts,
    model::text::Text as Name,
    report,
    sys::{
        file::{
            done,
            File,
            Text, //
        },
        security, //
    },
};
use kernel::prelude::*;

pub(super) static FILES: &[File<Lab>] = &[
    File {
        name: c"help",
        show: |_, out| done(report::help(out, CATALOGUE, &limits())),
        store: None,
        addresses: false,
    },
    File {
        name: c"experiments",
        show: |_, out| done(report::experiments(out, CATALOGUE)),
        store: None,
        addresses: false,
    },
    File {
        name: c"run",
        show: show_run,
        store: Some(|lab, line| lab.run_line(line).map_err(Failure::errno)),
        addresses: false,
    },
    File {
        name: c"compare",
        show: show_comparison,
        store: Some(|lab, line| lab.compare_line(line).map_err(Failure::errno)),
        addresses: false,
    },
    File {
        name: c"calibrate",
        show: show_calibration,
        store: Some(|lab, line| lab.calibrate_line(line).map_err(Failure::errno)),
        addresses: false,
    },
    File {
        name: c"stop",
        show: |_, out| done(report::stop(out)),
        store: Some(|_, _| {
            lab::stop();
            Ok(())
        }),
        addresses: false,
    },
    File {
        name: c"scenario",
        show: snapshots::scenario,
        store: Some(|lab, line| lab.scenario_line(line).map_err(Failure::errno)),
        addresses: false,
    },
    File {
        name: c"zones",
        show: snapshots::zones,
        store: None,
        addresses: false,
    },
    File {
        name: c"buddy",
        show: snapshots::buddy,
        store: None,
        addresses: false,
    },
    File {
        name: c"watermarks",
        show: snapshots::watermarks,
        store: None,
        addresses: false,
    },
    File {
        name: c"fragmentation",
        show: snapshots::fragmentation,
        store: None,
        addresses: false,
    },
    File {
        name: c"cma",
        show: snapshots::cma,
        store: Some(|lab, line| lab.area_line(line).map_err(Failure::errno)),
        addresses: false,
    },
    File {
        name: c"layout",
        show: snapshots::layout,
        store: None,
        addresses: true,
    },
    File {
        name: c"meminfo",
        show: snapshots::meminfo,
        store: None,
        addresses: false,
    },
    File {
        name: c"events",
        show: snapshots::events,
        store: None,
        addresses: false,
    },
    File {
        name: c"device",
        show: show_devices,
        store: None,
        addresses: false,
    },
    File {
        name: c"provenance",
        show: show_provenance,
        store: None,
        addresses: false,
    },
];

fn show_run(lab: &Lab, out: &mut Text) -> Result {
    let mut last = lab.run.lock();
    if let Some(outcome) = &mut last.result {
        outcome.placement.hidden = security::addresses_locked();
    }
    if let Some(refusal) = &last.refusal {
        done(report::refusal(out, refusal))?;
    }
    match &last.result {
        Some(outcome) => done(report::outcome(out, outcome, &facts::provenance::machine())),
        None if last.refusal.is_none() => done(report::nothing(out, "run")),
        None => Ok(()),
    }
}

fn show_comparison(lab: &Lab, out: &mut Text) -> Result {
    let mut last = lab.comparison.lock();
    if let Some(found) = &mut last.result {
        let hidden = security::addresses_locked();
        for rows in [&mut found.rows, &mut found.beside] {
            rows.iter_mut()
                .for_each(|row| row.placement.hidden = hidden);
        }
    }
    if let Some(refusal) = &last.refusal {
        done(report::refusal(out, refusal))?;
    }
    match &last.result {
        Some(found) => done(report::comparison(
            out,
            found.rows.iter().map(|row| &**row),
            found.beside.iter().map(|row| &**row),
            &report::Findings {
                refused: &found.refused,
                break_even: &found.break_even,
                largest: found.largest,
                touch: found.touch,
                ending: found.ending,
            },
            &facts::provenance::machine(),
        )),
        None if last.refusal.is_none() => done(report::nothing(out, "compare")),
        None => Ok(()),
    }
}

fn show_calibration(lab: &Lab, out: &mut Text) -> Result {
    let last = lab.calibration.lock();
    if let Some(refusal) = &last.refusal {
        done(report::refusal(out, refusal))?;
    }
    match &last.result {
        Some(found) => {
            let machine = facts::provenance::machine();
            done(report::calibration(out, found, &machine))
        }
        None if last.refusal.is_none() => done(report::nothing(out, "calibrate")),
        None => Ok(()),
    }
}

fn show_devices(_: &Lab, out: &mut Text) -> Result {
    let looks = lent::look_at_all()?;
    let devices = looks.iter().map(facts::provenance::seen);
    done(report::devices(out, devices))
}

fn show_provenance(_: &Lab, out: &mut Text) -> Result {
    let machine = facts::provenance::machine();
    let look = lent::look(Name::EMPTY).ok();
    let device = look.as_ref().map(facts::provenance::seen);
    done(report::provenance(out, &machine, device.as_ref()))
}
