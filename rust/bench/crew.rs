// SPDX-License-Identifier: GPL-2.0

//! The threads of a run: they learn what the clock costs, start together, and what they counted is
//! put together.

use super::{
    clock,
    measure::{
        Hands,
        Subject, //
    },
};
use crate::{
    experiment::empty::Empty,
    model::{
        cost::Rounds,
        outcome::{
            Ending,
            Outcome,
            Tally, //
        },
        placement::Placement,
        request::Request, //
    },
    sys::{
        self,
        clock::now,
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
/// The warm-up takes no more than the time divided by 2 to this.
const WARMUP_SHIFT: u32 = 2;
/// A run's time is looked at 2 to this times in it, as far as ticks go.
const TICK_SHIFT: u32 = 4;

/// Alone on its cache line, also where the CPU fetches two at a time.
#[repr(align(128))]
struct CachePadded<T>(T);

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
struct Tallies {
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

/// Runs a thread on each of `cpus` and puts together what they counted. `called_off` is asked now
/// and then whether to end before the time, and why.
#[inline(never)]
pub(super) fn run(
    request: &Request,
    subject: &dyn Subject,
    batch_shift: u32,
    cpus: &[u32],
    called_off: &dyn Fn() -> Option<Ending>,
) -> Result<Report> {
    // The threads look at `ending` between operations, while this one wakes and writes its stack.
    let (ready, padded) = (Atomic::new(0u32), CachePadded(Atomic::new(0u32)));
    let ending = &padded.0;
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
        request,
        subject,
        batch_shift,
        ready: &ready,
        // CAST: The number of threads is limited to a few times the number of CPUs.
        crowd: cpus.len() as u32,
        ending,
        total: &total,
    };
    // By now the first operation may have been halted: none after it counts.
    if let Some(why) = called_off() {
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
    let tick_ms = (request.time() >> TICK_SHIFT).clamp(1, u64::from(task::TICK_MS)) as u32;
    let mut deadline = None;
    task::run_pinned(cpus, &work, tick_ms, |wake| {
        if deadline.is_none() && ready.load(Relaxed) >= shared.crowd {
            deadline = Some(now().saturating_add(request.time_ns()));
        }
        if wake == Wake::Signal {
            shared.end(Ending::Stopped);
        } else if let Some(why) = called_off() {
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
        request: *request,
        rounds: Rounds::of(&total.tally, &clock),
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
        let mut tallies = Tallies {
            tally: sys::zeroed::tally()?,
            unused: sys::zeroed::tally()?,
            empty: sys::zeroed::tally()?,
        };
        self.subject.with_hands(self.batch_shift, &mut |hands| {
            self.stint(index, hands, &mut tallies)
        })
    }

    fn stint(&self, index: usize, hands: &mut dyn Hands, tallies: &mut Tallies) -> Result {
        let stop = || self.ending.load(Relaxed) != 0;
        let placement = match index {
            0 => hands.look(),
            _ => None,
        };

        let until = now().saturating_add(CALIBRATION_NS);
        Empty.with_hands(self.batch_shift, &mut |hands| {
            for _ in 0..CALIBRATION / CALIBRATION_STEP {
                let samples = CALIBRATION_STEP << self.batch_shift;
                hands.measure(samples, &mut tallies.empty, self.ending)?;
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
            hands.measure(batch, &mut tallies.unused, self.ending)?;
        }

        self.ready.fetch_add(1, Release);
        while self.ready.load(Acquire) < self.crowd && !stop() {
            task::cpu_relax();
            task::pause();
        }

        let started = now();
        hands.measure(self.request.iterations(), &mut tallies.tally, self.ending)?;
        let ended = now();

        let mut total = self.total.lock();
        total
            .tally
            .add_thread(index, task::current_cpu(), &tallies.tally);
        total.empty.merge(&tallies.empty);
        total.step = total.step.min(step);
        total.placement = total.placement.or(placement);
        total.started = total.started.min(started);
        total.ended = total.ended.max(ended);
        Ok(())
    }
}
