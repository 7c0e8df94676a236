// SPDX-License-Identifier: GPL-2.0

//! The timed loops, generic over the experiment: no dynamic dispatch, no lock, no cache line that
//! another thread writes. The read of the clock that ends acquiring begins releasing.
//!
//! Between two readings of the clock a thread writes its own stack and, in batches, two vectors that
//! it allocated itself. Samples go, after the readings, into a tally that each thread allocates for
//! itself, of whole pages. What is shared is read: the experiment, which nothing changes while a run
//! is on, and the flag that ends the run, alone on its cache line and written once. What threads
//! contend for beyond that is the operation's own, and is what several threads are there to show.

use super::{
    change::{
        self,
        Observer, //
    },
    classes::Slow,
    order::{
        Batch,
        Order, //
    }, //
};
use crate::{
    experiment::{
        self,
        Experiment, //
    },
    model::{
        outcome::Tally,
        placement::Placement,
        remark::Remark, //
    },
    sys::{
        clock::now,
        dma::page_pool::BottomHalvesOff,
        task, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

/// So many samples are taken between two pauses.
const STRETCH: u64 = 1 << 10;

/// An experiment, its type forgotten: what is generic over experiments lies behind these calls, none
/// of which is made between two readings of the clock, and nothing else is.
pub(super) trait Subject: Sync {
    /// Calls `work` with what one thread measures with. The same idle states are looked at, warmed
    /// up and measured, because where they lie is a part of what they cost.
    fn with_hands(&self, batch: Batch, work: &mut dyn FnMut(&mut dyn Hands) -> Result) -> Result;

    /// One operation, with the state of memory looked at around it.
    fn operate(&self, observer: &mut Observer<'_>) -> Result;

    /// See [`Experiment::halt`].
    fn halt(&self);

    /// See [`Experiment::remark`].
    fn remark(&self, failed: bool, most: u64, stopped: &dyn Fn() -> bool) -> Remark;
}

/// One thread's hands on an experiment.
pub(super) trait Hands {
    /// Tells where the one that is acquired first lies when it is; nothing where that fails, which is
    /// met again, and counted, in the timed loop.
    fn look(&mut self, place: &mut Option<Placement>);

    /// Measures `iterations` operations, or fewer if `ending` is set meanwhile. What the kernel went
    /// through something for is counted in `slow`, and not in `tally`, if that is watched.
    ///
    /// Fails only where a batch finds no room for what it holds.
    fn measure(
        &mut self,
        iterations: u64,
        tally: &mut Tally,
        slow: &mut Slow<'_>,
        ending: &Atomic<u32>,
    ) -> Result;
}

impl<E: Experiment> Subject for E {
    fn with_hands(&self, batch: Batch, work: &mut dyn FnMut(&mut dyn Hands) -> Result) -> Result {
        self.within(&mut || {
            let count = 1usize << batch.shift;
            let mut idle = KVec::with_capacity(count, GFP_KERNEL)?;
            for _ in 0..count {
                let one = match idle.last() {
                    Some(one) => self.another(one)?,
                    None => self.idle()?,
                };
                idle.push(one, GFP_KERNEL)?;
            }
            work(&mut Worker {
                experiment: self,
                batch_shift: batch.shift,
                order: Order::new(batch.release),
                idle,
            })
        })
    }

    fn operate(&self, observer: &mut Observer<'_>) -> Result {
        self.within(&mut || change::operate(self, observer))
    }

    fn halt(&self) {
        Experiment::halt(self);
    }

    fn remark(&self, failed: bool, most: u64, stopped: &dyn Fn() -> bool) -> Remark {
        Experiment::remark(self, failed, most, stopped)
    }
}

/// What the operations of one thread start from: as many as a batch has.
struct Worker<'a, E: Experiment> {
    experiment: &'a E,
    batch_shift: u32,
    order: Order,
    idle: KVec<E::Idle>,
}

impl<E: Experiment> Hands for Worker<'_, E> {
    fn look(&mut self, place: &mut Option<Placement>) {
        let Some(one) = self.idle.pop() else {
            return;
        };
        let one = match self.experiment.acquire(one) {
            Ok(held) => {
                *place = Some(self.experiment.describe(&held));
                self.experiment.release(held)
            }
            Err((one, _)) => one,
        };
        // There is room: it was just taken out.
        drop(self.idle.push_within_capacity(one));
    }

    fn measure(
        &mut self,
        iterations: u64,
        tally: &mut Tally,
        slow: &mut Slow<'_>,
        ending: &Atomic<u32>,
    ) -> Result {
        let (experiment, idle, shift) = (self.experiment, &mut self.idle, self.batch_shift);
        let mut left = iterations >> shift;
        while left != 0 && ending.load(Relaxed) == 0 {
            let samples = left.min(STRETCH);
            if shift == 0 {
                each(experiment, samples, idle, tally, slow, ending);
            } else {
                let held = KVec::with_capacity(1 << shift, GFP_KERNEL)?;
                let room = (&mut *idle, held);
                let batch = (shift, &mut self.order);
                batches_of(experiment, samples, batch, room, tally, slow, ending);
            }
            left -= samples;
            task::pause();
        }
        Ok(())
    }
}

/// Counts an operation that failed after `took` ns. What the end of the run has called off is none.
#[cold]
#[inline(never)]
fn failed(tally: &mut Tally, error: Error, took: u64, ending: &Atomic<u32>) -> bool {
    let counts = error != experiment::called_off() || ending.load(Relaxed) == 0;
    if counts {
        tally.failures.add(error.to_errno(), 1);
        tally.failed.record(took);
    }
    counts
}

/// Counts what an operation of a batch took on average. Apart, as there is a loop for each experiment,
/// and a call is little beside a batch.
#[inline(never)]
fn count(tally: &mut Tally, slow: &mut Slow<'_>, took: [u64; 2], disturbed: bool) {
    let ([acquired, released], [acquiring, releasing]) = (&mut tally.phases, took);
    slow.instead_of(acquired).record(acquiring);
    released.record(releasing);
    tally.disturbed += u64::from(disturbed);
}

/// Reads the clock around every operation.
fn each<E: Experiment>(
    experiment: &E,
    iterations: u64,
    pool: &mut KVec<E::Idle>,
    tally: &mut Tally,
    slow: &mut Slow<'_>,
    ending: &Atomic<u32>,
) {
    let Some(mut idle) = pool.pop() else {
        return;
    };
    for _ in 0..iterations {
        if ending.load(Relaxed) != 0 {
            break;
        }
        experiment.touch(&mut idle);
        let softirqs = E::IN_SOFTIRQ.then(BottomHalvesOff::new);
        let switches = task::context_switches();
        slow.forget();
        let start = now();
        let result = experiment.acquire(idle);
        let held_at = now();
        let took = held_at.wrapping_sub(start);
        idle = match result {
            Ok(held) => {
                let mut idle = experiment.release(held);
                let end = now();
                drop(softirqs);
                let disturbed = task::context_switches() != switches;
                match experiment.check(&mut idle) {
                    Ok(()) => {
                        let [acquired, released] = &mut tally.phases;
                        slow.instead_of(acquired).record(took);
                        released.record(end.wrapping_sub(held_at));
                        tally.disturbed += u64::from(disturbed);
                    }
                    Err(error) => drop(failed(tally, error, took, ending)),
                }
                idle
            }
            Err((idle, error)) => {
                drop(softirqs);
                failed(tally, error, took, ending);
                idle
            }
        };
        task::cond_resched();
    }
    // There is room: it was taken out above.
    drop(pool.push_within_capacity(idle));
}

/// Reads the clock around many operations: all are acquired, then all released, the newest first
/// unless another order was asked for. For that they are arranged in between, and the clock is read
/// once more.
///
/// A batch ends with the first that fails, and is no sample then: that failure is counted, with what
/// the batch took up to it, and how many had succeeded before. One that is stopped midway is neither.
/// Looking for that costs the empty operation as much, so that it is not in a net figure.
fn batches_of<'a, E: Experiment>(
    experiment: &'a E,
    batches: u64,
    (batch_shift, order): (u32, &mut Order),
    (idle, mut held): (&mut KVec<E::Idle>, KVec<E::Held<'a>>),
    tally: &mut Tally,
    slow: &mut Slow<'_>,
    ending: &Atomic<u32>,
) {
    for _ in 0..batches {
        if ending.load(Relaxed) != 0 {
            break;
        }
        idle.iter_mut().for_each(|one| experiment.touch(one));
        let mut refused = None;
        let mut stopped = false;
        let softirqs = E::IN_SOFTIRQ.then(BottomHalvesOff::new);
        let switches = task::context_switches();
        slow.forget();
        let start = now();
        while let Some(one) = idle.pop() {
            if ending.load(Relaxed) != 0 {
                stopped = true;
                drop(idle.push_within_capacity(one));
                break;
            }
            match experiment.acquire(one) {
                // Both vectors have room for a whole batch: a push cannot fail.
                Ok(one) => drop(held.push_within_capacity(one)),
                Err(back) => {
                    refused = Some(back);
                    break;
                }
            }
        }
        let held_at = now();
        let succeeded = held.len();
        let release_at = match order.is_another() {
            false => held_at,
            true => {
                order.arrange(&mut held);
                now()
            }
        };
        while let Some(one) = held.pop() {
            drop(idle.push_within_capacity(experiment.release(one)));
        }
        let end = now();
        drop(softirqs);
        let disturbed = task::context_switches() != switches;
        let took = held_at.wrapping_sub(start);
        match refused {
            None if stopped => break,
            None => {
                if checked(experiment, idle, took >> batch_shift, tally, ending) {
                    let took = [took, end.wrapping_sub(release_at)].map(|ns| ns >> batch_shift);
                    count(tally, slow, took, disturbed);
                }
            }
            Some((one, error)) => {
                drop(idle.push_within_capacity(one));
                if failed(tally, error, took, ending) {
                    // CAST: A batch is far smaller than that.
                    tally.unsampled += succeeded as u64;
                }
            }
        }
        task::cond_resched();
    }
}

/// Whether all operations of a batch did what they were to do; counts each that did not.
fn checked<E: Experiment>(
    experiment: &E,
    idle: &mut KVec<E::Idle>,
    each_took: u64,
    tally: &mut Tally,
    ending: &Atomic<u32>,
) -> bool {
    let before = tally.failures.total();
    // CAST: A batch is far smaller than that.
    let all = idle.len() as u64;
    let mut good = 0;
    for one in idle.iter_mut() {
        match experiment.check(one) {
            Ok(()) => good += 1,
            Err(error) => drop(failed(tally, error, each_took, ending)),
        }
    }
    if good != all && tally.failures.total() != before {
        tally.unsampled += good;
    }
    good == all
}
