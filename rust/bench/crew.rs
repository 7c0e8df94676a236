// SPDX-License-Identifier: GPL-2.0

//! The threads of a run: they learn what the clock costs, start together, and what they counted is
//! put together.

use super::{
    classes::{
        Counts,
        Slow, //
    },
    clock,
    measure::{
        Hands,
        Subject, //
    },
    order::Batch,
    progress,
    stretch::Work, //
};
use crate::{
    experiment::empty::Empty,
    model::{
        classes::Classes,
        outcome::{
            ClockCost,
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
        trace::Watch,
    },
};
use core::mem::MaybeUninit;
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

/// Bytes that a thread keeps books in, at most at a time: three tallies, what the warm-up counts, and
/// the classes.
pub(super) const BOOKS: u64 = 4 * size_of::<Tally>() as u64 + size_of::<Classes>() as u64;

/// A result as it lives in the kernel.
///
/// On the heap, and passed on as a pointer: a kernel stack is 8 KiB on ARM, and what runs under all
/// these callers is the kernel's own.
pub(crate) type Report = KBox<Outcome<Counts>>;

/// Samples of the empty operation, per thread, before those that are measured and again after them;
/// they are taken so many at a time, and no more are begun after so many nanoseconds, or the run's
/// time divided by 2 to this: where a kernel checks each lock, its clock is slow, and a comparison
/// calibrates each of its many short runs.
const CALIBRATION: u64 = 1_000;
const CALIBRATION_STEP: u64 = 100;
const CALIBRATION_NS: u64 = 2_500_000;
const CALIBRATION_SHIFT: u32 = 2;
/// A CPU that was idle needs some time to reach its speed: a warm-up that is asked for takes so many
/// nanoseconds at least, however short its operations are.
const WARMUP_NS: u64 = 10_000_000;
/// The warm-up takes no more than the time divided by 2 to this, and says so.
const WARMUP_SHIFT: u32 = 2;
/// A run's time is looked at 2 to this times in it, as far as ticks go.
const TICK_SHIFT: u32 = 4;

/// What a run is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Nothing: it is all that was asked for.
    Whole,
    /// The first of many, which follow each other without a pause.
    First,
    /// One that follows. Where its memory comes from has been looked at by then, which may take as
    /// long as all that it measures.
    Later,
}

/// Alone on its cache line, also where the CPU fetches two at a time.
#[repr(align(128))]
struct CachePadded<T>(T);

/// What the threads of a run share. Written before and after the timed loops only, but for
/// `ending`, which is written when they are to end.
struct Shared<'a> {
    request: &'a Request,
    subject: &'a dyn Subject,
    batch_shift: u32,
    part: Part,
    watch: Option<&'a Watch>,
    ready: &'a Atomic<u32>,
    crowd: u32,
    ending: &'a Atomic<u32>,
    done: &'a Atomic<u64>,
    total: &'a Mutex<Total>,
}

/// What one thread counts by itself.
struct Tallies {
    tally: KVBox<Tally>,
    /// Where that is watched.
    classes: Option<KVBox<Classes>>,
    /// The empty operation before the run, and after it.
    before: KVBox<Tally>,
    after: KVBox<Tally>,
}

/// Values of [`Shared::ending`].
const ENDINGS: [Ending; 5] = [
    Ending::Complete,
    Ending::Time,
    Ending::Stopped,
    Ending::DeviceGone,
    Ending::Above,
];

/// What the threads put together when they are done.
struct Total {
    /// Until it is taken out.
    tally: Option<KVBox<Tally>>,
    classes: Option<KVBox<Classes>>,
    before: KVBox<Tally>,
    after: KVBox<Tally>,
    /// Operations that every thread has done before.
    warmed: u64,
    step: u64,
    placement: Option<Placement>,
    started: u64,
    ended: u64,
    error: Option<Error>,
}

/// Runs a thread on each of `cpus` and puts together what they counted. `called_off` is asked now
/// and then whether to end before the time, and why. What is acquired is counted by class too if
/// `watch` is there.
#[inline(never)]
pub(super) fn run(
    request: &Request,
    subject: &dyn Subject,
    batch_shift: u32,
    part: Part,
    cpus: &[u32],
    watch: Option<&Watch>,
    called_off: &dyn Fn() -> Option<Ending>,
) -> Result<Report> {
    // Where the result goes is there before anything is measured.
    let report = KBox::new_uninit(GFP_KERNEL)?;
    // The threads look at `ending` between operations, while this one wakes and writes its stack.
    let (ready, padded) = (Atomic::new(0u32), CachePadded(Atomic::new(0u32)));
    let (ending, done) = (&padded.0, Atomic::new(0u64));
    let total = Total::boxed()?;
    let shared = Shared {
        request,
        subject,
        batch_shift,
        part,
        watch,
        ready: &ready,
        // CAST: The number of threads is limited to a few times the number of CPUs.
        crowd: cpus.len() as u32,
        ending,
        done: &done,
        total: &total,
    };
    // What called the run off may have halted the operation that was looked at: none after it counts.
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
    // Of one run among many, only that it is done is told.
    let tell = |done, deadline| {
        if part == Part::Whole {
            progress::tell(request, done, deadline);
        }
    };
    task::run_pinned(cpus, &work, tick_ms, |wake| {
        if deadline.is_none() && ready.load(Relaxed) >= shared.crowd {
            deadline = Some(now().saturating_add(request.time_ns()));
        }
        tell(done.load(Relaxed), deadline);
        if wake == Wake::Signal {
            shared.end(Ending::Stopped);
        } else if let Some(why) = called_off() {
            shared.end(why);
        } else if deadline.is_some_and(|deadline| now() >= deadline) {
            shared.end(Ending::Time);
        }
    })?;

    tell(done.load(Relaxed), deadline);
    // CAST: `ending` holds an index into the table.
    let why = ENDINGS.get(ending.load(Relaxed) as usize);
    let mut total = total.lock();
    let why = why.copied().unwrap_or(Ending::Stopped);
    total.outcome(report, request, batch_shift, why)
}

impl Total {
    /// Nothing counted yet. In a frame of its own, like what comes of it: stacks are small.
    #[inline(never)]
    fn boxed() -> Result<Pin<KBox<Mutex<Self>>>> {
        let total = Self {
            tally: Some(sys::zeroed::tally()?),
            classes: None,
            before: sys::zeroed::tally()?,
            after: sys::zeroed::tally()?,
            warmed: u64::MAX,
            step: u64::MAX,
            placement: None,
            started: u64::MAX,
            ended: 0,
            error: None,
        };
        KBox::pin_init(new_mutex!(total), GFP_KERNEL)
    }

    /// What came back, when all threads are done; their tally is taken out.
    #[inline(never)]
    fn outcome(
        &mut self,
        report: KBox<MaybeUninit<Outcome<Counts>>>,
        request: &Request,
        batch_shift: u32,
        ending: Ending,
    ) -> Result<Report> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let tally = self.tally.take().ok_or(EINVAL)?;
        let (before, after) = (&self.before.phases, &self.after.phases);
        let clock = ClockCost::between(before, after, self.step, batch_shift);
        let outcome = Outcome {
            request: *request,
            rounds: tally.round(&clock),
            clock,
            batch: 1 << batch_shift,
            warmed: self.warmed,
            placement: self.placement.unwrap_or(Placement::UNKNOWN),
            device: None,
            elapsed: self.ended.saturating_sub(self.started),
            ending,
            tally: Counts::new(tally, self.classes.take()),
        };
        Ok(KBox::write(report, outcome))
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

    /// What one thread does: look at what it acquires first, warm up, learn what the clock costs,
    /// wait for the others, measure, learn it again, and add the result to `total`.
    fn one_thread(&self, index: usize) -> Result {
        let classes = self.watch.map(|_| sys::zeroed::classes());
        let mut tallies = Tallies {
            tally: sys::zeroed::tally()?,
            classes: classes.transpose()?,
            before: sys::zeroed::tally()?,
            after: sys::zeroed::tally()?,
        };
        let batch = Batch::of(self.request, self.batch_shift);
        self.subject
            .with_hands(batch, &mut |hands| self.stint(index, hands, &mut tallies))
    }

    fn stint(&self, index: usize, hands: &mut dyn Hands, tallies: &mut Tallies) -> Result {
        let stop = || self.ending.load(Relaxed) != 0;
        let mut placement = None;
        if index == 0 && self.part != Part::Later {
            hands.look(&mut placement);
        }

        let warmed = self.warm_up(hands)?;
        self.calibrate(&mut tallies.before)?;
        let step = clock::step();

        self.ready.fetch_add(1, Release);
        while self.ready.load(Acquire) < self.crowd && !stop() {
            task::cpu_relax();
            task::pause();
        }

        let mark = self.watch.and_then(|watch| watch.mark(index));
        let mut slow = match (mark, &mut tallies.classes) {
            (Some(mark), Some(classes)) => Slow::watched(mark, classes),
            _ => Slow::unwatched(),
        };
        let tally = &mut tallies.tally;
        let started = now();
        let work = Work {
            request: self.request,
            batch_shift: self.batch_shift,
            ending: self.ending,
            done: self.done,
        };
        if let Some(why) = work.measure(hands, tally, &mut slow)? {
            self.end(why);
        }
        let ended = now();
        slow.finish(tally);
        drop(slow);
        self.calibrate(&mut tallies.after)?;

        let mut total = self.total.lock();
        if let Some(all) = &mut total.tally {
            all.add_thread(index, task::current_cpu(), &tallies.tally);
        }
        match (&mut total.classes, tallies.classes.take()) {
            (Some(all), Some(classes)) => all.merge(&classes),
            (all, classes) => *all = classes,
        }
        total.before.merge(&tallies.before);
        total.after.merge(&tallies.after);
        total.warmed = total.warmed.min(warmed);
        total.step = total.step.min(step);
        total.placement = total.placement.or(placement);
        total.started = total.started.min(started);
        total.ended = total.ended.max(ended);
        Ok(())
    }

    /// Operates without measuring: as often as was asked for and for some time, if that is not a
    /// large part of the run's. Tells how often.
    #[inline(never)]
    fn warm_up(&self, hands: &mut dyn Hands) -> Result<u64> {
        let asked = self.request.warmup();
        let most = self.request.time_ns() >> WARMUP_SHIFT;
        let start = now();
        let mut unused = sys::zeroed::tally()?;
        let mut done = 0u64;
        loop {
            let spent = now().saturating_sub(start);
            let enough =
                done >= asked && (asked == 0 || self.part != Part::Whole || spent >= WARMUP_NS);
            // One is done at least, or the run would begin as cold as if none had been asked for.
            let late = done > 0 && spent >= most;
            if enough || late || self.ending.load(Relaxed) != 0 {
                return Ok(done);
            }
            // In steps of a batch, because its time is looked at too; a shorter one is one batch.
            hands.measure(
                1 << self.batch_shift,
                &mut unused,
                &mut Slow::unwatched(),
                self.ending,
            )?;
            done += 1 << self.batch_shift;
        }
    }

    /// Learns what the clock costs, also when the run has ended.
    #[inline(never)]
    fn calibrate(&self, empty: &mut Tally) -> Result {
        let go_on = Atomic::new(0u32);
        let most = CALIBRATION_NS.min(self.request.time_ns() >> CALIBRATION_SHIFT);
        let until = now().saturating_add(most);
        let batch = Batch::of(self.request, self.batch_shift);
        Empty.with_hands(batch, &mut |hands| {
            for _ in 0..CALIBRATION / CALIBRATION_STEP {
                let samples = CALIBRATION_STEP << self.batch_shift;
                hands.measure(samples, empty, &mut Slow::unwatched(), &go_on)?;
                if now() >= until || task::fatal_signal() {
                    break;
                }
            }
            Ok(())
        })
    }
}
