// SPDX-License-Identifier: GPL-2.0

//! One run: the device is leased, one operation is looked at, and the crew measures the rest.

use super::{
    batch,
    change,
    cpus,
    crew,
    limits::{
        held_max,
        limits, //
    },
    measure::Subject, //
};
use crate::{
    devices::lent,
    experiment::{
        self,
        Experiment,
        Visitor, //
    },
    facts::{
        self,
        provenance, //
    },
    model::{
        memory::Shortage,
        outcome::{
            Ending,
            Tally, //
        },
        remark::Remark,
        request::{
            Family,
            Refusal,
            Request, //
        },
    },
    sys::{
        self,
        lend::Lease,
        memory::PAGE_SIZE,
        task::{
            self,
            Wake, //
        },
        trace::Watch,
    },
};
use kernel::{
    device::{
        Bound,
        Device, //
    },
    new_mutex,
    prelude::*, //
};

pub(super) use super::crew::Part;
pub(crate) use super::crew::Report;

/// The device that `request` asks for, with the mask that it asks for; `None` where it needs none.
#[inline(never)]
fn lease(request: &Request) -> Result<Option<Lease>, Refusal> {
    let (info, device) = (request.info(), request.device());
    if !info.needs_device {
        return Ok(None);
    }
    let lease = if info.needs_engine && device.as_str().is_empty() {
        lent::lease_engine(info.name)?
    } else {
        lent::lease(device)?
    };
    experiment::masked(request, lease).map(Some)
}

/// Runs what `request` asks for, and looks at what the first operation of it changes. `cancelled`
/// is asked now and then whether to stop.
pub(crate) fn run(request: &Request, cancelled: &dyn Fn() -> bool) -> Result<Report, Refusal> {
    turn(request, Part::Whole, cancelled)
}

/// The same as what `part` says it is.
pub(super) fn turn(
    request: &Request,
    part: Part,
    cancelled: &dyn Fn() -> bool,
) -> Result<Report, Refusal> {
    let lease = lease(request)?;
    let runner = Runner {
        request,
        lease: lease.as_ref(),
        cancelled,
        part,
    };
    let dev = lease.as_ref().map(Lease::device);
    let mut report = experiment::open(request, dev, runner)??;
    if let Some(dev) = dev {
        name(&mut report, dev);
    }
    Ok(report)
}

/// Says in a report for which device it is, in a frame of its own.
#[inline(never)]
fn name(report: &mut Report, dev: &Device<Bound>) {
    report.device = Some(provenance::device(dev));
}

struct Runner<'a> {
    request: &'a Request,
    lease: Option<&'a Lease>,
    cancelled: &'a dyn Fn() -> bool,
    part: Part,
}

impl Visitor for Runner<'_> {
    type Output = Result<Report, Refusal>;

    fn visit<E: Experiment>(self, experiment: &E) -> Self::Output {
        self.run(experiment)
    }
}

impl Runner<'_> {
    fn run(&self, subject: &dyn Subject) -> Result<Report, Refusal> {
        let largest = batch::largest(self.request)?;
        let cpus = cpus::of_threads(self.request)?;
        let changes = self.changes(subject, &cpus);
        let called_off = || self.called_off();
        let stopped = || called_off().is_some();
        let batch_shift = batch::shift(self.request, subject, largest, &stopped)?;
        let report = self.watched(cpus.len(), |watch| {
            crew::run(
                self.request,
                subject,
                batch_shift,
                self.part,
                &cpus,
                watch,
                &called_off,
            )
        });
        let mut report = report.map_err(|error| {
            let (name, threads) = (self.request.info().name, self.request.threads() as u32);
            let errno = error.to_errno();
            Refusal::no_memory(format_args!(
                "{name}: errno {errno} while setting up {threads} thread(s)"
            ))
        })?;
        if let Some(changes) = changes {
            report.tally.delta = changes.delta;
        }
        if self.part == Part::Whole {
            let failed = report.tally.failures.total() != 0;
            report.tally.remark = subject.remark(failed, held_max(), &stopped);
            if let Some(found) = self.shortage(&report) {
                report.tally.remark = Remark::Shortage(found);
            }
        }
        Ok(report)
    }

    /// Does `work` while what the kernel goes through for the threads is watched; with `None` where
    /// nothing is allocated, in a turn of many, and where the kernel does not tell.
    fn watched<R>(
        &self,
        threads: usize,
        work: impl FnOnce(Option<&Watch>) -> Result<R>,
    ) -> Result<R> {
        let info = self.request.info();
        if self.part != Part::Whole || !info.allocates || info.family == Family::Instrument {
            return work(None);
        }
        Watch::over(threads, work)
    }

    /// What one operation changes, before any other has been done; `None` where nothing can be.
    #[inline(never)]
    fn changes(&self, subject: &dyn Subject, cpus: &[u32]) -> Option<KVBox<Tally>> {
        if self.part != Part::Whole || self.request.info().family == Family::Instrument {
            return None;
        }
        // A thread does the operation, so that one that takes long can be halted from here.
        let found = KBox::pin_init(new_mutex!(None), GFP_KERNEL).ok()?;
        let look = |_| {
            if let Ok(mut tally) = sys::zeroed::tally() {
                if change::look(|observer| subject.operate(observer), &mut tally.delta).is_ok() {
                    *found.lock() = Some(tally);
                }
            }
        };
        task::run_pinned(cpus.get(..1)?, &look, task::TICK_MS, |wake| {
            if wake == Wake::Signal || self.called_off().is_some() {
                subject.halt();
            }
        })
        .ok()?;
        let tally = found.lock().take();
        tally
    }

    /// Why an allocation of the kernel's own failed though memory is free; `None` where none did, or
    /// where that is not so. What the run held is free again by now.
    #[inline(never)]
    fn shortage(&self, report: &Report) -> Option<Shortage> {
        let errno = ENOMEM.to_errno();
        let failed = report.tally.failures.iter().any(|(seen, _)| seen == errno);
        if !failed || self.request.info().needs_device {
            return None;
        }
        let each = self.request.footprint(&limits()).div_ceil(PAGE_SIZE as u64);
        let held = each.saturating_mul(report.batch);
        let asked = held.saturating_mul(self.request.threads());
        Shortage::of(&facts::memory::zones().ok()?, asked)
    }

    /// Whether the run is to end before its time, and why.
    fn called_off(&self) -> Option<Ending> {
        if (self.cancelled)() {
            Some(Ending::Stopped)
        } else if self.lease.is_some_and(Lease::recalled) {
            Some(Ending::DeviceGone)
        } else {
            None
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "run_tests.rs"]
mod run_tests;
