// SPDX-License-Identifier: GPL-2.0

//! /dev/memlab: all that the files do, for programs. An open file is a session with results of its
//! own.
//!
//! C header: [`include/uapi/linux/memlab.h`](../../include/uapi/linux/memlab.h)

use super::{
    argument,
    buffers,
    files::FILES,
    grammar::{
        self,
        List, //
    },
    lab::{
        self,
        Failure,
        Lab, //
    }, //
};
use crate::{
    bench::{
        limits::limits,
        run::Report, //
    },
    experiment::CATALOGUE,
    model::request::Refusal,
    sys::{
        abi::{
            self,
            Argument,
            Foreign,
            Taken, //
        },
        clock,
        file::{
            Line,
            Text, //
        },
        misc::Session,
        notice,
        security,
        task,
        walk, //
    },
};
use kernel::{
    ioctl::{
        _IOC_DIR,
        _IOC_NR,
        _IOC_TYPE, //
    },
    prelude::*,
    sync::Arc,
    uaccess::UserPtr, //
};

const _: () = assert!(grammar::LINE_MAX == abi::LINE_MAX as usize);

impl Session for Lab {
    fn open() -> Result<Arc<Self>> {
        if !task::may_administer() {
            return Err(EPERM);
        }
        Lab::new()
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result<isize> {
        // The size is not looked at: it is in the structure, which may grow.
        let direction = kernel::uapi::_IOC_READ | kernel::uapi::_IOC_WRITE;
        if _IOC_TYPE(cmd) != abi::IOC_MAGIC || _IOC_DIR(cmd) != direction {
            return Err(ENOTTY);
        }
        match _IOC_NR(cmd) {
            0 => call(arg, info),
            1 => call(arg, |run| self.run_argument(run)),
            2 => call(arg, device),
            3 => call_line(arg, &|line| self.compare_line(line)),
            4 => call_line(arg, &|line| self.calibrate_line(line)),
            5 => call_line(arg, &|line| self.scenario_line(line)),
            6 => call_line(arg, &|line| self.area_line(line)),
            7 => call(arg, |snapshot| self.snapshot(snapshot)),
            8 => call_often(arg, progress),
            9 => call(arg, |_: &mut abi::Stop| {
                lab::stop();
                Ok(())
            }),
            10 => call(arg, walk),
            11 => call_then(arg, buffers::alloc, buffers::Given::hand_over),
            12 => call(arg, buffers::describe),
            13 => call(arg, buffers::transfer),
            _ => Err(ENOTTY),
        }
    }
}

/// Reads the argument of a command, does its work, and writes it back, with the reason where there
/// is one.
#[inline(never)]
fn call<T: Argument>(
    arg: usize,
    work: impl FnOnce(&mut T) -> Result<(), Failure>,
) -> Result<isize> {
    call_then(arg, work, |()| ())
}

/// The same of the commands that are called with a line.
#[inline(never)]
fn call_line(arg: usize, work: &dyn Fn(&Line) -> Result<(), Failure>) -> Result<isize> {
    call(arg, |call: &mut abi::Line| {
        work(&*read_line(call.line, call.line_length)?)
    })
}

/// The same with something to be done once all that can fail is done.
#[inline(never)]
fn call_then<T: Argument, R>(
    arg: usize,
    work: impl FnOnce(&mut T) -> Result<R, Failure>,
    then: impl FnOnce(R),
) -> Result<isize> {
    let mut place = abi::place::<T>()?;
    answer(arg, &mut *place, work, then)
}

/// The same for what is asked a hundred times a second, and is small: without an allocation.
#[inline(never)]
fn call_often<T: Argument>(
    arg: usize,
    work: impl FnOnce(&mut T) -> Result<(), Failure>,
) -> Result<isize> {
    let mut place: T = pin_init::zeroed();
    answer(arg, &mut place, work, |()| ())
}

#[inline(always)]
fn answer<T: Argument, R>(
    arg: usize,
    place: &mut T,
    work: impl FnOnce(&mut T) -> Result<R, Failure>,
    then: impl FnOnce(R),
) -> Result<isize> {
    let taken = Taken::read(UserPtr::from_addr(arg), place)?;
    let known = known(&taken.foreign, taken.value.nonzero(), size_of::<T>());
    match known.and_then(|()| work(&mut *taken.value)) {
        Ok(made) => {
            taken.give_back()?;
            then(made);
            Ok(0)
        }
        Err(failure) => {
            abi::put(taken.value.message(), failure.message());
            taken.refuse()?;
            Err(failure.errno())
        }
    }
}

/// Refuses what this module does not know. Apart, for the frame of [`call_often`], as is what it
/// does.
#[inline(never)]
fn known(
    foreign: &Option<Foreign>,
    nonzero: Option<(&'static str, u32)>,
    known: usize,
) -> Result<(), Failure> {
    match (foreign, nonzero) {
        (Some(Foreign::Size(size)), _) => Err(Failure::new(
            E2BIG,
            format_args!("size={size}: too long, this module knows {known} bytes of it"),
        )),
        (Some(Foreign::Byte(at)), _) => Err(Failure::new(
            E2BIG,
            format_args!(
                "byte {at} of the structure: not zero, this module knows {known} bytes of it"
            ),
        )),
        (None, Some((member, value))) => Err(Failure::new(
            EINVAL,
            format_args!("{member}={value:#x}: unknown, must be 0"),
        )),
        (None, None) => Ok(()),
    }
}

/// `MEMLAB_IOC_INFO`
fn info(info: &mut abi::Info) -> Result<(), Failure> {
    let last = CATALOGUE.len() - 1;
    let index = info.index;
    let experiment = usize::try_from(index).ok().and_then(|at| CATALOGUE.get(at));
    let experiment = experiment.ok_or_else(|| {
        Failure::new(
            ERANGE,
            format_args!("index={index}: out of range, 0 to {last}"),
        )
    })?;
    let limits = limits();
    info.size = u32::try_from(size_of::<abi::Info>()).map_err(Error::from)?;
    info.abi = abi::VERSION;
    info.experiments = u32::try_from(CATALOGUE.len()).map_err(Error::from)?;
    abi::put(&mut info.name, experiment.name);
    info.size_min = experiment.sizes.min;
    info.size_max = experiment.sizes.max;
    info.iterations_max = limits.iterations;
    info.time_max = limits.time;
    info.threads_max = u32::try_from(limits.threads).map_err(Error::from)?;
    info.batch_max = u32::try_from(limits.batch).map_err(Error::from)?;
    Ok(())
}

/// `MEMLAB_IOC_DEVICE`
fn device(device: &mut abi::Device) -> Result<(), Failure> {
    abi::text("bus", &device.bus)?;
    let name = crate::model::text::Text::<64>::new(abi::text("device", &device.device)?);
    abi::describe(device).map_err(|error| match error {
        ENODEV => Failure::new(
            ENODEV,
            format_args!("device={name}: not on the bus, which may be pci, platform or amba"),
        ),
        error => Failure::from(error),
    })
}

/// `MEMLAB_IOC_WALK`. Who was handed the open file is not thereby one who may see addresses.
fn walk(walk: &mut abi::Walk) -> Result<(), Failure> {
    let (address, pid) = (walk.address, walk.pid);
    if security::addresses_locked() {
        return Err(Failure::new(
            EPERM,
            format_args!("address={address:#x}: this kernel is locked down to keep its addresses"),
        ));
    }
    if !task::may_administer() {
        return Err(Failure::new(
            EPERM,
            format_args!("address={address:#x}: whoever asks must have CAP_SYS_ADMIN"),
        ));
    }
    walk::walk(walk).map_err(|error| match error {
        ERANGE => Failure::new(
            ERANGE,
            format_args!(
                "address={address:#x}: out of range, of a process 0 to {:#x}, or one of the \
                 kernel's",
                walk::last_of_user()
            ),
        ),
        EINVAL => Failure::new(
            EINVAL,
            format_args!("pid={pid}: must be 0 with an address of the kernel's ({address:#x})"),
        ),
        ESRCH => Failure::new(
            ESRCH,
            format_args!("pid={pid}: no such process, or it has no memory of its own"),
        ),
        EPERM => Failure::new(
            EPERM,
            format_args!("pid={pid}: to look at another's memory takes CAP_SYS_PTRACE"),
        ),
        error => Failure::from(error),
    })
}

/// A line of a caller's, as far as one may go and a byte further.
#[inline(never)]
fn read_line(from: u64, length: u64) -> Result<KBox<Line>, Failure> {
    let head = abi::line(from, length, grammar::LINE_MAX + 1)
        .map_err(|error| Failure::new(error, format_args!("line={from:#x}: a bad address")))?;
    let length = usize::try_from(length).map_err(Error::from)?;
    Ok(KBox::new(Line { head, length }, GFP_KERNEL).map_err(Error::from)?)
}

/// `MEMLAB_IOC_PROGRESS`
#[inline(never)]
fn progress(out: &mut abi::Progress) -> Result<(), Failure> {
    let mut progress = notice::wait(out.serial, out.timeout)?;
    if progress.on {
        progress.now = clock::now();
    }
    out.serial = progress.serial;
    out.state = match progress.on {
        false => abi::IDLE,
        true if lab::stopped() => abi::STOPPING,
        true => abi::BUSY,
    };
    out.done = progress.done;
    out.total = progress.total;
    out.elapsed = progress.elapsed();
    out.left = progress.left().unwrap_or(u64::MAX);
    abi::put(&mut out.what, progress.what.as_str());
    Ok(())
}

/// Runs what the line asks for, or the structure where there is none. Apart from who writes the
/// outcome: a run goes deep, and stacks are small.
#[inline(never)]
fn carry_out(call: &abi::Run, line: Option<&Line>) -> Result<Report, Refusal> {
    match line {
        Some(line) => {
            argument::nothing_beside_a_line(call)?;
            lab::text(line).and_then(lab::run_text)
        }
        None => run_structure(call),
    }
}

/// Runs what the structure asks for.
#[inline(never)]
fn run_structure(call: &abi::Run) -> Result<Report, Refusal> {
    lab::run_request(&argument::request(call)?)
}

impl Lab {
    /// `MEMLAB_IOC_RUN`
    #[inline(never)]
    fn run_argument(&self, call: &abi::Run) -> Result<(), Failure> {
        let bad = |error| {
            let at = call.outcome;
            Failure::new(error, format_args!("outcome={at:#x}: a bad address"))
        };
        // Found out before a run of an hour, not after it. On a 32-bit kernel not every number is an
        // address.
        abi::write_text(call.outcome, call.outcome_size, &[0; 8]).map_err(bad)?;
        let line = match (call.line, call.line_length) {
            (0, 0) => None,
            (from, length) => Some(read_line(from, length)?),
        };
        let run = || carry_out(call, line.as_deref());
        self.run_with("run", run, |report| {
            let outcome = argument::outcome(report, security::addresses_locked())?;
            abi::write_outcome(call.outcome, call.outcome_size, &outcome).map_err(bad)
        })
    }

    /// `MEMLAB_IOC_SNAPSHOT`
    #[inline(never)]
    fn snapshot(&self, call: &mut abi::Snapshot) -> Result<(), Failure> {
        let name = abi::text("file", &call.file)?;
        let mut files = FILES.iter();
        let file = files.find(|file| file.name.to_bytes() == name.as_bytes());
        let file = file.ok_or_else(|| {
            Failure::new(
                ENOENT,
                format_args!(
                    "file={name}: unknown, must be one of {}",
                    List(|| FILES.iter().map(|file| file.name.to_str().unwrap_or("?")))
                ),
            )
        })?;
        let mut text = Text::EMPTY;
        (file.show)(self, &mut text).map_err(|error| match error {
            EPERM => Failure::new(
                EPERM,
                format_args!(
                    "file={name}: shows addresses, which this kernel is locked down to keep"
                ),
            ),
            error => Failure::from(error),
        })?;
        abi::write_text(call.text, call.text_size, text.bytes()).map_err(|error| {
            let at = call.text;
            Failure::new(error, format_args!("text={at:#x}: a bad address"))
        })?;
        call.text_size = text.bytes().len() as u64;
        Ok(())
    }
}
