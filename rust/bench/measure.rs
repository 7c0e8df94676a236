// SPDX-License-Identifier: GPL-2.0

//! The timed loops, generic over the experiment: no dynamic dispatch, no lock, no cache line that
//! another thread writes. The read of the clock that ends acquiring begins releasing.
//!
//! Between two readings of the clock a thread writes its own stack and, in batches, two vectors that
//! it allocated itself. Samples go, after the readings, into a tally that each thread allocates for
//! itself, of whole pages. What is shared is read: the experiment, which nothing changes while a run
//! is on, and the flag that ends the run, alone on its cache line and written once. What threads
//! contend for beyond that is the operation's own, and is what several threads are there to show.

use crate::{
    experiment::Experiment,
    model::{
        outcome::Tally,
        placement::Placement, //
    },
    sys::{
        clock::now,
        task, //
    },
};
use kernel::prelude::*;

/// How one thread is to measure.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Operations to measure.
    pub(super) iterations: u64,
    /// log2 of the operations between two reads of the clock; 0 times each one.
    pub(super) batch_shift: u32,
}

impl Plan {
    /// Operations between two reads of the clock.
    pub(super) fn batch(&self) -> u64 {
        1 << self.batch_shift
    }
}

/// What the operations of one thread start from: as many as a batch has. The same ones are looked
/// at, warmed up and measured, because where they lie is a part of what they cost.
pub(super) struct Pool<T> {
    idle: KVec<T>,
}

impl<T> Pool<T> {
    /// As many as `plan` acquires at a time.
    pub(super) fn new<'d, E: Experiment<'d, Idle = T>>(experiment: &E, plan: Plan) -> Result<Self> {
        let batch = usize::try_from(plan.batch())?;
        let mut idle = KVec::with_capacity(batch, GFP_KERNEL)?;
        for _ in 0..batch {
            idle.push(experiment.idle()?, GFP_KERNEL)?;
        }
        Ok(Self { idle })
    }

    /// Where the one that is acquired first lies when it is; `None` where that fails, which is met
    /// again, and counted, in the timed loop.
    pub(super) fn look<'d, E: Experiment<'d, Idle = T>>(
        &mut self,
        experiment: &E,
    ) -> Option<Placement> {
        let one = self.idle.pop()?;
        let (one, placement) = match experiment.acquire(one) {
            Ok(held) => {
                let placement = experiment.describe(&held);
                (experiment.release(held), Some(placement))
            }
            Err((one, _)) => (one, None),
        };
        // There is room: it was just taken out.
        drop(self.idle.push_within_capacity(one));
        placement
    }
}

/// Measures `experiment` as `plan` says until it is done or `stop` says so. `pool` was made for
/// that plan, and is as full afterwards as before.
///
/// Fails only where a batch finds no room for what it holds.
pub(super) fn measure<'d, E: Experiment<'d>>(
    experiment: &E,
    plan: Plan,
    pool: &mut Pool<E::Idle>,
    tally: &mut Tally,
    stop: &impl Fn() -> bool,
) -> Result {
    if plan.batch_shift == 0 {
        each(experiment, plan, pool, tally, stop);
        Ok(())
    } else {
        batches(experiment, plan, pool, tally, stop)
    }
}

/// Reads the clock around every operation.
fn each<'d, E: Experiment<'d>>(
    experiment: &E,
    plan: Plan,
    pool: &mut Pool<E::Idle>,
    tally: &mut Tally,
    stop: &impl Fn() -> bool,
) {
    let [acquired, released] = &mut tally.phases;
    let Some(mut idle) = pool.idle.pop() else {
        return;
    };
    for _ in 0..plan.iterations {
        if stop() {
            break;
        }
        experiment.touch(&mut idle);
        let switches = task::context_switches();
        let start = now();
        let result = experiment.acquire(idle);
        let held_at = now();
        idle = match result {
            Ok(held) => {
                let mut idle = experiment.release(held);
                let end = now();
                let disturbed = task::context_switches() != switches;
                match experiment.check(&mut idle) {
                    Ok(()) => {
                        acquired.record(held_at.wrapping_sub(start));
                        released.record(end.wrapping_sub(held_at));
                        tally.disturbed += u64::from(disturbed);
                    }
                    Err(error) => tally.failures.add(error.to_errno(), 1),
                }
                idle
            }
            Err((idle, error)) => {
                tally.failures.add(error.to_errno(), 1);
                idle
            }
        };
        task::cond_resched();
    }
    // There is room: it was taken out above.
    drop(pool.idle.push_within_capacity(idle));
}

/// Reads the clock around many operations: all are acquired, then all released, the newest first.
///
/// A batch in which one fails counts as that failure and as no sample, one that is stopped midway
/// as neither. Looking for that costs the empty operation as much, so that it is not in a net
/// figure.
fn batches<'d, E: Experiment<'d>>(
    experiment: &E,
    plan: Plan,
    pool: &mut Pool<E::Idle>,
    tally: &mut Tally,
    stop: &impl Fn() -> bool,
) -> Result {
    let [acquired, released] = &mut tally.phases;
    let idle = &mut pool.idle;
    let mut held = KVec::with_capacity(usize::try_from(plan.batch())?, GFP_KERNEL)?;
    for _ in 0..plan.iterations >> plan.batch_shift {
        if stop() {
            break;
        }
        idle.iter_mut().for_each(|one| experiment.touch(one));
        let mut failed = None;
        let mut stopped = false;
        let switches = task::context_switches();
        let start = now();
        while let Some(one) = idle.pop() {
            if stop() {
                stopped = true;
                drop(idle.push_within_capacity(one));
                break;
            }
            match experiment.acquire(one) {
                // Both vectors have room for a whole batch: a push cannot fail.
                Ok(one) => drop(held.push_within_capacity(one)),
                Err(back) => {
                    failed = Some(back);
                    break;
                }
            }
        }
        let held_at = now();
        while let Some(one) = held.pop() {
            drop(idle.push_within_capacity(experiment.release(one)));
        }
        let end = now();
        let disturbed = task::context_switches() != switches;
        match failed {
            None if stopped => break,
            None => match idle.iter_mut().try_for_each(|one| experiment.check(one)) {
                Ok(()) => {
                    acquired.record(held_at.wrapping_sub(start) >> plan.batch_shift);
                    released.record(end.wrapping_sub(held_at) >> plan.batch_shift);
                    tally.disturbed += u64::from(disturbed);
                }
                Err(error) => tally.failures.add(error.to_errno(), 1),
            },
            Some((one, error)) => {
                drop(idle.push_within_capacity(one));
                tally.failures.add(error.to_errno(), 1);
            }
        }
        task::cond_resched();
    }
    Ok(())
}
