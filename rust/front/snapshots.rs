// SPDX-License-Identifier: GPL-2.0

//! The files that show the state of memory, with what it cost to look.

use super::lab::Lab;
use crate::{
    facts, report,
    sys::{
        clock,
        file::{
            done,
            Text, //
        },
        memory::PAGE_SIZE,
        security, //
    },
};
use kernel::prelude::*;

// CAST: A page is far smaller than 4 GiB.
const PAGE: u32 = PAGE_SIZE as u32;

/// Shows a snapshot and, in the last line, the time that taking and rendering it took.
fn timed(out: &mut Text, show: impl FnOnce(&mut Text) -> Result) -> Result {
    let began = clock::now();
    show(out)?;
    done(report::cost(out, clock::now().saturating_sub(began)))
}

pub(super) fn zones(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        done(report::zones(out, &facts::memory::zones()?, PAGE))
    })
}

pub(super) fn buddy(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        let zones = facts::memory::zones()?;
        done(report::buddy(out, &zones, PAGE))?;
        done(report::free_lists(out, &facts::memory::free_lists(&zones)?))
    })
}

pub(super) fn watermarks(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        done(report::watermarks(out, &facts::memory::zones()?))
    })
}

pub(super) fn fragmentation(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        let zones = facts::memory::zones()?;
        let lists = facts::memory::free_lists(&zones)?;
        done(report::fragmentation(out, &zones, &lists, PAGE))
    })
}

pub(super) fn meminfo(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        let zones = facts::memory::zones()?;
        done(report::meminfo(
            out,
            &facts::totals::meminfo(),
            &zones,
            PAGE,
        ))
    })
}

pub(super) fn events(_: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        let (now, events) = facts::totals::events()?;
        done(report::events(out, now, &events))
    })
}

pub(super) fn cma(lab: &Lab, out: &mut Text) -> Result {
    timed(out, |out| {
        let last = lab.area.lock();
        if let Some(refusal) = &last.refusal {
            done(report::refusal(out, refusal))?;
        }
        let areas = facts::totals::areas()?;
        done(report::cma(out, &facts::memory::zones()?, &areas))?;
        done(report::probe(out, last.result.as_ref(), PAGE))
    })
}

pub(super) fn scenario(lab: &Lab, out: &mut Text) -> Result {
    let last = lab.scenario.lock();
    if let Some(refusal) = &last.refusal {
        done(report::refusal(out, refusal))?;
    }
    let held = last.result.as_ref().map(|held| held.scenario.held());
    done(report::scenario(out, held.as_ref(), PAGE))
}

pub(super) fn layout(lab: &Lab, out: &mut Text) -> Result {
    // Nothing else is in it.
    if security::addresses_locked() {
        return Err(EPERM);
    }
    timed(out, |out| {
        let regions = facts::layout::regions()?;
        done(report::layout(out, &regions, &lab.layout))
    })
}
