// SPDX-License-Identifier: GPL-2.0

//! /dev/memlab: the same requests and outcomes as structures.
//!
//! C header: [`include/uapi/linux/memlab.h`](../../include/uapi/linux/memlab.h)

use super::{
    grammar,
    lab, //
};
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
    sys::{
        abi,
        misc::Ioctl, //
    },
};
use kernel::{
    ioctl::{
        _IOC_DIR,
        _IOC_NR,
        _IOC_TYPE, //
    },
    prelude::*,
    uaccess::UserPtr, //
};

/// The door /dev/memlab.
pub(crate) struct Door;

impl Ioctl for Door {
    fn ioctl(cmd: u32, arg: usize) -> Result<isize> {
        // The size is not looked at: it is in the structure, which may grow.
        let direction = kernel::uapi::_IOC_READ | kernel::uapi::_IOC_WRITE;
        if _IOC_TYPE(cmd) != abi::IOC_MAGIC || _IOC_DIR(cmd) != direction {
            return Err(ENOTTY);
        }
        let arg = UserPtr::from_addr(arg);
        match _IOC_NR(cmd) {
            0 => info(arg),
            1 => run(arg),
            _ => Err(ENOTTY),
        }
    }
}

/// `MEMLAB_IOC_INFO`
#[inline(never)]
fn info(arg: UserPtr) -> Result<isize> {
    let (mut info, room) = abi::read::<abi::Info>(arg, abi::INFO_LEAST)?;
    let index = usize::try_from(info.index)?;
    let experiment = CATALOGUE.get(index).ok_or(ERANGE)?;
    let limits = limits();
    info.size = u32::try_from(size_of::<abi::Info>())?;
    info.abi = abi::VERSION;
    info.experiments = u32::try_from(CATALOGUE.len())?;
    abi::put(&mut info.name, experiment.name);
    info.size_min = experiment.sizes.min;
    info.size_max = experiment.sizes.max;
    info.iterations_max = limits.iterations;
    info.time_max = limits.time;
    info.threads_max = u32::try_from(limits.threads)?;
    info.batch_max = u32::try_from(limits.batch)?;
    abi::write(arg, room, &*info)?;
    Ok(0)
}

/// `MEMLAB_IOC_RUN`
#[inline(never)]
fn run(arg: UserPtr) -> Result<isize> {
    let (mut call, room) = abi::read::<abi::Run>(arg, abi::RUN_LEAST)?;
    // On a 32-bit kernel not all of them are addresses: not found out after a run of an hour.
    let to = UserPtr::from_addr(usize::try_from(call.outcome)?);
    let outcome_room = usize::try_from(call.outcome_size)?;
    let result = match request(&call)? {
        Ok(request) => lab::run_request(&request)?,
        Err(refusal) => Err(refusal),
    };
    match result {
        Ok(report) => {
            let outcome = outcome(&report)?;
            abi::write(to, outcome_room, &*outcome)?;
            lab::early(report.ending)?;
            Ok(0)
        }
        Err(refusal) => {
            abi::put(&mut call.message, refusal.message.as_str());
            abi::write(arg, room, &*call)?;
            Err(lab::errno(&refusal))
        }
    }
}

/// Checks the structure as the grammar checks a line; 0 stands for the default.
fn request(call: &abi::Run) -> Result<Result<Request, Refusal>> {
    if call.flags != 0 {
        return Err(EINVAL);
    }
    let name = abi::text(&call.experiment)?;
    let device = abi::text(&call.device)?;
    Ok(checked(call, name, device))
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

#[inline(never)]
fn checked(call: &abi::Run, name: &str, device: &str) -> Result<Request, Refusal> {
    let info = CATALOGUE
        .iter()
        .find(|info| info.name == name)
        .ok_or_else(|| Refusal::invalid(format_args!("experiment={name}: unknown")))?;
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

/// The outcome as the structure has it.
#[inline(never)]
fn outcome(report: &Report) -> Result<KVBox<abi::Outcome>> {
    let mut out = abi::outcome()?;
    out.size = u32::try_from(size_of::<abi::Outcome>())?;
    out.ending = match report.ending {
        Ending::Complete => abi::COMPLETE,
        Ending::Time => abi::TIME,
        Ending::Stopped => abi::STOPPED,
        Ending::DeviceGone => abi::DEVICE_GONE,
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
    out.phys = placement.phys;
    out.dma = placement.dma.unwrap_or(u64::MAX);
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

fn tristate(value: Option<bool>) -> u32 {
    match value {
        Some(false) => abi::NO,
        Some(true) => abi::YES,
        None => abi::UNKNOWN,
    }
}
