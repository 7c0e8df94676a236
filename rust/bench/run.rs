// SPDX-License-Identifier: GPL-2.0

//! One run: the clock is calibrated, threads are pinned and started together, what they counted is
//! put together, and whatever ends a run early ends it between two operations.

use super::{
    clock, first,
    limits::{
        held_max,
        limits,
        BATCH_SHIFT_MAX, //
    },
    measure::{
        Hands,
        Subject, //
    },
};
use crate::{
    devices::lent,
    experiment::{
        self,
        empty::Empty,
        Experiment,
        Visitor, //
    },
    facts::{
        provenance, //
    },
    model::{
        histogram::Histogram,
        num::Dec,
        outcome::{
            Ending,
            Outcome,
            Tally, //
        },
        placement::Placement,
        request::{
            Family,
            Mode,
            Refusal,
            Request, //
        },
    },
    sys::{
        self,
        clock::now,
        lend::Lease,
        task::{
            self,
            Wake, //
        },
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Mutex, //
    },
};

/// A result as it lives in the kernel.
///
/// On the heap, and passed on as a pointer: a kernel stack is 8 KiB on ARM, and what runs under all
/// these callers is the kernel's own.
pub(crate) type Report = KBox<Outcome<KVBox<Tally>>>;

/// Samples of the empty operation, per thread; they are taken so many at a time, and no more are
/// begun after so many nanoseconds: where a kernel checks each lock, its clock is slow.
const CALIBRATION: u64 = 2_000;
const CALIBRATION_STEP: u64 = 100;
const CALIBRATION_NS: u64 = 5_000_000;
/// Operations from whose cost the mode is chosen, and the nanoseconds after which fewer must do.
const PILOT: u64 = 32;
const PILOT_NS: u64 = 1_000_000;
/// An operation whose phases are both cheaper than so many clock reads is measured in batches.
const CHEAP: u64 = 5;
/// The largest batch that is not asked for: enough to make the clock a small part of a sample, too
/// few to make an allocator work from another end than it does for one.
const BATCH_SHIFT_AUTO: u32 = 4;
/// The warm-up takes no more than the time divided by 2 to this.
const WARMUP_SHIFT: u32 = 2;
/// A run's time is looked at 2 to this times in it, as far as ticks go.
const TICK_SHIFT: u32 = 4;

/// The device that `request` asks for.
#[inline(never)]
fn lease(request: &Request) -> Result<Lease, Refusal> {
    if request.info().needs_engine && request.device().as_str().is_empty() {
        return lent::lease_engine(request.info().name);
    }
    lent::lease(request.device())
}

/// Runs what `request` asks for, and looks at what the first operation of it changes. `cancelled`
/// is asked now and then whether to stop.
pub(crate) fn run(request: &Request, cancelled: &dyn Fn() -> bool) -> Result<Report, Refusal> {
    go(request, true, cancelled)
}

/// Runs what `request` asks for as one of many.
pub(super) fn turn(request: &Request, cancelled: &dyn Fn() -> bool) -> Result<Report, Refusal> {
    go(request, false, cancelled)
}

fn go(request: &Request, look: bool, cancelled: &dyn Fn() -> bool) -> Result<Report, Refusal> {
    let lease = if request.info().needs_device {
        Some(experiment::masked(request, lease(request)?)?)
    } else {
        None
    };
    let runner = Runner {
        request,
        lease: lease.as_ref(),
        cancelled,
        look,
    };
    let dev = lease.as_ref().map(Lease::device);
    let mut report = experiment::open(request, dev, runner)??;
    report.device = dev.map(provenance::device);
    Ok(report)
}

/// Alone on its cache line, also where the CPU fetches two at a time.
#[repr(align(128))]
struct Apart<T>(T);

/// What the threads of a run share. Written before and after the timed loops only, but for
/// `ending`, which is written when they are to end.
struct Shared<'a> {
    request: &'a Request,
    subject: &'a dyn Subject,
    batch_shift: u32,
    ready: &'a Atomic<u32>,
    crowd: u32,
    ending: &'a Atomic<u32>,
    total: &'a Mutex<Total>,
}

/// What one thread counts by itself.
struct Mine {
    tally: KVBox<Tally>,
    unused: KVBox<Tally>,
    empty: KVBox<Tally>,
}

/// Values of [`Shared::ending`].
const ENDINGS: [Ending; 4] = [
    Ending::Complete,
    Ending::Time,
    Ending::Stopped,
    Ending::DeviceGone,
];

/// What the threads put together when they are done.
struct Total {
    tally: KVBox<Tally>,
    empty: KVBox<Tally>,
    step: u64,
    placement: Option<Placement>,
    started: u64,
    ended: u64,
    error: Option<Error>,
}

struct Runner<'a> {
    request: &'a Request,
    lease: Option<&'a Lease>,
    cancelled: &'a dyn Fn() -> bool,
    /// Whether to look at the first operation.
    look: bool,
}

impl Visitor for Runner<'_> {
    type Output = Result<Report, Refusal>;

    fn visit<E: Experiment>(self, experiment: &E) -> Self::Output {
        self.run(experiment)
    }
}

impl Runner<'_> {
    fn run(&self, subject: &dyn Subject) -> Result<Report, Refusal> {
        let largest = self.largest_batch()?;
        let cpus = self.cpus()?;
        let first = self.first(subject, &cpus);
        let batch_shift = self.batch_shift(subject, largest)?;
        let mut report = self.threads(subject, batch_shift, &cpus).map_err(|error| {
            let (name, threads) = (self.request.info().name, self.request.threads() as u32);
            let errno = error.to_errno();
            Refusal::no_memory(format_args!(
                "{name}: errno {errno} while setting up {threads} thread(s)"
            ))
        })?;
        if let Some(first) = first {
            report.tally.delta = first.delta;
        }
        if self.look {
            let stopped = || self.called_off().is_some();
            let failed = report.tally.failures.total() != 0;
            report.tally.remark = subject.remark(failed, held_max(), &stopped);
        }
        Ok(report)
    }

    /// What one operation changes, before any other has been done; `None` where nothing can be.
    #[inline(never)]
    fn first(&self, subject: &dyn Subject, cpus: &[u32]) -> Option<KVBox<Tally>> {
        if !self.look || self.request.info().family == Family::Instrument {
            return None;
        }
        // By a thread, so that what takes long can be halted from here.
        let found = KBox::pin_init(new_mutex!(None), GFP_KERNEL).ok()?;
        let look = |_| {
            if let Ok(mut tally) = sys::zeroed::tally() {
                if first::look(|at, delta| subject.operate(at, delta), &mut tally.delta).is_ok() {
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

    /// The CPU of each thread.
    fn cpus(&self) -> Result<KVec<u32>, Refusal> {
        let node = self
            .request
            .node()
            .and_then(|node| u32::try_from(node).ok());
        let mut cpus = KVec::new();
        for n in 0..self.request.threads() {
            // CAST: The number of threads is limited to a few times the number of CPUs.
            let cpu = task::nth_cpu(n as u32, node).ok_or_else(|| {
                let node = node.unwrap_or(0);
                Refusal::invalid(format_args!("node={node}: has no CPU that is online"))
            })?;
            cpus.push(cpu, GFP_KERNEL)
                .map_err(|_| Refusal::no_memory(format_args!("no memory for the threads")))?;
        }
        Ok(cpus)
    }

    /// log2 of the largest batch that fits; refuses what does not fit one at a time.
    fn largest_batch(&self) -> Result<u32, Refusal> {
        let request = self.request;
        let all_threads = request
            .footprint(&limits())
            .saturating_mul(request.threads());
        let (most, bytes) = (u64::from(request.info().held_max), held_max());
        let fits = |batch: u64| batch <= most && all_threads.saturating_mul(batch) <= bytes;
        let largest = (0..=BATCH_SHIFT_MAX)
            .take_while(|shift| fits(1 << shift))
            .last();
        largest.ok_or_else(|| {
            let name = request.info().name;
            let (size, threads) = (Dec(request.size()), Dec(request.threads()));
            let (each, bytes) = (Dec(request.footprint(&limits())), Dec(bytes));
            Refusal::no_memory(format_args!(
                "size={size} with threads={threads}: each {name} would hold {each} bytes, all together may hold \
                 {bytes} now"
            ))
        })
    }

    /// log2 of the batch that was asked for, or that the cost of the operation calls for.
    fn batch_shift(&self, subject: &dyn Subject, largest: u32) -> Result<u32, Refusal> {
        let request = self.request;
        // What is not a whole batch is not measured.
        let largest = largest.min(request.iterations().checked_ilog2().unwrap_or(0));
        let batched = match request.mode() {
            Mode::Op => return Ok(0),
            // One at a time either way: trying would only take time.
            Mode::Auto if largest == 0 && request.batch() <= 1 => return Ok(0),
            Mode::Batch => true,
            // What cannot be tried fails again, and is counted, in the run itself.
            Mode::Auto => {
                request.batch() > 1 || (largest > 0 && self.is_cheap(subject).unwrap_or(false))
            }
        };
        match request.batch() {
            _ if !batched => Ok(0),
            0 => Ok(largest.min(BATCH_SHIFT_AUTO)),
            asked if asked.is_power_of_two() && asked.ilog2() <= largest => Ok(asked.ilog2()),
            asked => {
                let (asked, largest) = (asked as u32, 1u32 << largest);
                Err(Refusal::invalid(format_args!(
                    "batch={asked}: a power of two, 1 to {largest} for this experiment, size and iterations"
                )))
            }
        }
    }

    /// Whether one operation costs less than a few clock reads, by trying.
    #[inline(never)]
    fn is_cheap(&self, subject: &dyn Subject) -> Result<bool> {
        let go_on = Atomic::new(0u32);
        let mut pilot = sys::zeroed::tally()?;
        let mut empty = sys::zeroed::tally()?;
        Empty.with_hands(0, &mut |hands| hands.measure(PILOT, &mut empty, &go_on))?;
        let until = now().saturating_add(PILOT_NS);
        subject.with_hands(0, &mut |hands| {
            for _ in 0..PILOT {
                hands.measure(1, &mut pilot, &go_on)?;
                if now() >= until || task::fatal_signal() || self.called_off().is_some() {
                    break;
                }
            }
            Ok(())
        })?;
        let [empty, _] = &empty.phases;
        let read = empty.percentile(500).unwrap_or(1).max(1);
        let cheap = |phase: &Histogram| phase.percentile(500).is_some_and(|m| m < read * CHEAP);
        Ok(pilot.phases.iter().all(cheap))
    }

    /// Runs the threads and puts their results together.
    #[inline(never)]
    fn threads(&self, subject: &dyn Subject, batch_shift: u32, cpus: &[u32]) -> Result<Report> {
        // The threads look at `ending` between operations, while this one wakes and writes its stack.
        let (ready, apart) = (Atomic::new(0u32), Apart(Atomic::new(0u32)));
        let ending = &apart.0;
        let total = Total {
            tally: sys::zeroed::tally()?,
            empty: sys::zeroed::tally()?,
            step: u64::MAX,
            placement: None,
            started: u64::MAX,
            ended: 0,
            error: None,
        };
        let total = KBox::pin_init(new_mutex!(total), GFP_KERNEL)?;
        let shared = Shared {
            request: self.request,
            subject,
            batch_shift,
            ready: &ready,
            // CAST: The number of threads is limited to a few times the number of CPUs.
            crowd: cpus.len() as u32,
            ending,
            total: &total,
        };
        // By now the first operation may have been halted: none after it counts.
        if let Some(why) = self.called_off() {
            shared.end(why);
        }
        let work = |index: usize| {
            if let Err(error) = shared.one_thread(index) {
                // The others wait at the barrier for this one.
                shared.ready.fetch_add(1, Release);
                total.lock().error = Some(error);
                shared.end(Ending::Stopped);
            }
        };

        // A short run would otherwise overrun its time by as much again.
        let tick_ms = (self.request.time() >> TICK_SHIFT).clamp(1, u64::from(task::TICK_MS)) as u32;
        let mut deadline = None;
        task::run_pinned(cpus, &work, tick_ms, |wake| {
            if deadline.is_none() && ready.load(Relaxed) >= shared.crowd {
                deadline = Some(now().saturating_add(self.request.time_ns()));
            }
            if wake == Wake::Signal {
                shared.end(Ending::Stopped);
            } else if let Some(why) = self.called_off() {
                shared.end(why);
            } else if deadline.is_some_and(|deadline| now() >= deadline) {
                shared.end(Ending::Time);
            }
        })?;

        let mut total = total.lock();
        if let Some(error) = total.error {
            return Err(error);
        }
        let clock = clock::cost(&total.empty.phases, total.step, batch_shift);
        let spent = sys::zeroed::tally()?;
        // CAST: `ending` holds an index into the table.
        let why = ENDINGS.get(ending.load(Relaxed) as usize);
        let outcome = Outcome {
            request: *self.request,
            clock,
            batch: 1 << batch_shift,
            placement: total.placement.unwrap_or(Placement::UNKNOWN),
            device: None,
            elapsed: total.ended.saturating_sub(total.started),
            ending: why.copied().unwrap_or(Ending::Stopped),
            tally: core::mem::replace(&mut total.tally, spent),
        };
        Ok(KBox::new(outcome, GFP_KERNEL)?)
    }
}

impl Shared<'_> {
    /// Lets no thread begin another operation, and halts what is under way.
    #[inline(never)]
    fn end(&self, why: Ending) {
        if self.ending.load(Relaxed) == 0 {
            self.ending.store(why as u32, Relaxed);
            self.subject.halt();
        }
    }

    /// What one thread does: look at what it acquires first, learn what the clock costs, warm up,
    /// wait for the others, measure, and add the result to `total`.
    fn one_thread(&self, index: usize) -> Result {
        let mut mine = Mine {
            tally: sys::zeroed::tally()?,
            unused: sys::zeroed::tally()?,
            empty: sys::zeroed::tally()?,
        };
        self.subject.with_hands(self.batch_shift, &mut |hands| {
            self.stint(index, hands, &mut mine)
        })
    }

    fn stint(&self, index: usize, hands: &mut dyn Hands, mine: &mut Mine) -> Result {
        let stop = || self.ending.load(Relaxed) != 0;
        let placement = match index {
            0 => hands.look(),
            _ => None,
        };

        let until = now().saturating_add(CALIBRATION_NS);
        Empty.with_hands(self.batch_shift, &mut |hands| {
            for _ in 0..CALIBRATION / CALIBRATION_STEP {
                let samples = CALIBRATION_STEP << self.batch_shift;
                hands.measure(samples, &mut mine.empty, self.ending)?;
                if now() >= until {
                    break;
                }
            }
            Ok(())
        })?;
        let step = clock::step();

        // In steps of a batch, because its time is looked at too; a shorter one is one batch.
        let batch = 1u64 << self.batch_shift;
        let warm_until = now().saturating_add(self.request.time_ns() >> WARMUP_SHIFT);
        for _ in 0..self.request.warmup().div_ceil(batch) {
            if stop() || now() >= warm_until {
                break;
            }
            hands.measure(batch, &mut mine.unused, self.ending)?;
        }

        self.ready.fetch_add(1, Release);
        while self.ready.load(Acquire) < self.crowd && !stop() {
            task::cpu_relax();
            task::pause();
        }

        let started = now();
        hands.measure(self.request.iterations(), &mut mine.tally, self.ending)?;
        let ended = now();

        let mut total = self.total.lock();
        total
            .tally
            .add_thread(index, task::current_cpu(), &mine.tally);
        total.empty.merge(&mine.empty);
        total.step = total.step.min(step);
        total.placement = total.placement.or(placement);
        total.started = total.started.min(started);
        total.ended = total.ended.max(ended);
        Ok(())
    }
}

#[cfg(CONFIG_KUNIT = "y")]
#[path = "run_tests.rs"]
mod run_tests;
