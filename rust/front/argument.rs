// SPDX-License-Identifier: GPL-2.0

//! A run as a structure: the same requests and outcomes as text.
//!
//! C header: [`include/uapi/linux/memlab.h`](../../include/uapi/linux/memlab.h)

use super::grammar;
use crate::{
    bench::{
        limits::limits,
        run::Report, //
    },
    experiment::CATALOGUE,
    model::{
        histogram::Histogram,
        num::Dec,
        outcome::{
            Counted,
            Ending, //
        },
        request::{
            Parameter,
            Refusal,
            Request,
            Values, //
        },
        text::Text, //
    },
    sys::abi, //
};
use kernel::prelude::*;

/// Refuses members of a request beside a line, which is the whole request.
pub(super) fn nothing_beside_a_line(call: &abi::Run) -> Result<(), Refusal> {
    let given = |name: &str| {
        Err(Refusal::invalid(format_args!(
            "{name}: given beside a line, which is the whole request, leave it out"
        )))
    };
    let [experiment, ..] = call.experiment;
    let [device, ..] = call.device;
    // A node that was left at 0 is meant as little as any other member.
    let is_given = |parameter: &Parameter| field(call, *parameter).is_some_and(|value| value != 0);
    match Parameter::ALL.iter().copied().find(is_given) {
        _ if experiment != 0 => given("experiment"),
        _ if device != 0 => given("device"),
        Some(parameter) => given(parameter.name()),
        None => Ok(()),
    }
}

/// What the structure has for `parameter`; `None` where it asks for the default.
fn field(call: &abi::Run, parameter: Parameter) -> Option<u64> {
    let value = match parameter {
        Parameter::Size => call.bytes,
        Parameter::Iterations => call.iterations,
        Parameter::Warmup => u64::from(call.warmup),
        Parameter::Time => call.time,
        Parameter::Threads => u64::from(call.threads),
        Parameter::Node => return (call.node != abi::NODE_ANY).then_some(u64::from(call.node)),
        Parameter::Batch => u64::from(call.batch),
        Parameter::Offset => u64::from(call.offset),
        Parameter::Entries => u64::from(call.entries),
        Parameter::Mask => u64::from(call.mask),
        Parameter::Buffers => u64::from(call.buffers),
        Parameter::Sync => call.sync,
        Parameter::Align => u64::from(call.align),
        Parameter::Gfp => u64::from(call.gfp),
        Parameter::Direction => u64::from(call.direction),
        Parameter::Mode => u64::from(call.mode),
        // What came later has no member: it is given in a line.
        Parameter::Above | Parameter::Backing | Parameter::Fd | Parameter::Release => return None,
    };
    (value != 0).then_some(value)
}

/// The place of the word that structures have the number `value` for.
fn place(parameter: Parameter, words: &[&str], least: u64, value: u64) -> Result<u64, Refusal> {
    let place = value.checked_sub(least);
    place
        .filter(|place| *place < words.len() as u64)
        .ok_or_else(|| {
            let (name, value) = (parameter.name(), Dec(value));
            let most = Dec((words.len() as u64 + least).saturating_sub(1));
            Refusal::invalid(format_args!("{name}={value}: unknown, must be 0 to {most}"))
        })
}

/// Checks the structure as the grammar checks a line; 0 stands for the default.
#[inline(never)]
pub(super) fn request(call: &abi::Run) -> Result<Request, Refusal> {
    let name = abi::text("experiment", &call.experiment)?;
    let device = abi::text("device", &call.device)?;
    let info = grammar::experiment(name, CATALOGUE)?;
    let limits = limits();
    let mut request = Request::new(info, &limits);
    for &parameter in Parameter::ALL {
        if let Some(value) = field(call, parameter) {
            let value = match parameter.row().values {
                Values::Numbers(..) => value,
                Values::Words(words, least) => place(parameter, words, least, value)?,
            };
            request.set(parameter, value, &limits)?;
        }
    }
    request.set_device(Text::new(device))?;
    grammar::agree(&request, call.batch != 0)?;
    Ok(request)
}

/// The outcome as the structure has it; without addresses where the kernel keeps them.
#[inline(never)]
pub(super) fn outcome(report: &Report, locked: bool) -> Result<KVBox<abi::Outcome>> {
    let mut out = abi::outcome()?;
    out.size = u32::try_from(size_of::<abi::Outcome>())?;
    out.ending = match report.ending {
        Ending::Complete => abi::COMPLETE,
        Ending::Time => abi::TIME,
        Ending::Stopped => abi::STOPPED,
        Ending::DeviceGone => abi::DEVICE_GONE,
        Ending::Above => abi::ABOVE,
    };
    for (to, from) in out.phases.iter_mut().zip(&report.tally.phases) {
        phase(to, from);
    }
    for (to, (errno, count)) in out.failures.iter_mut().zip(report.tally.failures.iter()) {
        to.error = errno.unsigned_abs();
        to.count = count;
    }
    let placement = &report.placement;
    out.disturbed = report.tally.disturbed;
    out.elapsed = report.elapsed;
    out.batch = report.batch;
    out.clock_median = report.clock.median;
    out.clock_p99 = report.clock.p99;
    out.clock_step = report.clock.step;
    abi::put(&mut out.zone, placement.zone.as_str());
    out.node = placement.node;
    out.window = placement.window as u32;
    out.cma = tristate(placement.cma);
    out.bounced = tristate(placement.bounced);
    out.attr = placement.attr as u32;
    out.extents = placement.extents;
    out.largest_extent = placement.largest_extent;
    let shown = |address: Option<u64>| address.filter(|_| !locked).unwrap_or(abi::NO_ADDRESS);
    out.phys = shown(Some(placement.phys));
    out.dma = shown(placement.dma);
    phase(&mut out.failed, &report.tally.failed);
    out.unsampled = report.tally.unsampled;
    if let Some(classes) = report.tally.classes() {
        out.watched = 1;
        for (to, (_, from)) in out.classes.iter_mut().zip(classes.named()) {
            phase(to, from);
        }
    }
    Ok(out)
}

fn phase(to: &mut abi::Phase, from: &Histogram) {
    to.count = from.count();
    to.sum = from.sum();
    to.min = from.min().unwrap_or(0);
    to.max = from.max().unwrap_or(0);
    to.overflow = from.overflow();
    to.buckets = *from.buckets();
}

pub(super) fn tristate(value: Option<bool>) -> u32 {
    match value {
        Some(false) => abi::NO,
        Some(true) => abi::YES,
        None => abi::UNKNOWN,
    }
}
