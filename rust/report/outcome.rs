// SPDX-License-Identifier: GPL-2.0

//! One outcome in full.

use super::{
    delta::{
        delta as write_delta,
        remark as write_remark, //
    },
    provenance::{
        provenance as write_provenance,
        without_caches,
        yes, //
    },
    table::{
        address,
        errno_name,
        header,
        row,
        Bytes,
        Column,
        Maybe, //
    }, //
};
use crate::model::{
    classes::Classes,
    histogram::Histogram,
    num::Dec,
    outcome::{
        Counted,
        Ending,
        Failures,
        Outcome,
        Thread, //
    },
    placement::Placement,
    provenance::Provenance,
    request::{
        Parameter,
        Request,
        Values, //
    },
    text::Text,
};
use core::fmt::{
    self,
    Write, //
};

/// The percentiles that are shown, in thousandths.
pub(super) const PERCENTILES: [u32; 4] = [500, 900, 990, 999];

const LATENCY: &[Column] = &latencies("phase");
const CLASSES: &[Column] = &latencies("class");

/// The columns of latencies, of which the first is called `name`.
const fn latencies(name: &'static str) -> [Column; 10] {
    [
        (name, -10),
        ("figure", -6),
        ("min", 9),
        ("p50", 9),
        ("p90", 9),
        ("p99", 9),
        ("p99.9", 9),
        ("max", 10),
        ("mean", 9),
        ("samples", 9),
    ]
}

const HISTOGRAM: &[Column] = &[("phase", -10), ("low", 12), ("high", 12), ("count", 12)];

const THREADS: &[Column] = &[("thread", -6), ("cpu", 5), ("samples", 9), ("disturbed", 9)];

const FAILURES: &[Column] = &[("errno", 5), ("name", -10), ("count", 9)];

/// The request, what was measured, where the buffer was, and on what machine.
pub fn outcome<T: Counted>(
    out: &mut dyn Write,
    outcome: &Outcome<T>,
    provenance: &Provenance,
) -> fmt::Result {
    let tally = &*outcome.tally;
    let phases = || outcome.request.info().phases.iter().zip(&tally.phases);

    request(out, &outcome.request)?;
    writeln!(out, "ending        {}", ending(outcome.ending))?;
    writeln!(out, "warmed_up     {}", Dec(outcome.warmed))?;
    writeln!(out, "elapsed_ns    {}", Dec(outcome.elapsed))?;
    writeln!(out, "per_sample    {}", Dec(outcome.batch))?;
    writeln!(out, "clock_p50_ns  {}", Dec(outcome.clock.median))?;
    writeln!(out, "clock_p99_ns  {}", Dec(outcome.clock.p99))?;
    writeln!(out, "clock_step_ns {}", Dec(outcome.clock.step))?;
    writeln!(out, "clock_drift   {}", Dec(outcome.clock.drift))?;
    writeln!(out, "disturbed     {}", Dec(tally.disturbed))?;
    writeln!(out, "failures      {}", Dec(tally.failures.total()))?;
    writeln!(out, "unsampled     {}", Dec(tally.unsampled))?;
    let asked = outcome.request.warmup();
    if outcome.warmed < asked {
        let (done, asked) = (Dec(outcome.warmed), Dec(asked));
        writeln!(
            out,
            "# the warm-up ended after {done} of {asked} operations: it may take a quarter of the time"
        )?;
    }
    writeln!(out)?;

    let floor = Dec(outcome.clock.floor());
    writeln!(
        out,
        "# ns per operation; net: less clock_p50; <{floor}: not to be told from nothing"
    )?;
    header(out, LATENCY)?;
    for (phase, histogram) in phases() {
        let raw = |ns| Dec(ns);
        let net = |ns| outcome.clock.net(ns);
        latency(out, phase, "raw", histogram, raw)?;
        latency(out, phase, "net", histogram, net)?;
    }
    failed(out, outcome)?;
    writeln!(out)?;
    if outcome.request.info().allocates {
        classes(out, outcome.tally.classes())?;
    }

    threads(out, &tally.threads)?;
    failures(out, &tally.failures)?;
    placement(out, &outcome.placement, outcome)?;
    writeln!(out, "bounced_why   {}", Maybe(outcome.bounce_cause()))?;
    if let Some(missing) = without_caches(provenance) {
        writeln!(out, "# {missing}")?;
    }
    writeln!(out)?;
    write_remark(out, &tally.remark, provenance.page_size)?;
    write_delta(out, outcome.request.info().phases, &tally.delta)?;
    write_provenance(out, provenance, outcome.device.as_ref())?;
    writeln!(out)?;

    writeln!(
        out,
        "# histogram: raw ns per operation, buckets with samples"
    )?;
    header(out, HISTOGRAM)?;
    for (phase, histogram) in phases() {
        buckets(out, phase, histogram)?;
    }
    buckets(out, "failed", &tally.failed)?;
    if let Some(classes) = outcome.tally.classes() {
        for (class, histogram) in classes.named().skip(1) {
            buckets(out, class, histogram)?;
        }
    }
    Ok(())
}

/// What is in a histogram.
fn buckets(out: &mut dyn Write, name: &str, histogram: &Histogram) -> fmt::Result {
    for (low, high, count) in histogram.filled() {
        let bounds = [low, high, count].map(Dec);
        let [low, high, count] = &bounds;
        row(out, HISTOGRAM, &[&name, low, high, count])?;
    }
    if histogram.overflow() != 0 {
        let beyond = Dec(histogram.overflow());
        row(out, HISTOGRAM, &[&name, &"beyond", &"-", &beyond])?;
    }
    Ok(())
}

fn request(out: &mut dyn Write, request: &Request) -> fmt::Result {
    let info = request.info();
    writeln!(out, "experiment    {}", info.name)?;
    for &parameter in Parameter::ALL {
        let taken = info.takes(parameter);
        let value = request.get(parameter).filter(|_| taken);
        let unit = if parameter == Parameter::Time {
            "_ms"
        } else {
            ""
        };
        let key = Text::<16>::format(format_args!("{}{unit}", parameter.name()));
        match parameter.row().values {
            Values::Numbers(..) if !taken => {}
            Values::Numbers(..) => writeln!(out, "{key:<14}{}", Maybe(value.map(Dec)))?,
            Values::Words(words, _) => {
                // CAST: The place of one of a few words.
                let word = value.and_then(|place| words.get(place as usize));
                writeln!(out, "{key:<14}{}", Maybe(word))?;
            }
        }
    }
    Ok(())
}

/// One row of figures, each shown as `shown` says.
fn latency<D: fmt::Display>(
    out: &mut dyn Write,
    phase: &str,
    figure: &str,
    histogram: &Histogram,
    shown: impl Fn(u64) -> D,
) -> fmt::Result {
    let cell = |ns: Option<u64>| Maybe(ns.map(&shown));
    let [p50, p90, p99, p999] = PERCENTILES.map(|at| cell(histogram.percentile(at)));
    row(
        out,
        LATENCY,
        &[
            &phase,
            &figure,
            &cell(histogram.min()),
            &p50,
            &p90,
            &p99,
            &p999,
            &cell(histogram.max()),
            &cell(histogram.mean()),
            &Dec(histogram.count()),
        ],
    )
}

/// What failed took time too, and is in neither phase.
fn failed<T: Counted>(out: &mut dyn Write, outcome: &Outcome<T>) -> fmt::Result {
    let histogram = &outcome.tally.failed;
    if histogram.count() == 0 {
        return Ok(());
    }
    latency(out, "failed", "raw", histogram, Dec)?;
    if outcome.batch > 1 {
        writeln!(
            out,
            "# failed: all of the batch up to the failure, as the clock is read around batches"
        )?;
    }
    Ok(())
}

/// What was acquired, by what the kernel went through for it.
fn classes(out: &mut dyn Write, classes: Option<&Classes>) -> fmt::Result {
    let Some(classes) = classes else {
        return writeln!(
            out,
            "# classes were not watched: that takes a kernel with CONFIG_TRACEPOINTS\n"
        );
    };
    if classes.named().skip(1).all(|(_, slow)| slow.count() == 0) {
        return writeln!(
            out,
            "# classes: none woke kswapd, reclaimed or compacted memory\n"
        );
    }
    writeln!(
        out,
        "# by the most that the kernel went through for it, told by its tracepoints"
    )?;
    header(out, CLASSES)?;
    for (class, histogram) in classes.named() {
        latency(out, class, "raw", histogram, Dec)?;
    }
    writeln!(out)
}

/// A row for each thread; those beyond the last entry share it.
fn threads(out: &mut dyn Write, threads: &[Thread]) -> fmt::Result {
    header(out, THREADS)?;
    for (at, thread) in threads.iter().enumerate() {
        if thread.threads == 0 {
            break;
        }
        let cpu = (thread.threads == 1).then_some(thread.cpu);
        let samples = Dec(thread.samples);
        let disturbed = Dec(thread.disturbed);
        row(out, THREADS, &[&at, &Maybe(cpu), &samples, &disturbed])?;
    }
    writeln!(out)
}

fn failures(out: &mut dyn Write, failures: &Failures) -> fmt::Result {
    if failures.total() == 0 {
        return Ok(());
    }
    writeln!(out, "# failed operations")?;
    header(out, FAILURES)?;
    for (errno, count) in failures.iter() {
        row(out, FAILURES, &[&errno, &errno_name(errno), &Dec(count)])?;
    }
    writeln!(out)
}

fn placement<T>(out: &mut dyn Write, p: &Placement, outcome: &Outcome<T>) -> fmt::Result {
    let size = outcome.request.size();
    let placed = p.extents != 0;
    let zone = (!p.zone.as_str().is_empty()).then_some(p.zone);
    writeln!(out, "# placement of the first buffer")?;
    writeln!(out, "zone          {}", Maybe(zone))?;
    writeln!(out, "zone_node     {}", Maybe(zone.map(|_| p.node)))?;
    writeln!(out, "cma           {}", Maybe(p.cma.map(yes)))?;
    writeln!(out, "extents       {}", Maybe(placed.then_some(p.extents)))?;
    writeln!(
        out,
        "largest_bytes {}",
        Maybe(placed.then_some(Dec(p.largest_extent)))
    )?;
    let waste = p.capacity.map(|all| all.saturating_sub(size));
    writeln!(out, "takes_bytes   {}", Maybe(p.capacity.map(Dec)))?;
    writeln!(out, "waste_bytes   {}", Maybe(waste.map(Dec)))?;
    writeln!(out, "aligned_to    {}", Maybe(alignment(p).map(Bytes)))?;
    writeln!(out, "window        {}", p.window.name())?;
    writeln!(out, "attr          {}", p.attr.name())?;
    writeln!(
        out,
        "phys          {}",
        Maybe(placed.then(|| address(p, p.phys)))
    )?;
    writeln!(
        out,
        "dma           {}",
        Maybe(p.dma.map(|at| address(p, at)))
    )?;
    writeln!(out, "bounced       {}", Maybe(p.bounced.map(yes)))?;
    let device = outcome.device.as_ref().filter(|_| p.dma.is_some());
    let beyond = device.map(|device| yes(p.phys.saturating_add(size) > device.highest));
    writeln!(out, "out_of_reach  {}", Maybe(beyond))
}

/// The power of two at a multiple of which the CPU sees the buffer, or else its physical address.
fn alignment(p: &Placement) -> Option<u64> {
    let addr = if p.virt != 0 { p.virt } else { p.phys };
    1u64.checked_shl(addr.trailing_zeros())
}

/// The word for how a run ended.
pub(super) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Time => "time",
        Ending::Stopped => "stopped",
        Ending::DeviceGone => "device-gone",
        Ending::Above => "above",
    }
}
