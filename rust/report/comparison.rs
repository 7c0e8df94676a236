// SPDX-License-Identifier: GPL-2.0

//! All experiments side by side.

use super::{
    advice::advice,
    answer::answer,
    findings::Findings,
    outcome::{
        ending,
        PERCENTILES, //
    },
    provenance::{
        without_caches,
        yes, //
    },
    rows::{
        end,
        sizes, //
    },
    table::{
        address,
        header,
        row,
        Bytes,
        Column,
        Maybe, //
    }, //
};
use crate::model::{
    histogram::Histogram,
    num::Dec,
    outcome::{
        Ending,
        Outcome,
        Tally, //
    },
    placement::Attr,
    provenance::Provenance,
    request::Family, //
};
use core::{
    fmt::{
        self,
        Write, //
    },
    ops::Deref, //
};

const COLUMNS: &[Column] = &[
    ("experiment", -22),
    ("size", 4),
    ("direction", -13),
    ("phase", -10),
    ("min", 7),
    ("p50", 7),
    ("mean", 7),
    ("p90", 8),
    ("p99", 8),
    ("p99.9", 8),
    ("max", 9),
    ("samples", 7),
    ("failures", 8),
    ("zone", -7),
    ("cma", -3),
    ("extents", 7),
    ("window", -7),
    ("attr", -14),
    ("dma", 10),
];

/// The answer; all outcomes, the smallest size first; and what the answer rests on. `beside` has
/// the same maps where nothing stands between memory and device.
pub fn comparison<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone + 'a,
    beside: impl Iterator<Item = &'a Outcome<T>> + Clone,
    found: &'a Findings<'_>,
    provenance: &Provenance,
) -> fmt::Result {
    answer(out, rows.clone(), beside.clone(), found, provenance)?;
    let clocks = || rows.clone().map(|o| o.clock);
    writeln!(
        out,
        "# ns per operation, net of the clock's own cost (up to {} ns); <F: below its resolution \
         of F ns",
        Dec(clocks().map(|clock| clock.median).max().unwrap_or(0)),
    )?;
    header(out, COLUMNS)?;
    for size in sizes(rows.clone()) {
        writeln!(out, "# {}", Bytes(size))?;
        for outcome in rows.clone().filter(|o| o.request.size() == size) {
            phases(out, outcome)?;
        }
    }
    writeln!(out, "#")?;
    refusals(out, found)?;
    if let Some(missing) = without_caches(provenance) {
        writeln!(out, "# {missing}")?;
    }
    merged(out, rows.clone())?;
    notes(out, rows.clone())?;
    advice(out, rows, beside, found, provenance)
}

/// Why what was asked for was not measured: each reason once.
#[inline(never)]
fn refusals(out: &mut dyn Write, found: &Findings<'_>) -> fmt::Result {
    for (at, refused) in found.refused.iter().enumerate() {
        let mut before = found.refused.iter().take(at);
        if !before.any(|before| before.why == refused.why) {
            writeln!(out, "# not measured: {}", refused.why.message.as_str())?;
        }
    }
    Ok(())
}

/// A row for each phase. Failures and placement are those of what was acquired.
fn phases<T: Deref<Target = Tally>>(out: &mut dyn Write, o: &Outcome<T>) -> fmt::Result {
    let [acquired, released] = &o.tally.phases;
    phase(out, o, acquired, false)?;
    phase(out, o, released, true)
}

#[inline(never)]
fn phase<T: Deref<Target = Tally>>(
    out: &mut dyn Write,
    o: &Outcome<T>,
    histogram: &Histogram,
    second: bool,
) -> fmt::Result {
    let info = o.request.info();
    let p = &o.placement;
    let [acquires, releases] = info.phases;
    let directed = !info.directions.is_empty();
    let cell = |ns: Option<u64>| Maybe(ns.map(|ns| o.clock.net(ns)));
    let [p50, p90, p99, p999] = PERCENTILES.map(|at| cell(histogram.percentile(at)));
    let placed = !second && !p.zone.as_str().is_empty();
    row(
        out,
        COLUMNS,
        &[
            &info.name,
            &Bytes(o.request.size()),
            &Maybe(directed.then(|| o.request.direction().name())),
            if second { &releases } else { &acquires },
            &cell(histogram.min()),
            &p50,
            &Maybe(o.phase_cost(second)),
            &p90,
            &p99,
            &p999,
            &cell(histogram.max()),
            &Dec(histogram.count()),
            &Dec(if second { 0 } else { o.tally.failures.total() }),
            &Maybe(placed.then_some(p.zone)),
            &Maybe(p.cma.filter(|_| placed).map(yes)),
            &Maybe(placed.then_some(p.extents)),
            &Maybe(placed.then_some(p.window.name())),
            &Maybe(placed.then_some(p.attr.name())),
            &Maybe(p.dma.filter(|_| !second).map(|at| address(p, at))),
        ],
    )
}

/// Kinds of memory for a device that have the same page attributes here.
#[inline(never)]
fn merged<'a, T: 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    for (attr, name) in Attr::ALL {
        let like = || {
            rows.clone().filter(move |o| {
                let asked = matches!(o.request.info().family, Family::Coherent | Family::Access);
                asked && o.placement.attr == attr && attr != Attr::Unknown
            })
        };
        let named = |o: &Outcome<T>| o.request.info().name;
        let mut all = like().map(named);
        let first = all.next();
        if all.all(|name| Some(name) == first) {
            continue;
        }
        write!(out, "# one kind of memory to the CPU here, {name}: ")?;
        let mut comma = "";
        for (at, o) in like().enumerate() {
            // Each once, though it has a row for each size and direction.
            if !like().take(at).any(|before| named(before) == named(o)) {
                write!(out, "{comma}{}", named(o))?;
                comma = ", ";
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What the table itself does not show and a reader must know.
#[inline(never)]
fn notes<'a, T: Deref<Target = Tally> + 'a>(
    out: &mut dyn Write,
    rows: impl Iterator<Item = &'a Outcome<T>> + Clone,
) -> fmt::Result {
    let mut lead = "# batched, a sample is the mean of so many operations, which hides tails: ";
    for o in rows.clone().filter(|o| o.batch > 1) {
        let (name, size) = (o.request.info().name, Bytes(o.request.size()));
        write!(out, "{lead}{name} {size} x {}", Dec(o.batch))?;
        lead = ", ";
    }
    end(out, lead)?;

    let ended = |by| rows.clone().filter(move |o| o.ending == by);
    let timed_out = ended(Ending::Time).count();
    if timed_out != 0 {
        let all = rows.clone().count();
        writeln!(
            out,
            "# {timed_out} of {all} ended with their time: see samples"
        )?;
    }
    for by in [Ending::Stopped, Ending::DeviceGone] {
        for o in ended(by) {
            let (name, size) = (o.request.info().name, Bytes(o.request.size()));
            writeln!(out, "# not finished: {name} {size}, {}", ending(by))?;
        }
    }
    let disturbed = (rows.clone().map(|o| o.tally.disturbed)).fold(0, u64::saturating_add);
    if disturbed != 0 {
        let samples = rows
            .map(|o| {
                let [first, _] = &o.tally.phases;
                first.count()
            })
            .fold(0, u64::saturating_add);
        let (disturbed, samples) = (Dec(disturbed), Dec(samples));
        writeln!(
            out,
            "# switched out during {disturbed} of {samples} samples"
        )?;
    }
    Ok(())
}
